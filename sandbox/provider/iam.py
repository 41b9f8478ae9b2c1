"""Who has which role on one repository, service account or bucket:
gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding, …/repositoryIamMember:RepositoryIamMember,
gcp:serviceaccount/iAMBinding:IAMBinding, …/iAMMember:IAMMember and
gcp:storage/bucketIAMMember:BucketIAMMember.

All of them change one policy, which Google gives and takes only whole: read, change, write with the etag
that was read, and again from the start where someone else was quicker. Writes on one policy go one after
the other.
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from sandbox.provider.repositories import REGISTRY
from sandbox.provider.resources import LOCATION, PROJECT, Cloud, ResourceType, parse_by
from sandbox.provider.rest import CONFLICT, NOT_FOUND, PluginError, has_status, saying
from sandbox.provider.schema import COMPUTED, Field, Fields, Kind
from sandbox.provider.service_accounts import IAM
from sandbox.provider.storage import STORAGE
from sandbox.provider.values import UNKNOWN, Json, Props

# tpgiamresource/iam.go: IamPolicyVersion; its pauses of 1, 2, 4, 8 and 16 s add up to this.
POLICY_VERSION = 3
CONFLICT_SECONDS = 31.0
PRECONDITION_FAILED = 412
NO_PREFIX = "allUsers allAuthenticatedUsers projectOwners projectReaders projectWriters".split()
DELETED = "deleted:"
# tpgresource/utils.go: IamPrincipalIsCaseSensitive.
CASE_SENSITIVE = ("principal:", "principalSet:", "principalHierarchy:")
REPOSITORY_IDS = (
    r"projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/repositories/(?P<repository>[^/]+)",
    r"(?P<project>[^/]+)/(?P<location>[^/]+)/(?P<repository>[^/]+)",
    r"(?P<location>[^/]+)/(?P<repository>[^/]+)",
    r"(?P<repository>[^/]+)",
)
# verify/validation.go: ServiceAccountLinkRegex, made of its parts.
_DOMAIN = r"(?:(?:[-a-z0-9]{1,63}\.)*(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?):)?"
_PROJECT = r"(?:[0-9]{1,19}|(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)"
ACCOUNT_LINK = (
    rf"projects/{_DOMAIN}{_PROJECT}|-)/serviceAccounts/({_DOMAIN}{_PROJECT})@[a-z]+.gserviceaccount.com$"
    r"|[0-9]{1,20}-compute@developer.gserviceaccount.com"
    r"|[a-z]([-a-z0-9]{4,28}[a-z0-9])?@[-a-z0-9\.]{1,63}\.iam\.gserviceaccount\.com$)"
)

Binding = dict[str, Json]
Change = Callable[[list[Binding]], list[Binding]]
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def normalized(member: str) -> str:
    """Google compares e-mail addresses without case, federated principals with it; those gone alike."""
    gone = DELETED if member.startswith(DELETED) else ""
    kind, colon, name = member.removeprefix(gone).partition(":")
    return member if kind + colon in CASE_SENSITIVE else f"{gone}{kind}{colon}{name.lower()}"


def _not_a_member(value: str, name: str) -> Iterator[str]:
    if value.startswith("deleted"):
        yield f"invalid value for {name} (Terraform does not support IAM members for deleted principals)"
    elif ":" not in value.strip(":") and value not in NO_PREFIX:
        yield (
            f'invalid value "{value}" for {name} (IAM members must have one of the values outlined here: '
            "https://cloud.google.com/billing/docs/reference/rest/v1/Policy#Binding)"
        )


def _same_repository(old: str, new: str) -> bool:
    return old == new or ("/" not in new and old.rpartition("/")[2] == new)


def _same_member(old: str, new: str) -> bool:
    return normalized(old) == normalized(new)


def _same_bucket(old: str, new: str) -> bool:
    return old.removeprefix("b/") == new.removeprefix("b/")


def _not_an_account(value: str, name: str) -> Iterator[str]:
    if not re.search(ACCOUNT_LINK, value):
        yield f'"{name}" ("{value}") doesn\'t match regexp {json.dumps(ACCOUNT_LINK)}'


def _repository(state: Props, cloud: Cloud) -> Props:
    """The repository's full name, project and location."""
    beside = {key: state[key] for key in ("project", "location") if state.get(key) not in (None, UNKNOWN)}
    provider = Cloud(api=cloud.api, project=beside.get("project") or cloud.project)
    found = {"location": cloud.region, **beside, **parse_by(REPOSITORY_IDS, state["repository"], provider)}
    parent = f"projects/{found['project']}/locations/{found['location']}"
    return {**found, "repository": f"{parent}/repositories/{found['repository']}"}


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A kind of thing that has a policy.

    ``key`` is the property that names one, ``fields`` those that locate it, ``locate`` what they are in
    full. ``title`` is how the real plug-in speaks of one, ``read`` and ``query`` how its API is asked,
    ``paths`` what follows its name to read and to write the policy; ``bare``: the policy is sent by PUT, as
    the whole of the body.
    """

    key: str
    fields: Fields
    locate: Callable[[Props, Cloud], Props]
    title: str
    api: str
    read: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    paths: tuple[str, str] = (":getIamPolicy", ":setIamPolicy")
    bare: bool = False


REPOSITORY = Holder(
    key="repository",
    fields={
        "repository": Field(required=True, replaces=True, same=_same_repository),
        "location": LOCATION,
        "project": PROJECT,
    },
    locate=_repository,
    title='artifactregistry repository "{}"',
    api=REGISTRY,
    read="GET",
)
ACCOUNT = Holder(
    key="serviceAccountId",
    fields={"serviceAccountId": Field(required=True, replaces=True, refuse=_not_an_account)},
    locate=lambda state, _: {"serviceAccountId": state["serviceAccountId"]},
    title="service account '{}'",
    api=IAM,
    read="POST",
    query={"options.requestedPolicyVersion": str(POLICY_VERSION)},
)
BUCKET = Holder(
    key="bucket",
    fields={"bucket": Field(required=True, replaces=True, same=_same_bucket)},
    locate=lambda state, _: {"bucket": f"b/{state['bucket'].removeprefix('b/')}"},
    title='storage bucket "{}"',
    api=STORAGE,
    read="GET",
    query={"optionsRequestedPolicyVersion": str(POLICY_VERSION)},
    paths=("/iam", "/iam"),
    bare=True,
)

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
_BINDING: Fields = {
    **_GRANT,
    "members": Field(kind=Kind.SET, required=True, identity=str.lower, refuse=_not_a_member),
}
_MEMBER: Fields = {
    **_GRANT,
    "member": Field(required=True, replaces=True, same=_same_member, refuse=_not_a_member),
}


class _Access(ResourceType):
    """What all types share. Subclasses say whose policy it is, what they put into it and see there."""

    holder: ClassVar[Holder]
    import_parts: ClassVar[tuple[str, ...]]

    def customize(self, planned: Props, prior: Props | None, cloud: Cloud) -> Props:
        """Nothing: the real types for access, too, show the project only after they were made."""
        return planned

    def granted(self, binding: Binding | None, state: Props) -> Props | None:
        """This resource's own part of a policy's binding."""
        raise NotImplementedError

    def grant(self, bindings: list[Binding], state: Props) -> list[Binding]:
        """The bindings with this resource's in."""
        raise NotImplementedError

    def revoke(self, bindings: list[Binding], state: Props) -> list[Binding]:
        """The bindings without this resource's."""
        raise NotImplementedError

    def ident(self, name: str, state: Props) -> str:
        """The id, which says what the resource grants."""
        condition = state.get("condition") or {}
        texts = [condition.get(key, "") for key in ("title", "description", "expression")]
        member = [normalized(state["member"])] if "member" in state else []
        return "/".join([name, state["role"], *member, *(texts if any(texts) else [])])

    def create(self, planned: Props, cloud: Cloud) -> tuple[str, Props | None]:
        name = self._located(planned, cloud)[0]
        self._change(name, lambda bindings: self.grant(bindings, planned), cloud, version=POLICY_VERSION)
        return self.ident(name, planned), None

    def read(self, ident: str, state: Props, cloud: Cloud) -> Props | None:
        name, parts = self._located(state, cloud)
        subject = f'Resource "{self._describe(name)}" with IAM role "{state["role"]}"'
        try:
            with saying(f"Error when reading or editing {subject}"):
                policy = self._ask(name, cloud)
        except PluginError as error:
            if has_status(error, NOT_FOUND):
                return None
            raise
        binding = next((b for b in policy.get("bindings", []) if _key(b) == _key(state)), None)
        mine = self.granted(binding, state)
        if mine is None:
            return None
        found = {**parts, "role": state["role"], **mine}
        return {**found, "etag": policy.get("etag")} if binding else found

    def update(self, ident: str, planned: Props, changed: set[str], cloud: Cloud) -> None:
        self.create(planned, cloud)

    def delete(self, ident: str, state: Props, cloud: Cloud) -> None:
        name = self._located(state, cloud)[0]
        self._change(name, lambda bindings: self.revoke(bindings, state), cloud)

    def parse_id(self, ident: str, cloud: Cloud) -> tuple[str, Props]:
        names, words = self.import_parts, ident.split()
        if len(words) < len(names):
            raise PluginError(
                f"Wrong number of parts to id {words}; expected '{' '.join(names)} [condition_title]'."
            )
        state: Props = dict(zip(names, words, strict=False))
        title = " ".join(words[len(names) :])
        name, parts = self._located({self.holder.key: state.pop("resource_name")}, cloud)
        state = {**parts, **state}
        fitting = [
            binding
            for binding in self._policy(name, cloud).get("bindings", [])
            if binding["role"] == state["role"]
            and binding.get("condition", {}).get("title", "") == title
            and self.granted(binding, state) is not None
        ]
        if title and fitting:
            state["condition"] = fitting[0]["condition"]
        return self.ident(name, state), state

    def _located(self, state: Props, cloud: Cloud) -> tuple[str, Props]:
        """The full name of what has the policy, and the properties that say so."""
        parts = self.holder.locate(state, cloud)
        return parts[self.holder.key], parts

    def _describe(self, name: str) -> str:
        return self.holder.title.format(name)

    def _ask(self, name: str, cloud: Cloud) -> Json:
        url = f"{self.holder.api}/{name}{self.holder.paths[0]}"
        return cloud.api.call(self.holder.read, url, **self.holder.query)

    def _policy(self, name: str, cloud: Cloud) -> Json:
        with saying(f"Error retrieving IAM policy for {self._describe(name)}"):
            return self._ask(name, cloud)

    def _change(self, name: str, change: Change, cloud: Cloud, **added: Json) -> None:
        """Read, change, write; again where the policy was changed in between."""
        with _locks[name]:
            for last in cloud.api.attempts(CONFLICT_SECONDS):
                policy = self._policy(name, cloud)
                policy = {**policy, "bindings": change(_merged(policy.get("bindings", []))), **added}
                try:
                    with saying(f"Error setting IAM policy for {self._describe(name)}"):
                        url = f"{self.holder.api}/{name}{self.holder.paths[1]}"
                        method, body = ("PUT", policy) if self.holder.bare else ("POST", {"policy": policy})
                        cloud.api.call(method, url, body)
                    return
                except PluginError as error:
                    subject = f"Error applying IAM policy for {self._describe(name)}"
                    conflict = any(has_status(error, s) for s in (CONFLICT, PRECONDITION_FAILED))
                    if not conflict:
                        raise PluginError(f"{subject}: {error}") from error
                    if last:
                        text = f"Too many conflicts.  Latest error: {error}"
                        raise PluginError(f"{subject}: {text}") from error


