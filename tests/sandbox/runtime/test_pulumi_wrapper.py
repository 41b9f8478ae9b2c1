"""The sandbox's `pulumi`: committed stack files stay as they are, a person's changes are not lost.

The engine here is a shell script that does to a stack's file what the real one does; the real one is
in `test_up.py`.
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

COMMITTED = """# The team's own words.
config:
  gcp:project: demo-proj # not to be lost
"""


@dataclass
class Shim:
    """A project, and a `pulumi` before a scripted engine."""

    root: Path

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def stack_file(self) -> Path:
        return self.project / "Pulumi.dev.yaml"

    def command(self, engine: str, *words: str) -> list[str]:
        """The command, with a shell script for an engine."""
        executable = self.root / "engine"
        executable.write_text(f"#!/bin/sh\n{engine}\n")
        executable.chmod(0o700)
        places = [str(executable), str(self.root / "workspaces"), str(self.root / "stacks")]
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
def shim(tmp_path: Path) -> Shim:
    shim = Shim(tmp_path)
    shim.project.mkdir()
    (shim.project / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (shim.project / "program.py").write_text("print()\n")
    shim.stack_file.write_text(COMMITTED)
    return shim


ADD_SALT = 'printf "encryptionsalt: v1:abc\\n" >> Pulumi.dev.yaml'


def test_the_engines_salt_never_reaches_the_committed_file_and_is_kept_for_the_next_command(
    shim: Shim,
) -> None:
    shim(ADD_SALT)
    assert shim.stack_file.read_text() == COMMITTED
    assert "encryptionsalt: v1:abc" in shim("cat Pulumi.dev.yaml").stdout


def test_an_edit_of_the_committed_file_counts_in_the_next_command(shim: Shim) -> None:
    shim(ADD_SALT)
    shim.stack_file.write_text(COMMITTED.replace("demo-proj", "other-proj"))
    assert "other-proj" in shim("cat Pulumi.dev.yaml").stdout


def test_a_setting_made_with_pulumi_reaches_the_committed_file_comments_and_all(shim: Shim) -> None:
    shim(f'{ADD_SALT}\nprintf "  demo:key: value\\n" > more; sed -i "/gcp:project/r more" Pulumi.dev.yaml')
    assert shim.stack_file.read_text() == f"{COMMITTED}  demo:key: value\n"


def test_a_teams_own_secrets_provider_is_not_asked_here_and_not_lost(shim: Shim) -> None:
    provider = (
        "secretsprovider: gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k\nencryptedkey: abc\n"
    )
    shim.stack_file.write_text(provider + COMMITTED)
    assert "gcpkms" not in shim("cat Pulumi.dev.yaml").stdout
    shim('printf "  demo:key: value\\n" >> Pulumi.dev.yaml')
    assert shim.stack_file.read_text() == f"{provider}{COMMITTED}  demo:key: value\n"


def test_an_edit_made_meanwhile_is_not_overwritten(shim: Shim) -> None:
    done = shim(f'echo "# mine" >> {shim.stack_file}; echo "# the command\'s" >> Pulumi.dev.yaml')
    assert shim.stack_file.read_text() == f"{COMMITTED}# mine\n"
    assert "was edited meanwhile. The command's changes are in " in done.stderr
    rescued = Path(done.stderr.strip().rpartition(" are in ")[2].rstrip("."))
    assert "# the command's" in rescued.read_text()


OTHER_BYTES = b"config:\r\n  gcp:project: caf\xe9\r\n"


def test_a_stack_file_of_any_bytes_is_the_engines_to_judge_and_no_other_stacks_trouble(shim: Shim) -> None:
    other = shim.project / "Pulumi.other.yaml"
    other.write_bytes(OTHER_BYTES)
    assert shim(ADD_SALT).stderr == ""
    assert other.read_bytes() == OTHER_BYTES
    done = shim(f"cmp Pulumi.other.yaml {other} && printf '  demo:key: value\\n' >> Pulumi.other.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert other.read_bytes() == OTHER_BYTES + b"  demo:key: value\n"


def test_a_project_file_of_any_bytes_is_the_engines_to_judge(shim: Shim) -> None:
    (shim.project / "Pulumi.yaml").write_bytes(b"name: caf\xe9\n")
    assert shim("cmp Pulumi.yaml ../../project/Pulumi.yaml").stderr == ""


def test_what_has_a_stack_files_name_and_is_none_is_left_alone(shim: Shim) -> None:
    (shim.project / "Pulumi.folder.yaml").mkdir()
    (shim.project / "Pulumi.nowhere.yaml").symlink_to("nowhere")
    assert shim("rm Pulumi.dev.yaml").stderr == ""
    assert shim.stack_file.read_text() == COMMITTED


def test_removing_a_stack_does_not_remove_the_committed_file(shim: Shim) -> None:
    shim("rm Pulumi.dev.yaml")
    assert shim.stack_file.read_text() == COMMITTED


def test_a_stack_that_is_renamed_takes_its_file_along(shim: Shim) -> None:
    shim("mv Pulumi.dev.yaml Pulumi.new.yaml")
    assert not shim.stack_file.exists()
    assert (shim.project / "Pulumi.new.yaml").read_text() == COMMITTED


def test_a_stack_file_of_a_new_stack_arrives(shim: Shim) -> None:
    shim('printf "config:\\n  a:b: c\\n" > Pulumi.new.yaml')
    assert (shim.project / "Pulumi.new.yaml").read_text() == "config:\n  a:b: c\n"


def test_the_rest_of_the_project_is_there_and_what_is_gone_is_gone(shim: Shim) -> None:
    assert "program.py" in shim("ls").stdout
    (shim.project / "program.py").rename(shim.project / "renamed.py")
    assert shim("ls").stdout.split() == ["Pulumi.dev.yaml", "Pulumi.yaml", "renamed.py"]


def test_it_works_from_a_folder_below_and_for_another_folder(shim: Shim) -> None:
    below = shim.project / "below"
    below.mkdir()
    assert "gcp:project" in shim("cat Pulumi.dev.yaml", cwd=below).stdout
    folder = str(shim.project)
    for words in (
        *(["-C", folder], [f"--cwd={folder}"], ["--cwd", folder, "up"]),
        *([f"-C={folder}"], [f"-C{folder}"], ["-Cproject", "up"]),
    ):
        done = shim('cat Pulumi.dev.yaml; echo "rest: $@"', *words, cwd=shim.root)
        assert "gcp:project" in done.stdout
        assert done.stdout.splitlines()[-1].strip() in ("rest:", "rest: up")


def test_what_is_said_to_another_command_is_no_folder(shim: Shim) -> None:
    done = shim("pwd -P; echo $@", "env", "run", "--", "git", "-Cbelow", "-C", "x")
    assert done.stdout.splitlines()[1] == "env run -- git -Cbelow -C x"
    assert str(shim.root / "workspaces") in done.stdout


def test_without_a_project_the_engine_runs_as_it_is(shim: Shim) -> None:
    done = shim("pwd; echo $@", "version", "-C", "x", cwd=shim.root)
    assert done.stdout.split("\n")[:2] == [str(shim.root), "version -C x"]


def test_the_exit_status_is_the_engines(shim: Shim) -> None:
    assert shim("exit 3").returncode == 3
    assert shim("kill -KILL $$").returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_engine(shim: Shim, number: signal.Signals) -> None:
    engine = 'trap "echo told; exit 5" INT TERM; echo ready; while :; do sleep 0.05; done'
    running = subprocess.Popen(
        shim.command(engine),
        cwd=shim.project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        # Jobs in the background of a script ignore SIGINT, and their children for ever after.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stdout
    assert running.stdout.readline() == "ready\n"
    running.send_signal(number)
    assert running.stdout.read() == "told\n"
    assert running.wait() == 5


def test_a_signal_that_comes_while_the_engine_starts_reaches_it_too(shim: Shim) -> None:
    told = shim('trap "exit 5" TERM; kill -TERM $PPID; while :; do sleep 0.05; done')
    assert told.returncode == 5


def test_a_second_command_waits_for_the_first(shim: Shim) -> None:
    go_on = shim.root / "go-on"
    command = shim.command(
        f'echo "start $1"; while [ ! -e {go_on} ]; do sleep 0.05; done; echo "end $1"', "one"
    )
    first = subprocess.Popen(command, cwd=shim.project, stdout=subprocess.PIPE, text=True)
    assert first.stdout
    assert first.stdout.readline() == "start one\n"
    second = subprocess.Popen(
        [*command[:-1], "two"], cwd=shim.project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert second.stderr
    for _ in range(2):
        assert "Waiting for another pulumi command" in second.stderr.readline(), "and again after a while"
    go_on.touch()
    assert first.communicate()[0] == "end one\n"
    assert second.communicate()[0] == "start two\nend two\n"


def test_the_lock_of_a_killed_command_is_released_and_that_of_a_running_one_is_not(shim: Shim) -> None:
    ended, zombie = subprocess.Popen(["true"]), subprocess.Popen(["true"])
    ended.wait()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    locks = shim.root / "stacks/.pulumi/locks/organization"
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
    done = shim("true")
    assert done.stderr.count("An earlier command on stack dev was killed. Its lock is released.") == 1
    assert done.stderr.count("An earlier command on stack prod was killed") == 1, "killed, not yet buried"
    zombie.wait()
    assert not killed.exists()
    assert running.exists()
    assert other.exists(), "another project's locks are its own"
