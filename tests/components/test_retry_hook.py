"""The error hook: what it retries, how long, and which advice it prints."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor, set_mocks

from components import retry_hook
from components.args import GitHub, PythonRegistryArgs
from components.retry_hook import INTERVAL_SECONDS, TIMEOUT_SECONDS, RetryHook
from tests.support.cases import case_parameters
from tests.support.recorder import REPOSITORY, Answers

APIS = ["artifactregistry.googleapis.com", "iam.googleapis.com"]
ARGS = PythonRegistryArgs(project="demo-proj", location="us")
ACCOUNT = "python-reader@demo-proj.iam.gserviceaccount.com"
URN = "urn:pulumi:dev::python-registry::python-registry:index:PythonRegistry"


def disabled(api: str) -> str:
    """The provider's text for a disabled API, as recorded."""
    return (
        "Error creating Repository: googleapi: Error 403: Artifact Registry API has not been used in "
        f"project demo-proj before or it is disabled. Enable it by visiting …/apis/api/{api}/overview then "
        "retry.\n"
        f'Details:\n[{{"reason": "SERVICE_DISABLED", "metadata": {{"service": "{api}"}}}}]'
    )


def unknown(account: str) -> str:
    return f"Error 400: Service account {account} does not exist., badRequest"


class Clock:
    """A clock that advances only when the hook sleeps, and records what the hook logs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.step = 1
        self.logged: list[str] = []
        monkeypatch.setattr(retry_hook.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(retry_hook, "asyncio", self)
        monkeypatch.setattr(retry_hook.pulumi.log, "info", self.logged.append)
        monkeypatch.setattr(retry_hook.pulumi.log, "error", self.logged.append)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds * self.step


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    set_mocks(Answers(), monitor=MockMonitor(Answers()))
    yield loop
    # A new hook registers itself in the background.
    loop.run_until_complete(asyncio.sleep(0))
    pulumi.runtime.settings.reset_options()
    loop.close()
    asyncio.set_event_loop(None)


def new_hook(args: PythonRegistryArgs) -> RetryHook:
    return RetryHook(args)


@pytest.fixture
def hook(loop: asyncio.AbstractEventLoop) -> RetryHook:
    return new_hook(ARGS)


def failure(*errors: str, type_: str = REPOSITORY) -> pulumi.ErrorHookArgs:
    return pulumi.ErrorHookArgs(
        urn=f"{URN}${type_}::my-registry-upload",
        id="",
        name="my-registry-upload",
        type=type_,
        new_inputs={"project": "demo-proj", "location": "us", "repositoryId": "python"},
        failed_operation="create",
        errors=list(errors),
    )


def retries(
    loop: asyncio.AbstractEventLoop, hook: RetryHook, *errors: str, type_: str = REPOSITORY
) -> bool:
    return loop.run_until_complete(hook.on_error(failure(*errors, type_=type_)))


@pytest.mark.parametrize("error", [disabled(APIS[0]), disabled(APIS[1]), unknown(ACCOUNT)])
def test_an_error_about_a_new_api_or_account_is_retried(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook, error: str
) -> None:
    assert retries(loop, hook, error)
    assert clock.now == 1000 + INTERVAL_SECONDS


@pytest.mark.parametrize(
    "error",
    [
        disabled("compute.googleapis.com"),
        disabled("cloudresourcemanager.googleapis.com"),
        # The provider wraps the text while it enables another API, which is not the disabled one.
        f'Enable Project Service "{APIS[0]}": {disabled("cloudresourcemanager.googleapis.com")}',
        unknown("somebody-else@demo-proj.iam.gserviceaccount.com"),
        "googleapi: Error 403: Permission 'artifactregistry.repositories.create' denied on resource",
        "googleapi: Error 409: the repository already exists",
        "",
    ],
)
def test_any_other_error_fails_at_once(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook, error: str
) -> None:
    assert not retries(loop, hook, error)
    assert clock.now == 1000


def test_only_the_newest_error_decides(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook
) -> None:
    assert not retries(loop, hook, "Error 403: Permission denied", disabled(APIS[0]))


def test_the_hook_gives_up_before_pulumi_does(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook
) -> None:
    attempts = 0
    while retries(loop, hook, disabled(APIS[0])):
        attempts += 1
    assert TIMEOUT_SECONDS < clock.now - 1000 <= TIMEOUT_SECONDS + INTERVAL_SECONDS
    assert attempts < 100, "Pulumi gives up after 100 retries, without this message"
    assert clock.logged[-1].startswith("Gave up after 425 s of waiting for ")


def test_the_log_says_which_resource_is_pending_and_for_how_long(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook
) -> None:
    for _ in range(3):
        retries(loop, hook, unknown(ACCOUNT))
    assert clock.logged == [
        f"Waiting for {ACCOUNT}, which was just created: {seconds} s so far, at most 7 min."
        for seconds in (0, 5, 10)
    ]


def test_resources_that_wait_for_the_same_thing_log_it_once(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook
) -> None:
    clock.step = 0
    for _ in range(3):
        assert retries(loop, hook, disabled(APIS[0]))
    assert len(clock.logged) == 1


def test_the_time_of_each_pending_thing_starts_with_its_own_first_failure(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook
) -> None:
    clock.now = 0
    retries(loop, hook, disabled(APIS[0]))
    retries(loop, hook, unknown(ACCOUNT))
    assert [line.partition(": ")[2] for line in clock.logged] == ["0 s so far, at most 7 min."] * 2


def test_the_last_retry_is_at_seven_minutes(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook
) -> None:
    assert retries(loop, hook, disabled(APIS[0]))
    clock.now = 1000 + TIMEOUT_SECONDS
    assert retries(loop, hook, disabled(APIS[0]))
    assert not retries(loop, hook, disabled(APIS[0]))
    assert clock.logged[-1] == (
        "Gave up after 425 s of waiting for artifactregistry.googleapis.com, which was just enabled."
    )


def test_pulumi_gets_the_error_hook(hook: RetryHook) -> None:
    (registered,) = hook.binding.on_error or []
    assert isinstance(registered, pulumi.ErrorHook)
    assert registered.name == f"python-registry:{ARGS.repository_name('python')}"
    assert registered.callback == hook.on_error


def test_the_hook_reads_the_api_from_the_link_or_the_details(hook: RetryHook) -> None:
    details = f'Error 403: Details: [{{"metadata": {{"service": "{APIS[0]}"}}}}]'
    link = f"Error 403: Enable it by visiting …/apis/api/{APIS[0]}/overview then retry."
    assert hook.pending(details) == hook.pending(link) == f"{APIS[0]}, which was just enabled"


def test_without_accounts_an_unknown_account_is_not_retried(loop: asyncio.AbstractEventLoop) -> None:
    assert new_hook(replace(ARGS, service_accounts=False)).pending(unknown(ACCOUNT)) is None


def test_a_disabled_resource_manager_prints_the_command_that_enables_it(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook
) -> None:
    error = disabled("cloudresourcemanager.googleapis.com")
    assert not retries(loop, hook, error, type_="gcp:projects/service:Service")
    assert (
        "gcloud services enable cloudresourcemanager.googleapis.com --project demo-proj" in clock.logged[0]
    )


def test_an_existing_repository_prints_the_setting_that_takes_it_over(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook
) -> None:
    assert not retries(loop, hook, "googleapi: Error 409: the repository already exists")
    assert clock.logged == [
        "Repository projects/demo-proj/locations/us/repositories/python exists, but not in this stack's "
        "state. Either an `up` was interrupted, or someone created it by hand. To take it over with its "
        "packages, add python to the setting `adopt` and run `pulumi up` again. If it belongs to another "
        "stack, choose another id instead."
    ]


def test_any_other_conflict_prints_no_advice(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook
) -> None:
    error = "googleapi: Error 409: the account already exists"
    assert not retries(loop, hook, error, type_="gcp:serviceaccount/account:Account")
    assert not retries(loop, hook, "googleapi: Error 400: the repository is wrong")
    assert clock.logged == []


BINDING = "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding"


def refused_by(loop: asyncio.AbstractEventLoop, hook: RetryHook, error: str, **inputs: str) -> bool:
    args = failure(error, type_=BINDING if inputs else REPOSITORY)
    args.new_inputs = inputs or args.new_inputs
    return loop.run_until_complete(hook.on_error(args))


@pytest.mark.parametrize("case", case_parameters("members", kind="refusal"))
def test_a_refusal_of_the_organization_is_one_sentence(
    clock: Clock, loop: asyncio.AbstractEventLoop, hook: RetryHook, case: dict[str, Any]
) -> None:
    assert not refused_by(loop, hook, case["input"], **case.get("inputs", {}))
    assert clock.now == 1000
    assert [line.partition(". ")[0] for line in clock.logged] == case["expected"]


def test_only_an_error_about_the_registrys_own_pool_is_retried(loop: asyncio.AbstractEventLoop) -> None:
    github = GitHub(repositories=("a/b",), owner_id="1", ref="refs/heads/main")
    pools = "projects/123456789012/locations/global/workloadIdentityPools"
    error = f"googleapi: Error 400: Identity Pool does not exist ({pools}/github-0a1b2c3d)., badRequest"
    with_pool = new_hook(replace(ARGS, github=github))
    assert with_pool.pending(error) == "the workload identity pool, which was just created"
    assert with_pool.pending(error.replace("github-0a1b2c3d", "theirs")) is None
    assert new_hook(ARGS).pending(error) is None