class _Binding(_Access):
    """The whole truth about one role: members that others added go."""

    import_parts = ("resource_name", "role")

    def granted(self, binding: Binding | None, state: Props) -> Props | None:
        return {"members": sorted((binding or {}).get("members", []))}

    def grant(self, bindings: list[Binding], state: Props) -> list[Binding]:
        others = [binding for binding in bindings if _key(binding) != _key(state)]
        return [*others, _binding(state, state["members"])]

    def revoke(self, bindings: list[Binding], state: Props) -> list[Binding]:
        return [binding for binding in bindings if _key(binding) != _key(state)]


class _Member(_Access):
    """One member of one role, beside whoever else has it."""

    import_parts = ("resource_name", "role", "member")

    def granted(self, binding: Binding | None, state: Props) -> Props | None:
        members = (binding or {}).get("members", [])
        found = [item for item in members if item.lower() == state["member"].lower()]
        return {"member": found[0]} if found else None

    def grant(self, bindings: list[Binding], state: Props) -> list[Binding]:
        return _merged([*bindings, _binding(state, [state["member"]])])

    def revoke(self, bindings: list[Binding], state: Props) -> list[Binding]:
        mine = next((binding for binding in bindings if _key(binding) == _key(state)), {"members": []})
        mine["members"] = [item for item in mine["members"] if item != normalized(state["member"])]
        return _merged(bindings)


