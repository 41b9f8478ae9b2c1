"""Words for steps and values: the label of a resource, and its changed properties.

Owns only words. `changes.py`, `drift.py` and `warnings.py` decide what a reviewer reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from tools.summary.grants import ACCOUNT, GRANTS
from tools.summary.markdown import code
from tools.summary.previews import RETAIN, SECRET, UNKNOWN, Props, Step

RULE = "artifactregistry.Rule"
# The CEL condition that a workload identity provider checks. The program joins its clauses with `&&`.
CONDITION = "attributeCondition"
NOUNS = {
    **dict.fromkeys(GRANTS, "grant"),
    "projects.Service": "API",
    ACCOUNT: "service account",
    RULE: "download rule",
}
# The properties that name a resource, the most specific first: a rule also has its repository's id.
NAMES = ("ruleId", "repositoryId", "accountId", "service", "workloadIdentityPoolProviderId")
# The words for each operation, in the order of the summary.
OPERATION_WORDS = {
    "create": "Created",
    "import": "Imported",
    "update": "Changed",
    "replace": "Replaced",
    "delete": "Deleted",
    RETAIN: "Retained",
}
# Properties that Google and the provider compute.
COMPUTED = re.compile(
    r"etag|.*Time|name|uniqueId|registryUri|effectiveLabels|pulumiLabels|vulnerabilityScanningConfig|__.*"
)
# Longer values are cut.
MAX_VALUE_LENGTH = 200


def format_member(member: str) -> str:
    return "a member that is known after the update" if member == UNKNOWN else code(member)


def label(step: Step) -> str:
    """Return the kind and the name of the step's resource."""
    props = step.old or step.new
    name = next((props[key] for key in NAMES if props.get(key)), step.name)
    return f"{_noun(step)} {code(name)}"


def capitalized_label(step: Step) -> str:
    text = label(step)
    return text[0].upper() + text[1:]


def _noun(step: Step) -> str:
    word = re.split(r"[.:]", step.type)[-1]
    return (
        NOUNS.get(step.type) or re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", word).lower()
    )


def changed_keys(old: Props, new: Props) -> list[str]:
    """Return the names of the properties that differ, without the computed ones."""
    return [
        key
        for key in sorted({*old, *new})
        if not COMPUTED.fullmatch(key) and _without_empty(old.get(key)) != _without_empty(new.get(key))
    ]


def _without_empty(value: Any) -> Any:
    """Return the value without its empty parts: a refresh reads them as null or as an empty list."""
    if isinstance(value, Mapping):
        parts = {key: _without_empty(part) for key, part in cast("Props", value).items()}
        return {key: part for key, part in parts.items() if part is not None} or None
    return None if value in ("", []) else value


def format_change(key: str, old: Props, new: Props) -> str:
    """Return one property's name, with its values before and after if they are short."""
    before, after = old.get(key), new.get(key)
    if _is_nested(before) or _is_nested(after):
        # Too long for a summary. The diff of the stack file has it.
        return code(key)
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        # Only the changed entries of a map, such as labels.
        left: Mapping[str, Any] = before if isinstance(before, Mapping) else {}
        right: Mapping[str, Any] = after if isinstance(after, Mapping) else {}
        parts = [
            f"{code(part)} {format_value(left.get(part))} → {format_value(right.get(part))}"
            for part in sorted({*left, *right})
            if left.get(part) != right.get(part)
        ]
        return f"{code(key)} " + ", ".join(parts)
    return f"{code(key)} {format_value(before)} → {format_value(after)}"


def _is_nested(value: Any) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(isinstance(part, (Mapping, list)) for part in inner)


def format_value(value: Any) -> str:
    if value is None:
        return "none"
    if value in (SECRET, True, False):
        return code(str(value).lower())
    text = str(value)
    return code(text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…")


def without_urns(text: str) -> str:
    """Return the text with every URN shortened to the resource's name."""
    return re.sub(r"urn:pulumi:[^\s\"']+::([^\s\"':]+)", r"\1", text)


def without_passwords(text: str) -> str:
    """Return the text with the passwords in its URLs hidden."""
    return re.sub(r"(://[^/\s:@]*:)[^/\s@]+(?=@)", r"\1[hidden]", text)
