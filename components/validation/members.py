"""IAM members: the lists of readers, writers and admins, and the token creators per account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import cast

from components.args import Impersonators, member_identity
from components.validation.ids import ACCOUNT_LENGTH
from components.validation.lists import TextList
from components.validation.problem import Problem
from components.validation.suggestions import suggest, unknown_names

# "Policy" in the IAM reference, without `allUsers`, `allAuthenticatedUsers` and deleted members.
_ACCOUNT_DOMAIN = r"gserviceaccount\.com"
_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+(?:[a-zA-Z]{2,}|xn--[a-zA-Z0-9-]+)"
EMAIL = re.compile(rf"(?:user|group):(?!.*{_ACCOUNT_DOMAIN}$)[\w.%+'-]+@{_DOMAIN}", re.ASCII)
# "Principal identifiers" has the second form, which Kubernetes uses.
SERVICE_ACCOUNT = re.compile(
    rf"serviceAccount:(?:[\w.-]+@(?:[\w-]+\.)*{_ACCOUNT_DOMAIN}|[\w:.-]+\.svc\.id\.goog\[[\w-]+/[\w.-]+\])",
    re.ASCII,
)
# "Create service accounts": the ids of accounts in a project. Google's own agents have others (`gcp-sa-…`).
SHORTEST_ACCOUNT = 6
CREATED_ACCOUNT = re.compile(
    rf"serviceAccount:(?P<id>[\w.-]+)@(?!gcp-sa-)[\w.-]+\.iam\.{_ACCOUNT_DOMAIN}", re.ASCII
)
DOMAIN = re.compile(rf"domain:{_DOMAIN}")
# "Principal identifiers for allow policies": identities of a pool, and all service accounts of a project,
# folder or organization.
_POOL = (
    r"iam\.googleapis\.com/"
    r"(?:projects/[0-9]+/locations/global/workloadIdentityPools|locations/global/workforcePools)/[\w.:-]+"
)
_SET = r"\*|(?:group|namespace|kubernetes\.cluster|attribute\.\w+)/\S+"
_ALL_ACCOUNTS = (
    r"cloudresourcemanager\.googleapis\.com/(?:projects|folders|organizations)/[0-9]+"
    r"/type/(?:ServiceAccount|ServiceAgent)"
)
PRINCIPAL = re.compile(
    rf"principal://{_POOL}/subject/\S+|principalSet://(?:{_POOL}/(?:{_SET})|{_ALL_ACCOUNTS})", re.ASCII
)
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
    is_account = re.search(f"{_ACCOUNT_DOMAIN}$", member)
    if member.lower() in PUBLIC:
        return (
            "this member opens the private index to everybody",
            "name users, groups, service accounts or a domain",
        )
    if kind == "deleted":
        return "this account is deleted", "remove it"
    if ":" not in member and "@" in member:
        right = f"serviceAccount:{member}" if is_account else f"user:{member} or group:{member}"
        return "an IAM member starts with its type", f"write {right}"
    if kind in ("user", "group") and is_account:
        return "this address belongs to a service account", f"write serviceAccount:{identity}"
    if kind in EXAMPLES:
        return f"this is not a valid {kind} member", f"write {kind}:{EXAMPLES[kind]}"
    if kind in PRINCIPAL_ENDS:
        pool = "projects/NUMBER/locations/global/workloadIdentityPools/POOL"
        return (
            "this is not a principal of a workload or workforce identity pool",
            f"write {kind}://iam.googleapis.com/{pool}/{PRINCIPAL_ENDS[kind]}",
        )
    types = [f"{known}:" for known in EXAMPLES]
    otherwise = f"use {', '.join(types)}, principal:// or principalSet://"
    return "IAM has no such member type", suggest(f"{kind}:", types, otherwise)


check_members = TextList(
    noun="an IAM member",
    plural="IAM members",
    example="user:name@example.com",
    check_entry=check_member,
    identity=member_identity,
).check
