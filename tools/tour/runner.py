"""The guided tour: a package built, published, installed and run in a container, as a person would type it.

Owns the steps and how they are shown. Every step is a real command with a real client, judged by what a
person would see. It works in a folder of its own, HOME included: a person's own files are not touched.
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
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from tools.errors import ToolError
from tools.stack import Outputs, read_outputs

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".tour"
# What the Dockerfile of `examples/adder_app` begins with.
BASE_IMAGE = "docker.io/library/python:3.11-slim"
# Set in every environment that the sandbox makes.
SANDBOX_VARIABLE = "PYTHON_REGISTRY_SANDBOX"
# A step that says nothing for so long shows that it still runs, seconds.
SILENCE_SECONDS = 4.0
# Of a long output so many lines are shown, of one that went wrong all; the rest is in `LOG`.
HEAD_LINES, TAIL_LINES = 8, 4
LOG = WORK / "tour.log"
_KEYRING = "pip install --quiet keyring keyrings.google-artifactregistry-auth"
# The program's own environment, seen from the work folder.
_PYTHON = "../.venv/bin/python"
STRANGER = "user:stranger@example.com"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step.

    Attributes:
        title: what it shows.
        command: the shell line that a person would type.
        skip: why it cannot be done on this machine, empty if it can.
        refused: where the command is to fail, what its output then says.
        advice: what to do if it goes wrong.
    """

    title: str
    command: str
    skip: str = ""
    refused: str = ""
    advice: str = "Read the lines above; `make tour` begins anew."


def take_tour(stack: str, *, real: bool, agreed: bool) -> bool:
    """Take the tour on a stack that is up; whether every step that could be done went well.

    Args:
        stack: the stack's name.
        real: on the real project of the stack, rather than on the sandbox.
        agreed: that person has agreed already to what it leaves on a real project.

    Raises:
        ToolError: there is nothing to tour, or the person does not agree.
    """
    if real == (SANDBOX_VARIABLE in os.environ):
        raise ToolError("`make tour` is for the sandbox, `make tour REAL=1` for the stack's real project.")
    outputs = read_outputs(stack)
    # A version of its own for every tour: an index never takes one twice.
    version = f"0.0.{time.strftime('%Y%m%d%H%M%S', time.gmtime())}"
    where = "the sandbox" if not real else f"the REAL project {outputs['project']}"
    print(
        f"The tour of stack {stack}, on {where}: my_adder {version} goes to {outputs['repository_name']}."
    )
    if real:
        _agree(outputs, version, agreed)
    _lay_out(version, outputs["requirements_txt"])
    environment = tour_environment(os.environ, outputs)
    began = time.monotonic()
    skipped: list[str] = []
    steps = tour_steps(stack, outputs, version, real=real)
    for number, step in enumerate(steps, 1):
        print(f"\n{number}. {step.title}")
        if step.skip:
            skipped.append(f"{number}. {step.title}: {step.skip}")
            print(f"   skipped: {step.skip}")
        elif not _take(step, environment):
            print(f"\nThe tour ends at step {number}, {step.title}.\n{step.advice}")
            return False
    took = f"{time.monotonic() - began:.0f} s"
    if skipped:
        print(f"\nDone in {took}, but {len(skipped)} of {len(steps)} steps were skipped:")
        print("\n".join(f"  {line}" for line in skipped))
    else:
        print(f"\nAll {len(steps)} steps done in {took}. What it made is in {WORK.name}/.")
    return True


def tour_environment(inherited: Mapping[str, str], outputs: Outputs) -> dict[str, str]:
    """The environment of the steps: a HOME of the tour's own, the person's logins, its clients on PATH."""
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
        # Plain lines rather than bars that paint over themselves.
        "PIP_PROGRESS_BAR": "off",
        "TERM": "dumb",
    }


