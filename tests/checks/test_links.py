"""Links follow GitHub's rules for paths and headings."""

from __future__ import annotations

import pytest

from checks.links import check_links, check_named_pages, heading_anchors

PAGES = {
    "README.md": "# Home\n\n## Roles of the deployer\n\n## `make up`, twice\n\n## Home\n",
    "docs/deploy.md": "# Deploy\n\n```sh\n# not a heading\n```\n",
}
FILES = {*PAGES, "docs/tour.svg", "examples/consumer/__main__.py"}


def problems(page: str, text: str) -> list[str]:
    return [str(problem) for problem in check_links({**PAGES, page: text}, FILES | {page})]


@pytest.mark.parametrize(
    "link",
    [
        "[a](deploy.md)",
        "[a](../README.md#roles-of-the-deployer)",
        "[a](../README.md#make-up-twice)",
        "[a](../README.md#home-1)",
        "[a](../examples/consumer)",
        "![a](tour.svg)",
        "[a](#here)",
        "[a][b]\n\n[b]: deploy.md",
        "[a](https://example.com/nothing.md#here)",
        "`[a](nothing.md)`",
        "```\n[a](nothing.md)\n```",
    ],
)
def test_a_link_to_what_exists_passes(link: str) -> None:
    assert problems("docs/page.md", f"# Here\n\n{link}\n") == []


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("[a](nothing.md)", "docs/page.md:3: link to nothing.md: there is no docs/nothing.md"),
        ("[a](#there)", "docs/page.md:3: link to #there: docs/page.md does not have that heading"),
        (
            "[a](deploy.md#not-a-heading)",
            "docs/page.md:3: link to deploy.md#not-a-heading: docs/deploy.md does not have that heading",
        ),
        ("![a](none.svg)", "docs/page.md:3: link to none.svg: there is no docs/none.svg"),
        ("[b]: nothing.md", "docs/page.md:3: link to nothing.md: there is no docs/nothing.md"),
        ("[a](../../issues)", "docs/page.md:3: link to ../../issues: there is no ../issues"),
    ],
)
def test_a_link_to_nothing_is_found_at_its_line(link: str, message: str) -> None:
    assert problems("docs/page.md", f"# Here\n\n{link}\n") == [message]


def test_anchors_are_githubs() -> None:
    page = '# A & b: "c"\n## `x_y` [z](q.md)\n## Same\n## Same\n<a id="own"></a>\n'
    assert heading_anchors(page) == {"a--b-c", "x_y-z", "same", "same-1", "own"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("See docs/deploy.md#deploy.", None),
        ("See docs/nothing.md.", "a.py:1: there is no docs/nothing.md"),
        ("See docs/deploy.md#roles.", "a.py:1: docs/deploy.md does not have the heading #roles"),
    ],
)
def test_a_page_that_a_message_names_must_exist(text: str, message: str | None) -> None:
    found = [str(problem) for problem in check_named_pages("a.py", text, PAGES)]
    assert found == ([message] if message else [])
