"""The tables of settings and outputs in `docs/`, generated from the code that defines both.

Reads the source with `ast` and imports nothing. A field without a docstring, or with a type or a default
that has no wording here, is an error: a guess would become documentation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

# Fields that a stack file spells differently from `python-registry:camelCase`.
OTHER_KEYS = {"project": "gcp:project"}
NAMESPACE = "python-registry"
# Fields that a stack file does not have.
PROGRAMS_ONLY = "named_"


class TableError(Exception):
    """The code or the page does not have what a table needs; the message names it."""


@dataclass(frozen=True)
class Field:
    """An annotated name of a class, its default and its docstring."""

    name: str
    annotation: ast.expr
    default: ast.expr | None
    meaning: str


def read_fields(source: str, class_name: str) -> list[Field]:
    """The fields of a class in the order of the source; a string literal below each one documents it."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            return list(_fields(node))
    raise TableError(f"there is no class {class_name}")


def _fields(node: ast.ClassDef) -> Iterator[Field]:
    for statement, below in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        name = statement.target.id
        if not (
            isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            raise TableError(f"{node.name}.{name} does not have a docstring below it")
        yield Field(name, statement.annotation, statement.value, " ".join(below.value.value.split()))


def settings_table(source: str, class_name: str = "PythonRegistryArgs") -> str:
    """The table of the settings from the dataclass of the component's inputs."""
    rows = ["| key | type, default | meaning |", "|---|---|---|"]
    for key, field in _settings(source, class_name, f"{NAMESPACE}:"):
        rows.append(f"| `{key}` | {_type(source, field)}, {_default(field)} | {_cell(field.meaning)} |")
    return "\n".join(rows)


def outputs_table(source: str, class_name: str = "PythonRegistry") -> str:
    """The table of the outputs from the annotations of the component."""
    rows = ["| output | meaning |", "|---|---|"]
    rows += [f"| `{field.name}` | {_cell(field.meaning)} |" for field in read_fields(source, class_name)]
    return "\n".join(rows)


def replace_table(page: str, name: str, table: str) -> str:
    """The page with the lines between the markers `BEGIN name` and `END name` replaced."""
    begin, end = f"<!-- BEGIN {name} -->", f"<!-- END {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(end) < page.index(begin):
        raise TableError(f"the page needs {begin} and {end} once each, in this order")
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"


def _settings(source: str, class_name: str, prefix: str) -> Iterator[tuple[str, Field]]:
    for field in read_fields(source, class_name):
        if field.name.startswith(PROGRAMS_ONLY):
            continue
        key = OTHER_KEYS.get(field.name) if prefix == f"{NAMESPACE}:" else None
        key = key or prefix + re.sub(r"_(\w)", lambda letter: letter[1].upper(), field.name)
        yield key, field
        nested = _class_of(source, field.annotation)
        if nested:
            yield from _settings(source, nested, f"{key}.")


def _class_of(source: str, annotation: ast.expr) -> str | None:
    name = ast.unparse(annotation).removesuffix(" | None")
    classes = {node.name for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    return name if name in classes else None


def _type(source: str, field: Field) -> str:
    text = ast.unparse(field.annotation).removesuffix(" | None")
    words = {
        "str": "string",
        "bool": "bool",
        "int": "integer",
        "tuple[str, ...]": "list of strings",
        "Mapping[str, str]": "map of strings",
    }
    if text in words:
        return words[text]
    if _class_of(source, field.annotation):
        return "map"
    for choices in (_alias(source, text), field.annotation):
        if isinstance(choices, ast.Subscript) and ast.unparse(choices.value) == "Literal":
            return " or ".join(f"`{value}`" for value in ast.literal_eval(choices.slice))
    raise TableError(f"{field.name} has the type {text}, which has no wording")


def _alias(source: str, name: str) -> ast.expr | None:
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return node.value
    return None


def _default(field: Field) -> str:
    if field.default is None:
        return "required"
    if isinstance(field.default, ast.Constant):
        value: object = field.default.value
        if isinstance(value, bool):
            return f"`{str(value).lower()}`"
        return "none" if value in (None, "") else f"`{value}`"
    # `()`, `Impersonators()` and `field(default_factory=dict…)`: nothing is set.
    if re.fullmatch(
        r"\(\)|[A-Z]\w*\(\)|field\(default_factory=(?:dict|list|tuple)\b.*\)", ast.unparse(field.default)
    ):
        return "empty"
    raise TableError(f"{field.name} has the default {ast.unparse(field.default)}, which has no wording")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").rstrip(".") if text.count(". ") == 0 else text.replace("|", "\\|")