def tour_steps(stack: str, outputs: Outputs, version: str, *, real: bool) -> list[Step]:
    """The steps in order, for a stack with these outputs."""
    repository, location = outputs["repository"], outputs["location"]
    listed = f"--repository={repository} --location={location} --project={outputs['project']}"
    package_url = f"{_without_user(outputs['index_url'])}my-adder/"
    upload = (
        "twine upload --verbose --non-interactive --disable-progress-bar "
        f"--repository-url {outputs['repository_url']} dist/*"
    )
    index_line = outputs["requirements_txt"]
    # Without a user name in the address, pip asks no keyring but one of the environment's own.
    own_keyring = "" if "@" in index_line else f"PIP_CONFIG_FILE=/dev/null env/bin/{_KEYRING} && "
    steps = [
        Step(
            title="The API is on, the repository is there",
            command=(
                "gcloud services list --enabled --filter=config.name=artifactregistry.googleapis.com && "
                f"gcloud artifacts repositories describe {repository} --location={location}"
            ),
            skip=_lacking("gcloud"),
            advice="`make up` makes both.",
        ),
        Step(
            title="Once a machine: the clients, and the keyring backend that logs them in",
            command=f"python3 -m venv clients && clients/bin/{_KEYRING} build twine",
        ),
        Step(title="Build a package", command="python -m build --outdir dist my_adder"),
        Step(
            title="Upload it",
            command=f"{upload} 2>&1 | tee upload.log",
            advice="Log in (`gcloud auth application-default login`), and be one of the `writers`.",
        ),
        Step(
            title="See it listed",
            command=(
                f"gcloud artifacts packages list {listed} && "
                f"gcloud artifacts versions list --package=my-adder {listed}"
            ),
            skip=_lacking("gcloud"),
        ),
        Step(
            title="Put the client files where clients look for them",
            command=f"{_PYTHON} -m tools configure --yes --stack {stack}",
        ),
        Step(
            title="Install it, from the index line and a pin alone",
            command=(
                f"cat adder_app/requirements.txt && python3 -m venv env && {own_keyring}"
                "env/bin/pip install --log install.log -r adder_app/requirements.txt && env/bin/pip list"
            ),
        ),
        Step(title="Run the program that imports it", command="env/bin/python adder_app/main.py 1 2"),
        *_container_steps(outputs["docker_build"], real=real),
        Step(
            title="No token in the image, the logs and the state",
            command=(
                f"pulumi stack export --cwd .. --stack {stack} > state.json && "
                f"{_PYTHON} -m tools leaks upload.log install.log state.json $(ls image.tar 2>/dev/null)"
            ),
        ),
        Step(
            title="Without a login nobody gets in",
            command=f"curl --silent --show-error --fail {package_url}",
            skip=_lacking("curl"),
            refused="401",
        ),
    ]
    if not real:
        url = _without_user(outputs["index_url"]).replace("//", "//oauth2accesstoken@")
        fetch = f"env/bin/pip download -vv --no-cache-dir --no-deps --index-url {url}"
        steps.append(
            Step(
                title="A stranger with a login is refused",
                command=f"{_PYTHON} -m sandbox run --as {STRANGER} -- {fetch} my_adder=={version}",
                refused="403",
            )
        )
    if outputs["reader_email"]:
        as_reader = f"{_PYTHON} -m sandbox run --as serviceAccount:{outputs['reader_email']} -- "
        if real:
            token = f'"$({_PYTHON} -m tools token --as reader --stack {stack})"'
            as_reader = f"TWINE_USERNAME=oauth2accesstoken TWINE_PASSWORD={token} "
        steps.append(Step(title="A reader cannot upload", command=f"{as_reader}{upload}", refused="403"))
    return steps


def _container_steps(docker_build: str, *, real: bool) -> list[Step]:
    """Build an image with the token as a secret, keep it as a file for the search, and run it."""
    build = docker_build.removesuffix(" .")
    # A docker engine builds outside the sandbox's environment and would not find it.
    if real and _answers("docker", "info"):
        build, keep = f"{build} --tag adder-app adder_app", "docker save --output image.tar adder-app"
        run, skip = "docker run --rm adder-app 1 2", ""
    else:
        build = f"{build.replace('docker build', 'buildah build')} --tag adder-app adder_app"
        keep = "buildah push --quiet adder-app docker-archive:image.tar"
        run = "buildah run $(buildah from adder-app) -- /venv/bin/python main.py 1 2"
        skip = _lacking("buildah")
        if not (skip or real or _answers("buildah", "inspect", "--type", "image", BASE_IMAGE)):
            skip = f"no {BASE_IMAGE} in the sandbox (debootstrap and root make it)"
    skip = skip or _lacking("gcloud")
    return [
        Step(
            title="Build a container image, the token a build secret",
            command=f"{build} && {keep}",
            skip=skip,
        ),
        Step(title="Run the program in it", command=run, skip=skip),
    ]


