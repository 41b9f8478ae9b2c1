"""A stack's configuration, as the engine passes it on, to typed arguments.

Owns what only a stack file has: texts, JSON, secrets, unknown keys, and the message that stops the program.
The rules of the values are in `components/validation/`. They are not in `Pulumi.yaml`: the engine's own
check stops at its first error, calls a declared key without a default missing, and knows no object types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import pulumi

from components.args import PythonRegistryArgs
from components.validation import HIDDEN, NOT_SET, Problem, build_args, check_registry
from components.validation.suggestions import nearest, similarity
from settings.keys import ATTRIBUTES, KEYS, NAMESPACE, key_of
from settings.provider import default_label_problems

# The attributes whose values are text or booleans. All others are lists and maps, which arrive as JSON.
TEXTS = ("project", "location", "repository", "access")
SWITCHES = ("pypi_proxy", "service_accounts", "protect")
BOOLEANS = {"true": True, "false": False}
# The attributes whose values the outputs show.
SHOWN = ("project", "location", "repository")
# The attributes without a default, and an example of each.
REQUIRED = {"project": "my-project", "location": "europe-west1"}
# The advice about the file of another stack that creates the same resources.
WAY_OUT = "move {} away if no stack uses it"
# A date without quotes (`2026-11-25`), as the engine passes it on.
DATE = re.compile(r"(\d{4}-\d\d-\d\d) 00:00:00 \+0000 UTC", re.ASCII)
# How similar a namespace must be to be a misspelled one of ours instead of another program's.
NAMESPACE_SIMILARITY = 0.85


class SettingsError(pulumi.RunError):
    """Every problem of a stack file, in one message that the engine prints without a traceback."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        title = f"{count} in the stack's settings; nothing was changed."
        super().__init__("\n".join([title, *map(str, problems)]))
        self.problems = problems


def parse_settings(
    values: Mapping[str, str],
    secret_keys: Collection[str] = (),
    others: Mapping[str, PythonRegistryArgs] | None = None,
) -> PythonRegistryArgs:
    """Check a stack's configuration and convert it to typed arguments.

    Args:
        values: full keys (`python-registry:location`) and their texts; lists and objects are JSON.
        secret_keys: the full keys whose values are encrypted.
        others: the arguments of the project's other stacks, by file name.

    Raises:
        SettingsError: names every problem, with key, value, rule and fix.
    """
    plain: dict[str, object] = {}
    refused: dict[str, Problem] = {}
    problems: list[Problem] = []
    for key, text in values.items():
        attribute = ATTRIBUTES.get(key)
        if attribute is None:
            problems += _unknown_key(key, HIDDEN if key in secret_keys else text)
        elif key in secret_keys and attribute in SHOWN:
            rule = "outputs show this value, so it cannot be a secret"
            refused[attribute] = Problem(key, HIDDEN, rule, "set it without --secret")
        else:
            plain[attribute] = _plain_value(attribute, text)
    for attribute, example in REQUIRED.items():
        key = key_of(attribute)
        if key not in values:
            fix = f"run `pulumi config set {key} {example}`"
            refused[attribute] = Problem(key, NOT_SET, "the program needs this setting", fix)
    problems += [*refused.values(), *check_registry(plain, key_of, refused, others, WAY_OUT)]
    problems += default_label_problems(values, plain.get("labels", {}))
    if problems:
        raise SettingsError([_without_secret(problem, secret_keys) for problem in problems])
    return build_args(plain)


def clear_secrets(secret_keys: Collection[str]) -> list[str]:
    """A warning for each encrypted setting: the program accepts it, but cannot keep it secret."""
    return [
        f"{key} is encrypted in the stack file, but Pulumi's state shows its value in clear"
        for key in sorted(secret_keys)
        if key in ATTRIBUTES
    ]


def _plain_value(attribute: str, text: str) -> object:
    """The value of a text. Text that is not JSON stays text, which the attribute's rule refuses."""
    if attribute in TEXTS:
        return text
    if attribute in SWITCHES:
        return BOOLEANS.get(text, text)
    try:
        return _with_texts(attribute, json.loads(text))
    except (ValueError, RecursionError):
        return text


def _with_texts(attribute: str, value: Any) -> object:
    """A list or map with text instead of whole numbers and booleans, where such a text can be right.

    `pulumi config set --path` writes `1` and `true` without quotes. A fraction stays a number, because its
    spelling (`1.20`) is lost.
    """
    if attribute in ("private_packages", "adopt") and isinstance(value, list):
        return [_as_text(name) for name in cast("list[object]", value)]
    if attribute == "cleanup" and isinstance(value, dict):
        parts = cast("dict[str, object]", value)
        return {
            name: _with_texts("private_packages", part) if name == "packages" else part
            for name, part in parts.items()
        }
    if attribute in ("labels", "github") and isinstance(value, dict):
        entries = cast("dict[str, object]", value)
        names = entries if attribute == "labels" else {"environment"}
        return {name: _as_text(entry) if name in names else entry for name, entry in entries.items()}
    return value


def _as_text(value: object) -> object:
    if isinstance(value, int):
        return json.dumps(value)
    date = DATE.fullmatch(value) if isinstance(value, str) else None
    return date[1] if date else value


def _without_secret(problem: Problem, secret_keys: Collection[str]) -> Problem:
    """A problem, without its value if the setting is encrypted."""
    key = re.split(r"[.\[]", problem.key)[0]
    if key not in secret_keys or problem.value == HIDDEN:
        return problem
    return problem.without_value("set it without --secret to read the rule")


def _unknown_key(key: str, value: str) -> list[Problem]:
    """The problem of a key in the program's namespace, or in a misspelled one."""
    namespace, _, name = key.partition(":")
    if similarity(namespace, NAMESPACE) < NAMESPACE_SIMILARITY:
        return []
    names = {known.partition(":")[2]: known for known in ATTRIBUTES}
    right = nearest(name, names)
    settings = ", ".join(key.partition(":")[2] for key in KEYS)
    fix = f"did you mean {names[right]}?" if right else f"the settings are {settings}"
    return [Problem(key, value, "the program has no such setting", fix)]
