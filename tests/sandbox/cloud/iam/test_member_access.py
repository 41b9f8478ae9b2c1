"""Access by each type of member: a set has its principals, and a deleted principal keeps no grant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cases import case_parameters
from tests.support.cloud import IAM, MANAGER, Cloud, message

pytestmark = pytest.mark.sandbox
READER = "roles/artifactregistry.reader"


def grant(cloud: Cloud, *members: str) -> tuple[int, Any]:
    policy = {"bindings": [{"role": READER, "members": list(members)}]}
    return cloud.ask("POST", f"{cloud.repositories}/python:setIamPolicy", {"policy": policy})


@pytest.mark.parametrize("case", case_parameters("members", kind="access"))
def test_a_grant_gives_access_to_its_principals_only(cloud: Cloud, case: dict[str, Any]) -> None:
    cloud.make("python")
    cloud.ask("POST", cloud.accounts, {"accountId": "publisher"})
    number = cloud.ask("GET", f"{MANAGER}/{cloud.project}")[1]["projectNumber"]
    names = {"number": number, "project": cloud.project.partition("/")[2]}
    answer = grant(cloud, case["input"].format(**names))
    assert answer[0] == 200, answer
    who = case["who"].format(**names)
    status, _ = cloud.ask("GET", f"{cloud.repositories}/python", member=who)
    assert status == (200 if case["expected"] else 403)


@pytest.mark.parametrize(
    "member",
    [
        "serviceAccount:service-123456789012@gcp-sa-artifactregistry.iam.gserviceaccount.com",
        "serviceAccount:123456789012@cloudbuild.gserviceaccount.com",
        "serviceAccount:publisher@my-project.example.com.iam.gserviceaccount.com",
        "serviceAccount:my-proj.svc.id.goog[build/publisher]",
        "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/my-proj.svc.id.goog/"
        "subject/ns/build/sa/publisher",
        "principalSet://agents.global.org-123456789012.system.id.goog/*",
    ],
)
def test_principals_outside_the_sandbox_are_accepted(cloud: Cloud, member: str) -> None:
    cloud.make("python")
    assert grant(cloud, member)[1]["bindings"] == [{"role": READER, "members": [member]}]


def test_an_account_made_again_gets_no_access_until_it_is_granted_again(cloud: Cloud) -> None:
    cloud.make("python")
    email = f"publisher@{cloud.project.partition('/')[2]}.iam.gserviceaccount.com"
    member = f"serviceAccount:{email}"
    url = f"{cloud.repositories}/python"
    _, first = cloud.ask("POST", cloud.accounts, {"accountId": "publisher"})
    assert grant(cloud, member)[0] == 200
    assert cloud.ask("GET", url, member=member)[0] == 200
    assert cloud.ask("DELETE", f"{IAM}/{cloud.project}/serviceAccounts/{email}")[0] == 200
    cloud.ask("POST", cloud.accounts, {"accountId": "publisher"})
    assert cloud.ask("GET", url, member=member)[0] == 403
    _, policy = cloud.ask("GET", f"{url}:getIamPolicy")
    deleted = f"deleted:{member}?uid={first['uniqueId']}"
    assert policy["bindings"] == [{"role": READER, "members": [deleted]}]
    policy["bindings"][0]["members"].append("user:ann@example.com")
    status, written = cloud.ask("POST", f"{url}:setIamPolicy", {"policy": policy})
    assert (status, written["bindings"]) == (200, policy["bindings"])
    assert cloud.ask("GET", url, member=member)[0] == 403
    assert grant(cloud, member, deleted)[0] == 200
    assert cloud.ask("GET", url, member=member)[0] == 200


def test_a_service_account_as_a_user_is_refused(cloud: Cloud) -> None:
    cloud.make("python")
    email = "publisher@my-project.iam.gserviceaccount.com"
    assert message(grant(cloud, f"user:{email}")) == (
        400,
        f'Principal {email} is of type "serviceAccount". The principal should appear as '
        f'"serviceAccount:{email}".',
    )


def test_the_owners_of_another_project_are_the_members_with_that_role(cloud: Cloud) -> None:
    cloud.make("python")
    other = f"{cloud.project}-b"
    ann, policy = "user:ann@example.com", cloud.ask("POST", f"{MANAGER}/{other}:getIamPolicy", {})[1]
    assert grant(cloud, f"projectOwner:{other.partition('/')[2]}")[0] == 200
    assert cloud.ask("GET", f"{cloud.repositories}/python", member=ann)[0] == 403
    policy["bindings"].append({"role": "roles/owner", "members": [ann]})
    assert cloud.ask("POST", f"{MANAGER}/{other}:setIamPolicy", {"policy": policy})[0] == 200
    assert cloud.ask("GET", f"{cloud.repositories}/python", member=ann)[0] == 200


def test_the_organization_refuses_only_new_members_of_other_domains(cloud: Cloud) -> None:
    cloud.make("python")
    old = "user:ann@partner.example"
    assert grant(cloud, old)[0] == 200
    cloud.sandbox("faults", "set", "permitted-domains=example.com")
    try:
        cloud.ask("POST", cloud.accounts, {"accountId": "publisher"})
        account = f"serviceAccount:publisher@{cloud.project.partition('/')[2]}.iam.gserviceaccount.com"
        permitted = [old, "user:ann@example.com", "group:all@Example.com", "domain:example.com", account]
        answer = grant(cloud, *permitted)
        assert answer[0] == 200, answer
        refused = [
            "user:bob@partner.example",
            "group:a@sub.example.com",
            "domain:partner.example",
            "allUsers",
        ]
        for member in refused:
            status, answer = grant(cloud, *permitted, member)
            assert (status, answer["error"]["status"]) == (400, "FAILED_PRECONDITION")
            (violation,) = answer["error"]["details"][0]["violations"]
            assert violation["type"] == "constraints/iam.allowedPolicyMemberDomains"
            assert member in violation["description"]
    finally:
        cloud.sandbox("faults", "clear")
