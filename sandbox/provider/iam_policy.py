"""IAM bindings and members on a resource: the code that these types share.

Each of them changes the IAM policy of one resource, and Google reads and writes only whole policies. So a
change reads the policy, changes it, and writes it with the etag that it read. If another writer was first,
it starts again. Changes of one policy run one after the other.

The types are in the module of the resource that has the policy, which also knows how to locate it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import ClassVar

from sandbox.provider.resources import Cloud, ResourceType
from sandbox.provider.rest import CONFLICT, NOT_FOUND, ProviderError, error_context, has_status
from sandbox.provider.schema import COMPUTED, Field, Fields, Kind
from sandbox.provider.values import Json, Props

# tpgiamresource/iam.go: IamPolicyVersion; its pauses of 1, 2, 4, 8 and 16 s are 31 s together.
POLICY_VERSION = 3
CONFLICT_SECONDS = 31.0
PRECONDITION_FAILED = 412
NO_PREFIX = "allUsers allAuthenticatedUsers projectOwners projectReaders projectWriters".split()
DELETED = "deleted:"
# tpgresource/utils.go: IamPrincipalIsCaseSensitive.
CASE_SENSITIVE = ("principal:", "principalSet:", "principalHierarchy:")

Binding = dict[str, Json]
Change = Callable[[list[Binding]], list[Binding]]
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class IamPolicy:
    """The IAM policy of one kind of resource. Subclasses locate the resource and access its policy.

    Attributes:
        key: the property that names the resource.
        fields: the properties that locate it.
        api: base URL of the API that has the policy.
        title: how the real provider names the resource in messages.
    """

    key: ClassVar[str]
    fields: ClassVar[Fields]
    api: ClassVar[str]
    title: ClassVar[str]

    def locate(self, state: Props, cloud: Cloud) -> Props:
        """The properties that locate the resource, in full; `key` has its full name."""
        raise NotImplementedError

    def get(self, name: str, cloud: Cloud) -> Json:
        """The policy of the resource with that full name."""
        return cloud.api.call("GET", f"{self.api}/{name}:getIamPolicy")

    def set(self, name: str, policy: Json, cloud: Cloud) -> None:
        """Write the whole policy."""
        cloud.api.call("POST", f"{self.api}/{name}:setIamPolicy", {"policy": policy})

    def describe(self, name: str) -> str:
        """The resource as the real provider's messages name it."""
        return self.title.format(name)

    def bindings(self, name: str, cloud: Cloud) -> list[Binding]:
        """The policy's bindings."""
        return self._get_or_explain(name, cloud).get("bindings", [])

    def change(self, name: str, change: Change, cloud: Cloud, **added: Json) -> None:
        """Read, change and write the policy. Starts again if another writer changed it in between."""
        with _locks[name]:
            for is_last in cloud.api.attempts(CONFLICT_SECONDS):
                policy = self._get_or_explain(name, cloud)
                policy = {**policy, "bindings": change(merge(policy.get("bindings", []))), **added}
                try:
                    with error_context(f"Error setting IAM policy for {self.describe(name)}"):
                        self.set(name, policy, cloud)
                    return
                except ProviderError as error:
                    subject = f"Error applying IAM policy for {self.describe(name)}"
                    if not any(has_status(error, status) for status in (CONFLICT, PRECONDITION_FAILED)):
                        raise ProviderError(f"{subject}: {error}") from error
                    if is_last:
                        text = f"Too many conflicts.  Latest error: {error}"
                        raise ProviderError(f"{subject}: {text}") from error

    def _get_or_explain(self, name: str, cloud: Cloud) -> Json:
        with error_context(f"Error retrieving IAM policy for {self.describe(name)}"):
            return self.get(name, cloud)


