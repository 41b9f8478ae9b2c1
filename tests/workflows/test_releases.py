"""A release: the check of its tag, the comparison of schemas, and the jobs of `release.yml`."""

from __future__ import annotations

import copy
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.docs import CHECKOUT
from tests.workflows.workflow_files import GITHUB, JOBS, WORKFLOWS

SCRIPT = GITHUB / "scripts/compare_schemas.py"
TOKEN = "python-registry:index:PythonRegistry"
GITHUB_TYPE = "python-registry:index:GitHub"
SCHEMA: dict[str, Any] = json.loads((CHECKOUT / "tests/package/schema.json").read_text(encoding="utf-8"))


def changed(**paths: Any) -> dict[str, Any]:
    """The schema with other values at these paths, separated by `__`; None removes a value."""
    schema = copy.deepcopy(SCHEMA)
    short = {"registry": ("resources", TOKEN), "github": ("types", GITHUB_TYPE)}
    for path, value in paths.items():
        first, *middle, last = path.split("__")
        folder = schema
        for name in (*short[first], *middle):
            folder = folder[name]
        folder[last] = value
        if value is None:
            del folder[last]
    return schema


def changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    return runpy.run_path(str(SCRIPT))["changes_between"](old, new)


TEXT = {"type": "string", "plain": True}
INPUTS: list[str] = SCHEMA["resources"][TOKEN]["requiredInputs"]
PROPERTIES: list[str] = SCHEMA["types"][GITHUB_TYPE]["required"]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (SCHEMA, {}),
        (changed(registry__description="Another text."), {}),
        (changed(registry__inputProperties__labels=None), {"removed: inputProperties.labels": "major"}),
        (changed(registry__properties__pypirc=None), {"removed: properties.pypirc": "major"}),
        (changed(github__properties__ref=None), {"removed: properties.ref": "major"}),
        (changed(registry__inputProperties__labels=TEXT), {"changed: inputProperties.labels": "major"}),
        (changed(registry__properties__pypirc={}), {"changed: properties.pypirc": "major"}),
        (
            changed(registry__requiredInputs=[*INPUTS, "labels"]),
            {"changed: inputProperties.labels": "major"},
        ),
        (changed(registry__requiredInputs=["location"]), {"changed: inputProperties.project": "major"}),
        (changed(registry__inputProperties__color=TEXT), {"added: inputProperties.color": "minor"}),
        (
            changed(
                registry__inputProperties__color=TEXT,
                registry__requiredInputs=[*INPUTS, "color"],
            ),
            {"added: inputProperties.color": "major"},
        ),
        (changed(registry__properties__color=TEXT), {"added: properties.color": "minor"}),
        (
            changed(registry__properties__color=TEXT, registry__required=["color"]),
            {"added: properties.color": "minor"},
        ),
        (changed(github__properties__color=TEXT), {"added: properties.color": "minor"}),
        (
            changed(github__properties__color=TEXT, github__required=[*PROPERTIES, "color"]),
            {"added: properties.color": "major"},
        ),
    ],
)
def test_a_change_of_the_schema_needs_this_step(new: dict[str, Any], expected: dict[str, str]) -> None:
    found = changes(SCHEMA, new)
    assert {change.partition(" of ")[0]: step for change, step in found.items()} == expected


def test_a_new_type_with_required_properties_breaks_no_program() -> None:
    new = copy.deepcopy(SCHEMA)
    color = {"properties": {"name": TEXT}, "required": ["name"], "type": "object"}
    new["types"]["python-registry:index:Color"] = color
    assert set(changes(SCHEMA, new).values()) == {"minor"}
    assert set(changes(new, SCHEMA).values()) == {"major"}


