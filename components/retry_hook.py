"""The error hook: retries what fails because Google has not propagated a change yet, and gives advice.

Parts of Google do not know a new API, account or pool for seconds to minutes, and the provider does not
wait. The hook retries only failures about what this program creates: docs/adr/0004-retry-hook.md.
"""

from __future__ import annotations

import asyncio
import re
import time

import pulumi

from .apis import needed_apis
from .args import GITHUB_PREFIX, NAMED_MEMBERS, PythonRegistryArgs

# "Access change propagation" in the IAM documentation: "typically 2 minutes, potentially 7 minutes".
TIMEOUT_SECONDS = 7 * 60
# Pulumi retries an operation at most 100 times, and this interval needs fewer.
INTERVAL_SECONDS = 5

# The disabled API itself, from the error's link or details: the text can name other APIs as well.
_DISABLED_API = re.compile(r'/apis/api/([\w.-]+)/overview|"service":\s*"([\w.-]+)"')
_UNKNOWN_ACCOUNT = re.compile(r"Service account (\S+) does not exist")
# As users report it for a policy that names the pool of a new project (global-multiplayer-demo 39).
_UNKNOWN_POOL = re.compile(rf"Identity Pool does not exist \(\S*{GITHUB_PREFIX}[0-9a-f]+\)")
# "Restricting identities by domain": the refusal of a policy by this constraint, as users report it
# (terraform-example-foundation 1257). The text does not name the constraint, only the details do.
_DOMAIN_REFUSED = "do not belong to a permitted customer"
_DOMAINS_CONSTRAINT = "constraints/iam.allowedPolicyMemberDomains"
_REFUSED_MEMBER = re.compile(r"User (\S+) is not in permitted organization")
_CONSTRAINT = re.compile(r"constraints/[\w.]*\w")
_RESOURCE_MANAGER = "cloudresourcemanager.googleapis.com"


class RetryHook:
    """The error hook of one registry, and what it has waited for so far."""

    def __init__(self, args: PythonRegistryArgs) -> None:
        """
        Args:
            args: the registry's inputs. They decide which APIs, accounts and pool are new.
        """
        account_ids = (args.reader_account, args.writer_account) if args.service_accounts else ()
        self._args = args
        self._apis = needed_apis(args)
        self._accounts = [args.account_email(account) for account in account_ids]
        self._first_failure: dict[str, float] = {}
        self._last_logged: dict[str, float] = {}
        # A named member that is an output can be an account that the same program creates.
        for members in NAMED_MEMBERS:
            for member in getattr(args, members).values():
                if isinstance(member, pulumi.Output):
                    member.apply(self._expect_account)
        # One name per deployment, also if several plugins take part. No two registries have one repository.
        hook = pulumi.ErrorHook(f"python-registry:{args.repository_name(args.repository)}", self.on_error)
        self.binding = pulumi.ResourceHookBinding(on_error=[hook])

    async def on_error(self, failure: pulumi.ErrorHookArgs) -> bool:
        """Wait and return true if Pulumi must retry the failed operation."""
        error = failure.errors[0]
        pending = self.pending(error)
        if pending is None:
            advice = self.advice(failure)
            if advice:
                pulumi.log.error(advice)
            return False
        now = time.monotonic()
        waited = now - self._first_failure.setdefault(pending, now)
        if waited > TIMEOUT_SECONDS:
            pulumi.log.error(f"Gave up after {waited:.0f} s of waiting for {pending}.")
            return False
        # Several resources can wait for the same thing: one line per interval is enough.
        if now - self._last_logged.get(pending, -INTERVAL_SECONDS) >= INTERVAL_SECONDS:
            self._last_logged[pending] = now
            minutes = TIMEOUT_SECONDS // 60
            pulumi.log.info(f"Waiting for {pending}: {waited:.0f} s so far, at most {minutes} min.")
        await asyncio.sleep(INTERVAL_SECONDS)
        return True

    def _expect_account(self, member: str) -> None:
        self._accounts.append(member.removeprefix("serviceAccount:"))

    def pending(self, error: str) -> str | None:
        """The new API, account or pool that Google does not know yet, if that is the error."""
        api = _disabled_api(error)
        if api:
            return f"{api}, which was just enabled" if api in self._apis else None
        account = _UNKNOWN_ACCOUNT.search(error)
        if account and account[1] in self._accounts:
            return f"{account[1]}, which was just created"
        if self._args.github and _UNKNOWN_POOL.search(error):
            return "the workload identity pool, which was just created"
        return None

    def advice(self, failure: pulumi.ErrorHookArgs) -> str | None:
        """The step that repairs a failure which no retry can repair, if there is one."""
        error = failure.errors[0]
        if _disabled_api(error) == _RESOURCE_MANAGER:
            return (
                f"The Cloud Resource Manager API is off in project {self._args.project}. Pulumi needs it "
                f"to enable any other API. Run\n  gcloud services enable {_RESOURCE_MANAGER} "
                f"--project {self._args.project}\nthen wait a minute and run `pulumi up` again."
            )
        if failure.type == "gcp:artifactregistry/repository:Repository" and "Error 409" in error:
            id_ = (failure.new_inputs or {})["repositoryId"]
            return (
                f"Repository {self._args.repository_name(id_)} exists, but not in this stack's state. "
                "Either an `up` was interrupted, or someone created it by hand. To take it over "
                f"with its packages, add {id_} to the setting `adopt` and run `pulumi up` again. If it "
                "belongs to another stack, choose another id instead."
            )
        return _organization_advice(failure)


def _disabled_api(error: str) -> str | None:
    match = _DISABLED_API.search(error)
    return (match[1] or match[2]) if match else None


def _organization_advice(failure: pulumi.ErrorHookArgs) -> str | None:
    """The sentence about an organization policy that refuses the change, if one does."""
    error = failure.errors[0]
    inputs = failure.new_inputs or {}
    named = _CONSTRAINT.search(error)
    constraint = _DOMAINS_CONSTRAINT if _DOMAIN_REFUSED in error else named[0] if named else None
    if constraint is None:
        return None
    policy, ask = f"The organization policy {constraint}", "ask an administrator of the organization"
    if "role" not in inputs:
        return (
            f"{policy} refuses {failure.name}, so Google did not change it. Change the setting that breaks "
            f"the policy, or {ask}, then run `pulumi up` again."
        )
    target = inputs.get("repository") or inputs.get("serviceAccountId")
    refused = ", ".join(sorted(set(_REFUSED_MEMBER.findall(error)))) or "one of the members"
    return (
        f"{policy} does not permit {refused}, so Google did not write the list of {inputs['role']} on "
        f"{target}. Remove the member from the stack file, or {ask} to permit it, then run `pulumi up` "
        "again."
    )
