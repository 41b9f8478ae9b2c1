"""`python -m tools configure`: shown first, asked about, written whole, taken back by hand if need be."""

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
class Person:
    """A home, and a `pulumi` that tells the outputs of one stack."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.root}{os.pathsep}{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "XDG_"))}
        return {**kept, "HOME": str(self.home), "PATH": path, "PYTHONPATH": str(CHECKOUT)}

    def pulumi(self, outputs: Any, status: int = 0, said: str = "") -> None:
        told = shlex.quote(json.dumps(outputs))
        script = f"printf %s {told}; echo {shlex.quote(said)} >&2; exit {status}"
        executable = self.root / "pulumi"
        executable.write_text(f'#!/bin/sh\necho "$@" > {self.root}/asked\n{script}\n')
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
def person(tmp_path: Path) -> Person:
    person = Person(tmp_path)
    person.home.mkdir()
    person.pulumi(OUTPUTS)
    return person


EVERYTHING = {name: OUTPUTS[output] for name, output in FILES.items()}


def test_a_new_machine_gets_the_files_where_clients_look_and_twice_is_once(person: Person) -> None:
    done = person.configure("--yes")
    assert done.returncode == 0, done.stderr
    assert person.files() == EVERYTHING
    assert {stat.S_IMODE((person.home / name).stat().st_mode) for name in FILES} == {0o600}
    again = person.configure("--yes")
    assert (again.returncode, again.stdout) == (0, "Everything is in place already.\n")
    assert person.files() == EVERYTHING


def test_what_would_change_is_shown_and_nothing_written(person: Person) -> None:
    person.write(".config/pip/pip.conf", "[global]\ntimeout = 5\n")
    before = person.files()
    shown = person.configure("--dry-run")
    assert shown.returncode == 0
    assert "\n [global]\n timeout = 5\n+index-url = https://us-python.pkg.dev/" in shown.stdout
    assert f"+++ {person.home}/.pypirc\n" in shown.stdout
    assert person.files() == before


def test_without_a_person_to_ask_nothing_is_written(person: Person) -> None:
    refused = person.configure()
    assert refused.returncode == 1
    assert "Nothing was written: there is nobody to ask. Pass --yes to write." in refused.stderr
    assert "+index-url" in refused.stdout
    assert person.files() == {}


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1), ("", 1)])
def test_a_person_is_asked(person: Person, answer: str, status: int) -> None:
    mine, theirs = pty.openpty()
    os.write(mine, f"{answer}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "tools", "configure"],
        env=person.environment,
        cwd=person.root,
        stdin=theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(mine)
    os.close(theirs)
    assert "Write this? [y/N]" in done.stdout
    assert done.returncode == status
    assert person.files() == (EVERYTHING if status == 0 else {})


def test_what_was_there_is_put_aside_and_its_permissions_stay(person: Person) -> None:
    own = "# my own\n[distutils]\nindex-servers = pypi\n\n[pypi]\nusername = me\npassword = hunter2\n"
    person.write(".pypirc", own, mode=0o640)
    done = person.configure("--yes")
    assert done.returncode == 0
    (aside,) = person.home.glob(".pypirc.bak-*")
    assert aside.read_text() == own
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert stat.S_IMODE((person.home / ".pypirc").stat().st_mode) == 0o640
    merged = (person.home / ".pypirc").read_text()
    assert merged.startswith("# my own\n[distutils]\nindex-servers = pypi\n    python\n")
    assert "password = hunter2\n" in merged
    assert str(aside) in done.stdout


@pytest.mark.parametrize("line", ["password = hunter2", "password:hunter2"])
def test_a_password_beside_a_change_is_not_shown(person: Person, line: str) -> None:
    person.write(".pypirc", f"[python]\n{line}\nrepository = https://me:hunter2@old.example/\n")
    shown = person.configure("--dry-run").stdout
    assert "[hidden]" in shown
    assert "old.example" in shown
    assert "hunter2" not in shown


def test_a_link_is_followed(person: Person) -> None:
    kept = person.write("dotfiles/pip.conf", "[global]\ntimeout = 5\n")
    link = person.home / ".config/pip/pip.conf"
    link.parent.mkdir(parents=True)
    link.symlink_to(kept)
    assert person.configure("--yes").returncode == 0
    assert link.is_symlink()
    assert "index-url" in kept.read_text()


def test_a_uv_toml_of_ones_own_is_left_with_what_to_add_and_the_rest_is_written(person: Person) -> None:
    person.write(".config/uv/uv.toml", "# mine\noffline = true\n")
    done = person.configure("--yes")
    assert done.returncode == 1
    assert "uv.toml is left as it is: it has settings of yours. Add by hand:\n\n[[index]]" in done.stderr
    assert person.files()[".config/uv/uv.toml"] == "# mine\noffline = true\n"
    assert person.files()[".pypirc"] == OUTPUTS["pypirc"]
    person.write(".config/uv/uv.toml", f"# mine\noffline = true\n{OUTPUTS['uv_toml']}")
    assert person.configure("--yes").stdout == "Everything is in place already.\n"


def test_another_environment_takes_the_place_of_the_one_before(person: Person) -> None:
    person.pulumi(OUTPUTS)
    assert person.configure("--yes").returncode == 0
    prod = {name: text.replace("/p/", "/prod/") for name, text in OUTPUTS.items()}
    person.pulumi(prod)
    done = person.configure("--yes")
    files = person.files()
    assert files[".config/pip/pip.conf"] == prod["pip_conf"]
    assert "/prod/" in files[".pypirc"]
    assert "/p/" not in files[".pypirc"]
    assert files[".config/uv/uv.toml"] == OUTPUTS["uv_toml"]
    assert f"Add by hand:\n\n{prod['uv_toml'].rstrip()}" in done.stderr


def test_a_file_that_is_none_is_left_with_what_to_add(person: Person) -> None:
    person.write(".config/pip/pip.conf", "index-url = x\n")
    done = person.configure("--yes")
    assert done.returncode == 1
    assert "pip.conf is left as it is: File contains no section headers." in done.stderr
    assert OUTPUTS["pip_conf"].strip() in done.stderr


def test_the_places_that_the_environment_names_count(person: Person) -> None:
    named = {"PIP_CONFIG_FILE": "my-pip.conf", "XDG_CONFIG_HOME": "configuration"}
    named = {key: str(person.home / name) for key, name in named.items()}
    assert person.configure("--yes", **named).returncode == 0
    assert set(person.files()) == {"my-pip.conf", ".pypirc", "configuration/uv/uv.toml"}


def test_the_null_device_is_no_place(person: Person) -> None:
    refused = person.configure("--yes", PIP_CONFIG_FILE="/dev/null")
    assert refused.returncode == 1
    assert "/dev/null is no file: look at PIP_CONFIG_FILE" in refused.stderr
    assert person.files() == {}
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_pip_itself_reads_that_file(person: Person) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "pip", "config", "debug"],
        env=person.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    user = shown.partition("\nuser:\n")[2].partition("\n\n")[0]
    read = [match[1] for match in re.finditer(r"^  (\S.*), exists: ", user, re.MULTILINE)]
    person.configure("--yes")
    assert str(person.home / ".config/pip/pip.conf") in read
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=person.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "global.index-url='https://us-python.pkg.dev/p/python-index/simple/'" in told


@pytest.mark.parametrize(
    ("outputs", "status", "said", "told"),
    [
        ({}, 0, "", "The stack has no outputs yet. Run `pulumi up` first."),
        ({"pip_conf": "[global]\n"}, 0, "", "The stack has no output pypirc"),
        ({}, 255, "error: no stack named 'x' found", "error: no stack named 'x' found"),
    ],
)
def test_a_stack_that_tells_nothing_is_a_message(
    person: Person, outputs: Any, status: int, said: str, told: str
) -> None:
    person.pulumi(outputs, status, said)
    done = person.configure("--yes")
    assert done.returncode == 1
    assert told in done.stderr
    assert person.files() == {}


def test_the_stack_that_is_asked_for_is_read(person: Person) -> None:
    person.configure("--dry-run", "--stack", "prod")
    asked = (person.root / "asked").read_text()
    assert asked == "--non-interactive stack output --json --stack prod\n"


def test_without_pulumi_it_says_where_to_run_this(person: Person) -> None:
    done = person.configure("--yes", PATH=str(person.home))
    assert done.returncode == 1
    assert "pulumi is not on PATH" in done.stderr


@pytest.mark.sandbox
def test_inside_the_sandbox_only_its_home_is_written(
    program: Program, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("real-home")
    (home / ".pypirc").write_text("# the person's own\n")
    # The engine stays where it was found or built.
    monkeypatch.setenv(CACHE_VARIABLE, str(cache_folder()))
    monkeypatch.setenv("HOME", str(home))
    for key, name in {"XDG_CONFIG_HOME": "x", "PIP_CONFIG_FILE": "p", "UV_CONFIG_FILE": "u"}.items():
        monkeypatch.setenv(key, str(home / name))
    program.up()
    command = ["python", "-m", "tools", "configure", "--yes", "--stack", program.stack]
    program.sandbox.run(*command, cwd=program.folder)
    assert [path.name for path in home.rglob("*") if path.is_file()] == [".pypirc"]
    assert (home / ".pypirc").read_text() == "# the person's own\n"
    inside, outputs = program.sandbox.folder / "home", program.outputs()
    assert {name: (inside / name).read_text() for name in FILES} == {
        name: outputs[output] for name, output in FILES.items()
    }
    listed = program.sandbox.run("python", "-m", "pip", "config", "list").stdout
    assert f"index-url='{outputs['requirements_txt'].split()[1]}'" in listed
