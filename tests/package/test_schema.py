"""The schema of the package: its snapshot, and its agreement with the library, stack files and the docs.

`schema.json` is what programs in every language compile against. `UPDATE_SCHEMA=1 make test` writes it.
"""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from checks.tables import Field, read_fields
from components import __version__
from components.args import NAMED_MEMBERS
from components.registry import OUTPUTS
from components.validation import property_name
from package.__main__ import REQUIRED, Package
from settings.keys import KEYS, PROJECT_KEY
from tests.support.docs import CHECKOUT

SNAPSHOT = Path(__file__).with_name("schema.json")
WHAT_TO_DO = (
    "The schema of the package changed, and programs in other languages use it. If the change is intended, "
    "run UPDATE_SCHEMA=1 make test, and commit tests/package/schema.json with it."
)
TOKEN = "python-registry:index:PythonRegistry"
# The classes of the library's arguments, and those of the package's inputs.
CLASSES = {
    "PythonRegistryArgs": "PythonRegistryInputs",
    "Impersonators": "Impersonators",
    "GitHub": "GitHub",
    "Cleanup": "Cleanup",
}
ROW = re.compile(
    r"\| `(?P<key>[^`]+)` \| .+?, (?P<default>required|empty|none|`[^`]+`) \| (?P<meaning>.+) \|"
)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(Package().schema or "")


def test_the_schema_is_the_committed_one(schema: dict[str, Any]) -> None:
    if os.environ.get("UPDATE_SCHEMA"):
        SNAPSHOT.write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
    assert schema == json.loads(SNAPSHOT.read_text(encoding="utf-8")), WHAT_TO_DO


def test_the_schema_has_the_name_and_the_version_of_the_library(schema: dict[str, Any]) -> None:
    assert (schema["name"], schema["version"]) == ("python-registry", __version__)
    assert list(schema["resources"]) == [TOKEN]


def test_every_property_has_a_description_on_one_line(schema: dict[str, Any]) -> None:
    resource = schema["resources"][TOKEN]
    objects = [resource["inputProperties"], resource["properties"]]
    objects += [type_["properties"] for type_ in schema["types"].values()]
    for properties in objects:
        for name, property_ in properties.items():
            assert property_["description"], name
            assert not re.search(r"\n|  ", property_["description"]), name


def test_the_outputs_of_the_schema_are_the_contract(schema: dict[str, Any]) -> None:
    resource = schema["resources"][TOKEN]
    assert list(resource["properties"]) == [property_name(name) for name in OUTPUTS]
    source = (CHECKOUT / "components/registry.py").read_text(encoding="utf-8")
    assert {name: property_["description"] for name, property_ in resource["properties"].items()} == {
        property_name(field.name): field.meaning for field in read_fields(source, "PythonRegistry")
    }
    assert set(resource["required"]) == set(resource["properties"])


def test_only_named_members_can_be_outputs(schema: dict[str, Any]) -> None:
    inputs = schema["resources"][TOKEN]["inputProperties"]
    entries = {name: property_.get("additionalProperties", property_) for name, property_ in inputs.items()}
    accept_outputs = {name for name, entry in entries.items() if not entry.get("plain")}
    assert accept_outputs == {property_name(name) for name in NAMED_MEMBERS}


def library_fields(class_name: str) -> dict[str, Field]:
    source = (CHECKOUT / "components/args.py").read_text(encoding="utf-8")
    return {field.name: field for field in read_fields(source, class_name)}


def package_fields(class_name: str) -> dict[str, Field]:
    source = (CHECKOUT / "package/inputs.py").read_text(encoding="utf-8")
    return {field.name: field for field in read_fields(source, class_name)}


def default_of(field: Field) -> str | None:
    """The default of an argument as the package describes it; none if it is required."""
    if field.default is None:
        return None
    value = field.default.value if isinstance(field.default, ast.Constant) else None
    return "none" if value in (None, "") else f"`{str(value).lower()}`"


@pytest.mark.parametrize("class_name", CLASSES)
def test_the_inputs_have_the_fields_defaults_and_descriptions_of_the_library(class_name: str) -> None:
    fields, inputs = library_fields(class_name), package_fields(CLASSES[class_name])
    assert list(inputs) == list(fields)
    for name, field in fields.items():
        default = default_of(field)
        optional = ast.unparse(inputs[name].annotation).startswith("NotRequired[")
        assert optional == (default is not None), name
        end = "" if default is None else f" Default: {default}."
        assert inputs[name].meaning == f"{field.meaning}{end}", name


def test_the_missing_inputs_are_reported_that_the_library_requires() -> None:
    fields = library_fields("PythonRegistryArgs").values()
    assert list(REQUIRED) == [field.name for field in fields if default_of(field) is None]


def test_stack_files_have_every_setting_except_named_members() -> None:
    fields = library_fields("PythonRegistryArgs")
    assert list(KEYS.values()) == [name for name in fields if name not in ("project", *NAMED_MEMBERS)]


def test_the_documentation_has_every_setting_of_stack_files() -> None:
    page = (CHECKOUT / "docs/configuration.md").read_text(encoding="utf-8")
    table = page.partition("<!-- BEGIN settings -->")[2].partition("<!-- END settings -->")[0]
    rows = {row["key"]: row for row in ROW.finditer(table)}
    expected: dict[str, Field] = {}
    for key, name in {PROJECT_KEY: "project", **KEYS}.items():
        expected[key] = library_fields("PythonRegistryArgs")[name]
        nested = {
            "impersonators": "Impersonators",
            "github": "GitHub",
            "cleanup": "Cleanup",
        }.get(name)
        for field in library_fields(nested).values() if nested else ():
            expected[f"{key}.{property_name(field.name)}"] = field
    assert list(rows) == list(expected)
    for key, field in expected.items():
        # The table says "empty" for a list or map, and "required" for a field without a default.
        default = rows[key]["default"].replace("empty", "none")
        assert default == (default_of(field) or "required"), key
        assert rows[key]["meaning"].rstrip(".") == field.meaning.rstrip("."), key
