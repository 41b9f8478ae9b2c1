"""What a preview would do, as one pull-request comment: `pulumi preview --json | python -m tools summary`.

Owns the words for reviewers: what is lost, who gains and who loses access, what clients notice. How a
preview is read is in `previews.py`, what its grants amount to in `grants.py`, how text becomes safe
Markdown in `markdown.py`. Judges nothing: whether a change is wanted is the reviewer's to say.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from tools.grants import (
    BINDINGS,
    GRANTS,
    foreign_grants,
    grant_of,
    granted,
    granted_by_others,
    is_foreign,
    main_right,
    members_of,
    rights_of,
)
from tools.leaks import ANY_TOKEN
from tools.markdown import Lines, block, code, codes, fit
from tools.previews import SECRET, UNKNOWN, Preview, Props, Step

REPOSITORY = "artifactregistry.Repository"
RULE = "artifactregistry.Rule"
ACCOUNT = "serviceaccount.Account"
# Whose tokens a provider takes, in CEL; the program joins its clauses with `&&`.
CONDITION = "attributeCondition"
EVERYBODY = ("allUsers", "allAuthenticatedUsers")
# What a grant of any kind says beside what it is on.
ROLE_OF = ("role", "member", "members", "policyData", "condition")
NOUNS = {
    **dict.fromkeys(GRANTS, "grant"),
    "projects.Service": "API",
    ACCOUNT: "service account",
    RULE: "download rule",
}
# What names a resource for a person, the first that it has.
NAMES = ("repositoryId", "accountId", "service", "ruleId", "workloadIdentityPoolProviderId")
MODES = {
    "STANDARD_REPOSITORY": "for uploads",
    "REMOTE_REPOSITORY": "a cache",
    "VIRTUAL_REPOSITORY": "a view of others",
}
LOST = {
    "STANDARD_REPOSITORY": "**Every package in it is lost**, unless it was copied before",
    "REMOTE_REPOSITORY": "It is a cache and fills again; versions that are gone upstream are lost",
    "VIRTUAL_REPOSITORY": "It is a view and holds no packages",
}
DONE = {"create": "Made", "update": "Changed", "replace": "Replaced", "delete": "Deleted"}
# Google and the plugin write these; no person does.
COMPUTED = re.compile(
    r"etag|.*Time|name|uniqueId|registryUri|effectiveLabels|pulumiLabels|vulnerabilityScanningConfig|__.*"
)
URLS = ("repository_url", "index_url")
SHOWN_FILE = "pip_conf"
CONTRACT = "contract_version"
# A value longer than this is cut.
SHOWN = 200

NOT_SAID = (
    "Not in this preview: `pulumi preview --json` says what clients get with "
    "`PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true` alone."
)


def summarize(preview: Preview, stack: str | None = None, title: str | None = None) -> str:
    """The comment, as Markdown; one line where nothing matters."""
    heading = title or (f"Stack {code(stack)}" if stack else "Preview")
    access = _access(preview)
    sections = [
        *_warnings(preview),
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
    text = fit([f"### {heading}{': ' if said else ''}{said}", *sections])
    return re.sub(ANY_TOKEN.decode(), "[token]", text)


def _warnings(preview: Preview) -> Lines:
    found: list[Lines] = []
    if preview.failed:
        found.append(["**The preview failed**: nothing of this can be deployed as it is. It said:"])
        found += [block(_without_urns(error)) for error in preview.errors]
    # What cannot be had again comes first.
    for step in sorted(preview.changes, key=lambda step: step.old.get("mode") != "STANDARD_REPOSITORY"):
        found += [[text] for text in _losses(step, refused=preview.failed)]
    # The engine calls these the same: protection is nothing of the cloud's.
    found += [
        [f"{_sentence(step)} is no longer protected: a later change may delete it."]
        for step in (*preview.unchanged, *preview.changes)
        if step.op in ("same", "update") and step.was_protected and not step.is_protected
    ]
    found += [[text] for text in (*_opened(preview), *_taken_over(preview))]
    after = preview.outputs_after
    if after is not None and not preview.failed:
        gone = [name for name in preview.outputs_before if name not in after]
        if gone:
            found.append([f"Outputs that other projects may read are gone: {codes(gone)}."])
        versions = preview.outputs_before.get(CONTRACT), after.get(CONTRACT)
        if None not in versions and versions[0] != versions[1]:
            change = f"{code(versions[0])} → {code(versions[1])}"
            found.append([f"The contract with other projects changes: {code(CONTRACT)} {change}."])
    if not found:
        return []
    lines = ["", "> [!WARNING]"]
    for number, paragraph in enumerate(found):
        lines += [">"] * bool(number) + [f"> {line}".rstrip() for line in paragraph]
    return lines


def _losses(step: Step, *, refused: bool) -> list[str]:
    """What cannot be had again once this step is done."""
    found: list[str] = []
    what = _sentence(step)
    if step.op in ("replace", "delete") and step.type == REPOSITORY:
        verb = "replaced" if step.op == "replace" else "deleted"
        for_ = f" for its {codes(_differences(step))}" if step.op == "replace" else ""
        text = f"{what} would be {verb}{for_}. " if refused else f"{what} is {verb}{for_}. "
        text += LOST.get(step.old.get("mode", ""), LOST["STANDARD_REPOSITORY"]) + "."
        if refused and (step.is_protected or (step.op == "delete" and step.was_protected)):
            text += " It is protected: the engine refuses."
        elif step.was_protected:
            text += " **Its protection is taken off by the same change.**"
        elif step.op == "delete":
            text += f" Clients that still use {code(step.old.get('repositoryId'))} are refused."
        found.append(text)
    elif step.op in ("replace", "delete") and step.type == ACCOUNT:
        found.append(
            f"{what} is {step.op}d: whatever acts as it stops, and one of that name made later is another."
        )
    elif step.op == "delete" and step.type == RULE:
        package = code(step.old.get("packageId"))
        found.append(f"{package} may be downloaded from {code(step.old.get('repositoryId'))} again.")
    return found


def _opened(preview: Preview) -> list[str]:
    before, after = granted(preview, "old"), granted(preview, "new")
    return (
        [_let_in(step) for step in preview.changes if is_foreign(step) and step.op != "delete"]
        + [
            f"{code(member)} is the whole world, and may now {main_right(role)} {code(target)}."
            for (target, role), members in after.items()
            for member in members.values()
            if member in EVERYBODY and member not in before.get((target, role), {}).values()
        ]
        + [
            f"{code(member)} is the whole world, and was granted by others to {main_right(role)} "
            f"{code(target)}."
            for (target, role), members in granted_by_others(preview).items()
            for member in members.values()
            if member in EVERYBODY
        ]
    )


def _let_in(step: Step) -> str:
    """A grant of another kind than the program's own: what it says of itself, no more is known of it."""
    on = [text for key, text in step.new_inputs.items() if key not in ROLE_OF and isinstance(text, str)]
    text = f"{_sentence(step)} is {DONE[step.op].lower()}{' on ' if on else ''}{', '.join(map(_value, on))}"
    for role, members in foreign_grants(step.new):
        text += f", {code(role)} for {', '.join(map(_member, members)) or 'nobody'}"
        if world := [member for member in members if member in EVERYBODY]:
            text += f" (**{codes(world)} is the whole world**)"
    return f"{text}. This program makes no {code(step.type)}: who gets in by it is said nowhere else here."


