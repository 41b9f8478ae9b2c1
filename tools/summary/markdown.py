"""Safe Markdown: other people's text that stays text, and a comment that fits.

Members, labels and messages are data. None of them can end a code span, mention a person or hide text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tools.summary.previews import UNKNOWN

Lines = list[str]

# GitHub refuses a longer body: "Body is too long (maximum is 65536 characters)". Its API reference gives no
# limit.
COMMENT_LIMIT = 65_536
# Reserved for the marker and the link that the workflow adds.
RESERVED = 536
CUT = "\n\n**The summary is cut off here, because it is too long. The rest is in the run's log.**\n"


def code(value: object) -> str:
    """Return a short text as inline code, on one line, with invisible characters escaped."""
    text = "known after the update" if value == UNKNOWN else str(value)
    text = visible(text).replace("\n", "\\n")
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if not text or text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def codes(values: Iterable[object]) -> str:
    """Return several texts as inline code, separated by commas."""
    return ", ".join(map(code, values))


def block(text: str, language: str = "") -> Lines:
    """Return a longer text as a code block."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *(visible(line) for line in text.rstrip("\n").split("\n")), fence]


def visible(text: str) -> str:
    """Return the text with control characters, and characters that turn or hide text, escaped."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def fit(text: str) -> str:
    """Return the text, cut at the end of a line if it is too long for a comment, with a note about it."""
    limit = COMMENT_LIMIT - RESERVED
    if len(text) <= limit:
        return text
    # A cut code block must be closed. Its fence can be as long as the text in it requires.
    head = text[: limit - len(CUT)].rpartition("\n")[0]
    fence = prefix = ""
    for line in head.split("\n"):
        ticks = re.match(r"((?:> )?)(`{3,})", line)
        if ticks and not fence:
            prefix, fence = ticks.groups()
        elif ticks and line == prefix + fence:
            fence = ""
    while fence and len(head) + 1 + len(prefix + fence) + len(CUT) > limit:
        head = head.rpartition("\n")[0]
    return head + (f"\n{prefix}{fence}" if fence else "") + CUT
