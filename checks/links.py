"""Links between the Markdown pages, and names of pages in code, without the network.

Anchors follow GitHub's rules for headings. Addresses with a scheme belong to others and are not checked.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from checks.files import Problem

_CODE_BLOCK = re.compile(r"^\s*(```+|~~~+).*?^\s*\1\s*$", re.DOTALL | re.MULTILINE)
_CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|^\s*\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$", re.MULTILINE)
_EXPLICIT_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# A page that a message or a docstring sends its reader to.
_NAMED_PAGE = re.compile(r"(?<![\w/.])docs/[\w/-]+\.md(?:#[\w-]+)?")


def heading_anchors(page: str) -> set[str]:
    """The anchors that GitHub gives to a page's headings, and those that the page sets itself."""
    text = _without(_CODE_BLOCK, _without(_COMMENT, page))
    anchors = set(_EXPLICIT_ANCHOR.findall(text))
    seen: dict[str, int] = {}
    for heading in _HEADING.findall(text):
        # A link in a heading counts with its text; code counts without its backticks.
        title = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        anchors.add(f"{slug}-{count}" if count else slug)
    return anchors


def check_links(pages: Mapping[str, str], files: set[str]) -> Iterator[Problem]:
    """Links of the Markdown pages whose file or heading does not exist.

    Args:
        pages: the text of each Markdown page, by its path from the root.
        files: paths of all files, so that a page may link to code.
    """
    anchors = {path: heading_anchors(text) for path, text in pages.items()}
    folders = {folder for path in files for folder in _parents(path)}
    for path, text in pages.items():
        visible = text
        for pattern in (_COMMENT, _CODE_BLOCK, _CODE_SPAN):
            visible = _without(pattern, visible)
        for link in _LINK.finditer(visible):
            target = link[1] or link[2]
            if _SCHEME.match(target):
                continue
            line = visible.count("\n", 0, link.start(1 if link[1] else 2)) + 1
            file, _, anchor = target.partition("#")
            resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
            if resolved not in files and resolved not in folders:
                yield Problem(path, line, f"link to {target}: there is no {resolved}")
            elif anchor and anchor not in anchors.get(resolved, ()):
                yield Problem(path, line, f"link to {target}: {resolved} does not have that heading")


def check_named_pages(path: str, text: str, pages: Mapping[str, str]) -> Iterator[Problem]:
    """Pages that code names, such as `docs/deploy.md#roles-of-the-deployer`, but that do not exist."""
    for named in _NAMED_PAGE.finditer(text):
        page, _, anchor = named[0].partition("#")
        line = text.count("\n", 0, named.start()) + 1
        if page not in pages:
            yield Problem(path, line, f"there is no {page}")
        elif anchor and anchor not in heading_anchors(pages[page]):
            yield Problem(path, line, f"{page} does not have the heading #{anchor}")


def _without(pattern: re.Pattern[str], text: str) -> str:
    """The text with each match replaced by its line breaks, so that line numbers stay."""
    return pattern.sub(lambda found: "\n" * found[0].count("\n"), text)


def _parents(path: str) -> Iterator[str]:
    while path:
        path = posixpath.dirname(path)
        yield path or "."