def _taken_over(preview: Preview) -> list[str]:
    """What becomes the stack's alone to grant: a new binding empties the list that it finds."""
    made = {
        str(step.new.get("repositoryId") or step.new.get("accountId"))
        for step in preview.changes
        if step.op in ("create", "replace") and step.type in (REPOSITORY, ACCOUNT)
    }
    targets: dict[str, set[str]] = defaultdict(set)
    for step in preview.changes:
        if step.op == "create" and step.type in BINDINGS:
            target, role = grant_of(step, step.new)
            if target.partition("@")[0] not in made:
                targets[main_right(role)].add(target)
    if not targets:
        return []
    rights = "; ".join(f"{may} {codes(sorted(found))}" for may, found in sorted(targets.items()))
    return [
        f"From this `up` on the stack's file alone says who may {rights}. "
        "What others granted of that goes, and no preview shows it: look at the IAM policies."
    ]


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
    gone = {
        str(step.old.get("repositoryId") or step.old.get("email"))
        for step in preview.changes
        if step.op == "delete" and step.type in (REPOSITORY, ACCOUNT)
    }
    lines: Lines = []
    said: set[tuple[str, str]] = set()
    for verb, left, right in (("may no longer", before, after), ("may", after, before)):
        who: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
        for (target, may), members in left.items():
            kept = right.get((target, may), {})
            if target in gone and left is before:
                said |= {(member, target) for member in members.values()}
                continue
            for key in members.keys() - kept.keys():
                by_others = left is before and key not in own.get((target, may), {})
                who[members[key], may, by_others].append(target)
        for (member, may, by_others), targets in sorted(who.items()):
            note = " (granted by others, not in the stack's file)" if by_others else ""
            lines.append(f"- {_member(member)} **{verb}** {may} {codes(sorted(targets))}{note}")
    for target in sorted({target for _, target in said}):
        count = len({member for member, of in said if of == target})
        members = "1 member **loses**" if count == 1 else f"{count} members **lose**"
        lines.append(f"- {members} access to {code(target)}, which is deleted")
    lines += [line for step in preview.changes for line in _logins(step)]
    return ["", "**Access**", "", *lines] if lines else []


