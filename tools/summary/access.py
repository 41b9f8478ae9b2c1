"""The section "Access": who gains and who loses a right.

Compares sets of members. The resource that writes a grant does not matter.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from tools.summary.differences import format_value
from tools.summary.events import mapping_of
from tools.summary.grants import (
    Grants,
    deleted_targets,
    format_condition,
    grants_left_behind,
    grants_made_elsewhere,
    grants_of,
    rights_of,
    target_names,
)
from tools.summary.markdown import Lines, code, codes
from tools.summary.previews import Preview, Step
from tools.summary.wording import CONDITION, capitalized_label, deleted_member, format_member

# The most members in one line.
MEMBERS_PER_LINE = 10
# The end of the types that admit identities of another issuer.
IDENTITY_PROVIDER = "PoolProvider"
# A CEL string literal, which can contain operators.
CEL_STRING = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
PARTIAL_PREVIEW = (
    "This preview contains only resources that change. A member can have the same right through a grant "
    "that is not in it. `pulumi preview --json --show-sames` contains all resources."
)


def access_section(preview: Preview) -> Lines:
    """Return the section, empty if no access changes."""
    before, after = (rights_of(_with_accounts(grants_of(preview, side))) for side in ("old", "new"))
    deleted = deleted_targets(preview)
    names = target_names(preview)
    remaining = rights_of(grants_left_behind(preview))
    # First, because a long summary is cut at its end: a provider can admit more than all members together.
    lines = [line for step in preview.changes for line in _admissions(step)]
    lost = _without(_without(before, after), remaining)
    lost = {grant: members for grant, members in lost.items() if grant[0] not in deleted}
    lines += _member_lines("may no longer", lost, names, known=_rights_from_stack(preview))
    lines += _member_lines("may", _without(after, before), names, known=None)
    for target in sorted(deleted):
        members = {m for grant, found in before.items() if grant[0] == target for m in found.values()}
        if members:
            count = "1 member **loses**" if len(members) == 1 else f"{len(members)} members **lose**"
            lines.append(f"- {count} access to {code(names[target])}, which is deleted")
    note = [PARTIAL_PREVIEW, ""] if preview.partial else []
    return ["", "**Access**", "", *note, *lines] if lines else []


def _with_accounts(grants: Grants) -> Grants:
    """Return the members whose account exists. `drift.py` reports the entries of deleted accounts."""
    return {
        grant: {key: member for key, member in members.items() if deleted_member(member) is None}
        for grant, members in grants.items()
    }


def _without(grants: Grants, others: Grants) -> Grants:
    """Return the members of `grants` that do not have the same right in `others`."""
    return {
        grant: {key: member for key, member in members.items() if key not in others.get(grant, {})}
        for grant, members in grants.items()
    }


def _rights_from_stack(preview: Preview) -> Grants:
    """Return the rights before, without those that were granted outside this stack."""
    return rights_of(_without(grants_of(preview, "old"), grants_made_elsewhere(preview)))


def _member_lines(verb: str, rights: Grants, names: Mapping[str, str], *, known: Grants | None) -> Lines:
    """Return lines that join members with the same right on the same targets.

    Args:
        verb: what changes for them.
        rights: the members whose rights change.
        names: how the targets are shown.
        known: the rights that the stack granted; a note marks all others.
    """
    targets_by_member: dict[tuple[str, str, str, bool], list[str]] = defaultdict(list)
    for (target, right, condition), members in rights.items():
        for key, member in members.items():
            elsewhere = known is not None and key not in known.get((target, right, condition), {})
            targets_by_member[member, right, condition, elsewhere].append(names[target])
    members_by_targets: dict[tuple[str, str, bool, tuple[str, ...]], list[str]] = defaultdict(list)
    for (member, right, condition, elsewhere), targets in sorted(targets_by_member.items()):
        group = right, condition, elsewhere, tuple(sorted(targets))
        members_by_targets[group].append(format_member(member))
    lines: Lines = []
    for (right, condition, elsewhere, targets), members in sorted(
        members_by_targets.items(), key=lambda item: item[1]
    ):
        note = format_condition(condition)
        note += " (granted outside this stack, not in the stack file)" if elsewhere else ""
        for start in range(0, len(members), MEMBERS_PER_LINE):
            some = ", ".join(members[start : start + MEMBERS_PER_LINE])
            lines.append(f"- {some} **{verb}** {right} {codes(targets)}{note}")
    return lines


def _admissions(step: Step) -> Lines:
    """Return which identities a provider admits: its issuer, and the clauses that change."""
    if not step.type.endswith(IDENTITY_PROVIDER) and CONDITION not in {*step.old, *step.new}:
        return []
    subject = capitalized_label(step)
    old_issuer, issuer = (mapping_of(side.get("oidc")).get("issuerUri") for side in (step.old, step.new))
    if step.new and not step.old and not step.new.get(CONDITION):
        named = f"issuer {code(issuer)}" if issuer else "issuer"
        return [f"- {subject}, without a condition: admits every token of the {named}"]
    lines: Lines = []
    if step.old and step.new and old_issuer != issuer:
        lines.append(f"- {subject} has another issuer: {format_value(old_issuer)} → {format_value(issuer)}")
    change = _condition_change(step)
    if change:
        created = f"; its issuer is {code(issuer)}" if issuer and not step.old else ""
        lines.append(f"- {subject} admits: {change}{created}")
    return lines


def _condition_change(step: Step) -> str:
    """Return the clauses before and after, without those that stay; empty if none changes."""
    conditions = [str(side.get(CONDITION) or "") for side in (step.old, step.new)]
    # If one of them is not simple, the reader compares both as they are written.
    simple = all(map(_is_simple, conditions))
    before, after = (_clauses(text) if simple else [text] if text else [] for text in conditions)
    if step.old and step.new and set(before) == set(after):
        return ""
    return " → ".join(
        " and ".join(code(clause) for clause in clauses if clause not in other)
        or (
            "nobody"
            if not side
            else "every token that meets the other clauses"
            if clauses
            else "every token of its issuer"
        )
        for side, clauses, other in ((step.old, before, after), (step.new, after, before))
    )


def _clauses(condition: str) -> list[str]:
    """Return the clauses that `&&` joins in a simple condition."""
    return re.findall(rf"((?:{CEL_STRING}|(?! && ).)+)(?: && |$)", condition, re.DOTALL)


def _is_simple(condition: str) -> bool:
    """Whether `&&` can be read as the end of a clause.

    Not with another operator, a comment, or a string that has other rules (raw or triple-quoted).
    """
    return not re.search(r"""\|\||[(?"']|//|[rR]\$|\$\$""", re.sub(CEL_STRING, "$", condition))
