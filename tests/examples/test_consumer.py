"""Another project reads the registry's stack and grants itself the reader role."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.conftest import Example, MakeExample
from tests.support.docs import read_commands
from tests.support.sandbox import Program, Sandbox, copy_project

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

ROUNDS = 10


@pytest.fixture
def consumer(make_example: MakeExample) -> Example:
    return make_example("consumer", "a")


def test_a_consumer_reads_the_index_and_the_pip_conf_in_its_bucket(
    program: Program, consumer: Example
) -> None:
    program.configure(access="additive")
    program.up()
    consumer.up()
    assert consumer.changes() == {}
    member = consumer.member
    assert member in program.policy("python-index")["reader"]
    assert member not in program.policy("python")["reader"]
    assert program.sandbox.ask("GET", program.repository("python-index"), member=member)[0] == 200
    assert program.sandbox.ask("GET", program.repository("python"), member=member)[0] == 403
    assert consumer.pip_conf(member) == (200, program.outputs()["pip_conf"])
    assert consumer.pip_conf("user:other@example.com")[0] == 403


def test_a_consumer_follows_the_registry_to_the_upload_repository(
    program: Program, consumer: Example
) -> None:
    program.configure(access="additive")
    program.up()
    consumer.up()
    program.configure(access="additive", pypiProxy=False)
    program.up()
    assert consumer.changes()["reads-index"] == "replace"
    consumer.up("--refresh")
    assert consumer.member in program.policy("python")["reader"]
    assert consumer.pip_conf(consumer.member) == (200, program.outputs()["pip_conf"])
    assert consumer.changes() == {}
    consumer.destroy()
    assert consumer.project not in str(program.policy("python"))


def test_two_consumers_do_not_affect_each_other(program: Program, make_example: MakeExample) -> None:
    program.configure(access="additive")
    program.up()
    first, second = make_example("consumer", "a"), make_example("consumer", "b")
    first.up()
    second.up()
    readers = program.policy("python-index")["reader"]
    assert {first.member, second.member} < set(readers)
    assert first.pip_conf(second.member)[0] == 403
    deleted = first.member
    first.destroy()
    assert program.policy("python-index")["reader"] == [reader for reader in readers if reader != deleted]
    assert second.changes() == {}


def failed_preview(consumer: Example) -> str:
    result = consumer.pulumi("preview", check=False)
    assert result.returncode != 0
    text = result.stdout + result.stderr
    assert "Traceback" not in text
    return text


def test_a_preview_fails_if_the_registry_does_not_exist(program: Program, consumer: Example) -> None:
    output = failed_preview(consumer)
    assert f"organization/python-registry/{program.stack} has no output contract_version" in output
    assert "run `pulumi up` there first." in output
    assert output.count("has no output contract_version") == 2, "during the run and at its end"


def test_a_preview_names_an_unknown_stack(consumer: Example) -> None:
    consumer.configure(registry="organization/python-registry/nosuch")
    assert 'unknown stack "organization/python-registry/nosuch"' in failed_preview(consumer)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_alternating_updates_with_refresh_revoke_nothing(program: Program, consumer: Example) -> None:
    for number in range(ROUNDS):
        reader = f"user:reader{number}@example.com"
        program.configure(access="additive", readers=[reader])
        program.up("--refresh")
        if number:
            assert consumer.member in program.policy("python-index")["reader"], "the registry revoked it"
        consumer.up("--refresh")
        readers = program.policy("python-index")["reader"]
        assert {reader, consumer.member} < set(readers), "the consumer revoked it"
        assert f"user:reader{number - 1}@example.com" not in readers
    assert program.changes() == consumer.changes() == {}


def test_an_authoritative_registry_and_the_consumer_revoke_each_others_grant(
    program: Program, consumer: Example
) -> None:
    program.configure(access="authoritative", readers=["user:reader0@example.com"])
    program.up()
    consumer.up()
    assert consumer.member in program.policy("python-index")["reader"]
    program.configure(access="authoritative", readers=["user:reader1@example.com"])
    program.up("--refresh")
    assert consumer.member not in program.policy("python-index")["reader"]
    consumer.up("--refresh")
    assert consumer.member in program.policy("python-index")["reader"]
    program.up("--refresh")
    assert consumer.member not in program.policy("python-index")["reader"]


def test_the_documented_commands_work_after_make_up(sandbox: Sandbox, tmp_path: Path) -> None:
    copy_project(tmp_path, "Pulumi.dev.yaml", "examples")

    def run(*command: str) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=sandbox.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run(*sandbox.command("run", "--", "pulumi", "stack", "init", "dev"))
    run(*sandbox.command("run", "--", "pulumi", "up", "--yes", "--skip-preview", "--stack", "dev"))
    commands = read_commands("outputs", "## Read the outputs from another program").splitlines()
    assert len(commands) > 3
    words = [shlex.split(command, comments=True) for command in commands]
    assert {first for first, *_ in words} == {".venv/bin/python"}
    shown = [run(sys.executable, *rest) for _, *rest in words]
    assert "gs://my-consumer-dev-python-consumer/pip.conf" in shown[-1]
