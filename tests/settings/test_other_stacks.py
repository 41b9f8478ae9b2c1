"""The other stacks of a project, and the names that two stacks cannot share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.args import PythonRegistryArgs
from settings import SettingsError, parse_settings, read_other_stacks
from tests.support.recorder import MINIMAL, Run, engine_config


def args(**changes: Any) -> PythonRegistryArgs:
    values: dict[str, Any] = {"project": "demo-proj", "location": "us-central1", **changes}
    return PythonRegistryArgs(**values)


def test_the_files_of_a_project_describe_its_other_stacks(tmp_path: Path) -> None:
    for name, text in {
        "dev": yaml.safe_dump({"config": MINIMAL}),
        "copy": yaml.safe_dump({"config": {**MINIMAL, "python-registry:pypiProxy": False}}),
        "wrong": yaml.safe_dump({"config": {"python-registry:location": "mars"}}),
        # Its problem does not concern names.
        "faulty": yaml.safe_dump({"config": {**MINIMAL, "python-registry:labels": {"secure": "x"}}}),
        "short": "config: {'gcp:project': demo-proj, location: us-central1}",
        "shared": "config: {python-registry:location: us, python-registry:readers: [x]}",
        "empty": "",
        "broken": "config: [",
        "deep": "config: " + "[" * 3000,
        "list": "- a",
        "none": "config:",
        "z": yaml.safe_dump({"config": {**MINIMAL, "python-registry:repository": "z"}}),
    }.items():
        (tmp_path / f"Pulumi.{name}.yaml").write_text(text)
    (tmp_path / "Pulumi.bytes.yaml").write_bytes(
        b"# caf\xe9\n" + yaml.safe_dump({"config": MINIMAL}).encode()
    )
    shared = {"gcp:project": {"value": "demo-proj"}, "python-registry:repository": {"default": "theirs"}}
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump({"config": shared}))
    assert read_other_stacks(tmp_path, "dev") == {
        "Pulumi.bytes.yaml": args(repository="theirs"),
        "Pulumi.copy.yaml": args(repository="theirs", pypi_proxy=False),
        "Pulumi.faulty.yaml": args(repository="theirs"),
        "Pulumi.shared.yaml": args(repository="theirs", location="us"),
        "Pulumi.short.yaml": args(repository="theirs"),
        "Pulumi.z.yaml": args(repository="z"),
    }


@pytest.mark.parametrize("folder", ["x" * 300, "a\0b"])
def test_a_folder_that_cannot_exist_has_no_stack_files(folder: str, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(json.dumps({"stackConfigDir": folder}))
    assert read_other_stacks(tmp_path, "dev", engine_config(MINIMAL)) == {}


@pytest.mark.parametrize("name", ["example", "samples", "Templates", "dev_example", "myexample"])
def test_a_file_to_copy_is_ignored(name: str, tmp_path: Path) -> None:
    (tmp_path / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": MINIMAL}))
    assert read_other_stacks(tmp_path, "dev") == {}


def test_a_message_about_a_shared_name_has_the_file_of_the_other_stack() -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings(engine_config(MINIMAL), others={"Pulumi.other.yaml": args()})
    assert str(refused.value).splitlines()[1:] == [
        "  python-registry:repository: python",
        "    Pulumi.other.yaml creates projects/demo-proj/locations/us-central1/repositories/python too; "
        "choose another id, or another project, or move Pulumi.other.yaml away if no stack uses it",
    ]


def test_the_program_reads_the_secrets_of_its_stack_and_the_files_of_the_others(
    run_program: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = Path.cwd() / "__main__.py"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tests.support.recorder.PROGRAM", str(program))
    assert run_program(MINIMAL, stack="dev").resources
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": MINIMAL}))
    assert run_program(MINIMAL, stack="dev").resources, "its own file is no other stack's"
    (tmp_path / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": MINIMAL}))
    with pytest.raises(SettingsError, match=r"Pulumi\.prod\.yaml creates .*/python too"):
        run_program(MINIMAL, stack="dev")
    with pytest.raises(SettingsError, match="set it without --secret"):
        run_program(MINIMAL, stack="other", secrets=("python-registry:location",))
