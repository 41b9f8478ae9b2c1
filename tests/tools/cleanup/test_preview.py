"""`tools cleanup-preview` against answers of the API: pages, policies, refusals and the report."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tools.cleanup import preview, repositories
from tools.cleanup.preview import preview_cleanup
from tools.cleanup.repositories import read_versions
from tools.errors import ToolError

PARENT = "projects/demo-proj/locations/us/repositories"
UPLOAD, CACHE, INDEX = f"{PARENT}/python", f"{PARENT}/python-pypi", f"{PARENT}/python-index"
OUTPUTS = {"project": "demo-proj", "location": "us", "repository": "python", "repository_name": UPLOAD}
OLD = {"id": "delete-old", "action": "DELETE", "condition": {"olderThan": "7776000s", "tagState": "ANY"}}
KEEP = {"id": "keep-recent", "action": "KEEP", "mostRecentVersions": {"keepCount": 1}}
DEPLOYED = {"cleanupPolicies": {"delete-old": OLD, "keep-recent": KEEP}}
OTHER = "projects/other-proj/locations/us/repositories/python-other"
# As many documents as a page of these answers has.
PAGE = 2


@dataclass
class Answer:
    """An answer, as the library `requests` has it."""

    status_code: int
    body: dict[str, Any]
    reason: str = "Bad"

    def json(self) -> dict[str, Any]:
        return self.body


@dataclass
class Google:
    """The API with two repositories, and the statuses of the next refusals."""

    upload: dict[str, Any] = field(default_factory=dict[str, Any])
    ages: dict[str, int] = field(
        default_factory=lambda: {"a/1.0": 100, "a/1.1": 95, "a/2.0+x": 2, "b/1.0": 400, "c/1.0": 3}
    )
    refusals: list[int] = field(default_factory=list[int])
    asked: list[str] = field(default_factory=list[str])

    def get(self, url: str, params: dict[str, Any], timeout: float) -> Answer:
        assert timeout > 0
        name = url.removeprefix(f"{repositories.API}/")
        self.asked.append(name)
        if self.refusals:
            return Answer(self.refusals.pop(0), {"error": {"message": "No."}})
        if name == INDEX:
            # With the project's number, and with repositories of another registry.
            upstreams = [UPLOAD, CACHE.replace("demo-proj", "123"), f"{PARENT}/other", OTHER]
            policies = [{"id": str(i), "repository": upstream} for i, upstream in enumerate(upstreams)]
            return Answer(200, {"virtualRepositoryConfig": {"upstreamPolicies": policies}})
        if name == OTHER.replace("other-proj", "demo-proj"):
            return Answer(404, {})
        if name in (UPLOAD, CACHE):
            return Answer(200, {"name": name, **(self.upload if name == UPLOAD else {})})
        return self.page(name, params)

    def page(self, name: str, params: dict[str, Any]) -> Answer:
        """A page of the upload repository's packages, or of a package's versions."""
        assert params["pageSize"] == repositories.PAGE_SIZE
        repository, _, rest = name.partition("/packages")
        ages = self.ages if repository == UPLOAD else {}
        package = rest.removeprefix("/").removesuffix("/versions")
        ids = [key.partition("/") for key in ages]
        if package:
            found = [
                {
                    "name": f"{repository}/packages/{p}/versions/{v.replace('+', '%2B')}",
                    "createTime": (
                        datetime.now(UTC) - timedelta(days=ages[f"{p}/{v}"], hours=1)
                    ).isoformat(),
                }
                for p, _, v in ids
                if p == package
            ]
        else:
            found = [{"name": f"{repository}/packages/{p}"} for p in dict.fromkeys(p for p, _, _ in ids)]
        start = int(params["pageToken"] or 0)
        more = {"nextPageToken": str(start + PAGE)} if start + PAGE < len(found) else {}
        return Answer(200, {"versions" if package else "packages": found[start : start + PAGE], **more})


Run = Callable[..., tuple[bool, str]]


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Google:
    google = Google()
    monkeypatch.setattr(preview, "own_session", lambda: google)
    monkeypatch.setattr(preview, "read_outputs", {"dev": OUTPUTS}.__getitem__)
    monkeypatch.setattr(repositories, "WAITS_SECONDS", (0, 0))
    return google


@pytest.fixture
def run(google: Google, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(setting: Any = None, *, deployed: bool = False, days: int = 0) -> tuple[bool, str]:
        def read_setting(stack: str, key: str) -> Any:
            return {("dev", "python-registry:cleanup"): setting}[stack, key]

        monkeypatch.setattr(preview, "read_setting", read_setting)
        deletes = preview_cleanup("dev", deployed=deployed, days=days)
        # The columns are as wide as their longest cell.
        return deletes, re.sub(r"(?<=\S) +", " ", capsys.readouterr().out)

    return run


def test_the_versions_of_all_pages_are_read(google: Google) -> None:
    seen: list[tuple[int, int]] = []
    session: Any = google

    def progress(number: int, count: int) -> None:
        seen.append((number, count))

    versions = read_versions(session, UPLOAD, progress)
    assert [f"{v.package}/{v.id}" for v in versions] == list(google.ages)
    assert seen == [(0, 3), (1, 3), (2, 3)]


def test_the_policies_of_the_stack_file_come_first(run: Run, google: Google) -> None:
    google.upload = {**DEPLOYED, "cleanupPolicyDryRun": True}
    deletes, report = run({"deleteOlderThan": "1d", "packages": ["c"], "dryRun": False})
    assert deletes
    assert report.startswith("Policies of the stack file (python-registry:cleanup)\n")
    assert f"{UPLOAD}: 1 of 5 versions would be deleted (not a dry run, not deployed yet)" in report
    assert "  delete c 1.0 3 days delete-old\n" in report
    assert "  Every version would be deleted of: c\n" in report
    assert "  keep b 1.0 400 days delete-old is for other packages\n" in report
    assert f"{CACHE}: no cleanup policy, so Google deletes nothing" in report
    assert "other-proj" not in "".join(google.asked)


@pytest.mark.parametrize(("setting", "deployed"), [(None, False), ({"deleteOlderThan": "1d"}, True)])
def test_without_a_setting_the_deployed_policies_decide(
    run: Run, google: Google, setting: Any, deployed: bool
) -> None:
    google.upload = DEPLOYED
    deletes, report = run(setting, deployed=deployed)
    assert deletes
    assert report.startswith("Policies of the deployed repositories\n")
    assert (
        "2 of 5 versions would be deleted (not a dry run, Google deletes them within about a day)" in report
    )
    assert "  delete a 1.1 95 days delete-old\n" in report
    assert "Every version" not in report
    assert "  keep b 1.0 400 days keep-recent keeps the most recent version of each package\n" in report


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_report_says_whether_the_policies_are_deployed(run: Run, google: Google, dry_run: bool) -> None:
    google.upload = {**DEPLOYED, "cleanupPolicyDryRun": True}
    _, report = run({"deleteOlderThan": "90d", "keepVersions": 1, "dryRun": dry_run})
    state = "(dry run)" if dry_run else "(not a dry run, not deployed yet)"
    assert f"versions would be deleted {state}" in report


def test_a_later_day_can_be_previewed(run: Run) -> None:
    setting = {"deleteOlderThan": "90d", "packages": ["c"]}
    assert run(setting)[0] is False
    deletes, report = run(setting, days=88)
    assert deletes
    assert "  delete c 1.0 91 days " in report


def test_no_policy_at_all_deletes_nothing(run: Run, google: Google) -> None:
    deletes, report = run()
    assert not deletes
    assert report.count("no cleanup policy, so Google deletes nothing") == 2
    assert not any("/packages" in name for name in google.asked)


def test_policies_that_are_not_in_the_stack_file_still_delete(run: Run, google: Google) -> None:
    google.upload = DEPLOYED
    deletes, report = run({"cacheOlderThan": "30d"})
    assert deletes
    assert "2 of 5 versions would be deleted (not a dry run, not in the stack file)" in report


def test_a_long_list_shows_its_progress(
    google: Google, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "PROGRESS_STEP", 2)
    google.upload = DEPLOYED
    assert preview_cleanup("dev", deployed=True, days=0)
    assert capsys.readouterr().err == "Read 2 of 3 packages.\n"


def test_a_wrong_setting_has_the_problem_of_the_program(run: Run) -> None:
    with pytest.raises(
        ToolError, match=r"python-registry:cleanup\.packages\[0\]: my_adder\n.*write my-adder"
    ):
        run({"deleteOlderThan": "90d", "packages": ["my_adder"]})


def test_a_busy_service_is_asked_again(run: Run, google: Google) -> None:
    google.refusals = [429, 503]
    assert run({"deleteOlderThan": "90d"})[0]


@pytest.mark.parametrize(
    ("statuses", "message"),
    [
        ([503, 503, 503], rf"^Google refuses to read {UPLOAD}: No\.$"),
        ([403], rf"{UPLOAD}: No\. You need the role roles/artifactregistry\.reader on this repository\.$"),
        ([404], rf"^The repository {UPLOAD} does not exist\. Run `pulumi up` first\.$"),
    ],
)
def test_a_refusal_is_one_message(run: Run, google: Google, statuses: list[int], message: str) -> None:
    google.refusals = statuses
    with pytest.raises(ToolError, match=message):
        run()
