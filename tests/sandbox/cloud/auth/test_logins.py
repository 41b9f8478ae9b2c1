"""Logins of people: application default credentials and gcloud."""

from __future__ import annotations

import shutil
import stat

import pytest
from google.auth import exceptions

from sandbox.cloud.iam.members import OWNER
from tests.support.identities import ALICE, MANAGER, SCOPES, Identities, refusal
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


class TestLogins:
    def test_a_login_is_private_and_stays_the_same(self, identities: Identities) -> None:
        assert identities.login_of(ALICE) == identities.login_of(ALICE)
        assert identities.login_of(ALICE) != identities.login_of(OWNER)
        files = list((identities.sandbox.folder / "credentials").iterdir())
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        database = (identities.sandbox.folder / "cloud.db").read_bytes()
        assert identities.login_of(ALICE)["refresh_token"].encode() not in database

    def test_googles_library_finds_and_refreshes_a_login(self, identities: Identities) -> None:
        script = (
            "import google.auth as a, google.auth.transport.requests as r;"
            f"c, _ = a.default(scopes={SCOPES}); c.refresh(r.Request()); print(c.token)"
        )
        token = identities.sandbox.run("python", "-c", script, member=ALICE).stdout.strip()
        assert identities.status_with(token) == 403, "alice was granted nothing"
        identities.grant(f"{MANAGER}/projects/{identities.project}", "roles/browser", ALICE)
        assert identities.status_with(token) == 200

    def test_a_revoked_login_is_replaced_at_the_next_run(self, identities: Identities) -> None:
        before, login = identities.login_of(ALICE), identities.credentials_of(ALICE)
        assert identities.send({"token": before["refresh_token"]}, "revoke") == (200, {})
        with pytest.raises(exceptions.RefreshError, match=r"Token has been expired or revoked\."):
            login.refresh(identities.google)
        assert identities.send({"token": before["refresh_token"]}, "revoke")[1]["error"] == "invalid_token"
        assert identities.login_of(ALICE) != before
        identities.credentials_of(ALICE).refresh(identities.google)

    def test_a_login_with_another_client_is_refused(self, identities: Identities) -> None:
        login = {**identities.login_of(ALICE), "client_secret": "guessed"}
        answer = identities.send({"grant_type": "refresh_token", **login})
        assert refusal(answer) == (401, "invalid_client", "The OAuth client was not found.")

    def test_a_password_grant_is_refused(self, identities: Identities) -> None:
        answer = identities.send({"grant_type": "password"})
        assert refusal(answer) == (400, "unsupported_grant_type", "Invalid grant_type: password")

    def test_gcloud_uses_the_login(self, identities: Identities) -> None:
        if shutil.which("gcloud") is None:
            pytest.skip("gcloud is not installed")
        identities.grant(f"{MANAGER}/projects/{identities.project}", "roles/browser", ALICE)
        for command in ("auth", "auth application-default"):
            printed = identities.sandbox.run("gcloud", *command.split(), "print-access-token", member=ALICE)
            assert identities.status_with(printed.stdout.strip()) == 200, command

    def test_gcloud_activates_a_key(self, identities: Identities) -> None:
        if shutil.which("gcloud") is None:
            pytest.skip("gcloud is not installed")
        script = (
            f"gcloud iam service-accounts keys create key.json --iam-account={identities.email} && "
            "chmod 600 key.json && unset CLOUDSDK_AUTH_ACCESS_TOKEN CLOUDSDK_CORE_ACCOUNT && "
            "gcloud auth activate-service-account --key-file=key.json && gcloud auth print-access-token"
        )
        home = identities.sandbox.folder / "home"
        token = identities.sandbox.run("sh", "-c", script, cwd=home).stdout.strip()
        assert identities.status_with(token) == 200
        identities.sandbox.run("rm", "-r", "key.json", ".config/gcloud", cwd=home)


def test_settings_of_the_outer_shell_are_not_visible_inside(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = "PIP_INDEX_URL PIP_CONFIG_FILE UV_INDEX POETRY_HTTP_BASIC_X_PASSWORD NETRC XDG_CONFIG_HOME"
    for key in (*theirs.split(), "PYTHON_KEYRING_BACKEND", "PIP_CERT"):
        monkeypatch.setenv(key, "of-the-real-world")
    inside = sandbox.run("env").stdout
    assert "of-the-real-world" not in inside
    assert f"PIP_CERT={sandbox.folder}" in inside
