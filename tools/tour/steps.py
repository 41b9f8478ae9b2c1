"""The steps of the tour: shell commands with real clients, in order.

Owns the commands and the titles. `runner.py` runs and shows them. Every command runs in the work folder.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Literal

from components.client_config import TOKEN_USER
from tools.stack import Outputs

Target = Literal["sandbox", "gcp"]

# The base image in the Dockerfile of `examples/adder_app`.
BASE_IMAGE = "docker.io/library/python:3.11-slim"
# A member without any role.
OUTSIDER = "user:outsider@example.com"
_KEYRING = "pip install --quiet keyring keyrings.google-artifactregistry-auth"
# The program's own environment, relative to the work folder.
_PYTHON = "../.venv/bin/python"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the tour.

    Attributes:
        title: what the step shows.
        command: the shell command.
        skip: why this machine cannot run the step, or empty.
        refusal: for a step that must fail, the text that its output must contain.
        advice: what to do if the step goes wrong.
    """

    title: str
    command: str
    skip: str = ""
    refusal: str = ""
    advice: str = "Read the output above, fix the cause, and run `make tour` again."


def tour_steps(stack: str, outputs: Outputs, version: str, target: Target) -> list[Step]:
    """Return the steps for a stack with these outputs."""
    upload = (
        "twine upload --verbose --non-interactive --disable-progress-bar "
        f"--repository-url {outputs['repository_url']} dist/*"
    )
    return [
        *_publish_steps(outputs, upload),
        *_install_steps(stack, outputs["requirements_txt"]),
        *_container_steps(outputs["docker_build"], target),
        *_refusal_steps(stack, outputs, version, target, upload),
    ]


def _publish_steps(outputs: Outputs, upload: str) -> list[Step]:
    repository, location = outputs["repository"], outputs["location"]
    options = f"--repository={repository} --location={location} --project={outputs['project']}"
    return [
        Step(
            title="The API is enabled and the repository exists",
            command=(
                "gcloud services list --enabled --filter=config.name=artifactregistry.googleapis.com && "
                f"gcloud artifacts repositories describe {repository} --location={location}"
            ),
            skip=_missing("gcloud"),
            advice="Run `make up`: it enables the API and creates the repository.",
        ),
        Step(
            title="Once per machine: install the clients and the keyring backend",
            command=f"python3 -m venv clients && clients/bin/{_KEYRING} build twine",
        ),
        Step(title="Build a package", command="python -m build --outdir dist my_adder"),
        Step(
            title="Upload the package",
            command=f"{upload} 2>&1 | tee upload.log",
            advice="Log in (`gcloud auth application-default login`) with a member of `writers`.",
        ),
        Step(
            title="List the package and its versions",
            command=(
                f"gcloud artifacts packages list {options} && "
                f"gcloud artifacts versions list --package=my-adder {options}"
            ),
            skip=_missing("gcloud"),
        ),
    ]


def _install_steps(stack: str, index_line: str) -> list[Step]:
    # If the URL has no user name, pip asks only the keyring in its own environment.
    own_keyring = "" if "@" in index_line else f"PIP_CONFIG_FILE=/dev/null env/bin/{_KEYRING} && "
    return [
        Step(
            title="Write the client files",
            command=f"{_PYTHON} -m tools configure --yes --stack {stack}",
        ),
        Step(
            title="Install the package with the index line and a pinned version",
            command=(
                f"cat adder_app/requirements.txt && python3 -m venv env && {own_keyring}"
                "env/bin/pip install --log install.log -r adder_app/requirements.txt && env/bin/pip list"
            ),
        ),
        Step(title="Run a program that imports it", command="env/bin/python adder_app/main.py 1 2"),
    ]


def _container_steps(docker_build: str, target: Target) -> list[Step]:
    """Build an image with the token as a build secret, save it for the secret scan, and run it."""
    build = docker_build.removesuffix(" .")
    # A docker daemon builds outside the sandbox's environment, where no request reaches the sandbox.
    if target == "gcp" and _succeeds("docker", "info"):
        build, save = f"{build} --tag adder-app adder_app", "docker save --output image.tar adder-app"
        run, skip = "docker run --rm adder-app 1 2", ""
    else:
        build = f"{build.replace('docker build', 'buildah build')} --tag adder-app adder_app"
        save = "buildah push --quiet adder-app docker-archive:image.tar"
        run = "buildah run $(buildah from adder-app) -- /venv/bin/python main.py 1 2"
        skip = _missing("buildah")
        if not (skip or target == "gcp" or _succeeds("buildah", "inspect", "--type", "image", BASE_IMAGE)):
            skip = f"{BASE_IMAGE} is not in the sandbox (debootstrap and root can build it)"
    skip = skip or _missing("gcloud")
    return [
        Step(
            title="Build a container image with the token as a build secret",
            command=f"{build} && {save}",
            skip=skip,
        ),
        Step(title="Run the program in the container", command=run, skip=skip),
    ]


def _refusal_steps(stack: str, outputs: Outputs, version: str, target: Target, upload: str) -> list[Step]:
    """Return the steps that find no token, and those that Google must refuse."""
    index_url = _without_user(outputs["index_url"])
    steps = [
        Step(
            title="The image, the logs and the state contain no token",
            command=(
                f"pulumi stack export --cwd .. --stack {stack} > state.json && "
                f"{_PYTHON} -m tools scan-secrets upload.log install.log state.json "
                "$(ls image.tar 2>/dev/null)"
            ),
        ),
        Step(
            title="A client without a login is refused",
            command=f"curl --silent --show-error --fail {index_url}my-adder/",
            skip=_missing("curl"),
            refusal="401",
        ),
    ]
    if target == "sandbox":
        url = index_url.replace("//", f"//{TOKEN_USER}@")
        download = f"env/bin/pip download -vv --no-cache-dir --no-deps --index-url {url}"
        steps.append(
            Step(
                title="A user without a role is refused",
                command=f"{_PYTHON} -m sandbox run --as {OUTSIDER} -- {download} my_adder=={version}",
                refusal="403",
            )
        )
    if outputs["reader_email"]:
        as_reader = f"{_PYTHON} -m sandbox run --as serviceAccount:{outputs['reader_email']} -- "
        if target == "gcp":
            token = f'"$({_PYTHON} -m tools token --impersonate reader --stack {stack})"'
            as_reader = f"TWINE_USERNAME={TOKEN_USER} TWINE_PASSWORD={token} "
        steps.append(Step(title="A reader cannot upload", command=f"{as_reader}{upload}", refusal="403"))
    return steps


def _missing(program: str) -> str:
    return "" if shutil.which(program) else f"{program} is not installed"


def _succeeds(*command: str) -> bool:
    if not shutil.which(command[0]):
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _without_user(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//", url)
