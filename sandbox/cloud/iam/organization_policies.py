"""The organization policies that restrict who can be in an IAM policy.

The fault `permitted-domains` switches the constraint on. Everything in the sandbox is in one organization.
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.cloud.core.errors import GoogleError
from sandbox.cloud.iam.members import AUTHENTICATED, DELETED, PUBLIC

DOMAINS_CONSTRAINT = "constraints/iam.allowedPolicyMemberDomains"


def check_domains(permitted: str, resource: str, members: Iterable[str]) -> None:
    """Refuse members of other domains; all are permitted without a domain.

    "Restricting identities by domain": the constraint is not retroactive, so the caller passes only members
    that are new in the policy. Service accounts and pools of the organization are permitted.

    Args:
        permitted: domains with commas between them.
        resource: the resource that has the policy, for the error.
        members: the members that the request adds.

    Raises:
        GoogleError: FAILED_PRECONDITION, in Google's words as users report them.
    """
    domains = [domain.strip().lower() for domain in permitted.split(",") if domain.strip()]
    refused = [member for member in members if domains and not _is_permitted(member, domains)]
    if not refused:
        return
    violations = [
        {
            "type": DOMAINS_CONSTRAINT,
            "subject": f"orgpolicy:{resource}?configvalue={member}",
            "description": f"User {member} is not in permitted organization.",
        }
        for member in refused
    ]
    raise GoogleError(
        "FAILED_PRECONDITION",
        "One or more users named in the policy do not belong to a permitted customer,  perhaps due to an "
        "organization policy.",
        {"@type": "type.googleapis.com/google.rpc.PreconditionFailure", "violations": violations},
    )


def _is_permitted(member: str, domains: list[str]) -> bool:
    if member in (PUBLIC, AUTHENTICATED):
        return False
    kind, _, identity = member.removeprefix(DELETED).partition(":")
    return kind not in ("user", "group", "domain") or identity.rpartition("@")[2].lower() in domains
