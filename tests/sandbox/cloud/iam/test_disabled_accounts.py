"""A disabled service account: its tokens, its keys, and who can disable it."""

from __future__ import annotations

import shutil

import pytest
from google.auth import exceptions

from tests.support.identities import ALICE, MANAGER, TOKEN_CREATOR, Identities, refusal

pytestmark = pytest.mark.sandbox


class TestDisabledAccounts:
    def switch(self, identities: Identities, verb: str) -> None:
        assert identities.ask("POST", f"{identities.account}:{verb}", {}) == (200, {})

    def test_an_account_shows_that_it_is_disabled_until_it_is_enabled(self, identities: Identities) -> None:
        for verb, disabled in (("disable", True), ("disable", True), ("enable", None), ("enable", None)):
            self.switch(identities, verb)
            assert identities.ask("GET", identities.account)[1].get("disabled") is disabled

    def test_tokens_of_a_disabled_account_are_refused_until_it_is_enabled(
        self, identities: Identities
    ) -> None:
        token = identities.exchange_assertion(identities.make_key())[1]["access_token"]
        index = f"https://us-central1-python.pkg.dev/{identities.project}/python/simple/"
        login = {"Authorization": f"Bearer {token}"}
        assert identities.status_with(token) == 200
        self.switch(identities, "disable")
        refused = identities.session.get(
            f"{MANAGER}/projects/{identities.project}", headers=login, timeout=30
        )
        assert refused.status_code == 401
        assert refused.json()["error"]["details"][0]["reason"] == "ACCOUNT_STATE_INVALID"
        assert identities.session.get(index, headers=login, timeout=30).status_code == 401
        self.switch(identities, "enable")
        assert identities.status_with(token) == 200
        assert identities.session.get(index, headers=login, timeout=30).status_code != 401

    def test_a_disabled_account_gets_no_token_by_key_or_impersonation(self, identities: Identities) -> None:
        key = identities.make_key()
        identities.grant(identities.account, TOKEN_CREATOR, ALICE)
        acting = identities.impersonate(ALICE)
        self.switch(identities, "disable")
        assert refusal(identities.exchange_assertion(key)) == (
            400,
            "invalid_grant",
            "Invalid grant: account not found",
        )
        with pytest.raises(exceptions.RefreshError, match="getAccessToken"):
            acting.refresh(identities.google)
        self.switch(identities, "enable")
        assert identities.exchange_assertion(key)[0] == 200
        acting.refresh(identities.google)

    @pytest.mark.parametrize(
        ("role", "status"),
        [("roles/iam.serviceAccountAdmin", 200), ("roles/iam.serviceAccountViewer", 403)],
    )
    def test_only_an_account_admin_disables_and_enables(
        self, identities: Identities, role: str, status: int
    ) -> None:
        identities.grant(identities.account, role, ALICE)
        for verb in ("disable", "enable"):
            assert identities.ask("POST", f"{identities.account}:{verb}", {}, member=ALICE)[0] == status

    def test_gcloud_disables_and_enables_an_account(self, identities: Identities) -> None:
        if shutil.which("gcloud") is None:
            pytest.skip("gcloud is not installed")
        for verb, disabled in (("disable", True), ("enable", None)):
            identities.sandbox.run(
                "gcloud", "iam", "service-accounts", verb, identities.email, "--project", identities.project
            )
            assert identities.ask("GET", identities.account)[1].get("disabled") is disabled
