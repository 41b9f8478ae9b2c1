"""`python -m tools cleanup-preview`: the versions that would be deleted today, and why the others stay.

Owns the choice of the policies and the report. If the stack file has cleanup policies, the preview uses
these: they are what a pull request changes, and nobody has to deploy a policy to learn what it deletes. The
rules are in `rules.py`, the requests in `repositories.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.auth.transport.requests import AuthorizedSession

from components.args import PythonRegistryArgs
from components.cleanup import CleanupPolicy, cache_policies, upload_policies
from components.validation.cleanup import build_cleanup, check_cleanup
from tools.cleanup.repositories import Json, read_repository, read_versions
from tools.cleanup.rules import Decision, Policies, decide, without_defaults
from tools.errors import ToolError
from tools.stack import read_outputs, read_setting
from tools.tokens import own_session

SETTING = "python-registry:cleanup"
# After so many packages, the progress has a new line.
PROGRESS_STEP = 50


@dataclass(frozen=True)
class _Target:
    """A deployed repository, and the policies to preview on it."""

    name: str
    policies: Policies
    dry_run: bool
    note: str = ""


def preview_cleanup(stack: str | None, *, deployed: bool, days: int) -> bool:
    """Print the report. Returns whether a version would be deleted.

    Args:
        stack: the stack's name, or None for the selected stack.
        deployed: use the policies of the deployed repositories, not those of the stack file.
        days: decide as if so many more days had passed.

    Raises:
        ToolError: a setting is wrong, or the repositories cannot be read.
    """
    outputs = read_outputs(stack)
    if "repository_name" not in outputs:
        raise ToolError("The stack has no output repository_name: run `pulumi up` with this version first.")
    setting = None if deployed else read_setting(stack, SETTING)
    session = own_session()
    targets = list(_targets(session, outputs, setting))
    source = "of the deployed repositories" if setting is None else f"of the stack file ({SETTING})"
    print(f"Policies {source}")
    now = datetime.now(UTC) + timedelta(days=days)
    deletes = False
    for target in targets:
        versions = read_versions(session, target.name, _show_progress) if target.policies else []
        decisions = decide(target.policies, versions, now)
        print("\n".join(["", *_report(target, decisions, now)]))
        deletes |= any(decision.deletes for decision in decisions)
    return deletes


def _targets(session: AuthorizedSession, outputs: Any, setting: Any) -> Iterator[_Target]:
    """Yield the upload repository and the caches behind the index."""
    args = _args(outputs, setting)
    upload = read_repository(session, args.repository_name(args.repository))
    if upload is None:
        raise ToolError(
            f"The repository {outputs['repository_name']} does not exist. Run `pulumi up` first."
        )
    yield _target(upload, as_api(upload_policies(args)), args)
    index = read_repository(session, args.repository_name(args.index_repository)) or {}
    upstreams = index.get("virtualRepositoryConfig", {}).get("upstreamPolicies", [])
    # Only the ids: Google can show the number of the project instead of its id.
    ids = dict.fromkeys(str(upstream["repository"]).rpartition("/")[2] for upstream in upstreams)
    for id_ in ids:
        # Another id belongs to another registry, and so does a repository that is not in this project.
        if id_.startswith(f"{args.repository}-") and (
            cache := read_repository(session, args.repository_name(id_))
        ):
            yield _target(cache, as_api(cache_policies(args)), args)


def _target(repository: Json, policies: Policies, args: PythonRegistryArgs) -> _Target:
    """The policies of the stack file for a repository. Without any, those that it has."""
    name, found = repository["name"], repository.get("cleanupPolicies", {})
    dry_run = repository.get("cleanupPolicyDryRun", False)
    if args.cleanup is None:
        return _Target(name, found, dry_run)
    if not policies:
        return _Target(name, found, dry_run, note="not in the stack file")
    same = without_defaults(policies) == without_defaults(found) and args.cleanup.dry_run == dry_run
    return _Target(name, policies, args.cleanup.dry_run, note="" if same else "not deployed yet")


def _args(outputs: Any, setting: Any) -> PythonRegistryArgs:
    """The arguments that decide the policies and the names of the repositories."""
    problems = [] if setting is None else check_cleanup(SETTING, setting)
    if problems:
        raise ToolError("\n".join(["The setting has problems.", *map(str, problems)]))
    return PythonRegistryArgs(
        project=outputs["project"],
        location=outputs["location"],
        repository=outputs["repository"],
        cleanup=None if setting is None else build_cleanup(setting),
    )


def as_api(policies: Sequence[CleanupPolicy]) -> dict[str, Any]:
    """The policies as the API shows them after an update."""

    def body(policy: CleanupPolicy) -> dict[str, Any]:
        if policy.keep_count:
            return {"mostRecentVersions": {"keepCount": policy.keep_count}}
        prefixes = {"packageNamePrefixes": list(policy.packages)} if policy.packages else {}
        return {"condition": {"olderThan": policy.older_than, **prefixes}}

    return {policy.id: {"id": policy.id, "action": policy.action, **body(policy)} for policy in policies}


def _report(target: _Target, decisions: Sequence[Decision], now: datetime) -> Iterator[str]:
    if not target.policies:
        yield f"{target.name}: no cleanup policy, so Google deletes nothing"
    else:
        count = sum(decision.deletes for decision in decisions)
        yield f"{target.name}: {count} of {len(decisions)} versions would be deleted ({_state(target)})"
    remaining = {decision.version.package for decision in decisions if not decision.deletes}
    lost = dict.fromkeys(d.version.package for d in decisions if d.version.package not in remaining)
    if lost:
        yield f"  Every version would be deleted of: {', '.join(lost)}"
    rows = [
        (
            "delete" if decision.deletes else "keep",
            f"{decision.version.package} {decision.version.id}",
            f"{(now - decision.version.created).days} days",
            decision.reason,
        )
        for decision in decisions
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        yield "  " + "  ".join([*map(str.ljust, row[:3], widths), row[3]])


def _state(target: _Target) -> str:
    """The state of the policies at Google, in words."""
    words = "dry run" if target.dry_run else "not a dry run"
    if target.note:
        return f"{words}, {target.note}"
    return words if target.dry_run else f"{words}, Google deletes them within about a day"


def _show_progress(number: int, count: int) -> None:
    """Tell how many packages are read: each is a request of its own."""
    if number and number % PROGRESS_STEP == 0:
        print(f"Read {number} of {count} packages.", file=sys.stderr)
