"""The text of a problem."""

from __future__ import annotations

import pytest

from components.args import GitHub
from components.validation import Problem


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 80 + "…"),
        ("a\nb", r"'a\nb'"),
        ("a ", "'a '"),
        (True, "true"),
        ([object()], '[{"type": "object"}]'),
        (("é", 1), '["é", 1]'),
        (
            GitHub(repositories=("a/b",), owner_id="1", ref="refs/heads/main"),
            '{"repositories": ["a/b"], "ownerId": "1", "ref": "refs/heads/main"}',
        ),
    ],
)
def test_a_problem_shows_its_value_on_one_short_line(value: object, shown: str) -> None:
    assert str(Problem("key", value, "rule", "fix")) == f"  key: {shown}\n    rule; fix"
