"""The command line `python -m sandbox`: its help texts, and the verbs that need no running sandbox."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sandbox.__main__ import cli
from sandbox.runtime import session
from sandbox.runtime.next_steps import describe_stack
from sandbox.runtime.paths import FOLDER_VARIABLE
from sandbox.toolchain.engine import Engine
from sandbox.toolchain.plugin import Plugin

PROGRAM = "python -m sandbox"


def commands(
    group: click.Group, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


COMMANDS = {" ".join(words): command for words, command in commands(cli)}


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "state"))
    return CliRunner()


@pytest.mark.parametrize("words", COMMANDS)
def test_the_help_of_a_command_has_an_example_that_calls_it(runner: CliRunner, words: str) -> None:
    output = runner.invoke(cli, [*words.split(), "--help"]).output
    _, _, example = output.partition("Example:\n")
    assert f"{PROGRAM} {words}".strip() in example


def test_the_verbs_are_these() -> None:
    assert set(COMMANDS) == {
        "",
        *("run", "env", "start", "stop", "reset", "status", "log", "base-image"),
        *("faults", "faults show", "faults set", "faults clear"),
        *("pypi", "pypi publish", "pypi reset"),
        *("cleanup", "clock"),
        *("github-token", "recover", "next-steps"),
    }


def test_faults_shows_the_faults_that_are_in_force(runner: CliRunner) -> None:
    def output(*words: str) -> str:
        return runner.invoke(cli, ["faults", *words]).output

    assert output() == "faults: none\n"
    assert output("set", "api-delay=60", "unavailable=0.3") == "faults: api-delay=60 unavailable=0.3\n"
    assert output("show") == output() == "faults: api-delay=60 unavailable=0.3\n"
    assert output("set", "cut=1") == "faults: cut=1\n"
    assert output("set", "permitted-domains=a.example,b.example", "cut=2") == (
        "faults: cut=2 permitted-domains=a.example,b.example\n"
    )
    assert output("clear") == output("show") == "faults: none\n"


def test_status_names_the_programs_as_the_pages_do(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pulumi = tmp_path / "pulumi"
    engine = Engine(pulumi=pulumi, version="3.259.0", origin="on PATH", directories=())
    monkeypatch.setattr(session, "ensure_tools", lambda: (engine, Plugin(origin="fake provider")))
    lines = runner.invoke(cli, ["status"]).output.splitlines()
    assert lines[0] == "sandbox     stopped"
    assert lines[2:] == [
        f"Pulumi CLI  3.259.0, on PATH: {pulumi}",
        "provider    pulumi-resource-gcp, fake provider",
    ]


@pytest.mark.parametrize("words", [[], ["none"], ["api-delay"]])
def test_faults_set_rejects_a_setting_without_a_value(runner: CliRunner, words: list[str]) -> None:
    runner.invoke(cli, ["faults", "set", "api-delay=60"])
    result = runner.invoke(cli, ["faults", "set", *words])
    assert result.exit_code == 2
    assert "KEY=VALUE" in result.output
    assert runner.invoke(cli, ["faults"]).output == "faults: api-delay=60\n"


@pytest.mark.parametrize(
    ("stack", "command"), [("dev", "  make outputs"), ("prod", "  STACK=prod make outputs")]
)
def test_the_next_steps_have_the_urls_the_accounts_and_the_stack(stack: str, command: str) -> None:
    outputs = {
        "repository_url": "https://upload.example",
        "index_url": "https://install.example",
        "reader_email": "reader@example.com",
        "writer_email": "",
    }
    text = describe_stack(stack, outputs)
    assert "https://upload.example" in text
    assert "https://install.example" in text
    assert "accounts        reader@example.com\n" in text
    assert f"\n{command}" in text
    assert f"Pulumi.{stack}.yaml" in text
    assert f"\n{command.replace('outputs', 'tour')}" in text


@pytest.mark.parametrize("stack", ["dev", "a-stack-with-a-long-name"])
def test_the_next_steps_are_two_columns(stack: str) -> None:
    names = ("repository_url", "index_url", "reader_email", "writer_email")
    outputs: dict[str, str] = dict.fromkeys(names, "")
    _, _, steps = describe_stack(stack, outputs).partition("Try next:\n\n")
    rows = [re.fullmatch(r"  (\S.*\S)( {2,})(\S.*)", line) for line in steps.splitlines()]
    assert len({row.start(3) for row in rows if row}) == 1
    assert all(rows)
