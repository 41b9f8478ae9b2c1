"""Suggestions for misspelled words."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping

from .problem import Problem

# How similar a suggestion must be to the word, where 1 is equal: difflib's own measure and cutoff.
SIMILARITY = 0.6


def suggest(word: str, words: Iterable[str], otherwise: str) -> str:
    """The fix that names the most similar of the right words, or another fix if none is similar."""
    best = nearest(word, words)
    return f"did you mean {best}?" if best else otherwise


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The most similar of the right words, or None if none is similar enough."""
    ratios = {right: similarity(word.lower(), right.lower()) for right in words}
    best = max(ratios, key=ratios.__getitem__)
    return best if ratios[best] >= SIMILARITY else None


def similarity(word: str, other: str) -> float:
    return difflib.SequenceMatcher(None, word, other).ratio()


def unknown_names(
    key: str, value: Mapping[str, object], names: Collection[str], rule: str
) -> list[Problem]:
    """The problems of the names in a map that nobody reads."""
    otherwise = f"the keys are {', '.join(names)}"
    return [
        Problem(f"{key}.{name}", value[name], rule, suggest(name, names, otherwise))
        for name in value
        if name not in names
    ]
