"""The tour stops at the first failure, lists skipped steps, and asks before it uses a real project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.errors import ToolError
from tools.stack import Outputs
from tools.tour import runner
from tools.tour.runner import SANDBOX_VARIABLE, run_tour
from tools.tour.steps import Step, Target, tour_steps

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
    """The steps of a tour in a temporary folder. Each test adds its own."""
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


def test_tour_shows_each_steps_command_output_and_result(
    steps: list[Step], capsys: pytest.CaptureFixture[str]
) -> None:
    steps += [Step(title="Say hello", command="echo hello"), Step(title="Be refused", command="false")]
    steps[1] = Step(title="Be refused", command="echo 403; false", refusal="403")
    assert run_tour("dev", "sandbox", accepted=False)
    shown = capsys.readouterr().out
    assert "1. Say hello\n   $ echo hello\n     hello\n   ✓ " in shown
    assert "(refused, as expected)" in shown
    assert "All 2 steps finished in " in shown


@pytest.mark.parametrize(
    "bad",
    [
        Step(title="Break", command="echo a reason; exit 3", advice="Fix it."),
        Step(title="Admit an outsider", command="true", refusal="403", advice="Fix it."),
        Step(title="Fail with another error", command="echo 500; false", refusal="403", advice="Fix it."),
        Step(title="Fail before a pipe", command="false | cat", advice="Fix it."),
    ],
    ids=lambda step: step.title,
)
def test_tour_stops_at_the_first_failure_with_advice(
    steps: list[Step], bad: Step, capsys: pytest.CaptureFixture[str]
) -> None:
    steps += [bad, Step(title="Not reached", command="echo never")]
    assert not run_tour("dev", "sandbox", accepted=False)
    shown = capsys.readouterr().out
    assert f"The tour ends at step 1, {bad.title}.\nFix it.\n" in shown
    assert "never" not in shown


def test_tour_lists_skipped_steps_with_the_reason_at_the_end(
    steps: list[Step], capsys: pytest.CaptureFixture[str]
) -> None:
    steps += [
        Step(title="Say hello", command="echo hello"),
        Step(title="Build", command="x", skip="buildah is not installed"),
    ]
    assert run_tour("dev", "sandbox", accepted=False)
    shown = capsys.readouterr().out
    assert "but 1 of 2 steps were skipped:\n  2. Build: buildah is not installed\n" in shown
    assert "All 2 steps" not in shown


def test_tour_cuts_a_long_output_and_logs_all_of_it(
    steps: list[Step], capsys: pytest.CaptureFixture[str]
) -> None:
    steps.append(Step(title="Count", command="seq 1000 1099"))
    assert run_tour("dev", "sandbox", accepted=False)
    shown = capsys.readouterr().out
    assert "1007\n     … 88 more lines in .tour/tour.log\n     1096\n" in shown
    assert "1050" in runner.LOG.read_text()


def test_tour_has_its_own_home_folder(steps: list[Step], capsys: pytest.CaptureFixture[str]) -> None:
    steps.append(Step(title="Where", command='echo "at $HOME"'))
    run_tour("dev", "sandbox", accepted=False)
    assert f"at {runner.WORK / 'home'}\n" in capsys.readouterr().out


@pytest.mark.parametrize("target", ["gcp", "sandbox"])
def test_tour_refuses_a_target_that_does_not_match_the_environment(
    steps: list[Step], target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    if target == "sandbox":
        monkeypatch.delenv(SANDBOX_VARIABLE)
    with pytest.raises(ToolError, match="TARGET=gcp"):
        run_tour("dev", target, accepted=True)


def test_tour_on_a_real_project_runs_only_after_the_user_accepts(
    steps: list[Step], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(SANDBOX_VARIABLE)
    steps.append(Step(title="Say hello", command="echo hello"))
    with pytest.raises(ToolError, match="Nothing was done"):
        run_tour("dev", "gcp", accepted=False)
    shown = capsys.readouterr().out
    assert "REAL project demo-proj" in shown
    assert "gcloud artifacts versions delete" in shown
    assert "impersonator of the reader" in shown
    assert not runner.WORK.exists()
    assert run_tour("dev", "gcp", accepted=True)


def test_tour_on_a_real_project_has_no_step_with_the_sandbox() -> None:
    assert [s for s in tour_steps("dev", OUTPUTS, "0.0.1", "gcp") if "sandbox" in s.command] == []
    assert [s for s in tour_steps("dev", OUTPUTS, "0.0.1", "sandbox") if "sandbox" in s.command]


def test_tour_installs_a_keyring_if_the_index_url_has_no_user_name() -> None:
    gcloud = {
        **OUTPUTS,
        "requirements_txt": "--extra-index-url https://us-python.pkg.dev/demo-proj/python/simple/\n",
    }
    commands = [step.command for step in tour_steps("dev", gcloud, "0.0.1", "gcp")]
    (install,) = (command for command in commands if "env/bin/pip install" in command)
    assert "PIP_CONFIG_FILE=/dev/null env/bin/pip install --quiet keyring" in install