def _logins(step: Step) -> list[str]:
    """Whom a provider lets in, by the clauses of its condition that come and go."""
    was, now = (
        [clause for clause in str(side.get(CONDITION) or "").split(" && ") if clause]
        for side in (step.old, step.new)
    )
    if set(was) == set(now):
        return []
    said = [
        " and ".join(code(clause) for clause in clauses if clause not in other)
        or ("nobody" if not side else "all who pass the rest" if clauses else "everybody of its issuer")
        for side, clauses, other in ((step.old, was, now), (step.new, now, was))
    ]
    return [f"- {_sentence(step)} lets in: {' → '.join(said)}"]


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
            lines += ["", f"{code(SHOWN_FILE)}:", "", *block(_without_passwords("\n".join(diff)), "diff")]
    return ["", "**Clients**", "", *lines] if lines else []


def _changes(preview: Preview) -> Lines:
    lines: Lines = []
    for op, word in DONE.items():
        for step in preview.changes:
            if step.op == op and step.type not in GRANTS:
                what = _described(step) if op == "create" else _called(step)
                details = "; ".join(_details(step))
                lines.append(f"- {word}: {what}{': ' if details else ''}{details}")
    grants = [step for step in preview.changes if step.type in GRANTS]
    if grants and not _access(preview):
        # Said, since the engine counts them; but there is nothing to review in them.
        count = "1 grant is" if len(grants) == 1 else f"{len(grants)} grants are"
        lines.append(f"- {count} written anew; nobody in the stack's file gains or loses access by that")
    return ["", "**Changes**", "", *lines] if lines else []


def _drift(preview: Preview) -> Lines:
    """What is otherwise than the last `up` left it, and whether the next one mends it."""
    mended = {step.urn for step in preview.changes}
    gone = {step.old.get("repositoryId") for step in preview.drift if not step.new}
    lines: Lines = []
    for step in preview.drift:
        if step.type in GRANTS and not step.new and grant_of(step, step.old)[0] in gone:
            continue
        ends = "this `up` undoes it" if step.urn in mended else "this `up` leaves it"
        if not step.new:
            ends = "this `up` makes it again" if step.urn in mended else ends
            lines.append(f"- {_called(step)} is gone; {ends}")
        elif step.type in GRANTS:
            was, now = members_of(step.old), members_of(step.new)
            target, role = grant_of(step, step.new)
            for verb, members in (
                ("was granted", [now[key] for key in sorted(now.keys() - was.keys())]),
                ("lost", [was[key] for key in sorted(was.keys() - now.keys())]),
            ):
                lines += [
                    f"- {_member(member)} {verb} the right to {main_right(role)} {code(target)}; {ends}"
                    for member in members
                ]
        else:
            details = [_change(key, step.old, step.new) for key in _differing(step.old, step.new)]
            if details:
                lines.append(f"- {_called(step)}: {'; '.join(details)}; {ends}")
    return ["", "**Changed outside this stack since the last `up`**", "", *lines] if lines else []


