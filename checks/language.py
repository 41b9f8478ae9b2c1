"""The rules of plain English that a pattern can find; CONTRIBUTING.md explains them.

A rule is here only if nearly every match is a mistake. If a text must quote such words, quote them: text
in double quotes or in a code span is not checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from checks.files import Problem
from checks.passages import read_passages


@dataclass(frozen=True)
class Rule:
    """A pattern that finds a mistake, and the advice that repairs it.

    The last group of the pattern, if it has one, is the mistake.
    """

    name: str
    pattern: re.Pattern[str]
    advice: str


# CONTRIBUTING.md asks for 25; a list of names may need more.
SENTENCE_WORDS = 30


def _rule(name: str, pattern: str, advice: str) -> Rule:
    return Rule(name, re.compile(pattern, re.IGNORECASE), advice)


_UNIT = r"(?:stack|project|machine|team|environment|repository|request|run|row|minute)"
_NOUN = r"(?!(?:is|are|has|on|in|of|for|to|with|as|at|by|from|takes|makes|gives)\b)[\w-]+"

RULES = (
    # A question starts with the same words, and a table's cell is in small letters.
    _rule(
        "clause-first",
        r"^(?-i:Who|Whoever|Whom|Whose|What|Whatever|Where|Wherever|Of)\b(?!.*\?$)",
        "start with the actor and an active verb",
    ),
    _rule(
        "per",
        rf"\b(?:once|twice|each|(?:an?|one|two|three|\d+) {_NOUN}) an? {_UNIT}\b|\ban? {_UNIT} each\b",
        "write 'per stack' or 'each stack'",
    ),
    # To leave something alone is not to touch it.
    _rule("alone", r"^(?!.*\b(?:leaves?|left|lets?)\b.*\balone\b).*\b(alone)\b", "write 'only'"),
    _rule("anew", r"\banew\b", "write 'again'"),
    _rule("stead", r"\bstead\b", "write 'instead of'"),
    _rule(
        "is-to",
        r"\b(?:is|are|was|were) to (?!(?:an?|the|its|their|this|that|each)\b)[a-z]+",
        "write 'must', 'can' or 'will'",
    ),
    _rule(
        "is-no",
        r"(?<!there )\b(?:is|are|was|were) (?-i:no(?! longer\b| more\b)|none)\b",
        "write 'is not'",
    ),
    _rule("has-none", r"\b(?:has|have|had) (?-i:none)\b", "write 'does not have'"),
    _rule(
        "metaphor",
        r"\bout of (?:[\w']+ ){0,3}sight\b|\bbad day\b|\bwhole truth\b|\bin vain\b|\bleft hand\b"
        r"|\bon the spot\b|\bspoil(?:s|t|ed)?\b",
        "use the field's term instead of a metaphor",
    ),
    _rule("stranger", r"\bstrangers?\b", "write 'attacker', 'other user' or 'someone else'"),
    _rule("plugin", r"\bplug-ins?\b", "write 'plugin'"),
    _rule(
        "fake",
        r"\bstand-ins?\b|\bimitat(?:e[sd]?|ing|ion)\b",
        "write 'fake provider', or 'emulate' for the sandbox",
    ),
    _rule(
        "figurative-verb",
        r"\b(?:go|goes|went|gone|going) (?:on|by|away)\b|\b(?:come|comes|came) (?:along|about)\b"
        r"|\b(?:take|takes|took|taken) (?:away|along)\b|\bstands? for\b|\bmend(?:s|ed|ing)?\b",
        "use one plain verb: continue, delete, revoke, replace, represent, repair",
    ),
    _rule("aside", r"(?<!them )(?<!it )\baside\b", "write 'except'"),
    _rule(
        "archaic",
        r"\b(?:lest|whence|thereof|therein|wherein|whereupon|hitherto|thereby|forthwith)\b",
        "use a common word",
    ),
)


def check_language(path: str, text: str) -> Iterator[Problem]:
    """The mistakes in one file."""
    for passage in read_passages(path, text):
        for sentence in passage.sentences:
            length = len(sentence.split())
            if length > SENTENCE_WORDS:
                yield Problem(path, passage.line, f"split this sentence of {length} words (long)")
            for rule in RULES:
                found = rule.pattern.search(sentence)
                if found:
                    words = found[found.lastindex or 0]
                    yield Problem(path, passage.line, f"{rule.advice} ({rule.name}: '{words}')")
