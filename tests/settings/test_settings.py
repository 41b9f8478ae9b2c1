"""What a stack file may say: every refusal in full, and what is let through."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.args import GitHub, Impersonators, PythonRegistryArgs
from settings import KEYS, SettingsError, parse_settings, read_other_stacks
from tests.support.recorder import MINIMAL, Recording, Run, engine_config

POOLS = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools"
BAD = yaml.safe_load(Path(__file__).with_name("bad_settings.yaml").read_text())


def parse(**changes: Any) -> PythonRegistryArgs:
    """The settings of a valid stack file with some keys of the program's namespace changed."""
    return parse_settings(
        engine_config({**MINIMAL, **{f"python-registry:{k}": v for k, v in changes.items()}})
    )


def changed(config: dict[str, Any]) -> dict[str, str]:
    return engine_config({k: v for k, v in {**MINIMAL, **config}.items() if v is not None})


@pytest.mark.parametrize("row", BAD, ids=lambda row: json.dumps(row["config"])[:60])
def test_a_bad_stack_file_is_refused_with_key_value_rule_and_fix(row: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings(changed(row["config"]))
    said = [line.strip() for line in "\n".join(refused.value.problems).splitlines()]
    assert said == row["problems"]


def test_all_problems_are_told_at_once() -> None:
    everything = {
        "gcp:project": "Demo",
        "python-registry:location": "us-centra1",
        "python-registry:repository": "my_repo",
        "python-registry:readers": ["alice@example.com", "allUsers"],
        "python-registry:acess": "additive",
    }
    with pytest.raises(SettingsError) as refused:
        parse_settings(engine_config(everything))
    first, *rest = str(refused.value).splitlines()
    assert first == "6 problems in the stack's settings; nothing was changed."
    assert len(rest) == 12, "key and value, rule and fix"


def test_one_problem_is_told_as_one() -> None:
    with pytest.raises(SettingsError) as refused:
        parse(access="sometimes")
    assert str(refused.value).splitlines()[0] == "1 problem in the stack's settings; nothing was changed."


@pytest.mark.parametrize(("length", "shown"), [(80, "x" * 80), (81, "x" * 80 + "…")])
def test_a_long_value_is_cut(length: int, shown: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(location="x" * length)
    assert refused.value.problems[0].startswith(f"  python-registry:location: {shown}\n")


def test_the_message_stops_the_program_before_its_first_resource(run_program: Run) -> None:
    recording = Recording()
    with pytest.raises(SettingsError) as refused:
        run_program({**MINIMAL, "python-registry:location": "mars"}, into=recording)
    assert "\n  python-registry:location: mars\n" in str(refused.value)
    assert recording.resources == []


def test_a_secret_is_refused_without_being_shown() -> None:
    values = {**engine_config(MINIMAL), "python-registry:repository": "hunter2"}
    with pytest.raises(SettingsError) as refused:
        parse_settings(values, secret_keys=["python-registry:repository"])
    assert refused.value.problems == [
        "  python-registry:repository: [secret]\n"
        "    must be in clear: outputs show it; set it without --secret"
    ]


def test_the_stacks_secrets_and_the_other_files_of_the_project_are_read(
    run_program: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = Path.cwd() / "__main__.py"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tests.support.recorder.PROGRAM", str(program))
    assert run_program(MINIMAL, stack="dev").resources
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": MINIMAL}))
    assert run_program(MINIMAL, stack="dev").resources, "its own file is no other"
    (tmp_path / "Pulumi.prod.yaml").write_text(yaml.safe_dump({"config": MINIMAL}))
    with pytest.raises(SettingsError, match=r"which the stack of Pulumi\.prod\.yaml makes too"):
        run_program(MINIMAL, stack="dev")
    with pytest.raises(SettingsError, match="set it without --secret"):
        run_program(MINIMAL, stack="other", secrets=("python-registry:location",))


def test_other_programs_keys_are_none_of_ours() -> None:
    assert parse_settings({**engine_config(MINIMAL), "gcp:region": "us-east1", "other:key": "1"})


def other_stack(**changes: Any) -> dict[str, PythonRegistryArgs]:
    return {"Pulumi.other.yaml": parse(**changes)}


@pytest.mark.parametrize(
    ("ours", "theirs", "shared"),
    [
        ({}, {}, "projects/demo-proj/locations/us-central1/repositories/python"),
        # Accounts have no location.
        ({}, {"location": "us"}, "python-reader@demo-proj.iam.gserviceaccount.com"),
        # What is named after one repository is another.
        (
            {"repository": "python-index", "serviceAccounts": False},
            {},
            "projects/demo-proj/locations/us-central1/repositories/python-index",
        ),
    ],
)
def test_two_stacks_cannot_make_the_same_thing(
    ours: dict[str, Any], theirs: dict[str, Any], shared: str
) -> None:
    config = engine_config({**MINIMAL, **{f"python-registry:{k}": v for k, v in ours.items()}})
    with pytest.raises(SettingsError) as refused:
        parse_settings(config, others=other_stack(**theirs))
    assert refused.value.problems == [
        f"  python-registry:repository: {ours.get('repository', 'python')}\n    makes {shared}, which the "
        "stack of Pulumi.other.yaml makes too; choose another id, or another project"
    ]


@pytest.mark.parametrize(
    "theirs",
    [
        {"repository": "packages"},
        {"location": "us", "serviceAccounts": False},
    ],
)
def test_stacks_that_share_nothing_stand_side_by_side(theirs: dict[str, Any]) -> None:
    assert parse_settings(engine_config(MINIMAL), others=other_stack(**theirs))


def test_what_a_switched_off_proxy_would_have_made_is_free_for_another_stack() -> None:
    config = {
        **MINIMAL,
        "python-registry:repository": "python-index",
        "python-registry:serviceAccounts": False,
    }
    assert parse_settings(engine_config(config), others=other_stack(pypiProxy=False))


def test_the_other_stacks_are_those_of_the_projects_files(tmp_path: Path) -> None:
    for name, text in {
        "dev": yaml.safe_dump({"config": MINIMAL}),
        "copy": yaml.safe_dump({"config": {**MINIMAL, "python-registry:pypiProxy": False}}),
        "wrong": yaml.safe_dump({"config": {"python-registry:location": "mars"}}),
        # What is wrong with it is its own stack's, and hides nothing.
        "faulty": yaml.safe_dump({"config": {**MINIMAL, "python-registry:labels": {"secure": "x"}}}),
        "short": "config: {'gcp:project': demo-proj, location: us-central1}",
        "shared": "config: {python-registry:location: us, python-registry:readers: [x]}",
        "empty": "",
        "broken": "config: [",
        "deep": "config: " + "[" * 3000,
        "list": "- a",
        "none": "config:",
        "z": yaml.safe_dump({"config": {**MINIMAL, "python-registry:repository": "z"}}),
    }.items():
        (tmp_path / f"Pulumi.{name}.yaml").write_text(text)
    (tmp_path / "Pulumi.bytes.yaml").write_bytes(
        b"# caf\xe9\n" + yaml.safe_dump({"config": MINIMAL}).encode()
    )
    shared = {"gcp:project": {"value": "demo-proj"}, "python-registry:repository": {"default": "theirs"}}
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump({"config": shared}))
    others = read_other_stacks(tmp_path, "dev")
    assert others == {
        "Pulumi.bytes.yaml": parse(repository="theirs"),
        "Pulumi.copy.yaml": parse(repository="theirs", pypiProxy=False),
        "Pulumi.faulty.yaml": parse(repository="theirs"),
        "Pulumi.shared.yaml": parse(repository="theirs", location="us"),
        "Pulumi.short.yaml": parse(repository="theirs"),
        "Pulumi.z.yaml": parse(repository="z"),
    }


def test_a_stack_without_a_place_has_no_twin() -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings({}, others=other_stack())
    assert len(refused.value.problems) == 2


def test_defaults_are_those_of_the_component() -> None:
    assert parse() == PythonRegistryArgs(project="demo-proj", location="us-central1")


def test_every_setting_arrives() -> None:
    args = parse(
        location="europe",
        repository="pkgs",
        privatePackages=["My.Adder", "other"],
        readers=["group:a@example.com", "domain:example.com"],
        writers=["serviceAccount:ci@other-proj.iam.gserviceaccount.com"],
        admins=["principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"],
        access="additive",
        impersonators={"writer": ["group:release@example.com"]},
        github={"repositories": ["acme/my-adder"], "ownerId": 1234, "ref": "refs/heads/main"},
        labels={"team": "data", "état": "prêt"},
        protect=False,
    )
    assert args == PythonRegistryArgs(
        project="demo-proj",
        location="europe",
        repository="pkgs",
        private_packages=("My.Adder", "other"),
        readers=("group:a@example.com", "domain:example.com"),
        writers=("serviceAccount:ci@other-proj.iam.gserviceaccount.com",),
        admins=("principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*",),
        access="additive",
        impersonators=Impersonators(writer=("group:release@example.com",)),
        github=GitHub(repositories=("acme/my-adder",), owner_id="1234", ref="refs/heads/main"),
        labels={"team": "data", "état": "prêt"},
        protect=False,
    )


@pytest.mark.parametrize(
    "member",
    [
        "serviceAccount:123-compute@developer.gserviceaccount.com",
        "serviceAccount:my-proj.svc.id.goog[build/publisher]",
        "domain:example.xn--p1ai",
        "principal://iam.googleapis.com/locations/global/workforcePools/staff/subject/alice@example.com",
        "principalSet://iam.googleapis.com/locations/global/workforcePools/staff/group/team@example.com",
        f"principal://{POOLS}/my-proj.svc.id.goog/subject/ns/build/sa/publisher",
        f"principalSet://{POOLS}/my-proj.svc.id.goog/namespace/build",
        f"principalSet://{POOLS}/p/attribute.repository/Org/a",
        "principalSet://cloudresourcemanager.googleapis.com/projects/1/type/ServiceAccount",
    ],
)
def test_every_kind_of_member_is_taken(member: str) -> None:
    assert parse(readers=[member]).readers == (member,)


def test_more_members_than_one_policy_takes_are_refused() -> None:
    people = [f"user:p{n}@example.com" for n in range(1498)]
    assert parse(readers=people)
    for attribute in ("writers", "admins"):
        with pytest.raises(SettingsError) as refused:
            parse(readers=people, **{attribute: ["group:one-more@example.com"]})
        assert refused.value.problems == [
            "  python-registry:readers: 1501 members in all lists\n"
            "    are over the 1500 that Google takes in one policy, two accounts among them; use groups"
        ]


def test_more_members_than_an_accounts_policy_takes_are_refused() -> None:
    people = [f"user:p{n}@example.com" for n in range(1500)]
    assert parse(impersonators={"reader": people, "writer": people})
    for lists, account in (
        ({"impersonators": {"reader": [*people, "group:one-more@example.com"]}}, "reader"),
        ({"impersonators": {"writer": people}, **workflows("a/b")}, "writer"),
    ):
        with pytest.raises(SettingsError) as refused:
            parse(**lists)
        assert refused.value.problems == [
            f"  python-registry:impersonators.{account}: 1501 members\n"
            "    are over the 1500 that Google takes in one policy; use groups"
        ]


@pytest.mark.parametrize("attribute", ["readers", "writers", "admins"])
def test_the_programs_own_accounts_are_not_listed_while_it_makes_them(attribute: str) -> None:
    own = {attribute: ["serviceAccount:pkgs-writer@demo-proj.iam.gserviceaccount.com"]}
    with pytest.raises(SettingsError) as refused:
        parse(repository="pkgs", **own)
    assert refused.value.problems == [
        f"  python-registry:{attribute}: {own[attribute][0]}\n"
        "    is made and granted its role by serviceAccounts; remove it"
    ]
    assert parse(repository="pkgs", serviceAccounts=False, **own)
    assert parse(**own), "of another repository"


def workflows(*repositories: str, environment: str = "e") -> dict[str, Any]:
    return {"github": {"repositories": [*repositories], "ownerId": 1, "environment": environment}}


def many_repositories(length: int) -> dict[str, Any]:
    """Workflows whose condition is that long."""
    names = [f"a/{n:05}" for n in range(300)]
    spare = length - len(GitHub(repositories=tuple(names), owner_id="1", environment="e").condition)
    # A longer name, as much as one may be longer, for as many as it takes.
    for index in range(len(names)):
        more = min(spare, 50)
        names[index], spare = names[index] + "x" * more, spare - more
    assert spare == 0
    return workflows(*names)


LONGEST: list[tuple[int, Callable[[int], dict[str, Any]]]] = [
    (63, lambda n: {"labels": {f"k{i}": "v" for i in range(n)}}),
    (63, lambda n: {"labels": {"k" * n: "v"}}),
    (63, lambda n: {"labels": {"k": "v" * n}}),
    (251, lambda n: {"privatePackages": ["p" * n]}),
    (106, lambda n: workflows("a/b", environment="e" * n)),
    (53, lambda n: workflows("a/b", environment="é" * n)),
    (4096, many_repositories),
]


@pytest.mark.parametrize(
    ("longest", "make"),
    LONGEST,
    ids=["labels", "label's key", "label's value", "package", "environment", "in bytes", "condition"],
)
def test_what_is_as_long_as_it_may_be_is_taken_and_one_more_is_not(
    longest: int, make: Callable[[int], dict[str, Any]]
) -> None:
    assert parse(**make(longest))
    with pytest.raises(SettingsError) as refused:
        parse(**make(longest + 1))
    assert len(refused.value.problems) == 1


def test_what_is_on_by_default_can_be_said_to_be_on() -> None:
    assert parse(pypiProxy=True, serviceAccounts=True, protect=True) == parse()


def test_what_is_on_by_default_can_be_switched_off() -> None:
    args = parse(pypiProxy=False, serviceAccounts=False, privatePackages=[], impersonators={})
    assert not args.pypi_proxy
    assert not args.service_accounts


@pytest.mark.parametrize(
    "github",
    [
        {"repositories": ["a/b"], "ownerId": "9", "ref": "refs/tags/v1.0"},
        {
            "repositories": ["Acme-Inc/.github", "Acme-Inc/a_b.c"],
            "ownerId": 9,
            "environment": "Release 1/x",
        },
        {"repositories": ["octo_acme/x"], "ownerId": 9007199254740991, "ref": "refs/heads/feature/a-b"},
    ],
)
def test_repositories_refs_and_environments_of_every_shape_are_taken(github: dict[str, Any]) -> None:
    taken = parse(github=github).github
    assert taken is not None
    assert list(taken.repositories) == github["repositories"]
    assert taken.owner_id == str(github["ownerId"])
    assert taken.place[1] in github.values()


@pytest.mark.parametrize("location", ["us", "europe-west12", "me-central2", "africa-south1", "us-south9"])
def test_regions_are_known_by_their_grammar_so_that_new_ones_work(location: str) -> None:
    assert parse(location=location).location == location


def test_principals_that_differ_in_case_are_different() -> None:
    pool = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p"
    both = [f"{pool}/attribute.repository/Org/a", f"{pool}/attribute.repository/org/a"]
    assert parse(readers=both).readers == tuple(both)


@pytest.mark.parametrize(
    ("length", "switches"),
    [
        (23, {}),
        (57, {"serviceAccounts": False}),
        (63, {"serviceAccounts": False, "pypiProxy": False}),
    ],
)
def test_the_longest_repository_id_leaves_room_for_what_is_named_after_it(
    length: int, switches: dict[str, bool]
) -> None:
    assert parse(repository="a" * length, **switches)
    with pytest.raises(SettingsError):
        parse(repository="a" * (length + 1), **switches)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


# The first draw builds Hypothesis' table of Unicode, which is slow and none of ours.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*KEYS, "gcp:project", "python-registry:x"]), st.text() | JSON))
def test_nothing_a_stack_file_can_say_gives_a_traceback(config: dict[str, Any]) -> None:
    with contextlib.suppress(SettingsError):
        assert parse_settings(engine_config(config)).project == config["gcp:project"]


@settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.dictionaries(st.sampled_from([*KEYS, "gcp:project"]), JSON, max_size=4))
def test_no_wrong_stack_file_gets_to_a_resource(run_program: Run, changes: dict[str, Any]) -> None:
    config, recording = {**MINIMAL, **changes}, Recording()
    try:
        parse_settings(engine_config(config))
    except SettingsError as expected:
        with pytest.raises(SettingsError, match=re.escape(str(expected))):
            run_program(config, into=recording)
        assert recording.resources == []
    else:
        assert run_program(config, into=recording).resources
