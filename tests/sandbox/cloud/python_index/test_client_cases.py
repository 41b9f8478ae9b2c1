"""Addresses, logins and files as teams have them: `tests/cases/clients.yaml`."""

from __future__ import annotations

import base64
import functools
import itertools
import json
from typing import Any

import pytest
import requests

from tests.support.cases import read_cases
from tests.support.distributions import metadata, with_metadata
from tests.support.distributions import wheel as make_wheel
from tests.support.indexes import API, HOST, USAGE, Registry, TinyIndex, put, send
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox
IAM = "https://iam.googleapis.com/v1"
# Each upload has a version of its own.
_versions = itertools.count()


@pytest.mark.parametrize(("address", "expected"), read_cases("clients", "upload_address"))
def test_an_upload_address(registry: Registry, address: str, expected: int) -> None:
    registry.make()
    upload = make_wheel("my-adder", "1.0")
    parts = [(key, (None, value)) for key, value in upload.fields.items()]
    answer = registry.session().post(
        f"https://{HOST}/{registry.project}/{address}",
        files=[*parts, ("content", (upload.filename, upload.content))],
        allow_redirects=False,
        timeout=30,
    )
    assert answer.status_code == expected, answer.text


@pytest.mark.parametrize(("case", "expected"), read_cases("clients", "metadata"))
def test_the_metadata_of_an_upload(registry: Registry, case: dict[str, str], expected: int) -> None:
    url = registry.make()
    about = metadata("my-adder", "1.0", None, f"{case['fields']}\n" if "fields" in case else "")
    about = about.replace(b"Metadata-Version: 2.1", f"Metadata-Version: {case['version']}".encode())
    for upload in with_metadata(about):
        sent = case.get("form", case["version"])
        form = upload.with_fields(metadata_version=sent, requires_python=None)
        answer = send(registry.session(), url, form)
        assert answer.status_code == expected, answer.text


class Account:
    """A service account with a key and the writer role on an index."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        registry.must("POST", f"{USAGE}/projects/{registry.project}/services/iam.googleapis.com:enable")
        accounts = f"{IAM}/projects/{registry.project}/serviceAccounts"
        self.email = registry.must("POST", accounts, {"accountId": "uploader"})["email"]
        self.url = f"{accounts}/{self.email}"
        self.index = registry.make()
        self.upload = make_wheel("my-adder", "1.0")
        put(registry, self.index, self.upload)
        registry.grant("python", "writer", f"serviceAccount:{self.email}")
        self.key = self.make_key()

    @functools.cached_property
    def other_key(self) -> dict[str, Any]:
        return self.make_key()

    def make_key(self) -> dict[str, Any]:
        created = self.registry.must("POST", f"{self.url}/keys")
        return json.loads(base64.b64decode(created["privateKeyData"]))

    def change(self, action: str) -> None:
        """Do what happens to the account after it has its key."""
        match action:
            case "delete key":
                self.registry.must("DELETE", f"{self.url}/keys/{self.key['private_key_id']}")
            case "delete account":
                self.registry.must("DELETE", self.url)
            case "disable account":
                self.registry.must("POST", f"{self.url}:disable")
            case "revoke":
                policy = f"{API}/{self.registry.parent}/python:setIamPolicy"
                self.registry.must("POST", policy, {"policy": {}})
            case _:
                raise AssertionError(action)

    def password(self, case: dict[str, Any]) -> str:
        changes: dict[str, Any] = case.get("change", {})
        if "another" in changes.values():
            changes = {field: self.other_key[field] for field in changes}
        key = {field: value for field, value in {**self.key, **changes}.items() if value is not None}
        if "{project}" in key["client_email"]:
            key["client_email"] = key["client_email"].replace("{project}", self.registry.project)
        forms = {
            "json": json.dumps(key, indent=2),
            "minified": json.dumps(key, separators=(",", ":")),
            "nested": "[" * 20_000,
        }
        text = forms.get(case["password"]) or str(case["password"])
        match case.get("base64"):
            case "one line":
                return base64.b64encode(text.encode()).decode()
            case "lines":
                return base64.encodebytes(text.encode()).decode()
            case _:
                return text


@pytest.fixture(scope="module")
def shared_account(indexes: tuple[Sandbox, TinyIndex]) -> Account:
    """One account for all cases that do not change it: new keys take time."""
    return Account(Registry(indexes[0]))


@pytest.mark.parametrize(("case", "expected"), read_cases("clients", "login"))
def test_a_login_with_a_key(
    registry: Registry, shared_account: Account, case: dict[str, Any], expected: int
) -> None:
    account = Account(registry) if "after" in case else shared_account
    session = registry.session(None)
    session.auth = (case["user"], account.password(case))
    if "after" in case:
        assert _read(session, account).status_code == 200
        account.change(case["after"])
    file = session.get(f"{account.index}/my-adder/{account.upload.filename}", timeout=30)
    sent = send(session, account.index, make_wheel("my-adder", f"2.{next(_versions)}"))
    for answer in (_read(session, account), file, sent):
        assert answer.status_code == expected, answer.text
        if expected == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
            assert "PRIVATE KEY" not in answer.text
    # Without the command `log`, which takes longer than the requests.
    line = json.loads(registry.folder.log.read_text(encoding="utf-8").splitlines()[-1])
    assert line["principal"] == (None if expected == 401 else f"serviceAccount:{account.email}")


def _read(session: requests.Session, account: Account) -> requests.Response:
    return session.get(f"{account.index}/simple/my-adder/", timeout=30)
