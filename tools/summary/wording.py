"""Words for steps and values: the label of a resource, and its changed properties.

Owns only words. `changes.py`, `drift.py` and `warnings.py` decide what a reviewer reads.
"""

from __future__ import annotations

import re

from tools.summary.differences import format_value, without_empty
from tools.summary.events import SECRET, Props, mapping_of
from tools.summary.grants import ACCOUNT, GRANTS
from tools.summary.markdown import code, codes
from tools.summary.previews import PROVIDER, RETAIN, STACK, UNKNOWN, Preview, Step

RULE = "artifactregistry.Rule"
# The CEL condition that a workload identity provider checks. The program joins its clauses with `&&`.
CONDITION = "attributeCondition"
NOUNS = {
    **dict.fromkeys(GRANTS, "grant"),
    "projects.Service": "API",
    ACCOUNT: "service account",
    RULE: "download rule",
}
# The properties that name a resource, the most specific first: a rule also has its repository's id.
NAMES = ("ruleId", "repositoryId", "accountId", "service", "workloadIdentityPoolProviderId")
# The words for each operation, in the order of the summary.
OPERATION_WORDS = {
    "create": "Created",
    "import": "Adopted",
    "update": "Changed",
    "replace": "Replaced",
    "delete": "Deleted",
    RETAIN: "Retained",
}
# The kinds of a difference, as words.
CHANGES = {"add": "added", "delete": "removed"}
# Properties that Pulumi and its provider compute. A person sets all other inputs.
INTERNAL = re.compile(r"effectiveLabels|pulumiLabels|__.*")
# Properties of the state that Google and the provider compute.
COMPUTED = re.compile(
    r"etag|.*Time|name|uniqueId|registryUri|effectiveLabels|pulumiLabels|vulnerabilityScanningConfig|__.*"
)
# The properties with all labels of a resource, those that the provider adds among them.
ALL_LABELS = re.compile(r"(?:effectiveLabels|pulumiLabels)(?:\.|\[\")?(.*?)(?:\"\])?")
# Google keeps a member that was deleted like this, until the grant is written again.
DELETED_MEMBER = re.compile(r"deleted:(.*?)(?:\?uid=.*)?", re.DOTALL)


def format_member(member: str) -> str:
    return "a member that is known after the update" if member == UNKNOWN else code(member)


def deleted_member(member: str) -> str | None:
    """Return the member whose deleted account this entry of a policy is, or None for any other entry."""
    match = DELETED_MEMBER.fullmatch(member)
    return match[1] if match else None


def label(step: Step) -> str:
    """Return the kind and the name of the step's resource."""
    props = step.old or step.new
    name = next((props[key] for key in NAMES if props.get(key)), step.name)
    return f"{_noun(step)} {code(name)}"


def label_of(preview: Preview, urn: str) -> str:
    """Return the kind and the names of the resource with this URN, or the URN if it has no such form."""
    if "::" + STACK + "::" in urn:
        return "the stack"
    listed = (*preview.changes, *preview.unchanged, *preview.components, *preview.others, *preview.drift)
    step = next((step for step in listed if step.urn == urn), None)
    name = urn.split("::", 3)[-1]
    if step is None or not step.type:
        return code(name)
    # The name in the program, too: a policy's message can contain it.
    text = label(step)
    return text if code(name) in text else f"{text} ({code(name)})"


def capitalized_label(step: Step) -> str:
    text = label(step)
    return text[0].upper() + text[1:]


def _noun(step: Step) -> str:
    if step.type.startswith(PROVIDER):
        return "provider"
    word = re.split(r"[.:]", step.type)[-1] or "resource"
    if not re.fullmatch(r"[\w ]+", word):
        return code(word)
    return (
        NOUNS.get(step.type) or re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", word).lower()
    )


def changed_keys(old: Props, new: Props, computed: re.Pattern[str] = COMPUTED) -> list[str]:
    """Return the names of the properties that differ, without the computed ones."""
    return [
        key
        for key in sorted({*old, *new})
        if not computed.fullmatch(key) and without_empty(old.get(key)) != without_empty(new.get(key))
    ]


def provider_labels(step: Step) -> list[str]:
    """Return the labels that the provider adds and that change, such as its default labels.

    In the state they are secrets. Only the paths of the differences have their names.
    """
    own = {*mapping_of(step.old_inputs.get("labels")), *mapping_of(step.new_inputs.get("labels"))}
    changed: dict[str, str] = {}
    for path, kind in step.paths.items():
        match = ALL_LABELS.fullmatch(path)
        if match and match[1] and match[1] not in own:
            changed[match[1]] = CHANGES.get(kind.removesuffix("-replace"), "changed")
    for key in () if changed else ("effectiveLabels", "pulumiLabels"):
        before, after = (mapping_of(side.get(key)) for side in (step.old, step.new))
        for name in sorted({*before, *after} - own) if key in step.diffs and before and after else ():
            if before.get(name) != after.get(name):
                changed[name] = f"{format_value(before.get(name))} → {format_value(after.get(name))}"
    words = ", ".join(f"{code(name)} {word}" for name, word in sorted(changed.items()))
    return [f"labels that the provider adds: {words}"] if words else []


def change_reasons(step: Step) -> list[str]:
    """Return the names of the differences, for an update that shows none of their values."""
    names = sorted(step.paths or {*step.diffs})
    own = [name for name in names if not ALL_LABELS.fullmatch(name)]
    labels = ["labels that the provider adds"] if len(own) < len(names) else []
    return ([codes(own)] if own else []) + labels or ["the preview gives no reason"]


def secret_changes(step: Step) -> list[str]:
    """Return the properties that differ in a secret, which looks the same before and after."""
    return [
        f"{code(key)} has another secret value"
        for key in sorted({*step.diffs})
        if not INTERNAL.fullmatch(key)
        and SECRET in str(step.old_inputs.get(key))
        and without_empty(step.old_inputs.get(key)) == without_empty(step.new_inputs.get(key))
    ]


def without_urns(text: str) -> str:
    """Return the text with every URN shortened to the resource's name."""
    return re.sub(r"urn:pulumi:[^\s\"']+::([^\s\"':]+)", r"\1", text)


def without_passwords(text: str) -> str:
    """Return the text with the passwords in its URLs hidden."""
    return re.sub(r"(://[^/\s:@]*:)[^/\s@]+(?=@)", r"\1[hidden]", text)
