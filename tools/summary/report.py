"""What a preview would do, as one pull-request comment: `pulumi preview --json | python -m tools summary`.

Owns what a reviewer is told: who gains and who loses access, what clients notice, what changes. What must
not be missed is in `dangers.py`, how things are called in `wording.py`, how a preview is read in
`previews.py`, what its grants amount to in `grants.py`, how text becomes safe Markdown in `markdown.py`.
Judges nothing: whether a change is wanted is the reviewer's to say.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict

from tools.scan_secrets import ANY_TOKEN
from tools.summary.grants import (
    GRANTS,
    REPOSITORY,
    deleted,
    grant_of,
    granted,
    granted_by_others,
    left_behind,
    main_right,
    members_of,
    rights_of,
)
from tools.summary.markdown import Lines, block, code, codes
from tools.summary.previews import RETAIN, UNKNOWN, Preview, Step
from tools.summary.warnings import CONTRACT, warnings
from tools.summary.wording import (
    CONDITION,
    DONE,
    RULE,
    called,
    change,
    differing,
    member_called,
    sentence,
    without_passwords,
)

# So many members are named in one line.
TOGETHER = 10
# A text in CEL, which may hold anything.
CEL_TEXT = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
MODES = {
    "STANDARD_REPOSITORY": "for uploads",
    "REMOTE_REPOSITORY": "a cache",
    "VIRTUAL_REPOSITORY": "a view of others",
}
URLS = ("repository_url", "index_url")
SHOWN_FILE = "pip_conf"

NOT_SAID = (
    "Not in this preview: `pulumi preview --json` says what clients get with "
    "`PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true` alone."
)
NOT_ALL = (
    "This preview leaves out what does not change: by a grant that is not in it, somebody may have or keep "
    "what is said here to come or go. `pulumi preview --json --show-sames` has all."
)


def summarize(preview: Preview, stack: str | None = None, title: str | None = None) -> str:
    """The comment, as Markdown, however long it is; one line where nothing matters."""
    heading = title or (f"Stack {code(stack)}" if stack else "Preview")
    access = _access(preview)
    sections = [
        *warnings(preview),
        *access,
        *_clients(preview),
        *_changes(preview),
        *_drift(preview),
    ]
    if not sections:
        return f"{heading}: No changes.\n"
    counts = Counter(step.op for step in preview.changes if step.type not in GRANTS)
    said = ", ".join(f"{counts[op]} {word.lower()}" for op, word in DONE.items() if counts[op])
    if preview.failed:
        said = "the preview failed"
    elif access:
        said += f"{', ' if said else ''}access changes"
    text = "\n".join([f"### {heading}{': ' if said else ''}{said}", *sections])
    return re.sub(ANY_TOKEN.decode(), "[token]", text) + "\n"


def _access(preview: Preview) -> Lines:
    """Who gains and who loses what, as sets: in which resource a grant is written does not matter."""
    before, after = rights_of(granted(preview, "old")), rights_of(granted(preview, "new"))
    others = granted_by_others(preview)
    own = rights_of(
        {
            grant: {key: member for key, member in members.items() if key not in others.get(grant, {})}
            for grant, members in granted(preview, "old").items()
        }
    )
    stays = rights_of(left_behind(preview))
    targets_lost = deleted(preview)
    # First, since the end may be cut off: whom a provider lets in may be more than all others together.
    lines = [line for step in preview.changes for line in _logins(step)]
    said: set[tuple[str, str]] = set()
    for verb, left, right in (("may no longer", before, after), ("may", after, before)):
        who: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
        for (target, may), members in left.items():
            kept = right.get((target, may), {})
            if target in targets_lost and left is before:
                said |= {(member, target) for member in members.values()}
                continue
            if left is before:
                kept = {**kept, **stays.get((target, may), {})}
            for key in members.keys() - kept.keys():
                by_others = left is before and key not in own.get((target, may), {})
                who[members[key], may, by_others].append(target)
        alike: dict[tuple[str, bool, tuple[str, ...]], list[str]] = defaultdict(list)
        for (member, may, by_others), targets in sorted(who.items()):
            alike[may, by_others, tuple(sorted(targets))].append(member_called(member))
        for (may, by_others, targets), members in sorted(alike.items(), key=lambda item: item[1]):
            note = " (granted by others, not in the stack's file)" if by_others else ""
            for start in range(0, len(members), TOGETHER):
                some = ", ".join(members[start : start + TOGETHER])
                lines.append(f"- {some} **{verb}** {may} {codes(targets)}{note}")
    for target in sorted({target for _, target in said}):
        count = len({member for member, of in said if of == target})
        members = "1 member **loses**" if count == 1 else f"{count} members **lose**"
        lines.append(f"- {members} access to {code(target)}, which is deleted")
    note = [NOT_ALL, ""] if preview.partial else []
    return ["", "**Access**", "", *note, *lines] if lines else []


def _logins(step: Step) -> list[str]:
    """Whom a provider lets in, by the clauses of its condition that come and go."""
    was, now = (_clauses(str(side.get(CONDITION) or "")) for side in (step.old, step.new))
    if set(was) == set(now):
        return []
    said = [
        " and ".join(code(clause) for clause in clauses if clause not in other)
        or ("nobody" if not side else "all who pass the rest" if clauses else "everybody of its issuer")
        for side, clauses, other in ((step.old, was, now), (step.new, now, was))
    ]
    return [f"- {sentence(step)} lets in: {' → '.join(said)}"]


def _clauses(condition: str) -> list[str]:
    """What `&&` joins, outside texts; all of it as one where there is more to it than that."""
    if re.search(r"\|\||[(?]", re.sub(CEL_TEXT, "", condition)):
        return [condition]
    return re.findall(rf"((?:{CEL_TEXT}|(?! && ).)+)(?: && |$)", condition, re.DOTALL)


def _clients(preview: Preview) -> Lines:
    """What those who install and upload notice."""
    before, after = preview.outputs_before, preview.outputs_after
    if preview.failed:
        return []
    if after is None:
        if any(step.type == REPOSITORY and step.op != "update" for step in preview.changes):
            return ["", "**Clients**", "", NOT_SAID]
        return []
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    lines: Lines = []
    for name in URLS:
        if name in changed:
            was = f"{code(before[name])} → " if before.get(name) else ""
            lines.append(f"- {code(name)}: {was}{code(after.get(name, 'gone'))}")
    others = [
        name for name in changed if name not in (*URLS, SHOWN_FILE, CONTRACT) and before and name in after
    ]
    if others:
        lines.append(f"- Other outputs that change: {codes(sorted(others))}")
    if SHOWN_FILE in changed and before.get(SHOWN_FILE):
        was, now = (str(side.get(SHOWN_FILE, "")).splitlines() for side in (before, after))
        if after.get(SHOWN_FILE) == UNKNOWN:
            lines.append(f"- {code(SHOWN_FILE)} is known after the `up` alone")
        else:
            diff = list(difflib.unified_diff(was, now, lineterm="", n=1))[3:]
            lines += ["", f"{code(SHOWN_FILE)}:", "", *block(without_passwords("\n".join(diff)), "diff")]
    return ["", "**Clients**", "", *lines] if lines else []


def _changes(preview: Preview) -> Lines:
    lines: Lines = []
    for op, word in DONE.items():
        for step in preview.changes:
            if step.op == op and step.type not in GRANTS:
                what = _described(step) if op in ("create", "import") else called(step)
                details = "; ".join(_details(step))
                lines.append(f"- {word}: {what}{': ' if details else ''}{details}")
    grants = [step for step in preview.changes if step.type in GRANTS]
    if grants and not _access(preview):
        # Said, since the engine counts them; but there is nothing to review in them.
        count = "1 grant is" if len(grants) == 1 else f"{len(grants)} grants are"
        lines.append(f"- {count} written anew; nobody in the stack's file gains or loses access by that")
    return ["", "**Changes**", "", *lines] if lines else []


def _described(step: Step) -> str:
    """A new resource, with what a reviewer would ask about it."""
    said = [MODES.get(step.new.get("mode", ""), "")]
    said += [code(step.new["location"])] if step.type == REPOSITORY and "location" in step.new else []
    said += ["protected"] if step.is_protected else []
    if step.type == RULE:
        said.append(f"{code(step.new.get('action'))} {code(step.new.get('packageId'))}")
    details = ", ".join(filter(None, said))
    return called(step) + (f" ({details})" if details else "")


def _details(step: Step) -> list[str]:
    if step.op == "delete" and step.old.get("disableOnDestroy") is False:
        return ["it stays on, others may use it"]
    if step.op == RETAIN:
        return ["it stays at Google"]
    if step.op in ("create", "import", "delete"):
        return []
    # What the program asks for tells it without what Google computes; what it never asked for, the state.
    asked = differing(step.old_inputs, step.new_inputs)
    found = [change(key, step.old_inputs, step.new_inputs) for key in asked if key != CONDITION]
    if not asked:
        differ = set(step.diffs).intersection(differing(step.old, step.new)) - {CONDITION}
        found = [change(key, step.old, step.new) for key in sorted(differ)]
    if step.was_protected != step.is_protected:
        found.append("protected" if step.is_protected else "no longer protected")
    return found


def _drift(preview: Preview) -> Lines:
    """What is otherwise than the last `up` left it, and whether the next one mends it."""
    mended = {step.urn for step in preview.changes}
    missing = {step.old.get("repositoryId") for step in preview.drift if not step.new}
    lines: Lines = []
    for step in preview.drift:
        if step.type in GRANTS and not step.new and grant_of(step, step.old)[0] in missing:
            continue
        ends = "this `up` undoes it" if step.urn in mended else "this `up` leaves it"
        if not step.new:
            ends = "this `up` makes it again" if step.urn in mended else ends
            lines.append(f"- {called(step)} is gone; {ends}")
        elif step.type in GRANTS:
            was, now = members_of(step.old), members_of(step.new)
            target, role = grant_of(step, step.new)
            for verb, members in (
                ("was granted", [now[key] for key in sorted(now.keys() - was.keys())]),
                ("lost", [was[key] for key in sorted(was.keys() - now.keys())]),
            ):
                lines += [
                    f"- {member_called(member)} {verb} the right to {main_right(role)} {code(target)}; "
                    f"{ends}"
                    for member in members
                ]
        else:
            details = [change(key, step.old, step.new) for key in differing(step.old, step.new)]
            if details:
                lines.append(f"- {called(step)}: {'; '.join(details)}; {ends}")
    return ["", "**Changed outside this stack since the last `up`**", "", *lines] if lines else []
