"""Named members: the ones that other resources of the same program decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pytest
from pulumi.runtime.rpc import UNKNOWN
from pulumi_gcp import serviceaccount

from components import Impersonators, PythonRegistry, PythonRegistryArgs, registry
from components.args import NAMED_MEMBERS
from components.argument_checks import ArgumentError
from components.retry_hook import RetryHook
from components.validation import Problem
from components.validation.members import MEMBER_LIMIT
from tests.support.recorder import ACCOUNT_BINDING, ACCOUNT_MEMBER, BINDING, MEMBER, Recording, Run

CI = "serviceAccount:ci-jobs@demo-proj.iam.gserviceaccount.com"
LISTS = ("readers", "writers", "admins")


def args(**arguments: Any) -> PythonRegistryArgs:
    return PythonRegistryArgs(project="demo-proj", location="us", **arguments)


def ci_account() -> pulumi.Output[str]:
    """The member of an account that the program creates."""
    return serviceaccount.Account("ci", project="demo-proj", account_id="ci-jobs").member


def unknown_member() -> pulumi.Output[str]:
    """A member that a preview does not know."""
    unknown: Any = pulumi.UNKNOWN
    return pulumi.Output.from_input(unknown)


def registry_with(access: str, members: Callable[[], Mapping[str, object]]) -> Callable[[], None]:
    """A program with a registry that has these members."""

    def program() -> None:
        PythonRegistry("packages", args(access=access, **members()))

    return program


def every_named_member() -> dict[str, dict[str, pulumi.Input[str]]]:
    member = ci_account()
    return {field: {"ci": member} for field in NAMED_MEMBERS}


def test_a_binding_contains_the_account_that_the_program_creates(run_function: Run) -> None:
    recording = run_function(registry_with("authoritative", every_named_member))
    with_ci = {
        name.removeprefix("packages-")
        for type_ in (BINDING, ACCOUNT_BINDING)
        for name, grant in recording.of(type_).items()
        if CI in grant.inputs["members"]
    }
    assert with_ci == {
        "upload-readers",
        "upload-writers",
        "upload-admins",
        "pypi-readers",
        "index-readers",
        "reader-impersonators",
        "writer-impersonators",
    }
    assert recording["ci"].urn in recording["packages-upload-readers"].dependencies


def test_an_additive_grant_is_named_after_the_entry(run_function: Run) -> None:
    recording = run_function(registry_with("additive", every_named_member))
    with_ci = {
        name
        for type_ in (MEMBER, ACCOUNT_MEMBER)
        for name, grant in recording.of(type_).items()
        if grant.inputs["member"] == CI
    }
    assert with_ci == {
        "packages-upload-readers-named-ci",
        "packages-upload-writers-named-ci",
        "packages-upload-admins-named-ci",
        "packages-pypi-readers-named-ci",
        "packages-index-readers-named-ci",
        "packages-reader-impersonators-named-ci",
        "packages-writer-impersonators-named-ci",
    }


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_the_names_of_resources_do_not_depend_on_the_members(run_function: Run, access: str) -> None:
    def names(member: Callable[[], pulumi.Input[str]], *, preview: bool) -> set[str]:
        program = registry_with(access, lambda: {"named_readers": {"ci": member()}})
        return {resource.name for resource in run_function(program, preview=preview).resources}

    known = names(lambda: CI, preview=False)
    assert names(unknown_member, preview=True) == known
    assert names(lambda: "group:other@example.com", preview=False) == known
    assert ("packages-upload-readers-named-ci" in known) == (access == "additive")


def test_a_preview_with_an_unknown_member_registers_every_grant(run_function: Run) -> None:
    program = registry_with("additive", lambda: {"named_readers": {"ci": unknown_member()}})
    grant = run_function(program, preview=True)["packages-upload-readers-named-ci"]
    assert grant.inputs["member"] == UNKNOWN


def test_a_member_in_a_list_and_one_with_a_name_get_the_same_role(run_function: Run) -> None:
    recording = run_function(
        registry_with("additive", lambda: {"readers": ("user:a@example.com",), "named_readers": {"ci": CI}})
    )
    grants = recording.of(MEMBER)
    first = grants["packages-upload-readers-user:a@example.com"].inputs
    second = grants["packages-upload-readers-named-ci"].inputs
    assert {**first, "member": CI} == second


@pytest.mark.parametrize("access", ["authoritative", "additive"])
def test_the_update_grants_nothing_to_a_bad_member_once_it_is_known(run_function: Run, access: str) -> None:
    def members() -> dict[str, Any]:
        return {"named_readers": {"ci": ci_account().apply(lambda _: "allUsers")}}

    recording = Recording()
    with pytest.raises(pulumi.RunError) as refused:
        run_function(registry_with(access, members), into=recording)
    assert "ci: allUsers\n    this member opens the private index to everybody; name users" in str(
        refused.value
    )
    assert not [grant for grant in recording.resources if "allUsers" in str(grant.inputs)]


def test_the_message_about_a_secret_member_does_not_show_it(run_function: Run) -> None:
    def members() -> dict[str, Any]:
        return {"named_readers": {"ci": pulumi.Output.secret("hidden@example.com")}}

    with pytest.raises(pulumi.RunError) as refused:
        run_function(registry_with("authoritative", members))
    assert "ci: [secret]\n    this value breaks a rule" in str(refused.value)
    assert "hidden" not in str(refused.value)


def problems_of(run_function: Run, **arguments: Any) -> list[Problem]:
    with pytest.raises(ArgumentError) as refused:
        run_function(lambda: PythonRegistry("packages", args(**arguments)))
    return list(refused.value.problems)


@pytest.mark.parametrize("field", NAMED_MEMBERS)
@pytest.mark.parametrize(
    ("entries", "rule"),
    [
        ({"ci": "ci@example.com"}, "an IAM member starts with its type"),
        ({"ci": 7}, "an IAM member must be text or an output"),
        ({"ci": None}, "an IAM member must be text or an output"),
        ({"a b": CI}, "the names of resources contain this name"),
        ({"": CI}, "the names of resources contain this name"),
        ({"x" * 64: CI}, "the names of resources contain this name"),
    ],
)
def test_a_bad_entry_is_refused_before_the_first_resource(
    run_function: Run, field: str, entries: dict[str, Any], rule: str
) -> None:
    (problem,) = problems_of(run_function, **{field: entries})
    assert problem.key == f"{field}.{next(iter(entries))}"
    assert problem.rule.startswith(rule)


def test_named_members_are_a_map(run_function: Run) -> None:
    (problem,) = problems_of(run_function, named_readers=(CI,))
    assert problem.rule == "the value must be a map of IAM members by name"


@pytest.mark.parametrize("members", LISTS)
def test_a_member_has_one_entry_for_a_role(run_function: Run, members: str) -> None:
    (problem,) = problems_of(run_function, **{f"named_{members}": {"ci": CI, "again": CI}})
    assert (problem.key, problem.rule) == (
        f"named_{members}.again",
        f"named_{members}.ci names this member too",
    )
    (problem,) = problems_of(
        run_function,
        **{members: ("group:All@example.com",), f"named_{members}": {"all": "group:all@example.com"}},
    )
    assert (problem.key, problem.rule) == (f"named_{members}.all", f"{members} names this member too")


@pytest.mark.parametrize("account", ["reader", "writer"])
def test_an_impersonator_has_one_entry_for_an_account(run_function: Run, account: str) -> None:
    named = f"named_{account}_impersonators"
    (problem,) = problems_of(
        run_function, impersonators=Impersonators(**{account: (CI,)}), **{named: {"ci": CI}}
    )
    assert (problem.key, problem.rule) == (f"{named}.ci", f"impersonators.{account} names this member too")


def test_one_member_can_have_several_roles(run_function: Run) -> None:
    def members() -> dict[str, Any]:
        return {
            "readers": (CI,),
            "named_writers": {"ci": CI},
            "named_reader_impersonators": {"ci": CI},
            "named_writer_impersonators": {"ci": CI},
        }

    assert run_function(registry_with("additive", members)).of(ACCOUNT_MEMBER)


def test_the_program_grants_its_own_accounts_their_roles(run_function: Run) -> None:
    own = "serviceAccount:python-reader@demo-proj.iam.gserviceaccount.com"
    (problem,) = problems_of(run_function, named_readers={"mine": own})
    assert (problem.key, problem.rule) == (
        "named_readers.mine",
        "the program creates this account and grants its role",
    )


@pytest.mark.parametrize("account", ["reader", "writer"])
def test_named_impersonators_need_the_accounts(run_function: Run, account: str) -> None:
    named = f"named_{account}_impersonators"
    (problem,) = problems_of(run_function, service_accounts=False, **{named: {"ci": CI}})
    assert (problem.key, problem.fix) == (named, "remove it, or set service_accounts to true")


def test_the_limits_of_a_policy_count_named_members(run_function: Run) -> None:
    # Both accounts are members of the policy too.
    listed = tuple(f"user:u{number}@example.com" for number in range(MEMBER_LIMIT - 3))
    one, two = {"a": "user:a@example.com"}, {"b": "user:b@example.com", "c": "user:c@example.com"}
    (problem,) = problems_of(run_function, readers=listed, named_readers=one, named_admins=two)
    assert problem.value == f"{MEMBER_LIMIT + 2} members in all lists"
    assert "Google allows 1500 members per policy" in problem.rule
    impersonators = Impersonators(writer=(*listed, "user:x@example.com", "user:y@example.com"))
    (problem,) = problems_of(
        run_function, impersonators=impersonators, named_writer_impersonators={**one, **two}
    )
    assert (problem.key, problem.value) == ("impersonators.writer", f"{MEMBER_LIMIT + 2} members")


def test_the_update_waits_for_an_account_that_a_named_member_names(
    run_function: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks: list[RetryHook] = []

    def record(*arguments: Any) -> RetryHook:
        hooks.append(RetryHook(*arguments))
        return hooks[-1]

    monkeypatch.setattr(registry, "RetryHook", record)
    run_function(registry_with("authoritative", lambda: {"named_readers": {"ci": ci_account()}}))
    run_function(registry_with("authoritative", lambda: {"named_readers": {"ci": CI}}))
    created, listed = hooks
    email = CI.partition(":")[2]
    error = f"Error 400: Service account {email} does not exist., badRequest"
    assert created.pending(error) == f"{email}, which was just created"
    # A text names an account that exists already, or a mistake that no wait repairs.
    assert listed.pending(error) is None
