"""Live previews on the sandbox give the same summaries as the recordings, which the other tests here use.

`RECORD_PREVIEWS=1 python -m pytest tests/tools/summary/test_previews_live.py` records them again.
Afterwards, `UPDATE_SUMMARIES=1 python -m pytest tests/tools/summary` writes their summaries.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import CHECKOUT, Program, Sandbox, copy_project
from tests.tools.summary.recording import (
    RECORDINGS,
    read_recording,
    reduce_preview,
    summarize_text,
    without_messages,
)

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

STREAM = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true"
SETTINGS: dict[str, Any] = {
    "readers": ["group:developers@example.com"],
    "impersonators": {"writer": ["group:release@example.com"]},
    "labels": {"team": "data"},
    "protect": True,
}
# The random id of a new pool and of its provider, and the id that the recordings have instead.
POOL_ID = re.compile(r"github-[0-9a-f]{8}")
RECORDED_POOL_ID = "github-0a1b2c3d"
# Google chooses the unique id of an account. The member that contains it is therefore unknown in a preview.
UNKNOWN_MEMBER = """
from pulumi_gcp import artifactregistry, serviceaccount

builder = serviceaccount.Account("builder", project="demo-proj", account_id="team-builder")
artifactregistry.RepositoryIamMember(
    "builder", project="demo-proj", location="us-central1", repository="python",
    role="roles/artifactregistry.writer",
    member=builder.unique_id.apply(lambda i: f"principal://iam.googleapis.com/locations/global/workforcePools/{i}"),
)
pulumi.export("builder_id", builder.unique_id)
"""


@pytest.fixture(scope="module")
def program(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("program")
    copy_project(folder)
    program = Program(sandbox, folder, stack="dev", project="demo-proj")
    program.configure(**SETTINGS)
    sandbox.run("pulumi", "stack", "init", "dev", cwd=folder)
    return program


def previewed(program: Program, *words: str, stream: bool = True) -> str:
    """Return the output of a preview, with one id for every new pool."""
    command = ["pulumi", "--non-interactive", "--stack", "dev", "preview", "--json", *words]
    setting = ["env", STREAM] if stream else []
    printed = program.sandbox.run(*setting, *command, cwd=program.folder, check=False).stdout
    return POOL_ID.sub(RECORDED_POOL_ID, printed)


@contextlib.contextmanager
def repositories_by_hand(program: Program) -> Generator[None]:
    """An upload repository with settings of its own, and a virtual one with another upstream."""
    sandbox, parent = program.sandbox, program.repository("")
    api = (
        "https://serviceusage.googleapis.com/v1/projects/demo-proj/services/artifactregistry.googleapis.com"
    )
    sandbox.ask("POST", f"{api}:enable", {})
    policy = {"action": "DELETE", "condition": {"olderThan": "2592000s"}}
    upload = {"description": "Ours", "labels": {"owner": "ann"}, "cleanupPolicies": {"old": policy}}
    upstream = {"id": "ours", "priority": 100, "repository": f"{parent.partition('/v1/')[2]}others"}
    index = {
        "mode": "VIRTUAL_REPOSITORY",
        "description": "What clients install from: private packages and PyPI's",
        "labels": SETTINGS["labels"],
        "virtualRepositoryConfig": {"upstreamPolicies": [upstream]},
    }
    for name, body in (("python", upload), ("others", {}), ("python-index", index)):
        sandbox.ask("POST", f"{parent[:-1]}?repository_id={name}", {"format": "PYTHON", **body})
    yield
    for name in ("python-index", "others", "python"):
        sandbox.ask("DELETE", f"{parent}{name}")


def scenarios(program: Program) -> Generator[tuple[str, str]]:
    """The previews of one stack, in the order of its changes."""

    def preview(*words: str, stream: bool = True, **settings: Any) -> str:
        program.configure(**{**SETTINGS, **settings})
        return previewed(program, *words, stream=stream)

    other: dict[str, Any] = {
        "readers": ["group:all@example.com"],
        "impersonators": {"reader": ["user:ann@example.com"]},
    }
    with repositories_by_hand(program):
        adopted: dict[str, Any] = {"adopt": ["python", "python-index"]}
        yield "adopted.jsonl", preview(**adopted)
        yield "adopted_document.json", preview(stream=False, **adopted)
    yield "first_up.jsonl", preview()
    program.up()
    yield "nothing.jsonl", preview()
    yield "nothing_document.json", preview(stream=False)
    yield "reader_added_another_removed.jsonl", preview(**other)
    yield "reader_added_another_removed_document.json", preview(stream=False, **other)
    yield "location_of_protected.jsonl", preview(location="europe-west1")
    yield "location_of_protected_document.json", preview(location="europe-west1", stream=False)
    yield "location_unprotected.jsonl", preview(location="europe-west1", protect=False)
    yield "protection_off.jsonl", preview(protect=False)
    yield "pypi_proxy_off.jsonl", preview(pypiProxy=False)
    yield "pypi_proxy_off_document.json", preview(pypiProxy=False, stream=False)
    yield "additive.jsonl", preview(access="additive")
    yield "label_only.jsonl", preview(labels={"team": "ops", "cost": "42"})
    yield "accounts_off.jsonl", preview(serviceAccounts=False, impersonators={})
    yield "wrong_setting.jsonl", preview(location="us-centra1")

    main = program.folder / "__main__.py"
    committed = main.read_text()
    main.write_text(committed + UNKNOWN_MEMBER)
    yield "unknown_values.jsonl", preview()
    main.write_text(committed)

    _, policy = program.sandbox.ask("GET", f"{program.repository('python')}:getIamPolicy")
    readers = next(b for b in policy["bindings"] if b["role"] == "roles/artifactregistry.reader")
    readers["members"].append("user:by-hand@example.com")
    readers["members"].remove("group:developers@example.com")
    policy["bindings"].append({"role": "roles/artifactregistry.repoAdmin", "members": ["allUsers"]})
    program.sandbox.ask("POST", f"{program.repository('python')}:setIamPolicy", {"policy": policy})
    theirs = {"labels": {"team": "theirs", "goog-pulumi-provisioned": "true"}}
    program.sandbox.ask("PATCH", f"{program.repository('python')}?updateMask=labels", theirs)
    program.sandbox.ask("DELETE", program.repository("python-index"))
    yield "changed_by_hand.jsonl", preview("--refresh")
    yield "changed_by_hand_document.json", preview("--refresh", stream=False)

    github: dict[str, Any] = {"repositories": ["acme/my-adder"], "ownerId": 1234567}
    main_alone: dict[str, Any] = {"github": {**github, "ref": "refs/heads/main"}}
    yield "workflows.jsonl", preview("--refresh", **main_alone)
    program.configure(**SETTINGS, **main_alone, writers=["user:lena@example.com"])
    program.up("--refresh")
    elsewhere: dict[str, Any] = {
        "github": {**github, "environment": "release"},
        "writers": ["user:omar@example.com"],
    }
    yield "workflows_elsewhere.jsonl", preview(**elsewhere)

    program.configure(**SETTINGS, access="additive")
    program.up("--refresh")
    yield "authoritative.jsonl", preview("--refresh", access="authoritative")


def test_live_previews_give_the_recorded_summaries(program: Program) -> None:
    for name, printed in scenarios(program):
        reduced = reduce_preview(printed)
        assert not any(
            str(folder) in reduced for folder in (CHECKOUT, Path.home(), program.sandbox.folder)
        ), name
        if os.environ.get("RECORD_PREVIEWS"):
            (RECORDINGS / name).write_text(reduced)
        live = summarize_text(without_messages(printed))
        assert live == summarize_text(reduced), f"{name}: the reduction loses something"
        assert live == summarize_text(read_recording(name)), name
