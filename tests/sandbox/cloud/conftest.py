"""The sandbox that all tests of the cloud share, and the projects in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import requests

from tests.support.cloud import Cloud
from tests.support.federation import BY_ENVIRONMENT, BY_REF, Federation, anonymous, create_federation
from tests.support.identities import IAM, MANAGER, Identities
from tests.support.sandbox import Sandbox

_projects = (f"identities-{n}" for n in itertools.count(1))


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all tests of the cloud; each test uses a project of its own."""
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox") / "state")
    yield sandbox
    sandbox("reset")


@pytest.fixture
def cloud(sandbox: Sandbox) -> Cloud:
    cloud = Cloud(sandbox)
    cloud.enable("artifactregistry.googleapis.com", "iam.googleapis.com")
    return cloud


@pytest.fixture(scope="package")
def session(sandbox: Sandbox) -> requests.Session:
    return anonymous(sandbox)


@pytest.fixture
def identities(sandbox: Sandbox, session: requests.Session) -> Identities:
    project = next(_projects)
    email = f"python-writer@{project}.iam.gserviceaccount.com"
    identities = Identities(sandbox, session, project, email)
    identities.enable("iam")
    identities.enable("iamcredentials")
    accounts = f"{IAM}/projects/{project}/serviceAccounts"
    assert identities.ask("POST", accounts, {"accountId": "python-writer"})[0] == 200
    identities.grant(f"{MANAGER}/projects/{project}", "roles/browser", f"serviceAccount:{email}")
    return identities


@pytest.fixture(scope="package")
def by_ref(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return create_federation(sandbox, tmp_path_factory.mktemp("by-ref"), BY_REF)


@pytest.fixture(scope="package")
def by_environment(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return create_federation(sandbox, tmp_path_factory.mktemp("by-environment"), BY_ENVIRONMENT)
