"""Cloud Composer installs from the index: what the environment needs is made, itself it is previewed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.examples.conftest import Example, MakeExample
from tests.support.sandbox import LOCATION, Program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

PACKAGES = {"my-adder": "==0.0.1"}


@pytest.fixture
def composer(program: Program, make_example: MakeExample) -> Example:
    program.configure(access="additive")
    program.up()
    return make_example("composer", "c")


def test_the_file_and_the_grant_are_there_before_any_environment(
    program: Program, composer: Example
) -> None:
    composer.up()
    assert composer.changes() == {}
    outputs = composer.outputs()
    assert outputs["pip_conf"].endswith("/config/pip/pip.conf")
    assert composer.pip_conf("user:owner@sandbox.example") == (200, program.outputs()["pip_conf"])
    assert composer.member in program.policy("python-index")["reader"]
    composer.destroy()
    assert composer.project not in str(program.policy("python-index"))


def environment_of(steps: list[dict[str, Any]]) -> dict[str, Any]:
    (inputs,) = (step["newState"]["inputs"] for step in steps if step["urn"].endswith("::environment"))
    return inputs


def test_the_environment_gets_bucket_account_and_packages_and_no_way_out(composer: Example) -> None:
    composer.up()
    composer.configure(environment="airflow", packages=PACKAGES)
    inputs = environment_of(composer.preview()["steps"])
    bucket, account = f"{composer.project}-composer-python", composer.outputs()["account"]
    assert inputs["storageConfig"]["bucket"] == bucket
    assert inputs["region"] == LOCATION
    config = inputs["config"]
    assert config["nodeConfig"]["serviceAccount"] == account
    assert config["softwareConfig"]["pypiPackages"] == PACKAGES
    assert config["enablePrivateEnvironment"] is config["enablePrivateBuildsOnly"] is True


def test_the_sandbox_refuses_to_make_one_with_words(composer: Example) -> None:
    composer.configure(environment="airflow", packages=PACKAGES)
    said = composer.up(check=False)
    assert "error" in said
    assert "the sandbox runs no Airflow" in said or "The sandbox does not emulate POST composer" in said
    assert "Traceback" not in said