def _member(member: str) -> str:
    return "somebody whom only the `up` will know" if member == UNKNOWN else code(member)


def _noun(step: Step) -> str:
    word = re.split(r"[.:]", step.type)[-1]
    return (
        NOUNS.get(step.type) or re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", word).lower()
    )


def _called(step: Step) -> str:
    props = step.old or step.new
    name = next((props[key] for key in NAMES if props.get(key)), step.name)
    return f"{_noun(step)} {code(name)}"


def _sentence(step: Step) -> str:
    what = _called(step)
    return what[0].upper() + what[1:]


def _described(step: Step) -> str:
    """A new resource, with what a reviewer would ask about it."""
    said = [MODES.get(step.new.get("mode", ""), "")]
    said += [code(step.new["location"])] if step.type == REPOSITORY and "location" in step.new else []
    said += ["protected"] if step.is_protected else []
    if step.type == RULE:
        said.append(f"{code(step.new.get('action'))} {code(step.new.get('packageId'))}")
    details = ", ".join(filter(None, said))
    return _called(step) + (f" ({details})" if details else "")


def _differing(old: Props, new: Props) -> list[str]:
    return [
        key for key in sorted({*old, *new}) if not COMPUTED.fullmatch(key) and old.get(key) != new.get(key)
    ]


def _differences(step: Step) -> list[str]:
    """The properties that differ; what the program asks for tells it without what Google computes."""
    keys = _differing(step.old_inputs, step.new_inputs)
    return keys or [key for key in step.diffs if not COMPUTED.fullmatch(key)]


def _details(step: Step) -> list[str]:
    if step.op == "delete" and step.old.get("disableOnDestroy") is False:
        return ["it stays on, others may use it"]
    if step.op in ("create", "delete"):
        return []
    found = [
        _change(key, step.old_inputs, step.new_inputs) for key in _differences(step) if key != CONDITION
    ]
    if step.was_protected != step.is_protected:
        found.append("protected" if step.is_protected else "no longer protected")
    return found


def _change(key: str, old: Props, new: Props) -> str:
    was, now = old.get(key), new.get(key)
    if _nested(was) or _nested(now):
        # Too much to read here; the diff of the stack's file has it.
        return code(key)
    if isinstance(was, Mapping) or isinstance(now, Mapping):
        # One line of a map, such as labels, rather than all of it.
        left: Mapping[str, Any] = was if isinstance(was, Mapping) else {}
        right: Mapping[str, Any] = now if isinstance(now, Mapping) else {}
        parts = [
            f"{code(part)} {_value(left.get(part))} → {_value(right.get(part))}"
            for part in sorted({*left, *right})
            if left.get(part) != right.get(part)
        ]
        return f"{code(key)} " + ", ".join(parts)
    return f"{code(key)} {_value(was)} → {_value(now)}"


def _nested(value: Any) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(isinstance(part, (Mapping, list)) for part in inner)


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if value in (SECRET, True, False):
        return code(str(value).lower())
    text = str(value)
    return code(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def _without_urns(text: str) -> str:
    """Resources by their names: the rest of a URN says nothing to a reviewer."""
    return re.sub(r"urn:pulumi:[^\s\"']+::([^\s\"':]+)", r"\1", text)


def _without_passwords(text: str) -> str:
    return re.sub(r"(://[^/\s:@]*:)[^/\s@]+(?=@)", r"\1[hidden]", text)
