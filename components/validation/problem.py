"""One problem of one value, and how people read it.

Owns the four parts of a problem and their rendering. Does not own any rule. A caller must pass `HIDDEN`
instead of a secret value, because a message shows every other value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

HIDDEN = "[secret]"
NOT_SET = "(not set)"
# Longest value that a message shows in full.
SHOWN_LENGTH = 80


@dataclass(frozen=True)
class Problem:
    """A value that a rule refuses.

    Attributes:
        key: path of the value, spelled as its user writes it.
        value: the refused value.
        rule: the rule that the value breaks.
        fix: the next step of the user.
    """

    key: str
    value: object
    rule: str
    fix: str

    def without_value(self, fix: str) -> Problem:
        """The problem of a secret. Its rule and its fix could repeat the value."""
        rule = "this value breaks a rule, and a message about it would show the secret"
        return Problem(self.key, HIDDEN, rule, fix)

    def __str__(self) -> str:
        return f"  {self.key}: {_shown(self.value)}\n    {self.rule}; {self.fix}"


def not_text(key: str, value: object, rule: str) -> Problem:
    """The problem of another type where text belongs."""
    if value is None:
        fix = "remove it"
    elif isinstance(value, bool):
        fix = f'write "{json.dumps(value)}"'
    elif isinstance(value, (int, float)):
        # The spelling of a number (1.20, 0123) is already lost, so the fix cannot repeat it.
        fix = "write it in quotes"
    else:
        fix = "write text instead"
    return Problem(key, value, rule, fix)


def property_name(attribute: str) -> str:
    """An attribute as stack files and Pulumi's schemas spell it: `owner_id` is `ownerId`."""
    head, *tail = attribute.split("_")
    return head + "".join(word.title() for word in tail)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_properties)
    text = text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}…"
    # Python's notation makes a line break or a space at an end visible.
    return text if text.isprintable() and text == text.strip() else repr(text)


def _properties(value: Any) -> dict[str, object]:
    """The properties of a dataclass that are set; only the type of another object."""
    if not is_dataclass(value):
        return {"type": type(value).__name__}
    return {property_name(f.name): v for f in fields(value) if (v := getattr(value, f.name))}
