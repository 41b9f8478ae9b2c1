"""Lists of text without duplicates. Does not own the rule of an entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from .problem import Problem, not_text


@dataclass(frozen=True, kw_only=True)
class TextList:
    """A kind of list, and its rules.

    Attributes:
        noun: an entry in messages, with its article.
        plural: the entries in messages.
        example: a valid entry.
        check_entry: the rule of an entry.
        identity: the form of an entry that all its spellings share.
    """

    noun: str
    plural: str
    example: str
    check_entry: Callable[[str, str], list[Problem]]
    identity: Callable[[str], str]

    def check(self, key: str, value: object) -> list[Problem]:
        if not isinstance(value, (list, tuple)):
            rule = f"the value must be a list of {self.plural}"
            return [Problem(key, value, rule, f"write one `- {self.example}` per line")]
        problems: list[Problem] = []
        seen: dict[str, str] = {}
        for index, entry in enumerate(cast("Sequence[object]", value)):
            path = f"{key}[{index}]"
            if not isinstance(entry, str):
                rule = f"{self.noun} must be text, such as {self.example}"
                problems.append(not_text(path, entry, rule))
                continue
            identity = self.identity(entry)
            problems += self.check_entry(path, entry) or _duplicate(path, entry, seen.get(identity))
            seen.setdefault(identity, entry)
        return problems


def _duplicate(key: str, entry: str, first: str | None) -> list[Problem]:
    if first is None:
        return []
    also = "" if first == entry else f", also as {first}"
    return [Problem(key, entry, f"the list names this entry twice{also}", "remove one")]
