"""The settings of a stack file: every refusal in full, and the arguments of valid files."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.args import Cleanup, GitHub, Impersonators, PythonRegistryArgs
from settings import KEYS, SettingsError, parse_settings
from tests.support.recorder import MINIMAL, Recording, Run, engine_config

ROWS = yaml.safe_load(Path(__file__).with_name("bad_settings.yaml").read_text())
POOL = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"


def parse(**changes: Any) -> PythonRegistryArgs:
    """The arguments of a valid stack file with changes to the program's settings."""
    config = {**MINIMAL, **{f"python-registry:{k}": v for k, v in changes.items()}}
    return parse_settings(engine_config(config))


def refusal(values: dict[str, str], **inputs: Any) -> str:
    """The message about a stack file that is refused."""
    with pytest.raises(SettingsError) as refused:
        parse_settings(values, **inputs)
    return str(refused.value)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: json.dumps(row["config"])[:60])
def test_the_program_refuses_a_bad_stack_file_with_key_value_rule_and_fix(row: dict[str, Any]) -> None:
    config = {k: v for k, v in {**MINIMAL, **row["config"]}.items() if v is not None}
    _, *lines = refusal(engine_config(config)).splitlines()
    assert [line.strip() for line in lines] == row["problems"]


def test_one_message_has_every_problem() -> None:
    everything = {
        "gcp:project": "Demo",
        "python-registry:location": "us-centra1",
        "python-registry:repository": "my_repo",
        "python-registry:readers": ["alice@example.com", "allUsers"],
        "python-registry:acess": "additive",
    }
    title, *lines = refusal(engine_config(everything)).splitlines()
    assert title == "6 problems in the stack's settings; nothing was changed."
    assert len(lines) == 12, "key and value, rule and fix"


def test_the_title_of_a_message_counts_one_problem_in_the_singular() -> None:
    title = refusal({**engine_config(MINIMAL), "python-registry:access": "sometimes"}).splitlines()[0]
    assert title == "1 problem in the stack's settings; nothing was changed."


@pytest.mark.parametrize("key", ["python-registry:repository", "python-registry:repo"])
def test_a_message_never_shows_a_secret(key: str) -> None:
    message = refusal({**engine_config(MINIMAL), key: "hunter2"}, secret_keys=[key])
    assert f"\n  {key}: [secret]\n" in message
    assert "hunter2" not in message


def test_a_secret_setting_must_be_set_without_secret() -> None:
    key = "python-registry:location"
    lines = refusal(engine_config(MINIMAL), secret_keys=[key]).splitlines()
    rule = "outputs show this value, so it cannot be a secret; set it without --secret"
    assert lines[1:] == [f"  {key}: [secret]", f"    {rule}"], "nor is it called missing"


def test_the_program_ignores_the_keys_of_other_programs() -> None:
    assert parse_settings({**engine_config(MINIMAL), "gcp:region": "us-east1", "other:key": "1"})


def test_an_empty_stack_file_has_the_defaults_of_the_arguments() -> None:
    assert parse() == PythonRegistryArgs(project="demo-proj", location="us-central1")


def test_every_setting_reaches_its_argument() -> None:
    args = parse(
        location="europe",
        repository="pkgs",
        pypiProxy=True,
        privatePackages=["My.Adder", "other"],
        readers=["group:a@example.com", "domain:example.com"],
        writers=["serviceAccount:release@other-proj.iam.gserviceaccount.com"],
        admins=[POOL],
        access="additive",
        serviceAccounts=True,
        impersonators={"writer": ["group:release@example.com"]},
        github={"repositories": ["acme/my-adder"], "ownerId": 1234, "ref": "refs/heads/main"},
        cleanup={"deleteOlderThan": "90d", "packages": ["acme-", 7], "cacheOlderThan": "36h"},
        labels={"team": "data", "état": "prêt"},
        protect=False,
    )
    assert args == PythonRegistryArgs(
        project="demo-proj",
        location="europe",
        repository="pkgs",
        private_packages=("My.Adder", "other"),
        readers=("group:a@example.com", "domain:example.com"),
        writers=("serviceAccount:release@other-proj.iam.gserviceaccount.com",),
        admins=(POOL,),
        access="additive",
        impersonators=Impersonators(writer=("group:release@example.com",)),
        github=GitHub(repositories=("acme/my-adder",), owner_id="1234", ref="refs/heads/main"),
        cleanup=Cleanup(delete_older_than="90d", packages=("acme-", "7"), cache_older_than="36h"),
        labels={"team": "data", "état": "prêt"},
        protect=False,
    )


def test_a_stack_file_can_switch_off_the_proxy_and_the_accounts() -> None:
    args = parse(pypiProxy=False, serviceAccounts=False, privatePackages=[], impersonators={})
    assert not args.pypi_proxy
    assert not args.service_accounts


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


# Hypothesis builds a table of Unicode at its first draw, which is slow.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*KEYS, "gcp:project", "python-registry:x"]), st.text() | JSON))
def test_no_stack_file_causes_a_traceback(config: dict[str, Any]) -> None:
    with contextlib.suppress(SettingsError):
        assert parse_settings(engine_config(config)).project == config["gcp:project"]


@pytest.mark.parametrize("depth", [100, 300, 900, 3000])
def test_deep_json_causes_no_traceback(depth: int) -> None:
    for key in ("labels", "github", "cleanup", "readers"):
        for text in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
            refusal({**engine_config(MINIMAL), f"python-registry:{key}": text})


@settings(
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.dictionaries(st.sampled_from([*KEYS, "gcp:project"]), JSON, max_size=4))
def test_a_bad_stack_file_stops_the_program_before_its_first_resource(
    run_program: Run, changes: dict[str, Any]
) -> None:
    config, recording = {**MINIMAL, **changes}, Recording()
    try:
        parse_settings(engine_config(config))
    except SettingsError as expected:
        with pytest.raises(SettingsError, match=re.escape(str(expected))):
            run_program(config, into=recording)
        assert recording.resources == []
    else:
        assert run_program(config, into=recording).resources
