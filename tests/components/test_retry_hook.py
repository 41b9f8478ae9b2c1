"""What a first `up` waits for, and what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor, set_mocks

from components import retry_hook as propagation
from components.args import GitHub, PythonRegistryArgs
from components.retry_hook import INTERVAL_SECONDS, PATIENCE_SECONDS, Propagation
from tests.support.recorder import REPOSITORY, Answers

APIS = ["artifactregistry.googleapis.com", "iam.googleapis.com"]
ACCOUNT = "python-reader@demo-proj.iam.gserviceaccount.com"
URN = "urn:pulumi:dev::python-registry::python-registry:index:PythonRegistry$"


def disabled(api: str) -> str:
    """The plugin's text for an API that is off, as recorded."""
    return (
        "Error creating Repository: googleapi: Error 403: Artifact Registry API has not been used in "
        f"project demo-proj before or it is disabled. Enable it by visiting …/apis/api/{api}/overview then "
        "retry.\n"
        f'Details:\n[{{"reason": "SERVICE_DISABLED", "metadata": {{"service": "{api}"}}}}]'
    )


def unknown(account: str) -> str:
    return f"Error 400: Service account {account} does not exist., badRequest"


class Clock:
    """Time that passes only where the hook sleeps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.step = 1
        self.said: list[str] = []
        monkeypatch.setattr(propagation.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(propagation, "asyncio", self)
        monkeypatch.setattr(propagation.pulumi.log, "info", self.said.append)
        monkeypatch.setattr(propagation.pulumi.log, "error", self.said.append)

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
    # Making a hook registers it, by and by.
    loop.run_until_complete(asyncio.sleep(0))
    pulumi.runtime.settings.reset_options()
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def waiting(loop: asyncio.AbstractEventLoop) -> Propagation:
    return Propagation("registry", PythonRegistryArgs(project="demo-proj", location="us"))


def failed(*errors: str, type_: str = REPOSITORY) -> pulumi.ErrorHookArgs:
    return pulumi.ErrorHookArgs(
        urn=f"{URN}{type_}::my-registry-upload",
        id="",
        name="my-registry-upload",
        type=type_,
        new_inputs={"project": "demo-proj", "location": "us", "repositoryId": "python"},
        failed_operation="create",
        errors=list(errors),
    )


def retries(
    loop: asyncio.AbstractEventLoop, waiting: Propagation, *errors: str, type_: str = REPOSITORY
) -> bool:
    return loop.run_until_complete(waiting.on_error(failed(*errors, type_=type_)))


@pytest.mark.parametrize("error", [disabled(APIS[0]), disabled(APIS[1]), unknown(ACCOUNT)])
def test_what_this_program_made_is_waited_for(
    clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation, error: str
) -> None:
    assert retries(loop, waiting, error)
    assert clock.now == 1000 + INTERVAL_SECONDS


@pytest.mark.parametrize(
    "error",
    [
        disabled("compute.googleapis.com"),
        disabled("cloudresourcemanager.googleapis.com"),
        # As the plugin wraps it while it enables another: that one is not what is off.
        f'Enable Project Service "{APIS[0]}": {disabled("cloudresourcemanager.googleapis.com")}',
        unknown("somebody-else@demo-proj.iam.gserviceaccount.com"),
        "googleapi: Error 403: Permission 'artifactregistry.repositories.create' denied on resource",
        "googleapi: Error 409: the repository already exists",
        "",
    ],
)
def test_anything_else_fails_at_once(
    clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation, error: str
) -> None:
    assert not retries(loop, waiting, error)
    assert clock.now == 1000


def test_only_the_newest_error_counts(
    clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation
) -> None:
    assert not retries(loop, waiting, "Error 403: Permission denied", disabled(APIS[0]))


def test_waiting_ends(clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation) -> None:
    attempts = 0
    while retries(loop, waiting, disabled(APIS[0])):
        attempts += 1
    assert PATIENCE_SECONDS < clock.now - 1000 <= PATIENCE_SECONDS + INTERVAL_SECONDS
    assert attempts < 100, "the engine gives up after 100 retries, without our message"
    assert clock.said[-1].startswith("Waited 425 s for artifactregistry.googleapis.com")


def test_it_says_what_it_waits_for_and_since_when(
    clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation
) -> None:
    for _ in range(3):
        retries(loop, waiting, unknown(ACCOUNT))
    assert clock.said == [
        f"Waiting for {ACCOUNT}, made just now, to be known to IAM: {seconds} s so far, at most 7 min."
        for seconds in (0, 5, 10)
    ]


def test_resources_that_wait_for_one_thing_say_it_once(
    clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation
) -> None:
    clock.step = 0
    for _ in range(3):
        assert retries(loop, waiting, disabled(APIS[0]))
    assert len(clock.said) == 1


def test_each_thing_is_waited_for_from_its_own_first_failure_on(
    clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation
) -> None:
    clock.now = 0
    retries(loop, waiting, disabled(APIS[0]))
    retries(loop, waiting, unknown(ACCOUNT))
    assert [said.partition(": ")[2] for said in clock.said] == ["0 s so far, at most 7 min."] * 2


def test_seven_minutes_are_still_waited_for_and_no_more(
    clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation
) -> None:
    assert retries(loop, waiting, disabled(APIS[0]))
    clock.now = 1000 + PATIENCE_SECONDS
    assert retries(loop, waiting, disabled(APIS[0]))
    assert not retries(loop, waiting, disabled(APIS[0]))
    assert (
        clock.said[-1]
        == "Waited 425 s for artifactregistry.googleapis.com, enabled just now, to be usable, in vain."
    )


def test_the_engine_gets_the_hook_that_decides(waiting: Propagation) -> None:
    (hook,) = waiting.hooks.on_error or []
    assert isinstance(hook, pulumi.ErrorHook)
    assert (hook.name, hook.callback) == ("registry-propagation", waiting.on_error)


def test_an_api_is_found_in_the_link_or_in_the_details(waiting: Propagation) -> None:
    details = f'Error 403: Details: [{{"metadata": {{"service": "{APIS[0]}"}}}}]'
    link = f"Error 403: Enable it by visiting …/apis/api/{APIS[0]}/overview then retry."
    assert waiting.awaited(details) == waiting.awaited(link) == f"{APIS[0]}, enabled just now, to be usable"


def test_without_accounts_none_is_waited_for(loop: asyncio.AbstractEventLoop) -> None:
    args = PythonRegistryArgs(project="demo-proj", location="us", service_accounts=False)
    assert Propagation("registry", args).awaited(unknown(ACCOUNT)) is None


def test_a_project_without_resource_manager_is_told_the_command(
    clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation
) -> None:
    error = disabled("cloudresourcemanager.googleapis.com")
    assert not retries(loop, waiting, error, type_="gcp:projects/service:Service")
    assert "gcloud services enable cloudresourcemanager.googleapis.com --project demo-proj" in clock.said[0]


def test_a_repository_that_exists_comes_with_the_command_that_takes_it_over(
    clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation
) -> None:
    assert not retries(loop, waiting, "googleapi: Error 409: the repository already exists")
    component = "urn:pulumi:dev::python-registry::python-registry:index:PythonRegistry::my-registry"
    assert clock.said == [
        "Repository projects/demo-proj/locations/us/repositories/python exists, but not in this stack's "
        "state: an `up` was cut off, or someone made it by hand. To take it over, packages and all, run\n"
        "  pulumi import gcp:artifactregistry/repository:Repository my-registry-upload "
        f"projects/demo-proj/locations/us/repositories/python --parent 'parent={component}' "
        "--protect=false --generate-code=false --yes\n"
        "and then `pulumi up` again. If it is another stack's, choose another id instead."
    ]


def test_what_else_exists_already_comes_without_advice(
    clock: Clock, loop: asyncio.AbstractEventLoop, waiting: Propagation
) -> None:
    error = "googleapi: Error 409: the account already exists"
    assert not retries(loop, waiting, error, type_="gcp:serviceaccount/account:Account")
    assert not retries(loop, waiting, "googleapi: Error 400: the repository is wrong")
    assert clock.said == []


def test_a_new_pool_is_waited_for_and_a_strangers_is_not(loop: asyncio.AbstractEventLoop) -> None:
    args = PythonRegistryArgs(project="demo-proj", location="us")
    github = GitHub(repositories=("a/b",), owner_id="1", ref="refs/heads/main")
    pools = "projects/123456789012/locations/global/workloadIdentityPools"
    error = f"googleapi: Error 400: Identity Pool does not exist ({pools}/github-0a1b2c3d)., badRequest"
    with_pool = Propagation("registry", replace(args, github=github))
    assert with_pool.awaited(error) == "the workload identity pool, made just now, to be known to IAM"
    assert with_pool.awaited(error.replace("github-0a1b2c3d", "theirs")) is None
    assert Propagation("other", args).awaited(error) is None
