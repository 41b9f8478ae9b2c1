"""Labels of the repositories."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import cast

from .problem import Problem, not_text

# "Requirements for labels" in the Resource Manager documentation. A letter has no case or is lower-case;
# modifier letters are not allowed.
LABEL_LENGTH = 63
FIRST_CATEGORIES = ("Ll", "Lo")
CATEGORIES = (*FIRST_CATEGORIES, "Nd", "Nl", "No")
RESERVED_PREFIX = "goog"
GOOGLE_LIMIT = 64
# The provider adds one label of its own.
LABEL_LIMIT = GOOGLE_LIMIT - 1


def check_labels(key: str, value: object) -> list[Problem]:
    if not isinstance(value, Mapping):
        return [Problem(key, value, "the value must be a map of labels", "write one `key: value` per line")]
    labels = cast("Mapping[str, object]", value)
    problems: list[Problem] = []
    if len(labels) > LABEL_LIMIT:
        rule = f"Google allows {GOOGLE_LIMIT} labels, and the provider adds one"
        problems.append(Problem(key, f"{len(labels)} labels", rule, f"keep at most {LABEL_LIMIT}"))
    for name, text in labels.items():
        problems += check_label(f"{key}.{name}", name, text)
    return problems


def check_label(key: str, name: str, value: object) -> list[Problem]:
    if not isinstance(value, str):
        return [not_text(key, value, "the value of a label must be text")]
    problems = [*_text_problems(key, value, "key", name), *_text_problems(key, value, "value", value)]
    if not name or unicodedata.category(name.lower()[0]) not in FIRST_CATEGORIES:
        problems.append(Problem(key, value, "the key of a label must start with a letter", "rename it"))
    elif name.startswith(RESERVED_PREFIX):
        rule = f"Google reserves the keys that start with {RESERVED_PREFIX}"
        problems.append(Problem(key, value, rule, "rename it"))
    return problems


def _text_problems(key: str, value: str, part: str, text: str) -> list[Problem]:
    """The problems of the length and the characters of a key or a value."""
    if len(text) > LABEL_LENGTH:
        rule = f"the {part} of this label has {len(text)} characters, and Google allows {LABEL_LENGTH}"
        return [Problem(key, value, rule, "shorten it")]
    valid = "".join(c if _is_valid(c) else "-" for c in text.lower())
    if valid == text:
        return []
    rule = f"the {part} of a label has only lower-case letters, digits, hyphens and underscores"
    return [Problem(key, value, rule, f"write {valid}" if valid.strip("-") else "choose another")]


def _is_valid(character: str) -> bool:
    return character in "-_" or unicodedata.category(character) in CATEGORIES
