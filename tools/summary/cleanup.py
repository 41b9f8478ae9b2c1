"""The warnings about cleanup policies: what Google deletes after an update, and did not delete before."""

from __future__ import annotations

from collections.abc import Iterator

from tools.cleanup.rules import describe_duration, without_defaults
from tools.summary.events import Props, list_of, mapping_of
from tools.summary.grants import REPOSITORY
from tools.summary.markdown import code, codes
from tools.summary.previews import Preview, Step

CACHE = "REMOTE_REPOSITORY"


def cleanup_changes(preview: Preview) -> list[str]:
    """Return what cleanup policies would delete in addition, upload repositories first."""
    steps = [step for step in preview.changes if step.type == REPOSITORY and step.op != "delete"]
    return [
        text
        for step in sorted(steps, key=lambda step: step.new.get("mode") == CACHE)
        if (text := _cleanup_change(step))
    ]


def delete_policies(repository: Props) -> list[Props]:
    """Return a repository's cleanup policies that delete packages, unless all of them only report."""
    policies = [] if repository.get("cleanupPolicyDryRun") else cleanup_policies(repository).values()
    return [policy for policy in policies if policy.get("action") == "DELETE"]


def _cleanup_change(step: Step) -> str:
    deleting = delete_policies(step.new)
    reasons = list(_reasons(step)) if deleting else []
    if not reasons:
        return ""
    name = code(step.new.get("repositoryId"))
    policies = "; ".join(map(_described, deleting))
    kept = [
        f"the {count} most recent"
        for policy in cleanup_policies(step.new).values()
        if (count := mapping_of(policy.get("mostRecentVersions")).get("keepCount"))
    ]
    text = f"{', and '.join(reasons)}. Google deletes from {name}: {policies}"
    text += f", except {' and '.join(kept)} of each package." if kept else "."
    if step.new.get("mode") == CACHE:
        text += " It is a cache and fills again. Versions that are no longer upstream are lost."
    else:
        text += " Deleted versions cannot be restored."
    if step.op == "update":
        command = f"python -m tools cleanup-preview --stack {_stack(step)}"
        text += f" Before you merge, run {code(command)}: it lists the versions."
    return f"**Cleanup**: {text}"


def _reasons(step: Step) -> Iterator[str]:
    """Yield what makes the policies of a repository delete more than before."""
    before = {str(policy.get("id")): policy for policy in delete_policies(step.old)}
    after = {str(policy.get("id")): policy for policy in delete_policies(step.new)}
    if not before:
        ends = cleanup_policies(step.old)
        yield "the dry run ends" if ends else "the first policy that deletes has no dry run"
    changed = [
        id_
        for id_ in sorted(after)
        if without_defaults(after[id_]) != without_defaults(before.get(id_, {}))
    ]
    if before and changed:
        yield f"the policy {codes(changed)} changes without a dry run"
    kept = {
        id_: policy for id_, policy in cleanup_policies(step.old).items() if policy.get("action") == "KEEP"
    }
    for id_, policy in sorted(kept.items()):
        now = cleanup_policies(step.new).get(id_)
        if now is None:
            yield f"the policy {code(id_)}, which keeps versions, is removed"
        elif without_defaults(now) != without_defaults(policy):
            yield f"the policy {code(id_)}, which keeps versions, changes"


def cleanup_policies(repository: Props) -> dict[str, Props]:
    """Return a repository's cleanup policies by id."""
    listed = map(mapping_of, list_of(repository.get("cleanupPolicies")))
    return {str(policy.get("id")): policy for policy in listed if policy}


def _described(policy: Props) -> str:
    condition = mapping_of(policy.get("condition"))
    words = [
        f"{word} {describe_duration(str(condition[key]))}"
        for key, word in (("olderThan", "older than"), ("newerThan", "newer than"))
        if condition.get(key)
    ]
    prefixes = list_of(condition.get("packageNamePrefixes"))
    packages = f"of packages that start with {codes(prefixes)}" if prefixes else "of all packages"
    return " ".join(["versions", *words, packages])


def _stack(step: Step) -> str:
    return step.urn.removeprefix("urn:pulumi:").partition("::")[0]
