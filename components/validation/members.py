"""IAM members: the lists of readers, writers and admins, and the token creators per account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import cast

from ..args import Impersonators, member_identity
from .ids import ACCOUNT_LENGTH
from .lists import TextList
from .problem import Problem, not_text
from .suggestions import suggest, unknown_names

# "Principal identifiers for allow policies" in Google's documentation lists these types. It also has
# `allUsers`, `allAuthenticatedUsers` and deleted principals, which `_explanation` refuses.
_ACCOUNT_DOMAIN = r"gserviceaccount\.com"
_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+(?:[a-zA-Z]{2,}|xn--[a-zA-Z0-9-]+)"
# The characters before the @ are those of RFC 5322: a Google Account can have an address of another host.
_NAME = r"[\w.!#$%&'*+/=?^`{|}~-]+"
EMAIL = re.compile(rf"(?:user|group):(?!(?i:.*[@.]{_ACCOUNT_DOMAIN})$){_NAME}@{_DOMAIN}", re.ASCII)
# The second form is that of Kubernetes service accounts, of a cluster or a fleet.
SERVICE_ACCOUNT = re.compile(
    rf"serviceAccount:(?:[\w.-]+@(?:[\w-]+\.)*{_ACCOUNT_DOMAIN}|[\w:.-]+\.(?:svc|hub)\.id\.goog\[[\w-]+/[\w.-]+\])",
    re.ASCII,
)
# "Create service accounts": the ids of accounts in a project. Google's own agents have others (`gcp-sa-…`).
SHORTEST_ACCOUNT = 6
CREATED_ACCOUNT = re.compile(
    rf"serviceAccount:(?P<id>[\w.-]+)@(?!gcp-sa-)[\w.-]+\.iam\.{_ACCOUNT_DOMAIN}", re.ASCII
)
DOMAIN = re.compile(rf"domain:{_DOMAIN}")
# The names of named members are a part of resource names, for which Pulumi has no limit of its own.
ENTRY_NAME_LENGTH = 63
ENTRY_NAME = re.compile(rf"[\w-]{{1,{ENTRY_NAME_LENGTH}}}", re.ASCII)
# Control characters, line separators and surrogates: no editor shows them.
_HIDDEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
# A value can have spaces inside: an identity provider chooses it.
_VALUE = rf"(?!\s)[^{_HIDDEN}]+(?<!\s)"
_PART = rf"[^/\s{_HIDDEN}]+"
_WORKLOAD_POOL = r"iam\.googleapis\.com/projects/[0-9]+/locations/global/workloadIdentityPools/[\w.:-]+"
_POOL = rf"(?:{_WORKLOAD_POOL}|iam\.googleapis\.com/locations/global/workforcePools/[\w.:-]+)"
_ALL_ACCOUNTS = (
    r"cloudresourcemanager\.googleapis\.com/(?:projects|folders|organizations)/[0-9]+"
    r"/type/(?:ServiceAccount|ServiceAgent)"
)
# The trust domains of agents and of managed workload identities.
_TRUST_DOMAIN = (
    r"(?:agents\.global\.(?:org|proj|project)-[0-9]+\.system"
    r"|[a-z0-9-]+\.global\.[0-9]+\.workload)\.id\.goog"
)
# "Resource types with built-in identities". IAM has one such type: workload identity pools.
_SERVICE = r"(?!(?:cloudresourcemanager|iam)\.)[a-z0-9-]+\.googleapis\.com/projects/[0-9]+"
_POOL_TYPE = r"iam\.googleapis\.com/projects/[0-9]+"
_ANCESTOR = rf"ancestor\.(?:name|uid)/{_PART}/{_VALUE}"
_SINGLE = (
    rf"{_POOL}/subject/{_VALUE}",
    rf"{_WORKLOAD_POOL}/kubernetes\.serviceaccount\.uid/{_VALUE}",
    rf"{_TRUST_DOMAIN}/{_VALUE}",
    rf"{_SERVICE}/(?:name|uid)/{_VALUE}",
    rf"{_POOL_TYPE}/name/locations/global/workloadIdentityPools/[\w.:-]+",
)
_SETS = (
    rf"{_POOL}/(?:\*|(?:group|attribute\.\w+)/{_VALUE})",
    rf"{_WORKLOAD_POOL}/(?:namespace|kubernetes\.cluster)/{_VALUE}",
    _ALL_ACCOUNTS,
    rf"{_TRUST_DOMAIN}/(?:\*|attribute\.\w+/{_VALUE})",
    rf"{_SERVICE}/(?:\*|type/{_PART}/\*|(?:type/{_PART}/)?{_ANCESTOR})",
    rf"{_POOL_TYPE}/(?:\*|type/WorkloadIdentityPool/\*)",
)
PRINCIPAL = re.compile(
    rf"principal://(?:{'|'.join(_SINGLE)})|principalSet://(?:{'|'.join(_SETS)})", re.ASCII
)
# "Principal identifiers for deny policies": an allow policy has other forms of these principals.
_DENY_FORMS = {
    re.compile(r"principal://goog/subject/(.+)"): "user",
    re.compile(r"principalSet://goog/group/(.+)"): "group",
    re.compile(r"principal://iam\.googleapis\.com/projects/-/serviceAccounts/(.+)"): "serviceAccount",
}
# A project's id in the place of its number. An id of a company's domain has a dot and a colon.
_PROJECT_NAME = re.compile(r"([a-z.]+/projects/)(?P<id>[a-z][a-z0-9.:-]*)(?=/)")
_CONVENIENCE = ("projectOwner", "projectEditor", "projectViewer")
PUBLIC = ("allusers", "allauthenticatedusers")
EXAMPLES = {
    "user": "name@example.com",
    "group": "name@example.com",
    "serviceAccount": "account@my-project.iam.gserviceaccount.com",
    "domain": "example.com",
}
PRINCIPAL_ENDS = {"principal": "subject/SUBJECT", "principalSet": "attribute.NAME/VALUE"}
# "Quotas and limits" of IAM: members of all bindings of one policy. A member of two bindings counts twice.
MEMBER_LIMIT = 1500


def check_token_creators(key: str, value: object) -> list[Problem]:
    """The problems of a map from accounts (`reader`, `writer`) to members."""
    accounts = [f.name for f in fields(Impersonators)]
    if not isinstance(value, Mapping):
        rule = f"the value must map {' or '.join(accounts)} to a list of IAM members"
        return [Problem(key, value, rule, "write `writer:`, and below it one `- user:…` per line")]
    lists = cast("Mapping[str, object]", value)
    problems = unknown_names(key, lists, accounts, "the program has no such account")
    for account in accounts:
        if account in lists:
            problems += check_members(f"{key}.{account}", lists[account])
    return problems


def build_token_creators(value: Mapping[str, list[str]]) -> Impersonators:
    return Impersonators(**{account: tuple(members) for account, members in value.items()})


def check_named_members(key: str, value: object) -> list[Problem]:
    """The problems of a map of members by name. A member that is an output is checked once it is known."""
    if not isinstance(value, Mapping):
        rule = "the value must be a map of IAM members by name"
        return [Problem(key, value, rule, "write one name and one member per entry")]
    problems: list[Problem] = []
    for name, member in cast("Mapping[str, object]", value).items():
        path = f"{key}.{name}"
        if not ENTRY_NAME.fullmatch(name):
            rule = "the names of resources contain this name, so it has only letters, digits, - and _"
            problems.append(Problem(path, name, rule, f"rename it, at most {ENTRY_NAME_LENGTH} characters"))
        if isinstance(member, str):
            problems += check_member(path, member)
        elif member is None or isinstance(member, (bool, int, float, list, tuple, Mapping)):
            problems.append(not_text(path, member, "an IAM member must be text or an output"))
    return problems


def check_member(key: str, member: str) -> list[Problem]:
    if any(pattern.fullmatch(member) for pattern in (EMAIL, SERVICE_ACCOUNT, DOMAIN, PRINCIPAL)):
        return _account_length(key, member)
    rule, fix = _explanation(member)
    return [Problem(key, member, rule, fix)]


def _account_length(key: str, member: str) -> list[Problem]:
    """Google grants nothing to an account that cannot exist, and the update then fails at each grant."""
    account = CREATED_ACCOUNT.fullmatch(member)
    if account is None or SHORTEST_ACCOUNT <= len(account["id"]) <= ACCOUNT_LENGTH:
        return []
    rule = (
        f"the id of a service account has {SHORTEST_ACCOUNT} to {ACCOUNT_LENGTH} characters, "
        f"and {account['id']} has {len(account['id'])}"
    )
    return [Problem(key, member, rule, "run `gcloud iam service-accounts list` to find it")]


def _explanation(member: str) -> tuple[str, str]:
    """The rule that a bad member breaks, and the fix."""
    kind, _, identity = member.partition(":")
    is_account = re.search(f"[@.]{_ACCOUNT_DOMAIN}$", member)
    if re.search(f"[{_HIDDEN}]", member.strip()):
        return "this member has a character that editors do not show", "write it again by hand"
    if member.lower() in PUBLIC or member == "principalSet://goog/public:all":
        return (
            "this member opens the private index to everybody",
            "name users, groups, service accounts or a domain",
        )
    if kind == "deleted":
        return (
            "this principal is deleted, and a new one of the same name is another principal",
            "remove it, or name the new principal",
        )
    if kind in _CONVENIENCE:
        return (
            f"Google documents {kind} only for Cloud Storage and BigQuery",
            "name users, groups, service accounts or a domain",
        )
    if deny := _deny_form(member):
        return "deny policies have this form, and grants have another", f"write {deny}"
    if ":" not in member and "@" in member:
        right = f"serviceAccount:{member}" if is_account else f"user:{member} or group:{member}"
        return "an IAM member starts with its type", f"write {right}"
    if kind in ("user", "group") and is_account:
        return "this address belongs to a service account", f"write serviceAccount:{identity}"
    if kind in EXAMPLES:
        return f"this is not a valid {kind} member", f"write {kind}:{EXAMPLES[kind]}"
    if near := _near_principal(member):
        return near
    if kind in PRINCIPAL_ENDS:
        pool = "projects/NUMBER/locations/global/workloadIdentityPools/POOL"
        return (
            "this is not a principal of a workload or workforce identity pool",
            f"write {kind}://iam.googleapis.com/{pool}/{PRINCIPAL_ENDS[kind]}",
        )
    types = [f"{known}:" for known in EXAMPLES]
    otherwise = f"use {', '.join(types)}, principal:// or principalSet://"
    return "IAM has no such member type", suggest(f"{kind}:", types, otherwise)


def _near_principal(member: str) -> tuple[str, str] | None:
    """The rule and the fix of a principal that one change makes right."""
    kind, separator, rest = member.partition("://")
    other = {"principal": "principalSet", "principalSet": "principal"}.get(kind, "")
    if PRINCIPAL.fullmatch(f"{other}{separator}{rest}"):
        noun = "a set of principals" if other == "principalSet" else "a single principal"
        return f"this is {noun}, which starts with {other}://", f"write {other}://{rest}"
    project = _PROJECT_NAME.match(rest)
    if project and PRINCIPAL.fullmatch(f"{kind}://{project[1]}1{rest[project.end() :]}"):
        command = f"gcloud projects describe {project['id']} --format 'value(projectNumber)'"
        return "a principal names its project by number, not by id", f"run `{command}` to find it"
    if PRINCIPAL.fullmatch(f"{member.rstrip('/')}/type/ServiceAccount"):
        right = f"{member.rstrip('/')}/type/ServiceAccount"
        return "a set of accounts ends with their type", f"write {right}"
    return None


def _deny_form(member: str) -> str | None:
    """The form for grants of a principal that is in the form of deny policies."""
    for pattern, kind in _DENY_FORMS.items():
        if match := pattern.fullmatch(member):
            return f"{kind}:{match[1]}"
    if member.startswith("principalSet://goog/cloudIdentityCustomerId/"):
        return "domain:DOMAIN, with the domain of that customer"
    return None


check_members = TextList(
    noun="an IAM member",
    plural="IAM members",
    example="user:name@example.com",
    check_entry=check_member,
    identity=member_identity,
).check
