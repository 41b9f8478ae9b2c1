"""The settings and the sandbox know the same forms of members, and refuse the same ones."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.validation.members import check_members
from sandbox.cloud.iam.members import is_member
from tests.support.cases import case_parameters

# The members that only the settings refuse: they open the index, name nobody, or cannot exist.
ON_PURPOSE = re.compile(
    r"allUsers|allAuthenticatedUsers|deleted:.*|project(Owner|Editor|Viewer):.*"
    r"|serviceAccount:([^@]{0,5}|[^@]{31,})@(?!gcp-sa-).*\.iam\.gserviceaccount\.com"
)

_FORMS = [case.values[0]["input"] for case in case_parameters("members", kind="form")]
# The pieces of the forms, so that the grammar below joins parts of one form with parts of another.
_PIECES = sorted({piece for form in _FORMS for piece in re.split(r"(?<=[:/@.?*])", form) if piece})
_CHARACTERS = st.sampled_from("aZ09._-+'@:/ *?=%!\n\0\x85\u0663é")


@st.composite
def _changed_forms(draw: st.DrawFn) -> str:
    """A documented form, with a part of it removed, replaced or preceded by something else."""
    form = draw(st.sampled_from(_FORMS))
    start = draw(st.integers(0, len(form)))
    end = draw(st.integers(start, len(form)))
    return form[:start] + draw(st.text(_CHARACTERS, max_size=4) | st.sampled_from(_PIECES)) + form[end:]


@st.composite
def _other_words(draw: st.DrawFn) -> str:
    """A documented form, with another word in it."""
    form = draw(st.sampled_from(_FORMS))
    word = draw(st.sampled_from(list(re.finditer(r"[\w-]+", form))))
    return form[: word.start()] + draw(st.text(_CHARACTERS, min_size=1, max_size=8)) + form[word.end() :]


_JOINED_PIECES = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=6).map("".join)


@settings(max_examples=600, deadline=None)
@given(_changed_forms() | _other_words() | _JOINED_PIECES)
@example("user:a@example.com\n")
@example(
    "principal://iam.googleapis.com/projects/\u0663/locations/global/workloadIdentityPools/p/subject/x"
)
@example("user:x@p.IAM.gserviceaccount.COM")
def test_settings_and_sandbox_accept_the_same_members(member: str) -> None:
    accepted = not check_members("readers", [member])
    if accepted:
        assert is_member(member), "the settings accept it, and the sandbox refuses it"
    elif is_member(member):
        assert ON_PURPOSE.fullmatch(member), "the sandbox accepts it, and the settings refuse it"


@pytest.mark.parametrize("case", case_parameters("members", kind="form"))
def test_each_documented_form_is_accepted_or_refused_with_a_fix(case: dict[str, Any]) -> None:
    texts = [str(problem) for problem in check_members("readers", [case["input"]])]
    if case["expected"] == "accepted":
        assert texts == []
    else:
        (text,) = texts
        assert case["expected"] in text
    assert is_member(case["input"]) == case.get("sandbox", True)