def _lacking(program: str) -> str:
    return "" if shutil.which(program) else f"no {program} on this machine"


def _answers(*command: str) -> bool:
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _agree(outputs: Outputs, version: str, agreed: bool) -> None:
    """Say what a tour leaves on a real project and what it needs, and go on only if that is wanted."""
    print(
        f"It leaves there my_adder {version}; to delete it:\n  gcloud artifacts versions delete {version} "
        f"--package=my-adder --repository={outputs['repository']} --location={outputs['location']} "
        f"--project={outputs['project']}\n"
        "It needs: the writer role on that repository (`writers`), and for the last step to be an "
        "impersonator of the reader account (`impersonators`)."
    )
    if agreed:
        return
    if not sys.stdin.isatty() or input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise ToolError("Nothing was done. `--yes` agrees beforehand.")


def _lay_out(version: str, requirements_line: str) -> None:
    """The work folder anew, with the examples in it under this tour's version."""
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "home").mkdir(parents=True)
    for example in ("my_adder", "adder_app"):
        shutil.copytree(ROOT / "examples" / example, WORK / example)
    project = WORK / "my_adder" / "pyproject.toml"
    project.write_text(re.sub(r'(?m)^version = ".*"', f'version = "{version}"', project.read_text()))
    (WORK / "adder_app" / "requirements.txt").write_text(f"{requirements_line}my_adder=={version}\n")


def _take(step: Step, environment: Mapping[str, str]) -> bool:
    """Run one step, showing all of it; whether it went as it should."""
    print(f"   $ {step.command}", flush=True)
    began = time.monotonic()
    process = subprocess.Popen(
        ["bash", "-eo", "pipefail", "-c", step.command],
        cwd=WORK,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = _show(process, began)
    status = process.wait()
    lines = output.splitlines()
    went_well = (status != 0 and step.refused in output) if step.refused else status == 0
    if not went_well:
        tail = lines[HEAD_LINES:]
    elif step.refused:
        tail = [line for line in lines[HEAD_LINES:] if step.refused in line][:TAIL_LINES]
    else:
        tail = lines[max(HEAD_LINES, len(lines) - TAIL_LINES) :]
    hidden = len(lines) - HEAD_LINES - len(tail)
    if hidden > 0:
        print(f"     … {hidden} lines more, in {WORK.name}/{LOG.name}")
    for line in tail:
        print(f"     {line}")
    with LOG.open("a") as log:
        log.write(f"$ {step.command}\n{output}\n")
    sign = "✓" if went_well else "✗"
    wanted = " (refused, as it should be)" if went_well and step.refused else ""
    print(f"   {sign} {time.monotonic() - began:.1f} s{wanted}", flush=True)
    return went_well


def _show(process: subprocess.Popen[bytes], began: float) -> str:
    """Show the head of a command's output as it comes, and that it still runs; all of it, at the end."""
    output = b""
    shown = 0
    stdout = cast("IO[bytes]", process.stdout)
    while True:
        if not select.select([stdout], [], [], SILENCE_SECONDS)[0]:
            print(f"     … {time.monotonic() - began:.0f} s", flush=True)
            continue
        chunk = os.read(stdout.fileno(), 65536)
        output += chunk
        whole = output if not chunk else output[: output.rfind(b"\n") + 1]
        for line in whole.decode(errors="replace").splitlines()[shown:HEAD_LINES]:
            print(f"     {line}", flush=True)
            shown += 1
        if not chunk:
            return output.decode(errors="replace")


def _without_user(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
