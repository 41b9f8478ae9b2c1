"""Cleanup policies on the sandbox: what the job deletes, what it logs, and the clock of uploads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sandbox.__main__ import cli
from sandbox.cloud.artifact_registry.audit_log import METHOD
from sandbox.cloud.artifact_registry.cleanup import clean_up
from sandbox.cloud.artifact_registry.packages import add_file
from sandbox.cloud.core.clock import write_shift
from sandbox.cloud.core.store import Store
from sandbox.cloud.packaging.pages import SimpleLink
from sandbox.runtime.paths import FOLDER_VARIABLE, SandboxFolder
from tests.support.cases import case_parameters
from tests.support.cleanup import REPOSITORY, doomed_by_the_sandbox, in_days

POLICIES = {
    "delete-old": {"action": "DELETE", "condition": {"olderThan": "7776000s"}},
    "keep-recent": {"action": "KEEP", "mostRecentVersions": {"keepCount": 1}},
}
# The files with the ages of their uploads. A later upload to a version does not make the version younger.
UPLOADS = (
    (100, "my_adder-1.0-py3-none-any.whl"),
    (95, "my_adder-2.0-py3-none-any.whl"),
    (0, "my_adder-3.0-py3-none-any.whl"),
    (0, "my_adder-1.0.tar.gz"),
)


@pytest.mark.parametrize("case", case_parameters("cleanup"))
def test_the_sandbox_decides_as_google_does(case: dict[str, Any]) -> None:
    assert doomed_by_the_sandbox(case["policies"], in_days(case["versions"])) == case["expected"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SandboxFolder:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return SandboxFolder(tmp_path).create()


@pytest.fixture
def store(folder: SandboxFolder) -> Iterator[Store]:
    """A cloud with one repository, which has the policies in a dry run."""
    with closing(Store(folder.database)) as store:
        set_dry_run(store, dry_run=True)
        for days, filename in UPLOADS:
            write_shift(store, -days)
            version = filename.split("-")[1].removesuffix(".tar.gz")
            link = SimpleLink(filename=filename, version=version, sha256="00", requires_python=None)
            add_file(store, REPOSITORY, "my-adder", link, 1)
        write_shift(store, 0)
        yield store


def set_dry_run(store: Store, *, dry_run: bool) -> None:
    body = {"name": REPOSITORY, "cleanupPolicies": POLICIES, "cleanupPolicyDryRun": dry_run}
    store.put(REPOSITORY, body)


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    return result.output


def versions(store: Store) -> list[str]:
    found = store.children(f"{REPOSITORY}/packages/my-adder/versions")
    return [version["name"].rpartition("/")[2] for version in found]


def test_a_dry_run_only_writes_to_the_log(store: Store) -> None:
    assert run("cleanup") == (
        f"{REPOSITORY}: dry run, would delete 2 versions\n  my-adder 1.0\n  my-adder 2.0\n"
    )
    assert versions(store) == ["1.0", "2.0", "3.0"]
    (entry,) = store.children("logs:projects/demo-proj")
    assert entry["protoPayload"]["methodName"] == METHOD
    assert entry["protoPayload"]["request"] == {
        "parent": f"{REPOSITORY}/packages/-",
        "names": [f"{REPOSITORY}/packages/my-adder/versions/{version}" for version in ("1.0", "2.0")],
        "validateOnly": True,
    }


def test_the_job_deletes_versions_with_their_files(store: Store) -> None:
    set_dry_run(store, dry_run=False)
    assert run("cleanup").startswith(f"{REPOSITORY}: deleted 2 versions\n")
    assert versions(store) == ["3.0"]
    (file,) = store.children(f"{REPOSITORY}/files")
    assert file["filename"] == "my_adder-3.0-py3-none-any.whl"
    (entry,) = store.children("logs:projects/demo-proj")
    assert "validateOnly" not in entry["protoPayload"]["request"]
    # The only version is always among the most recent ones.
    assert run("cleanup", "--days", "200") == f"{REPOSITORY}: deleted 0 versions\n"


def test_a_later_day_deletes_more(store: Store) -> None:
    later = datetime.now(UTC) + timedelta(days=91)
    add_file(
        store,
        REPOSITORY,
        "my-adder",
        SimpleLink(filename="my_adder-4.0.tar.gz", version="4.0", sha256="00", requires_python=None),
        1,
    )
    (now,), (then,) = clean_up(store, datetime.now(UTC)), clean_up(store, later)
    assert (len(now.versions), len(then.versions)) == (2, 3)


def test_a_cloud_without_policies_is_not_cleaned(folder: SandboxFolder) -> None:
    assert run("cleanup") == "No repository has a cleanup policy.\n"


def test_the_clock_shows_its_shift(folder: SandboxFolder) -> None:
    assert run("clock", "--days", "-3") == run("clock") == "clock: -3 days\n"
    assert run("clock", "--days", "0") == run("clock") == "clock: the real time\n"
