"""The CEL expressions of providers: Google's own function, and claims that a token does not have."""

from __future__ import annotations

import pytest

from sandbox.cloud.iam.workload_identity import CannotEvaluate, evaluate

SUBJECT = "repo:acme@1/my-adder@2:environment:dev"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("repo:{repository}:", "acme@1/my-adder@2"),
        (":environment:{name}", "dev"),
        ("{kind}:", "repo"),
        ("{all}", SUBJECT),
        (":ref:{name}", ""),
        ("repo:{name}/heads/", ""),
    ],
)
def test_extract_returns_the_part_in_the_place_of_the_name(template: str, expected: str) -> None:
    variables = {"assertion": {"sub": SUBJECT}}
    assert evaluate(f"assertion.sub.extract('{template}')", variables) == expected


@pytest.mark.parametrize("template", ["", "repo:", "{a}{b}", "{}"])
def test_extract_needs_exactly_one_name(template: str) -> None:
    with pytest.raises(CannotEvaluate, match="one name in braces"):
        evaluate(f"assertion.sub.extract('{template}')", {"assertion": {"sub": SUBJECT}})


@pytest.mark.parametrize(("claims", "expected"), [({}, ""), ({"environment": "dev"}, "dev")])
def test_has_finds_out_whether_a_token_has_a_claim(claims: dict[str, str], expected: str) -> None:
    expression = "has(assertion.environment) ? assertion.environment : ''"
    assert evaluate(expression, {"assertion": claims}) == expected
    if not claims:
        with pytest.raises(CannotEvaluate):
            evaluate("assertion.environment", {"assertion": claims})
