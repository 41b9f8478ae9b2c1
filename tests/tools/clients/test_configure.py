"""`python -m tools configure` shows its changes, asks, and writes each file with a backup."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.toolchain.cache import CACHE_VARIABLE, cache_folder
from tests.support.sandbox import CHECKOUT, Program

OUTPUTS = {
    "pip_conf": "[global]\nindex-url = https://us-python.pkg.dev/p/python-index/simple/\n",
    "pypirc": "[distutils]\nindex-servers =\n    python\n\n"
    "[python]\nrepository: https://us-python.pkg.dev/p/python/\n",
    "uv_toml": '[[index]]\nname = "python"\nurl = "https://us-python.pkg.dev/p/python/simple/"\n',
}
FILES = {".config/pip/pip.conf": "pip_conf", ".pypirc": "pypirc", ".config/uv/uv.toml": "uv_toml"}


@dataclass
class User:
    """A home folder, and a `pulumi` command that prints the outputs of one stack."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.root}{os.pathsep}{os.environ['PATH']}"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "XDG_"))}
        return {**inherited, "HOME": str(self.home), "PATH": path, "PYTHONPATH": str(CHECKOUT)}

    def pulumi(self, outputs: Any, status: int = 0, message: str = "") -> None:
        script = f"printf %s {shlex.quote(json.dumps(outputs))}; echo {shlex.quote(message)} >&2"
        executable = self.root / "pulumi"
        executable.write_text(f'#!/bin/sh\necho "$@" > {self.root}/arguments\n{script}; exit {status}\n')
        executable.chmod(0o700)

    def configure(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "tools", "configure", *words],
            env={**self.environment, **variables},
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def files(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.home)): path.read_text()
            for path in self.home.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def user(tmp_path: Path) -> User:
    user = User(tmp_path)
    user.home.mkdir()
    user.pulumi(OUTPUTS)
    return user


ALL_FILES = {name: OUTPUTS[output] for name, output in FILES.items()}


def test_configure_writes_new_files_and_a_second_run_changes_nothing(user: User) -> None:
    done = user.configure("--yes")
    assert done.returncode == 0, done.stderr
    assert user.files() == ALL_FILES
    assert {stat.S_IMODE((user.home / name).stat().st_mode) for name in FILES} == {0o600}
    again = user.configure("--yes")
    assert (again.returncode, again.stdout) == (0, "All files are up to date.\n")
    assert user.files() == ALL_FILES


def test_dry_run_shows_the_changes_and_writes_nothing(user: User) -> None:
    user.write(".config/pip/pip.conf", "[global]\ntimeout = 5\n")
    before = user.files()
    shown = user.configure("--dry-run")
    assert shown.returncode == 0
    assert "\n [global]\n timeout = 5\n+index-url = https://us-python.pkg.dev/" in shown.stdout
    assert f"+++ {user.home}/.pypirc\n" in shown.stdout
    assert user.files() == before


def test_configure_without_a_terminal_writes_nothing(user: User) -> None:
    refused = user.configure()
    assert refused.returncode == 1
    assert "Nothing was written: standard input is not a terminal. Pass --yes to write." in refused.stderr
    assert "+index-url" in refused.stdout
    assert user.files() == {}


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1), ("", 1)])
def test_configure_asks_the_user(user: User, answer: str, status: int) -> None:
    ours, terminal = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "tools", "configure"],
        env=user.environment,
        cwd=user.root,
        stdin=terminal,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(ours)
    os.close(terminal)
    assert "Write these changes? [y/N]" in done.stdout
    assert done.returncode == status
    assert user.files() == (ALL_FILES if status == 0 else {})


def test_configure_keeps_a_backup_and_the_files_permissions(user: User) -> None:
    own = "# my own\n[distutils]\nindex-servers = pypi\n\n[pypi]\nusername = me\npassword = hunter2\n"
    user.write(".pypirc", own, mode=0o640)
    done = user.configure("--yes")
    assert done.returncode == 0
    (backup,) = user.home.glob(".pypirc.bak-*")
    assert backup.read_text() == own
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert stat.S_IMODE((user.home / ".pypirc").stat().st_mode) == 0o640
    merged = (user.home / ".pypirc").read_text()
    assert merged.startswith("# my own\n[distutils]\nindex-servers = pypi\n    python\n")
    assert "password = hunter2\n" in merged
    assert str(backup) in done.stdout


@pytest.mark.parametrize("line", ["password = hunter2", "password:hunter2"])
def test_the_diff_hides_passwords(user: User, line: str) -> None:
    user.write(".pypirc", f"[python]\n{line}\nrepository = https://me:hunter2@old.example/\n")
    shown = user.configure("--dry-run").stdout
    assert "[hidden]" in shown
    assert "old.example" in shown
    assert "hunter2" not in shown


def test_configure_writes_the_file_behind_a_link(user: User) -> None:
    file = user.write("dotfiles/pip.conf", "[global]\ntimeout = 5\n")
    link = user.home / ".config/pip/pip.conf"
    link.parent.mkdir(parents=True)
    link.symlink_to(file)
    assert user.configure("--yes").returncode == 0
    assert link.is_symlink()
    assert "index-url" in file.read_text()


