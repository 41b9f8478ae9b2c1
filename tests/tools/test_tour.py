"""The tour ends where something goes wrong, says what it left out, and asks before it leaves things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.errors import ToolError
from tools.stack import Outputs
from tools.tour import runner
from tools.tour.runner import SANDBOX_VARIABLE, Step, take_tour, tour_steps

OUTPUTS: dict[str, Any] = {
    "project": "demo-proj",
    "location": "us",
    "repository": "python",
    "repository_name": "projects/demo-proj/locations/us/repositories/python",
    "repository_url": "https://us-python.pkg.dev/demo-proj/python/",
    "index_url": "https://us-python.pkg.dev/demo-proj/python-index/simple/",
    "requirements_txt": "--index-url https://oauth2accesstoken@us-python.pkg.dev/demo-proj/python-index/simple/\n",
    "docker_build": "TOKEN=… docker build --secret id=token,env=TOKEN .",
    "reader_email": "python-reader@demo-proj.iam.gserviceaccount.com",
}


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """The steps of a tour in a folder of the test's own, which the test fills."""
    steps: list[Step] = []
    monkeypatch.setattr(runner, "WORK", tmp_path / ".tour")
    monkeypatch.setattr(runner, "LOG", tmp_path / ".tour" / "tour.log")

    def outputs(_: str) -> Outputs:
        return OUTPUTS

    monkeypatch.setattr(runner, "read_outputs", outputs)

    def some_steps(*_: object, **__: object) -> list[Step]:
        return steps

    monkeypatch.setattr(runner, "tour_steps", some_steps)
    monkeypatch.setenv(SANDBOX_VARIABLE, str(tmp_path))
    return steps


def test_every_step_is_shown_with_its_command_its_output_and_a_tick(
    steps: list[Step], capsys: pytest.CaptureFixture[str]
) -> None:
    steps += [Step(title="Say hello", command="echo hello"), Step(title="Be refused", command="false")]
    steps[1] = Step(title="Be refused", command="echo 403; false", refused="403")
    assert take_tour("dev", real=False, agreed=False)
    shown = capsys.readouterr().out
    assert "1. Say hello\n   $ echo hello\n     hello\n   ✓ " in shown
    assert "(refused, as it should be)" in shown
    assert "All 2 steps done in " in shown


@pytest.mark.parametrize(
    "bad",
    [
        Step(title="Break", command="echo a reason; exit 3", advice="Mend it."),
        Step(title="Let a stranger in", command="true", refused="403", advice="Mend it."),
        Step(title="Fail otherwise", command="echo 500; false", refused="403", advice="Mend it."),
        Step(title="Fail before a pipe", command="false | cat", advice="Mend it."),
    ],
    ids=lambda step: step.title,
)
def test_it_ends_at_the_first_step_that_goes_wrong_and_says_what_to_do(
    steps: list[Step], bad: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    steps += [bad, Step(title="Never come here", command="echo never")]
    assert not take_tour("dev", real=False, agreed=False)
    shown = capsys.readouterr().out
    assert f"The tour ends at step 1, {bad.title}.\nMend it.\n" in shown
    assert "never" not in shown


def test_a_step_that_is_left_out_is_named_with_the_reason_at_the_end(
    steps: list[Step], capsys: pytest.CaptureFixture[str]
) -> None:
    steps += [
        Step(title="Say hello", command="echo hello"),
        Step(title="Build", command="x", skip="no buildah on this machine"),
    ]
    assert take_tour("dev", real=False, agreed=False)
    shown = capsys.readouterr().out
    assert "but 1 of 2 steps were skipped:\n  2. Build: no buildah on this machine\n" in shown
    assert "All 2 steps" not in shown


def test_a_long_output_is_cut_on_the_screen_and_whole_in_the_log(
    steps: list[Step], capsys: pytest.CaptureFixture[str]
) -> None:
    steps.append(Step(title="Count", command="seq 1000 1099"))
    assert take_tour("dev", real=False, agreed=False)
    shown = capsys.readouterr().out
    assert "1007\n     … 88 lines more, in .tour/tour.log\n     1096\n" in shown
    assert "1050" in runner.LOG.read_text()


def test_the_steps_have_a_home_of_their_own(steps: list[Step], capsys: pytest.CaptureFixture[str]) -> None:
    steps.append(Step(title="Where", command='echo "at $HOME"'))
    take_tour("dev", real=False, agreed=False)
    assert f"at {runner.WORK / 'home'}\n" in capsys.readouterr().out


@pytest.mark.parametrize("real", [True, False])
def test_sandbox_and_real_project_are_not_mistaken_for_each_other(
    steps: list[Step], real: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not real:
        monkeypatch.delenv(SANDBOX_VARIABLE)
    with pytest.raises(ToolError, match="REAL=1"):
        take_tour("dev", real=real, agreed=True)


def test_on_a_real_project_it_says_what_it_leaves_and_does_nothing_unless_that_is_agreed_to(
    steps: list[Step], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(SANDBOX_VARIABLE)
    steps.append(Step(title="Say hello", command="echo hello"))
    with pytest.raises(ToolError, match="Nothing was done"):
        take_tour("dev", real=True, agreed=False)
    shown = capsys.readouterr().out
    assert "REAL project demo-proj" in shown
    assert "gcloud artifacts versions delete" in shown
    assert "impersonator of the reader" in shown
    assert not runner.WORK.exists()
    assert take_tour("dev", real=True, agreed=True)


def test_on_a_real_project_no_step_speaks_of_the_sandbox() -> None:
    assert [s for s in tour_steps("dev", OUTPUTS, "0.0.1", real=True) if "sandbox" in s.command] == []
    assert [s for s in tour_steps("dev", OUTPUTS, "0.0.1", real=False) if "sandbox" in s.command]


def test_without_a_user_name_in_the_address_the_environment_gets_a_keyring_of_its_own() -> None:
    gcloud = {
        **OUTPUTS,
        "requirements_txt": "--extra-index-url https://us-python.pkg.dev/demo-proj/python/simple/\n",
    }
    commands = [step.command for step in tour_steps("dev", gcloud, "0.0.1", real=True)]
    (install,) = (command for command in commands if "env/bin/pip install" in command)
    assert "PIP_CONFIG_FILE=/dev/null env/bin/pip install --quiet keyring" in install
