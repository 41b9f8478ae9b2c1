"""The table of all fields (`provider_fields.yaml`), and how a provider treats one field.

Owns the questions for a row. The table has the answers of the real provider, which
`tests.sandbox.provider.compare_providers` asks again.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime.proto import provider_pb2

from sandbox.provider.values import UNKNOWN
from tests.sandbox.provider.provider_process import SECRET_KEY, Props, ProviderClient

TABLE: dict[str, Props] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
# The forms of "no value" in a state. They mean the same to a user.
NOTHING = (None, "", False, 0, [], {})


@dataclass(frozen=True)
class Field:
    """One row: a field of a resource type, and its facts."""

    token: str
    path: str
    row: Props

    def __str__(self) -> str:
        return f"{self.token.rpartition(':')[2]}.{self.path}"

    @property
    def top(self) -> str:
        """The property of the resource that has the field."""
        return re.split(r"[.\[]", self.path)[0]

    @property
    def facts(self) -> Props:
        return {key: self.row[key] for key in ("is", "unset")}

    @property
    def is_supported(self) -> bool:
        return not any(self.path.startswith(of) for of in TABLE[self.token].get("unsupported", []))

    def given(self, value: Any) -> Props:
        """A program's inputs: the minimal ones, those of the field's block, and this value."""
        about = TABLE[self.token]
        props = copy.deepcopy(about["given"])
        for block, needed in about.get("blocks", {}).items():
            if self.path.startswith(f"{block}."):
                props = placed(props, block, copy.deepcopy(needed))
        return placed(props, self.path, value)

    @property
    def before(self) -> Any:
        return self.row.get("from", found(self.given_unchanged, self.path))

    @property
    def given_unchanged(self) -> Props:
        return TABLE[self.token]["given"]


def fields() -> Iterator[Field]:
    for token, about in TABLE.items():
        for path, row in about["fields"].items():
            yield Field(token, path, row)


def observed(provider: ProviderClient, field: Field) -> Props:
    """The facts of a field, as this provider answers."""
    unset = field.given(None)
    name = re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", str(_steps(field.path)[-1]))
    if any(f'{name}" is required' in problem for problem in provider.check(field.token, unset)[1]):
        shown: Any = "required"
    else:
        shown = found(provider.preview(field.token, unset), field.path)
        shown = "nothing" if shown in NOTHING else "unknown" if shown == UNKNOWN else shown
    if "to" in field.row:
        return {"is": _decision(provider, field), "unset": shown}
    problems = provider.check(field.token, field.given("x"))[1]
    assert any("unconfigurable" in problem for problem in problems), f"{field} can be given: {problems}"
    return {"is": "computed", "unset": shown}


def change(provider: ProviderClient, field: Field) -> provider_pb2.DiffResponse:
    """The provider's diff for the row's change."""
    planned = provider.preview(field.token, field.given(field.before))
    olds = {**known(planned), **TABLE[field.token].get("read", {})}
    return provider.diff(field.token, olds, field.given(field.row["to"]))


def _decision(provider: ProviderClient, field: Field) -> str:
    answer = change(provider, field)
    assert field.top in answer.diffs, f"{field} is no change: {answer.diffs}"
    return "replace" if field.top in answer.replaces else "update"


def placed(props: Props, path: str, value: Any) -> Props:
    """The properties with that value at the path. None removes it."""
    whole: Any = copy.deepcopy(props)
    at, steps = whole, _steps(path)
    for step, following in itertools.pairwise(steps):
        if isinstance(at, list):
            at.extend({} for _ in range(step - len(at) + 1))
            at = at[step]
        else:
            at = at.setdefault(step, [] if isinstance(following, int) else {})
    if value is None:
        at.pop(steps[-1], None)
    elif isinstance(at, list):
        at.append(value)
    else:
        at[steps[-1]] = value
    return whole


def found(props: Any, path: str) -> Any:
    """The value at the path, or None."""
    for step in _steps(path):
        props = props["value"] if isinstance(props, dict) and SECRET_KEY in props else props
        try:
            props = props[step]
        except (KeyError, IndexError, TypeError):
            return None
    return props["value"] if isinstance(props, dict) and SECRET_KEY in props else props


def known(value: Any) -> Any:
    """The value without unknown members."""
    if isinstance(value, dict):
        return {key: known(item) for key, item in value.items() if item != UNKNOWN}
    return [known(item) for item in value] if isinstance(value, list) else value


def _steps(path: str) -> list[Any]:
    return [int(word) if word.isdigit() else word for word in re.findall(r"\w+", path)]