class RepositoryIamBinding(_Binding):
    token = "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding"  # noqa: S105
    holder, fields = REPOSITORY, {**REPOSITORY.fields, **_BINDING}


class RepositoryIamMember(_Member):
    token = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"  # noqa: S105
    holder, fields = REPOSITORY, {**REPOSITORY.fields, **_MEMBER}


class AccountIamBinding(_Binding):
    token = "gcp:serviceaccount/iAMBinding:IAMBinding"  # noqa: S105
    holder, fields = ACCOUNT, {**ACCOUNT.fields, **_BINDING}


class AccountIamMember(_Member):
    token = "gcp:serviceaccount/iAMMember:IAMMember"  # noqa: S105
    holder, fields = ACCOUNT, {**ACCOUNT.fields, **_MEMBER}


class BucketIamMember(_Member):
    token = "gcp:storage/bucketIAMMember:BucketIAMMember"  # noqa: S105
    holder, fields = BUCKET, {**BUCKET.fields, **_MEMBER}


def _key(binding: Binding) -> tuple[str, ...]:
    condition = binding.get("condition") or {}
    texts = (condition.get(key, "") for key in ("description", "expression", "title"))
    return (binding["role"], *texts)


def _binding(state: Props, members: list[str]) -> Binding:
    binding: Binding = {"role": state["role"]}
    if members:
        binding["members"] = sorted(members)
    return {**binding, "condition": state["condition"]} if state.get("condition") else binding


def _merged(bindings: list[Binding]) -> list[Binding]:
    """One binding a role and condition, in order, without empty ones."""
    members: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for binding in bindings:
        members[_key(binding)] |= set(map(normalized, binding.get("members", [])))
    models = {_key(binding): binding for binding in bindings}
    return [_binding(models[key], list(members[key])) for key in sorted(members) if members[key]]
