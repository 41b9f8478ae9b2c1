"""The sandbox's `pulumi`: it keeps committed stack files unchanged and does not lose the user's changes.

The engine here is a shell script that changes a stack file as the real engine does. `test_up.py` runs the
real one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.sandbox import CHECKOUT

COMMITTED = """# A comment of the team.
config:
  gcp:project: demo-proj # keep this comment
"""


@dataclass
class Wrapper:
    """A project, and a `pulumi` that runs a scripted engine."""

    root: Path

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def stack_file(self) -> Path:
        return self.project / "Pulumi.dev.yaml"

    def command(self, engine: str, *words: str) -> list[str]:
        """The command, with a shell script as its engine."""
        executable = self.root / "engine"
        executable.write_text(f"#!/bin/sh\n{engine}\n")
        executable.chmod(0o700)
        places = [str(executable), str(self.root / "work"), str(self.root / "stacks")]
        return [sys.executable, "-P", str(CHECKOUT / "sandbox/runtime/pulumi_wrapper.py"), *places, *words]

    def __call__(
        self, engine: str, *words: str, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(engine, *words),
            cwd=cwd or self.project,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def wrapper(tmp_path: Path) -> Wrapper:
    wrapper = Wrapper(tmp_path)
    wrapper.project.mkdir()
    (wrapper.project / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (wrapper.project / "program.py").write_text("print()\n")
    wrapper.stack_file.write_text(COMMITTED)
    return wrapper


ADD_SALT = 'printf "encryptionsalt: v1:abc\\n" >> Pulumi.dev.yaml'


def test_the_engines_salt_is_kept_for_the_next_command_and_not_in_the_committed_file(
    wrapper: Wrapper,
) -> None:
    wrapper(ADD_SALT)
    assert wrapper.stack_file.read_text() == COMMITTED
    assert "encryptionsalt: v1:abc" in wrapper("cat Pulumi.dev.yaml").stdout


def test_the_next_command_reads_an_edit_of_the_committed_file(wrapper: Wrapper) -> None:
    wrapper(ADD_SALT)
    wrapper.stack_file.write_text(COMMITTED.replace("demo-proj", "other-proj"))
    assert "other-proj" in wrapper("cat Pulumi.dev.yaml").stdout


def test_a_setting_made_with_pulumi_is_written_to_the_committed_file_with_its_comments(
    wrapper: Wrapper,
) -> None:
    wrapper(
        f'{ADD_SALT}\nprintf "  demo:key: value\\n" > more; sed -i "/gcp:project/r more" Pulumi.dev.yaml'
    )
    assert wrapper.stack_file.read_text() == f"{COMMITTED}  demo:key: value\n"


def test_a_teams_secrets_provider_is_not_used_and_stays_in_the_committed_file(wrapper: Wrapper) -> None:
    provider = (
        "secretsprovider: gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k\nencryptedkey: abc\n"
    )
    wrapper.stack_file.write_text(provider + COMMITTED)
    assert "gcpkms" not in wrapper("cat Pulumi.dev.yaml").stdout
    wrapper('printf "  demo:key: value\\n" >> Pulumi.dev.yaml')
    assert wrapper.stack_file.read_text() == f"{provider}{COMMITTED}  demo:key: value\n"


def test_an_edit_during_the_command_is_not_overwritten(wrapper: Wrapper) -> None:
    done = wrapper(f'echo "# mine" >> {wrapper.stack_file}; echo "# the command\'s" >> Pulumi.dev.yaml')
    assert wrapper.stack_file.read_text() == f"{COMMITTED}# mine\n"
    assert "was edited meanwhile. The command's changes are in " in done.stderr
    rescued = Path(done.stderr.strip().rpartition(" are in ")[2].rstrip("."))
    assert "# the command's" in rescued.read_text()


OTHER_BYTES = b"config:\r\n  gcp:project: caf\xe9\r\n"


def test_the_engine_gets_a_stack_file_with_invalid_bytes_and_other_stacks_still_work(
    wrapper: Wrapper,
) -> None:
    other = wrapper.project / "Pulumi.other.yaml"
    other.write_bytes(OTHER_BYTES)
    assert wrapper(ADD_SALT).stderr == ""
    assert other.read_bytes() == OTHER_BYTES
    done = wrapper(f"cmp Pulumi.other.yaml {other} && printf '  demo:key: value\\n' >> Pulumi.other.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert other.read_bytes() == OTHER_BYTES + b"  demo:key: value\n"


def test_the_engine_gets_a_project_file_with_invalid_bytes(wrapper: Wrapper) -> None:
    (wrapper.project / "Pulumi.yaml").write_bytes(b"name: caf\xe9\n")
    assert wrapper("cmp Pulumi.yaml ../../project/Pulumi.yaml").stderr == ""


def test_a_folder_or_a_broken_link_with_the_name_of_a_stack_file_is_ignored(wrapper: Wrapper) -> None:
    (wrapper.project / "Pulumi.folder.yaml").mkdir()
    (wrapper.project / "Pulumi.nowhere.yaml").symlink_to("nowhere")
    assert "folder" not in wrapper("rm Pulumi.dev.yaml").stderr
    assert wrapper.stack_file.read_text() == COMMITTED


def test_removing_a_stack_keeps_the_committed_file_with_a_note(wrapper: Wrapper) -> None:
    done = wrapper("rm Pulumi.dev.yaml")
    assert wrapper.stack_file.read_text() == COMMITTED
    kept = "sandbox: Pulumi.dev.yaml is kept. Outside the sandbox, pulumi deletes it with its stack.\n"
    assert done.stderr == kept
    assert wrapper("true").stderr == "", "no stack was removed"


def test_removing_a_stack_says_that_the_real_command_deletes_the_file(wrapper: Wrapper) -> None:
    done = wrapper("rm Pulumi.dev.yaml", "stack", "rm", "dev", "--yes")
    assert wrapper.stack_file.read_text() == COMMITTED
    assert (
        f"{wrapper.stack_file} is kept. Outside the sandbox, `pulumi stack rm` deletes it." in done.stderr
    )


@pytest.mark.parametrize("form", ["--config-file {}", "--config-file={}"])
def test_a_config_file_is_the_copy_of_a_stack_file_or_a_file_elsewhere(wrapper: Wrapper, form: str) -> None:
    (wrapper.project / "sub").mkdir()
    for path, seen in (
        ("Pulumi.dev.yaml", "Pulumi.dev.yaml"),
        (f"{wrapper.project}/Pulumi.dev.yaml", "Pulumi.dev.yaml"),
        ("../outside.yaml", f"{wrapper.root}/outside.yaml"),
        ("sub/Pulumi.x.yaml", f"{wrapper.project}/sub/Pulumi.x.yaml"),
    ):
        words = ["preview", *form.format(path).split(), "--", "--config-file", "x"]
        printed = wrapper('echo "$@"', *words).stdout
        assert printed == f"preview {form.format(seen)} -- --config-file x\n"
    done = wrapper('echo "$@"', *form.format("../Pulumi.dev.yaml").split(), cwd=wrapper.project / "sub")
    assert done.stdout == f"{form.format('Pulumi.dev.yaml')}\n"


def test_renaming_a_stack_renames_its_file(wrapper: Wrapper) -> None:
    assert wrapper("mv Pulumi.dev.yaml Pulumi.new.yaml").stderr == ""
    assert not wrapper.stack_file.exists()
    assert (wrapper.project / "Pulumi.new.yaml").read_text() == COMMITTED


def test_the_stack_file_of_a_new_stack_is_copied_to_the_project(wrapper: Wrapper) -> None:
    wrapper('printf "config:\\n  a:b: c\\n" > Pulumi.new.yaml')
    assert (wrapper.project / "Pulumi.new.yaml").read_text() == "config:\n  a:b: c\n"


def test_the_work_folder_has_the_files_of_the_project_and_no_deleted_ones(wrapper: Wrapper) -> None:
    assert "program.py" in wrapper("ls").stdout
    (wrapper.project / "program.py").rename(wrapper.project / "renamed.py")
    assert wrapper("ls").stdout.split() == ["Pulumi.dev.yaml", "Pulumi.yaml", "renamed.py"]


def test_the_work_folder_has_a_copy_of_the_generated_sdks_and_no_deleted_ones(wrapper: Wrapper) -> None:
    sdk = wrapper.project / "sdks" / "python-registry.json"
    sdk.parent.mkdir()
    sdk.write_text("{}")
    assert wrapper("find sdks").stdout.split() == ["sdks", "sdks/python-registry.json"]
    sdk.unlink()
    assert wrapper("find sdks").stdout.split() == ["sdks"]
    sdk.parent.rmdir()
    assert wrapper("ls -d sdks").returncode != 0


def test_the_command_works_from_a_subfolder_and_for_another_folder(wrapper: Wrapper) -> None:
    below = wrapper.project / "below"
    below.mkdir()
    assert "gcp:project" in wrapper("cat Pulumi.dev.yaml", cwd=below).stdout
    folder = str(wrapper.project)
    for words in (
        *(["-C", folder], [f"--cwd={folder}"], ["--cwd", folder, "up"]),
        *([f"-C={folder}"], [f"-C{folder}"], ["-Cproject", "up"]),
    ):
        done = wrapper('cat Pulumi.dev.yaml; echo "rest: $@"', *words, cwd=wrapper.root)
        assert "gcp:project" in done.stdout
        assert done.stdout.splitlines()[-1].strip() in ("rest:", "rest: up")


def test_the_folder_option_of_another_command_is_passed_on(wrapper: Wrapper) -> None:
    done = wrapper("pwd -P; echo $@", "env", "run", "--", "git", "-Cbelow", "-C", "x")
    assert done.stdout.splitlines()[1] == "env run -- git -Cbelow -C x"
    assert str(wrapper.root / "work") in done.stdout


def test_the_engine_runs_unchanged_without_a_project(wrapper: Wrapper) -> None:
    done = wrapper("pwd; echo $@", "version", "-C", "x", cwd=wrapper.root)
    assert done.stdout.split("\n")[:2] == [str(wrapper.root), "version -C x"]


def test_the_exit_status_is_that_of_the_engine(wrapper: Wrapper) -> None:
    assert wrapper("exit 3").returncode == 3
    assert wrapper("kill -KILL $$").returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_engine(wrapper: Wrapper, number: signal.Signals) -> None:
    engine = 'trap "echo received; exit 5" INT TERM; echo ready; while :; do sleep 0.05; done'
    running = subprocess.Popen(
        wrapper.command(engine),
        cwd=wrapper.project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        # Background jobs of a script ignore SIGINT, and so do their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stdout
    assert running.stdout.readline() == "ready\n"
    running.send_signal(number)
    assert running.stdout.read() == "received\n"
    assert running.wait() == 5


def test_a_signal_during_the_start_of_the_engine_reaches_it(wrapper: Wrapper) -> None:
    done = wrapper('trap "exit 5" TERM; kill -TERM $PPID; while :; do sleep 0.05; done')
    assert done.returncode == 5


def test_a_second_command_waits_for_the_first(wrapper: Wrapper) -> None:
    go_on = wrapper.root / "go-on"
    command = wrapper.command(
        f'echo "start $1"; while [ ! -e {go_on} ]; do sleep 0.05; done; echo "end $1"', "one"
    )
    first = subprocess.Popen(command, cwd=wrapper.project, stdout=subprocess.PIPE, text=True)
    assert first.stdout
    assert first.stdout.readline() == "start one\n"
    second = subprocess.Popen(
        [*command[:-1], "two"],
        cwd=wrapper.project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert second.stderr
    for _ in range(2):
        assert "Waiting for another pulumi command" in second.stderr.readline(), "and again after a while"
    go_on.touch()
    assert first.communicate()[0] == "end one\n"
    assert second.communicate()[0] == "start two\nend two\n"


def test_the_lock_of_a_killed_command_is_released_and_the_lock_of_a_running_command_is_kept(
    wrapper: Wrapper,
) -> None:
    ended, zombie = subprocess.Popen(["true"]), subprocess.Popen(["true"])
    ended.wait()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    locks = wrapper.root / "stacks/.pulumi/locks/organization"
    killed, running, other = (
        locks / "demo/dev/1.json",
        locks / "demo/dev/2.json",
        locks / "other/dev/3.json",
    )
    for path, pid in (
        (killed, ended.pid),
        (locks / "demo/prod/4.json", zombie.pid),
        (running, os.getpid()),
        (other, ended.pid),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"pid": pid}))
    done = wrapper("true")
    assert done.stderr.count("An earlier command on stack dev was killed. Its lock is released.") == 1
    assert done.stderr.count("An earlier command on stack prod was killed") == 1, (
        "a killed process that was not waited for"
    )
    zombie.wait()
    assert not killed.exists()
    assert running.exists()
    assert other.exists(), "another project's lock"


VENV_OPTION = "name: demo\nruntime:\n  name: python\n  options:\n    virtualenv: .venv\n"


def create_venv(folder: Path) -> None:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("#!/bin/sh\necho the project\n")
    (folder / "bin" / "python").chmod(0o700)


def test_the_work_folder_has_the_virtual_environment_of_the_project(wrapper: Wrapper) -> None:
    (wrapper.project / "Pulumi.yaml").write_text(VENV_OPTION)
    create_venv(wrapper.project / ".venv")
    assert wrapper(".venv/bin/python").stdout == "the project\n"


def test_the_work_folder_has_the_sandboxs_virtual_environment_if_the_project_lacks_it(
    wrapper: Wrapper,
) -> None:
    (wrapper.project / "Pulumi.yaml").write_text(VENV_OPTION)
    # The language host of the official CLI starts the program with this Python.
    done = wrapper(".venv/bin/python -c 'import pulumi, sys; print(sys.prefix)'; ls -A")
    # A virtual environment is its own prefix, also through a link.
    assert Path(done.stdout.splitlines()[0]).resolve() == Path(sys.prefix).resolve()
    assert not (wrapper.project / ".venv").exists()


@pytest.mark.parametrize("has_venv", [True, False], ids=["with a venv", "without a venv"])
def test_an_empty_virtual_environment_of_an_earlier_command_is_replaced(
    wrapper: Wrapper, has_venv: bool
) -> None:
    # As the language host of the official CLI creates it in a folder without one.
    wrapper("mkdir -p .venv/lib/empty")
    (wrapper.project / "Pulumi.yaml").write_text(VENV_OPTION)
    if has_venv:
        create_venv(wrapper.project / ".venv")
    done = wrapper("[ -x .venv/bin/python ] && [ ! -e .venv/lib/empty ] && readlink .venv")
    assert done.stdout.strip() == str(wrapper.project / ".venv" if has_venv else Path(sys.prefix))


@pytest.mark.parametrize("option", ["", "    virtualenv: ../elsewhere\n", "    virtualenv: ..\n"])
def test_a_project_without_the_option_or_with_a_path_gets_no_link(wrapper: Wrapper, option: str) -> None:
    text = VENV_OPTION.replace("    virtualenv: .venv\n", option).replace(
        "  options:\n", "  options:\n" * bool(option)
    )
    (wrapper.project / "Pulumi.yaml").write_text(text)
    assert wrapper("ls -A").stdout.split() == [
        ".lock",
        ".secrets",
        "Pulumi.dev.yaml",
        "Pulumi.yaml",
        "program.py",
    ]
