"""The tables come from the docstrings of fields, and a field that cannot be described is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.__main__ import check_tables
from checks.tables import TableError, outputs_table, replace_table, settings_table

ARGS = '''
Access = Literal["authoritative", "additive"]

class GitHub:
    owner_id: str
    """Number of the owner."""

    ref: str = ""
    """The ref that
    publishes. Patterns `a|b` are refused."""

class PythonRegistryArgs:
    """Inputs."""

    project: str
    """ID of the project."""
    pypi_proxy: bool = True
    """Adds a cache of PyPI."""
    readers: tuple[str, ...] = ()
    """IAM members who install."""
    access: Access = "authoritative"
    """Mode of the grants."""
    github: GitHub | None = None
    """Workflows that publish."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels."""

    @property
    def upstreams(self) -> tuple[str, ...]:
        """No setting."""
        return ()
'''
SETTINGS = """\
| key | type, default | meaning |
|---|---|---|
| `gcp:project` | string, required | ID of the project |
| `python-registry:pypiProxy` | bool, `true` | Adds a cache of PyPI |
| `python-registry:readers` | list of strings, empty | IAM members who install |
| `python-registry:access` | `authoritative` or `additive`, `authoritative` | Mode of the grants |
| `python-registry:github` | map, none | Workflows that publish |
| `python-registry:github.ownerId` | string, required | Number of the owner |
| `python-registry:github.ref` | string, none | The ref that publishes. Patterns `a\\|b` are refused. |
| `python-registry:labels` | map of strings, empty | Labels |"""
REGISTRY = '''
class PythonRegistry(pulumi.ComponentResource):
    """A registry."""

    project: pulumi.Output[str]
    """ID of the project."""
'''
OUTPUTS = "| output | meaning |\n|---|---|\n| `project` | ID of the project |"


def page(name: str, table: str) -> str:
    return f"# Page\n\n<!-- BEGIN {name} -->\n{table}\n<!-- END {name} -->\n\nMore.\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for path, text in {
        "components/args.py": ARGS,
        "components/registry.py": REGISTRY,
        "docs/configuration.md": page("settings", SETTINGS),
        "docs/outputs.md": page("outputs", OUTPUTS),
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_table_of_settings_has_keys_as_in_a_stack_file() -> None:
    assert settings_table(ARGS) == SETTINGS


def test_the_table_of_outputs_has_one_row_per_annotation() -> None:
    assert outputs_table(REGISTRY) == OUTPUTS


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("project: str", "PythonRegistryArgs.project does not have a docstring below it"),
        ("project: bytes\n    '''Text.'''", "project has the type bytes, which has no wording"),
        ("project: str = NAME\n    '''Text.'''", "project has the default NAME, which has no wording"),
    ],
)
def test_a_field_that_cannot_be_described_is_an_error(field: str, message: str) -> None:
    with pytest.raises(TableError) as error:
        settings_table(f"class PythonRegistryArgs:\n    {field}\n")
    assert str(error.value) == message


@pytest.mark.parametrize("text", ["", "<!-- END a -->\n<!-- BEGIN a -->", "<!-- BEGIN a -->"])
def test_a_page_without_its_markers_is_an_error(text: str) -> None:
    with pytest.raises(TableError, match="the page needs <!-- BEGIN a --> and <!-- END a -->"):
        replace_table(text, "a", "| |")


def test_current_tables_pass(checkout: Path) -> None:
    assert list(check_tables(checkout, write=False)) == []


def test_a_stale_table_is_found_and_written_on_request(checkout: Path) -> None:
    stale = checkout / "docs" / "configuration.md"
    stale.write_text(page("settings", "| old |"), encoding="utf-8")
    message = "the table of settings differs from components/args.py: run `make docs`"
    assert [problem.message for problem in check_tables(checkout, write=False)] == [message]
    assert list(check_tables(checkout, write=True)) == []
    assert stale.read_text(encoding="utf-8") == page("settings", SETTINGS)


def test_a_missing_page_is_found(checkout: Path) -> None:
    (checkout / "docs" / "outputs.md").unlink()
    assert [problem.path for problem in check_tables(checkout, write=False)] == ["docs/outputs.md"]
