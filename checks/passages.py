"""The prose of a file: Markdown text, docstrings, comments, messages and test names.

Owns what counts as prose. Code spans, code blocks, addresses and quotations are other people's words or
no words, so a placeholder replaces them. Vale was tried for this: it needs a C compiler, does not read the
docstrings of fields, and does not join the lines of a Python comment to sentences.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

# A word in its place keeps the sentence around a code span whole.
PLACEHOLDER = "CODE"
# Inventories, which the tests write.
GENERATED = ".expected.yaml"
# Descriptions in Google's state: another text would update the repository of every stack.
RELEASED = frozenset({"What clients install from: private packages and PyPI's"})
# A string of fewer words is a key, a name or a format, not a message.
MESSAGE_WORDS = 4

_HASH_COMMENTED = re.compile(
    r"\.(?:yaml|yml|toml|sh)$|^(?:Makefile|Dockerfile|run|requirements[\w-]*\.txt|\.gitignore)$"
)
_FENCE = re.compile(r"\s*(```+|~~~+)")
_HTML_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s\"[^\"]*\")?\)")
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_QUOTATION = re.compile(r"\"[^\"\n]{1,300}\"|“[^”]{1,300}”")
_ADDRESS = re.compile(r"https?://\S+|\S+@\S+")
_BLOCK_START = re.compile(r"\s*(?:[-*+] |\d+\. |#{1,6} |\||>)")
# An entry of `Args:`, `Attributes:` or `Raises:` in a docstring.
_ENTRY = re.compile(r"\s+\w+: ")
_SENTENCE_END = re.compile(r"(?<=[.!?])[)*_]*\s+(?=[A-Z*_(])")


@dataclass(frozen=True)
class Passage:
    """A text without breaks: a paragraph, a list item, a table cell, a docstring's paragraph."""

    line: int
    text: str

    @property
    def sentences(self) -> list[str]:
        return [sentence.strip("*_ ") for sentence in _SENTENCE_END.split(self.text)]


def read_passages(path: str, text: str) -> list[Passage]:
    """The prose of one file, in the order of its lines; nothing for kinds of files without rules."""
    name = path.rpartition("/")[2]
    if name.endswith(".md"):
        passages = _markdown(text)
    elif name.endswith(".py"):
        passages = _python(text, is_test=path.startswith("tests/"))
    elif _HASH_COMMENTED.search(name) and not name.endswith(GENERATED):
        passages = _hash_comments(text)
    else:
        return []
    return sorted(passages, key=lambda passage: passage.line)


def _plain(text: str) -> str:
    text = _LINK.sub(r"\1", text)
    text = _CODE.sub(PLACEHOLDER, text)
    text = _QUOTATION.sub(PLACEHOLDER, text)
    text = _ADDRESS.sub(PLACEHOLDER, text)
    return " ".join(text.split())


def _passages(lines: list[tuple[int, str]]) -> Iterator[Passage]:
    """Join numbered lines to passages; a blank line or the start of a list item separates them."""
    block: list[tuple[int, str]] = []
    for number, line in [*lines, (0, "")]:
        if block and (not line.strip() or _BLOCK_START.match(line)):
            plain = _plain(" ".join(part for _, part in block))
            if plain:
                yield Passage(block[0][0], plain)
            block = []
        if line.strip().startswith("|"):
            yield from _cells(number, line)
        elif line.strip():
            block.append((number, re.sub(r"^\s*(?:(?:[-*+]|\d+\.|#{1,6}|>+) ?)+", "", line)))


def _cells(number: int, line: str) -> Iterator[Passage]:
    for cell in re.split(r"(?<!\\)\||<br>", line.strip().strip("|")):
        plain = _plain(cell)
        if plain.strip("-: "):
            yield Passage(number, plain)


def _markdown(text: str) -> Iterator[Passage]:
    # A comment keeps its line breaks, so that the lines below it keep their numbers.
    text = _HTML_COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    fence = ""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
            line = ""
        elif mark:
            fence, line = mark[1], ""
        lines.append((number, line))
    return _passages(lines)


def _python(text: str, *, is_test: bool) -> Iterator[Passage]:
    yield from _python_comments(text)
    tree = ast.parse(text)
    docstrings: set[int] = set()
    for node in ast.walk(tree):
        # A bare string documents what is above it: a module, a class, a function or a field.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                docstrings.add(id(node.value))
                yield from _passages(list(_docstring_lines(node.lineno, node.value.value)))
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield Passage(node.lineno, node.name.removeprefix("test_").replace("_", " ").capitalize())
    if not is_test:
        yield from _messages(tree, docstrings)


def _docstring_lines(first: int, docstring: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(docstring.splitlines(), first):
        entry = _ENTRY.match(line)
        if entry:
            # An empty line before it makes the entry a text of its own.
            yield number, ""
        yield number, line[entry.end() :] if entry else line


def _messages(tree: ast.Module, docstrings: set[int]) -> Iterator[Passage]:
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in docstrings or id(node) in parts:
            continue
        if isinstance(node, ast.JoinedStr):
            message = "".join(
                str(part.value) if isinstance(part, ast.Constant) else PLACEHOLDER for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in RELEASED:
            message = node.value
        else:
            continue
        if len(message.split(" ")) >= MESSAGE_WORDS:
            # Each line is printed as a line.
            for line in message.splitlines():
                yield from _passages([(node.lineno, line)])


def _python_comments(text: str) -> Iterator[Passage]:
    lines: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comment = token.string.lstrip("#!").strip()
            if re.match(r"noqa|pyright:|type:|ruff:", comment):
                continue
            number = token.start[0]
            if lines and lines[-1][0] != number - 1:
                lines.append((number - 1, ""))
            lines.append((number, comment))
    return _passages(lines)


def _hash_comments(text: str) -> Iterator[Passage]:
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        comment = re.match(r"\s*#+(?!!)(.*)|.*\s##? (.*)", line)
        # A comment beside code is a text of its own.
        beside = comment is not None and comment[1] is None
        if beside:
            lines.append((number, ""))
        lines.append((number, (comment[1] if comment[1] is not None else comment[2]) if comment else ""))
        if beside:
            lines.append((number, ""))
    return _passages(lines)
