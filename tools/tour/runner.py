"""Runs the tour: publishes, installs and runs a package, as a user would in a terminal.

Owns the work folder, the environment of the steps, and the output. The steps are in `steps.py`. HOME is in
the work folder, so the user's own files do not change.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, cast

from tools.errors import ToolError
from tools.stack import Outputs, read_outputs
from tools.tour.steps import Step, Target, tour_steps

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".tour"
LOG = WORK / "tour.log"
# The sandbox sets this variable in every environment that it creates.
SANDBOX_VARIABLE = "PYTHON_REGISTRY_SANDBOX"
# After this time without output, the tour shows that the step is still running.
SILENCE_SECONDS = 4.0
# The lines of a long output that the tour shows. `LOG` has all of them; so has the screen after a failure.
HEAD_LINES, TAIL_LINES = 8, 4


def run_tour(stack: str, target: Target, *, accepted: bool) -> bool:
    """Run the tour on a deployed stack. Return whether every step that could run went well.

    Args:
        stack: the stack's name.
        target: the sandbox, or the stack's real project.
        accepted: whether the user accepts what the tour leaves on a real project.

    Raises:
        ToolError: the stack is not deployed, the target does not match, or the user does not accept.
    """
    if (target == "gcp") == (SANDBOX_VARIABLE in os.environ):
        raise ToolError(
            "`make tour` runs on the sandbox, and `make tour TARGET=gcp` on the stack's real project."
        )
    outputs = read_outputs(stack)
    # Each tour has its own version, because an index accepts a version only once.
    version = f"0.0.{time.strftime('%Y%m%d%H%M%S', time.gmtime())}"
    place = "the sandbox" if target == "sandbox" else f"the REAL project {outputs['project']}"
    print(f"Tour of stack {stack} on {place}: uploads my_adder {version} to {outputs['repository_name']}.")
    if target == "gcp":
        _ask(outputs, version, accepted)
    _create_work_folder(version, outputs["requirements_txt"])
    return _run_steps(tour_steps(stack, outputs, version, target), tour_environment(os.environ, outputs))


def tour_environment(inherited: Mapping[str, str], outputs: Outputs) -> dict[str, str]:
    """Return the environment of the steps: a new HOME, the user's logins, the tour's clients on PATH."""
    home = Path(inherited.get("HOME", "~")).expanduser()
    return {
        **inherited,
        "HOME": str(WORK / "home"),
        "PATH": os.pathsep.join([str(WORK / "clients" / "bin"), inherited.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT),
        "CLOUDSDK_CONFIG": inherited.get("CLOUDSDK_CONFIG", str(home / ".config" / "gcloud")),
        "CLOUDSDK_CORE_PROJECT": outputs["project"],
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "PULUMI_HOME": inherited.get("PULUMI_HOME", str(home / ".pulumi")),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        # Plain lines instead of progress bars.
        "PIP_PROGRESS_BAR": "off",
        "TERM": "dumb",
    }


def _ask(outputs: Outputs, version: str, accepted: bool) -> None:
    """Show what the tour leaves on a real project and what it needs, and ask the user to accept it."""
    print(
        f"The tour leaves my_adder {version} in the repository. To delete it:\n"
        f"  gcloud artifacts versions delete {version} --package=my-adder "
        f"--repository={outputs['repository']} --location={outputs['location']} "
        f"--project={outputs['project']}\n"
        "You need the writer role on that repository (`writers`). For the last step, you must also be an "
        "impersonator of the reader account (`impersonators`)."
    )
    if accepted:
        return
    if not sys.stdin.isatty() or input("Continue? [y/N] ").strip().lower() not in ("y", "yes"):
        raise ToolError("Nothing was done. Pass --yes to accept without a question.")


def _create_work_folder(version: str, requirements_line: str) -> None:
    """Create an empty work folder, with the examples at this tour's version."""
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "home").mkdir(parents=True)
    for example in ("my_adder", "adder_app"):
        shutil.copytree(ROOT / "examples" / example, WORK / example)
    project = WORK / "my_adder" / "pyproject.toml"
    project.write_text(re.sub(r'(?m)^version = ".*"', f'version = "{version}"', project.read_text()))
    (WORK / "adder_app" / "requirements.txt").write_text(f"{requirements_line}my_adder=={version}\n")


def _run_steps(steps: list[Step], environment: Mapping[str, str]) -> bool:
    started = time.monotonic()
    skipped: list[str] = []
    for number, step in enumerate(steps, 1):
        print(f"\n{number}. {step.title}")
        if step.skip:
            skipped.append(f"{number}. {step.title}: {step.skip}")
            print(f"   skipped: {step.skip}")
        elif not _run_step(step, environment):
            print(f"\nThe tour ends at step {number}, {step.title}.\n{step.advice}")
            return False
    duration = f"{time.monotonic() - started:.0f} s"
    if skipped:
        print(f"\nFinished in {duration}, but {len(skipped)} of {len(steps)} steps were skipped:")
        print("\n".join(f"  {line}" for line in skipped))
    else:
        print(f"\nAll {len(steps)} steps finished in {duration}. Their files are in {WORK.name}/.")
    return True


def _run_step(step: Step, environment: Mapping[str, str]) -> bool:
    """Run one step and show its output. Return whether it went well."""
    print(f"   $ {step.command}", flush=True)
    started = time.monotonic()
    process = subprocess.Popen(
        ["bash", "-eo", "pipefail", "-c", step.command],
        cwd=WORK,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = _show_head(process, started)
    status = process.wait()
    passed = (status != 0 and step.refusal in output) if step.refusal else status == 0
    _show_tail(step, output.splitlines(), passed=passed)
    with LOG.open("a") as log:
        log.write(f"$ {step.command}\n{output}\n")
    note = " (refused, as expected)" if passed and step.refusal else ""
    print(f"   {'✓' if passed else '✗'} {time.monotonic() - started:.1f} s{note}", flush=True)
    return passed


def _show_head(process: subprocess.Popen[bytes], started: float) -> str:
    """Show the first lines of a command's output while it runs. Return the whole output."""
    output = b""
    shown = 0
    stdout = cast("IO[bytes]", process.stdout)
    while True:
        if not select.select([stdout], [], [], SILENCE_SECONDS)[0]:
            print(f"     … {time.monotonic() - started:.0f} s", flush=True)
            continue
        chunk = os.read(stdout.fileno(), 65536)
        output += chunk
        complete = output if not chunk else output[: output.rfind(b"\n") + 1]
        for line in complete.decode(errors="replace").splitlines()[shown:HEAD_LINES]:
            print(f"     {line}", flush=True)
            shown += 1
        if not chunk:
            return output.decode(errors="replace")


def _show_tail(step: Step, lines: list[str], *, passed: bool) -> None:
    """Show the end of the output: all of it after a failure, otherwise the last lines."""
    if not passed:
        tail = lines[HEAD_LINES:]
    elif step.refusal:
        tail = [line for line in lines[HEAD_LINES:] if step.refusal in line][:TAIL_LINES]
    else:
        tail = lines[max(HEAD_LINES, len(lines) - TAIL_LINES) :]
    hidden = len(lines) - HEAD_LINES - len(tail)
    if hidden > 0:
        print(f"     … {hidden} more lines in {WORK.name}/{LOG.name}")
    for line in tail:
        print(f"     {line}")
