"""Text from other people stays text in Markdown."""

from __future__ import annotations

import pytest

from tools.summary.markdown import CUT, block, code, fit


@pytest.mark.parametrize(
    ("text", "shown"), [("", "`  `"), ("`", "`` ` ``"), ("a``b", "```a``b```"), ("x", "`x`")]
)
def test_inline_code_contains_any_text(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_fence_is_longer_than_any_in_its_block() -> None:
    assert block("a\n```\nb") == ["````", "a", "```", "b", "````"]


@pytest.mark.parametrize("prefix", ["", "> "])
def test_a_cut_block_is_closed_where_it_was_opened(prefix: str) -> None:
    text = "\n".join(f"{prefix}{line}" for line in block("a line\n" * 20_000))
    assert fit(text).endswith(f"\n{prefix}a line\n{prefix}```{CUT}")