def test_configure_does_not_change_a_uv_toml_with_other_settings(user: User) -> None:
    user.write(".config/uv/uv.toml", "# mine\noffline = true\n")
    done = user.configure("--yes")
    assert done.returncode == 1
    assert "uv.toml is not changed: it has other settings. Add by hand:\n\n[[index]]" in done.stderr
    assert user.files()[".config/uv/uv.toml"] == "# mine\noffline = true\n"
    assert user.files()[".pypirc"] == OUTPUTS["pypirc"]
    user.write(".config/uv/uv.toml", f"# mine\noffline = true\n{OUTPUTS['uv_toml']}")
    assert user.configure("--yes").stdout == "All files are up to date.\n"


def test_configure_replaces_the_urls_of_another_environment(user: User) -> None:
    user.pulumi(OUTPUTS)
    assert user.configure("--yes").returncode == 0
    prod = {name: text.replace("/p/", "/prod/") for name, text in OUTPUTS.items()}
    user.pulumi(prod)
    done = user.configure("--yes")
    files = user.files()
    assert files[".config/pip/pip.conf"] == prod["pip_conf"]
    assert "/prod/" in files[".pypirc"]
    assert "/p/" not in files[".pypirc"]
    assert files[".config/uv/uv.toml"] == OUTPUTS["uv_toml"]
    assert f"Add by hand:\n\n{prod['uv_toml'].rstrip()}" in done.stderr


def test_configure_does_not_change_a_file_with_the_wrong_format(user: User) -> None:
    user.write(".config/pip/pip.conf", "index-url = x\n")
    done = user.configure("--yes")
    assert done.returncode == 1
    assert "pip.conf is not changed: File contains no section headers." in done.stderr
    assert OUTPUTS["pip_conf"].strip() in done.stderr


def test_configure_uses_the_locations_in_the_environment(user: User) -> None:
    named = {"PIP_CONFIG_FILE": "my-pip.conf", "XDG_CONFIG_HOME": "configuration"}
    named = {key: str(user.home / name) for key, name in named.items()}
    assert user.configure("--yes", **named).returncode == 0
    assert set(user.files()) == {"my-pip.conf", ".pypirc", "configuration/uv/uv.toml"}


def test_configure_refuses_to_write_to_the_null_device(user: User) -> None:
    refused = user.configure("--yes", PIP_CONFIG_FILE="/dev/null")
    assert refused.returncode == 1
    assert "/dev/null is not a file. Check PIP_CONFIG_FILE" in refused.stderr
    assert user.files() == {}
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_pip_reads_the_file_that_configure_writes(user: User) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "pip", "config", "debug"],
        env=user.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    section = shown.partition("\nuser:\n")[2].partition("\n\n")[0]
    read = [match[1] for match in re.finditer(r"^  (\S.*), exists: ", section, re.MULTILINE)]
    user.configure("--yes")
    assert str(user.home / ".config/pip/pip.conf") in read
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=user.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "global.index-url='https://us-python.pkg.dev/p/python-index/simple/'" in listed


@pytest.mark.parametrize(
    ("outputs", "status", "printed", "message"),
    [
        ({}, 0, "", "The stack has no outputs yet. Run `pulumi up` first."),
        ({"pip_conf": "[global]\n"}, 0, "", "The stack has no output pypirc"),
        ({}, 255, "error: no stack named 'x' found", "error: no stack named 'x' found"),
    ],
)
def test_configure_explains_a_stack_without_outputs(
    user: User, outputs: Any, status: int, printed: str, message: str
) -> None:
    user.pulumi(outputs, status, printed)
    done = user.configure("--yes")
    assert done.returncode == 1
    assert message in done.stderr
    assert user.files() == {}


def test_configure_reads_the_named_stack(user: User) -> None:
    user.configure("--dry-run", "--stack", "prod")
    arguments = (user.root / "arguments").read_text()
    assert arguments == "--non-interactive stack output --json --stack prod\n"


def test_configure_without_pulumi_explains_where_to_run_it(user: User) -> None:
    done = user.configure("--yes", PATH=str(user.home))
    assert done.returncode == 1
    assert "pulumi is not on PATH" in done.stderr


@pytest.mark.sandbox
def test_configure_in_the_sandbox_writes_only_to_its_home(
    program: Program, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("real-home")
    (home / ".pypirc").write_text("# the user's own\n")
    # The engine is cached below the real home folder.
    monkeypatch.setenv(CACHE_VARIABLE, str(cache_folder()))
    monkeypatch.setenv("HOME", str(home))
    for key, name in {"XDG_CONFIG_HOME": "x", "PIP_CONFIG_FILE": "p", "UV_CONFIG_FILE": "u"}.items():
        monkeypatch.setenv(key, str(home / name))
    program.up()
    command = ["python", "-m", "tools", "configure", "--yes", "--stack", program.stack]
    program.sandbox.run(*command, cwd=program.folder)
    assert [path.name for path in home.rglob("*") if path.is_file()] == [".pypirc"]
    assert (home / ".pypirc").read_text() == "# the user's own\n"
    inside, outputs = program.sandbox.folder / "home", program.outputs()
    assert {name: (inside / name).read_text() for name in FILES} == {
        name: outputs[output] for name, output in FILES.items()
    }
    listed = program.sandbox.run("python", "-m", "pip", "config", "list").stdout
    assert f"index-url='{outputs['requirements_txt'].split()[1]}'" in listed