class _IamResource(ResourceType):
    """Shared by bindings and members. Subclasses change the bindings, and find their part in one."""

    policy: ClassVar[IamPolicy]
    import_parts: ClassVar[tuple[str, ...]]

    def customize(self, planned: Props, prior: Props | None, cloud: Cloud) -> Props:
        """No change: the real IAM types, too, show the project only after their creation."""
        return planned

    def part(self, binding: Binding | None, state: Props) -> Props | None:
        """This resource's part of a policy's binding; None if it has no part."""
        raise NotImplementedError

    def grant(self, bindings: list[Binding], state: Props) -> list[Binding]:
        """The bindings with this resource's part."""
        raise NotImplementedError

    def revoke(self, bindings: list[Binding], state: Props) -> list[Binding]:
        """The bindings without this resource's part."""
        raise NotImplementedError

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        name = self._full_name(planned, cloud)
        self.policy.change(
            name, lambda bindings: self.grant(bindings, planned), cloud, version=POLICY_VERSION
        )
        return self._resource_id(name, planned), None

    def read(self, resource_id: str, state: Props, cloud: Cloud) -> Props | None:
        location = self.policy.locate(state, cloud)
        name = location[self.policy.key]
        subject = f'Resource "{self.policy.describe(name)}" with IAM role "{state["role"]}"'
        try:
            with error_context(f"Error when reading or editing {subject}"):
                policy = self.policy.get(name, cloud)
        except ProviderError as error:
            if has_status(error, NOT_FOUND):
                return None
            raise
        binding = next((b for b in policy.get("bindings", []) if _key(b) == _key(state)), None)
        part = self.part(binding, state)
        if part is None:
            return None
        found = {**location, "role": state["role"], **part}
        return {**found, "etag": policy.get("etag")} if binding else found

    def update(self, resource_id: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        self.create(planned, cloud)

    def delete(self, resource_id: str, state: Props, cloud: Cloud) -> None:
        name = self._full_name(state, cloud)
        self.policy.change(name, lambda bindings: self.revoke(bindings, state), cloud)

    def parse_id(self, resource_id: str, cloud: Cloud) -> tuple[str, Props]:
        names, words = self.import_parts, resource_id.split()
        if len(words) < len(names):
            raise ProviderError(
                f"Wrong number of parts to id {words}; expected '{' '.join(names)} [condition_title]'."
            )
        parts: Props = dict(zip(names, words, strict=False))
        title = " ".join(words[len(names) :])
        location = self.policy.locate({self.policy.key: parts.pop("resource_name")}, cloud)
        state = {**location, **parts}
        matching = [
            binding
            for binding in self.policy.bindings(location[self.policy.key], cloud)
            if binding["role"] == state["role"]
            and binding.get("condition", {}).get("title", "") == title
            and self.part(binding, state) is not None
        ]
        if title and matching:
            state["condition"] = matching[0]["condition"]
        return self._resource_id(location[self.policy.key], state), state

    def _full_name(self, state: Props, cloud: Cloud) -> str:
        return self.policy.locate(state, cloud)[self.policy.key]

    def _resource_id(self, name: str, state: Props) -> str:
        """The id, which contains what the resource grants."""
        condition = state.get("condition") or {}
        texts = [condition.get(key, "") for key in ("title", "description", "expression")]
        member = [normalize(state["member"])] if "member" in state else []
        return "/".join([name, state["role"], *member, *(texts if any(texts) else [])])


class IamBinding(_IamResource):
    """All members of one role. It removes members that were added elsewhere."""

    import_parts = ("resource_name", "role")

    def part(self, binding: Binding | None, state: Props) -> Props | None:
        return {"members": sorted((binding or {}).get("members", []))}

    def grant(self, bindings: list[Binding], state: Props) -> list[Binding]:
        return [*self.revoke(bindings, state), _new_binding(state, state["members"])]

    def revoke(self, bindings: list[Binding], state: Props) -> list[Binding]:
        return [binding for binding in bindings if _key(binding) != _key(state)]


class IamMember(_IamResource):
    """One member of one role. It keeps the role's other members."""

    import_parts = ("resource_name", "role", "member")

    def part(self, binding: Binding | None, state: Props) -> Props | None:
        members = (binding or {}).get("members", [])
        found = [member for member in members if member.lower() == state["member"].lower()]
        return {"member": found[0]} if found else None

    def grant(self, bindings: list[Binding], state: Props) -> list[Binding]:
        return merge([*bindings, _new_binding(state, [state["member"]])])

    def revoke(self, bindings: list[Binding], state: Props) -> list[Binding]:
        binding = next((b for b in bindings if _key(b) == _key(state)), {"members": []})
        binding["members"] = [m for m in binding["members"] if m != normalize(state["member"])]
        return merge(bindings)


def normalize(member: str) -> str:
    """Google compares e-mail addresses without case and federated principals with it, deleted ones too."""
    deleted = DELETED if member.startswith(DELETED) else ""
    kind, colon, name = member.removeprefix(deleted).partition(":")
    return member if kind + colon in CASE_SENSITIVE else f"{deleted}{kind}{colon}{name.lower()}"


def merge(bindings: list[Binding]) -> list[Binding]:
    """One binding per role and condition, in order, without empty ones."""
    members: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for binding in bindings:
        members[_key(binding)] |= set(map(normalize, binding.get("members", [])))
    models = {_key(binding): binding for binding in bindings}
    return [_new_binding(models[key], list(members[key])) for key in sorted(members) if members[key]]


def _key(binding: Binding) -> tuple[str, ...]:
    """Role and condition, which identify a binding of a policy."""
    condition = binding.get("condition") or {}
    texts = (condition.get(key, "") for key in ("description", "expression", "title"))
    return (binding["role"], *texts)


def _new_binding(state: Props, members: list[str]) -> Binding:
    binding: Binding = {"role": state["role"]}
    if members:
        binding["members"] = sorted(members)
    return {**binding, "condition": state["condition"]} if state.get("condition") else binding


def _validate_member(value: str, name: str) -> Iterator[str]:
    if value.startswith("deleted"):
        yield f"invalid value for {name} (Terraform does not support IAM members for deleted principals)"
    elif ":" not in value.strip(":") and value not in NO_PREFIX:
        yield (
            f'invalid value "{value}" for {name} (IAM members must have one of the values outlined here: '
            "https://cloud.google.com/billing/docs/reference/rest/v1/Policy#Binding)"
        )


def _is_same_member(old: str, new: str) -> bool:
    return normalize(old) == normalize(new)


_FIXED = Field(required=True, replaces=True)
_GRANT: Fields = {
    "role": _FIXED,
    "condition": Field(
        kind=Kind.OBJECT,
        replaces=True,
        members={"expression": _FIXED, "title": _FIXED, "description": Field(replaces=True)},
    ),
    "etag": COMPUTED,
}
BINDING_FIELDS: Fields = {
    **_GRANT,
    "members": Field(kind=Kind.SET, required=True, identity=str.lower, validate=_validate_member),
}
MEMBER_FIELDS: Fields = {
    **_GRANT,
    "member": Field(required=True, replaces=True, is_same=_is_same_member, validate=_validate_member),
}
