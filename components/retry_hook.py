"""Waiting until Google's left hand knows what the right one did, and saying what to do where it won't.

An API that was enabled, an account or a pool that was made is unknown to parts of Google for seconds to
minutes; the plugin does not wait for that, so a first `up` fails. The hook here retries those failures,
for the APIs, accounts and pool that this program makes and nothing else: a real refusal fails at once.
"""

from __future__ import annotations

import asyncio
import re
import time

import pulumi

from components.apis import needed_apis
from components.args import GITHUB_PREFIX, PythonRegistryArgs

# "Access change propagation" in the IAM documentation: "typically 2 minutes, potentially 7 minutes".
PATIENCE_SECONDS = 7 * 60
# The engine retries an operation at most 100 times: this stays below that.
INTERVAL_SECONDS = 5

# The API that is off, not others that the text may speak of: in its link, and in its details.
_DISABLED_API = re.compile(r'/apis/api/([\w.-]+)/overview|"service":\s*"([\w.-]+)"')
_UNKNOWN_ACCOUNT = re.compile(r"Service account (\S+) does not exist")
# As users report it of a policy that names the pool of a new project (global-multiplayer-demo 39).
_UNKNOWN_POOL = re.compile(rf"Identity Pool does not exist \(\S*{GITHUB_PREFIX}[0-9a-f]+\)")
_RESOURCE_MANAGER = "cloudresourcemanager.googleapis.com"


class Propagation:
    """The hook for one registry's resources, and what it has waited for so far."""

    def __init__(self, name: str, args: PythonRegistryArgs) -> None:
        """
        Args:
            name: the component's name; hooks are named after it.
            args: what the registry is made from: its APIs, accounts and pool are waited for.
        """
        ids = (args.reader_account, args.writer_account) if args.service_accounts else ()
        self._args = args
        self._apis = needed_apis(args)
        self._accounts = [args.account_email(account) for account in ids]
        self._since: dict[str, float] = {}
        self._said: dict[str, float] = {}
        hook = pulumi.ErrorHook(f"{name}-propagation", self.on_error)
        self.hooks = pulumi.ResourceHookBinding(on_error=[hook])

    async def on_error(self, failed: pulumi.ErrorHookArgs) -> bool:
        """Whether to try the failed operation again, having waited if so."""
        error = failed.errors[0]
        awaited = self.awaited(error)
        if awaited is None:
            advice = self.advice(failed, error)
            if advice:
                pulumi.log.error(advice)
            return False
        now = time.monotonic()
        waited = now - self._since.setdefault(awaited, now)
        if waited > PATIENCE_SECONDS:
            pulumi.log.error(f"Waited {waited:.0f} s for {awaited}, in vain.")
            return False
        # Several resources wait for one thing: it is said once an interval, not once a resource.
        if now - self._said.get(awaited, -INTERVAL_SECONDS) >= INTERVAL_SECONDS:
            self._said[awaited] = now
            minutes = PATIENCE_SECONDS // 60
            pulumi.log.info(f"Waiting for {awaited}: {waited:.0f} s so far, at most {minutes} min.")
        await asyncio.sleep(INTERVAL_SECONDS)
        return True

    def awaited(self, error: str) -> str | None:
        """What Google does not know yet, if that is all that the error says."""
        api = _disabled_api(error)
        if api:
            return f"{api}, enabled just now, to be usable" if api in self._apis else None
        account = _UNKNOWN_ACCOUNT.search(error)
        if account and account[1] in self._accounts:
            return f"{account[1]}, made just now, to be known to IAM"
        if self._args.github and _UNKNOWN_POOL.search(error):
            return "the workload identity pool, made just now, to be known to IAM"
        return None

    def advice(self, failed: pulumi.ErrorHookArgs, error: str) -> str | None:
        """What a person can do about a failure that waiting does not mend, if we know it."""
        if _disabled_api(error) == _RESOURCE_MANAGER:
            return (
                f"The Cloud Resource Manager API is off in project {self._args.project}, and enabling any "
                f"other needs it. Run\n  gcloud services enable {_RESOURCE_MANAGER} "
                f"--project {self._args.project}\nwait a minute, and run `pulumi up` again."
            )
        if failed.type == "gcp:artifactregistry/repository:Repository" and "Error 409" in error:
            full_name = self._args.repository_name((failed.new_inputs or {})["repositoryId"])
            component = f"{failed.urn.rpartition('$')[0]}::{failed.name.rpartition('-')[0]}"
            return (
                f"Repository {full_name} exists, but not in this stack's state: an `up` was cut off, or "
                "someone made it by hand. To take it over, packages and all, run\n"
                f"  pulumi import {failed.type} {failed.name} {full_name} --parent 'parent={component}' "
                "--protect=false --generate-code=false --yes\n"
                "and then `pulumi up` again. If it is another stack's, choose another id instead."
            )
        return None


def _disabled_api(error: str) -> str | None:
    found = _DISABLED_API.search(error)
    return (found[1] or found[2]) if found else None
