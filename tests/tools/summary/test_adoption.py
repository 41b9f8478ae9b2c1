"""Repositories that an update adopts: one line each, and a warning about what the update deletes.

`recordings/adopted.md` has the summary of a whole preview.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.tools.summary.steps import REPOSITORY, step, summarize_steps

OURS = {"repositoryId": "python", "mode": "STANDARD_REPOSITORY", "deletionPolicy": "DELETE"}
POLICIES = {"cleanupPolicies": [{"id": "old", "action": "DELETE"}, {"id": "keep", "action": "KEEP"}]}


def upstreams(*repositories: str) -> dict[str, Any]:
    policies = [{"id": f"{n}", "repository": name, "priority": n} for n, name in enumerate(repositories)]
    return {"virtualRepositoryConfig": {"upstreamPolicies": policies}}


def adoption(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The summary of an import, and of an update of what differs."""
    differing = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    update = step("update", REPOSITORY, {**OURS, **old}, {"repositoryId": "python", **new})
    return summarize_steps(
        step("import", REPOSITORY, {**OURS, **old}, {**OURS, **old}), {**update, "diffReasons": differing}
    )


def test_an_adopted_repository_that_changes_is_one_line_without_defaults_of_the_provider() -> None:
    text = adoption({"description": "a"}, {"description": "b"})
    assert "### Stack `dev`: 1 adopted\n" in text
    assert "- Adopted: repository `python`: `description` `a` → `b`\n" in text
    assert "WARNING" not in text


@pytest.mark.parametrize(
    ("old", "new", "deleted"),
    [
        (POLICIES, {}, "cleanup policies: `keep`, `old`."),
        (POLICIES, {"cleanupPolicies": [{"id": "old", "action": "KEEP"}]}, "cleanup policies: `keep`."),
        (upstreams("a", "b"), upstreams("c", "a"), "upstreams: `b`. Clients no longer install from there."),
    ],
)
def test_a_warning_names_what_an_adoption_deletes(
    old: dict[str, Any], new: dict[str, Any], deleted: str
) -> None:
    warning = f"> Repository `python` was made by hand, and this update deletes its {deleted}\n"
    assert warning in adoption(old, new)


@pytest.mark.parametrize(
    ("old", "new"), [(upstreams("a"), upstreams("b", "a")), ({"labels": {"a": "b"}}, {"labels": {}})]
)
def test_an_adoption_that_deletes_nothing_has_no_warning(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert "made by hand" not in adoption(old, new)