def compare(folder: Path, old: dict[str, Any], new: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    files = [folder / "old.json", folder / "new.json"]
    for file, schema in zip(files, (old, new), strict=True):
        file.write_text(json.dumps(schema), encoding="utf-8")
    command = [sys.executable, str(SCRIPT), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


PATCH = "is a new patch version of 1.0.0, and the schema needs a new {} version."
MINOR = PATCH.replace("patch", "minor")
ADDED = changed(registry__inputProperties__color=TEXT)
REMOVED = changed(registry__inputProperties__labels=None)


@pytest.mark.parametrize(
    ("old", "new", "schema", "error"),
    [
        ("1.0.0", "1.0.1", SCHEMA, ""),
        ("1.0.0", "2.0.0", SCHEMA, ""),
        ("1.0.9", "1.1.0", ADDED, ""),
        ("1.9.9", "2.0.0", REMOVED, ""),
        (
            "1.0.0",
            "1.0.1",
            ADDED,
            PATCH.format("minor"),
        ),
        (
            "1.0.0",
            "1.1.0",
            REMOVED,
            MINOR.format("major"),
        ),
        ("1.10.0", "1.9.0", SCHEMA, "is not newer than the last release, 1.10.0."),
        ("1.0.0", "1.0.0", SCHEMA, "is not newer than the last release, 1.0.0."),
        ("1.0.0", "1.1", SCHEMA, "is not a version of three numbers."),
    ],
)
def test_the_version_fits_the_changes(
    tmp_path: Path, old: str, new: str, schema: dict[str, Any], error: str
) -> None:
    done = compare(tmp_path, {**SCHEMA, "version": old}, {**schema, "version": new})
    assert done.returncode == (1 if error else 0)
    assert done.stderr == (f"{new} {error}\n" if error else "")
    assert bool(error) or f"The schema allows {new} after {old}." in done.stdout


class Repository:
    """A repository with what the check of a tag reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("components", "tests/package"):
            (folder / name).mkdir(parents=True)
        (folder / ".github").symlink_to(GITHUB)
        self.git("init", "-q")

    def git(self, *words: str) -> None:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)

    def release(self, version: str, notes: str, schema: dict[str, Any], tag: str = "") -> tuple[int, str]:
        """Commit a version, tag it and check the tag. Returns the status and the messages."""
        tag = tag or f"v{version}"
        files = {
            "components/__init__.py": f'__version__ = "{version}"\n',
            "CHANGELOG.md": notes,
            "tests/package/schema.json": json.dumps({**schema, "version": version}),
        }
        for name, text in files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-qm", version)
        self.git("tag", tag)
        variables = {
            "GITHUB_REF_NAME": tag,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": "acme/registry",
            # The runner's Python.
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        script = [".github/scripts/check_release.sh"]
        done = subprocess.run(
            script, cwd=self.folder, env=variables, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def notes(self) -> str:
        return (self.folder / "notes.md").read_text(encoding="utf-8")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


NOTES = """# Changelog

## [Unreleased]

### Added

- Something later.

## [1.1.0] - 2026-12-01

### Added

- [A page](docs/library.md), [a part](docs/deploy.md#roles) and [a site](https://example.com/a.md).

## [1.0.0] - 2026-11-01

- The first release.
"""


def test_the_first_release_needs_only_its_version_and_notes(repository: Repository) -> None:
    assert repository.release("1.0.0", NOTES, SCHEMA) == (0, "v1.0.0 is the first release.\n")
    assert repository.notes.strip() == "- The first release."


def test_the_next_release_is_compared_with_the_last_one(repository: Repository) -> None:
    repository.release("1.0.0", NOTES, SCHEMA)
    status, messages = repository.release("1.1.0", NOTES, ADDED)
    assert (status, messages.splitlines()[-1]) == (0, "The schema allows 1.1.0 after 1.0.0.")
    files = "https://github.com/acme/registry/blob/v1.1.0/docs"
    assert repository.notes.strip().splitlines()[-1] == (
        f"- [A page]({files}/library.md), [a part]({files}/deploy.md#roles) and [a site](https://example.com/a.md)."
    )
    assert "Something later" not in repository.notes


def test_a_release_that_breaks_programs_needs_a_major_version(repository: Repository) -> None:
    repository.release("1.0.0", NOTES, SCHEMA)
    status, messages = repository.release("1.1.0", NOTES, REMOVED)
    assert status == 1
    assert f"removed: inputProperties.labels of {TOKEN} (major)" in messages


def test_a_tag_of_another_version_is_refused(repository: Repository) -> None:
    status, messages = repository.release("1.0.0", NOTES, SCHEMA, tag="v1.0.1")
    assert status == 1
    assert messages == "The tag is v1.0.1, and the version in components/__init__.py is 1.0.0.\n"


@pytest.mark.parametrize("notes", ["# Changelog\n", "## [2.0.0] - 2026-12-24\n\n## [1.0.0]\n\n- First.\n"])
def test_a_release_without_notes_is_refused(repository: Repository, notes: str) -> None:
    status, messages = repository.release("2.0.0", notes, SCHEMA)
    assert status == 1
    assert messages == 'CHANGELOG.md has no entries below the heading "## [2.0.0]".\n'


def test_a_tag_starts_the_workflow() -> None:
    assert WORKFLOWS["release"][True] == {"push": {"tags": ["v*"]}}


def test_the_check_of_the_tag_comes_first_and_sees_the_other_tags() -> None:
    steps = JOBS["release/build"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    commands = [step["run"] for step in steps if "run" in step]
    assert commands[0] == ".github/scripts/check_release.sh"
    assert "tests/package" in commands[2]
    assert commands[3].endswith("-m build --no-isolation")


def test_the_jobs_with_permissions_run_no_code_of_the_repository() -> None:
    for name in ("release", "publish"):
        steps = JOBS[f"release/{name}"]["steps"]
        assert not any("checkout" in step.get("uses", "") for step in steps)
    assert JOBS["release/release"]["needs"] == "build"


def test_pypi_gets_the_files_only_if_the_variable_says_so() -> None:
    publish = JOBS["release/publish"]
    assert publish["if"] == "vars.PUBLISH_TO_PYPI == 'true'"
    assert publish["needs"] == "release"
    assert "password" not in publish["steps"][-1]["with"]
