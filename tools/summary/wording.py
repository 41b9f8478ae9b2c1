"""Steps and what is in them, in a reviewer's words: what a resource is called, what of it differs.

Owns words alone; what is worth saying is for `summary.py` and `dangers.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from tools.summary.grants import ACCOUNT, GRANTS
from tools.summary.markdown import code
from tools.summary.previews import RETAIN, SECRET, UNKNOWN, Props, Step

RULE = "artifactregistry.Rule"
# Whose tokens a provider takes, in CEL; the program joins its clauses with `&&`.
CONDITION = "attributeCondition"
NOUNS = {
    **dict.fromkeys(GRANTS, "grant"),
    "projects.Service": "API",
    ACCOUNT: "service account",
    RULE: "download rule",
}
# What names a resource for a person, the first that it has: a rule has its repository's id, too.
NAMES = ("ruleId", "repositoryId", "accountId", "service", "workloadIdentityPoolProviderId")
DONE = {
    "create": "Made",
    "import": "Taken over",
    "update": "Changed",
    "replace": "Replaced",
    "delete": "Deleted",
    RETAIN: "Let go",
}
# Google and the plugin write these; no person does.
COMPUTED = re.compile(
    r"etag|.*Time|name|uniqueId|registryUri|effectiveLabels|pulumiLabels|vulnerabilityScanningConfig|__.*"
)
# A value longer than this is cut.
SHOWN = 200


def member_called(member: str) -> str:
    return "somebody whom only the `up` will know" if member == UNKNOWN else code(member)


def _noun(step: Step) -> str:
    word = re.split(r"[.:]", step.type)[-1]
    return (
        NOUNS.get(step.type) or re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", word).lower()
    )


def called(step: Step) -> str:
    props = step.old or step.new
    name = next((props[key] for key in NAMES if props.get(key)), step.name)
    return f"{_noun(step)} {code(name)}"


def sentence(step: Step) -> str:
    what = called(step)
    return what[0].upper() + what[1:]


def differing(old: Props, new: Props) -> list[str]:
    return [
        key
        for key in sorted({*old, *new})
        if not COMPUTED.fullmatch(key) and _filled(old.get(key)) != _filled(new.get(key))
    ]


def _filled(value: Any) -> Any:
    """The value without what is empty in it: a refresh reads nothing now as null, now as an empty list."""
    if isinstance(value, Mapping):
        parts = {key: _filled(part) for key, part in cast("Props", value).items()}
        return {key: part for key, part in parts.items() if part is not None} or None
    return None if value in ("", []) else value


def change(key: str, old: Props, new: Props) -> str:
    was, now = old.get(key), new.get(key)
    if _nested(was) or _nested(now):
        # Too much to read here; the diff of the stack's file has it.
        return code(key)
    if isinstance(was, Mapping) or isinstance(now, Mapping):
        # One line of a map, such as labels, rather than all of it.
        left: Mapping[str, Any] = was if isinstance(was, Mapping) else {}
        right: Mapping[str, Any] = now if isinstance(now, Mapping) else {}
        parts = [
            f"{code(part)} {shown(left.get(part))} → {shown(right.get(part))}"
            for part in sorted({*left, *right})
            if left.get(part) != right.get(part)
        ]
        return f"{code(key)} " + ", ".join(parts)
    return f"{code(key)} {shown(was)} → {shown(now)}"


def _nested(value: Any) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(isinstance(part, (Mapping, list)) for part in inner)


def shown(value: Any) -> str:
    if value is None:
        return "none"
    if value in (SECRET, True, False):
        return code(str(value).lower())
    text = str(value)
    return code(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def without_urns(text: str) -> str:
    """Resources by their names: the rest of a URN says nothing to a reviewer."""
    return re.sub(r"urn:pulumi:[^\s\"']+::([^\s\"':]+)", r"\1", text)


def without_passwords(text: str) -> str:
    return re.sub(r"(://[^/\s:@]*:)[^/\s@]+(?=@)", r"\1[hidden]", text)
