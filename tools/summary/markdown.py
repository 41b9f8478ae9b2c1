"""Text that others chose, put into Markdown so that it stays text; and a comment that fits.

Members, labels and messages are data: none of them may end a code span, mention a person, or hide another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tools.summary.previews import UNKNOWN

Lines = list[str]

# GitHub refuses a longer one: "Body is too long (maximum is 65536 characters)". Its API documents no limit.
COMMENT_LIMIT = 65_536
# Left for what posts it: its marker and a link to the run.
RESERVED = 536
CUT = "\n\n**This is cut off here: it is longer than a comment may be. The rest is in the run's log.**\n"


def code(value: object) -> str:
    """A short text as inline code, on one line, its invisible characters made visible."""
    text = "known after the up" if value == UNKNOWN else str(value)
    text = visible(text).replace("\n", "\\n")
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if not text or text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def codes(values: Iterable[object]) -> str:
    """Several, in a sentence."""
    return ", ".join(map(code, values))


def block(text: str, language: str = "") -> Lines:
    """A longer text as a code block."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *(visible(line) for line in text.rstrip("\n").split("\n")), fence]


def visible(text: str) -> str:
    """Without control characters, and none that turn or hide text."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def fit(text: str) -> str:
    """The comment, cut at a line's end where it is too long, with a sentence that says so."""
    limit = COMMENT_LIMIT - RESERVED
    if len(text) <= limit:
        return text
    # Room for closing a code block, whose fence may be as long as the text in it needs.
    kept = text[: limit - len(CUT)].rpartition("\n")[0]
    fence = ""
    for line in kept.split("\n"):
        ticks = re.match(r"(?:> )?(`{3,})", line)
        if ticks and not fence:
            fence = ticks[1]
        elif ticks and line.removeprefix("> ") == fence:
            fence = ""
    while fence and len(kept) + 1 + len(fence) + len(CUT) > limit:
        kept = kept.rpartition("\n")[0]
    return kept + (f"\n{fence}" if fence else "") + CUT
