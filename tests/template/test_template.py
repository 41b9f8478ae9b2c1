"""The template agrees with the component: what can be checked without the hosts of the official CLI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import components
from components.registry import OUTPUTS
from components.validation import build_args, check_registry, property_name
from tests.support.sandbox import CHECKOUT

TEMPLATE = CHECKOUT / "template"
FILES = {".gitignore", "Pulumi.yaml", "README.md"}
RESOURCE = "registry"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return read(TEMPLATE / "Pulumi.yaml")


def test_the_template_has_only_the_files_of_a_new_project() -> None:
    assert {str(path.relative_to(TEMPLATE)) for path in TEMPLATE.rglob("*") if path.is_file()} == FILES


def test_the_template_names_the_package_of_this_version(project: dict[str, Any]) -> None:
    assert project["packages"] == {
        "python-registry": f"github.com/ORG/REPO/package@{components.__version__}"
    }


def test_the_template_needs_the_same_cli_as_the_package(project: dict[str, Any]) -> None:
    plugin = read(CHECKOUT / "package/PulumiPlugin.yaml")
    assert project["requiredPulumiVersion"] == plugin["requiredPulumiVersion"]


def test_the_template_asks_for_full_keys_with_good_defaults(project: dict[str, Any]) -> None:
    prompts = project["template"]["config"]
    # A short key gets the name of the new project as its namespace.
    assert set(prompts) == {"gcp:project", "python-registry:location", "python-registry:repository"}
    assert all(prompt["description"] and not prompt.get("secret") for prompt in prompts.values())
    defaults = {key.partition(":")[2]: prompt["default"] for key, prompt in prompts.items()}
    assert check_registry(defaults, property_name) == []
    assert defaults["repository"] == build_args({"project": "p", "location": "us"}).repository


def test_the_program_passes_each_answer_and_no_member(project: dict[str, Any]) -> None:
    resource = project["resources"][RESOURCE]
    keys = {key.partition(":")[2]: f"${{{key}}}" for key in project["template"]["config"]}
    assert resource["type"] == "python-registry:PythonRegistry"
    assert resource["properties"] == {**keys, "readers": [], "writers": []}


def test_the_program_creates_the_same_resource_as_the_program_of_a_clone() -> None:
    assert f'PythonRegistry("{RESOURCE}", ' in (CHECKOUT / "__main__.py").read_text(encoding="utf-8")


def test_the_program_has_the_outputs_of_the_contract(project: dict[str, Any]) -> None:
    expected = {output: f"${{{RESOURCE}.{property_name(output)}}}" for output in OUTPUTS}
    assert project["outputs"] == expected


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_template_names_no_example_domain(name: str) -> None:
    assert "example.com" not in (TEMPLATE / name).read_text(encoding="utf-8")
