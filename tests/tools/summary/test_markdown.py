"""Text from other people stays text in Markdown."""

from __future__ import annotations

import pytest

from tools.summary.markdown import block, code


@pytest.mark.parametrize(
    ("text", "shown"), [("", "`  `"), ("`", "`` ` ``"), ("a``b", "```a``b```"), ("x", "`x`")]
)
def test_inline_code_contains_any_text(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_fence_is_longer_than_any_in_its_block() -> None:
    assert block("a\n```\nb") == ["````", "a", "```", "b", "````"]
