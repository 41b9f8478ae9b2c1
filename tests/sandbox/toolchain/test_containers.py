"""The example's container: the build command of the stack's outputs works and leaves no token behind.

As a control, a build that passes the token as a build argument, as many tutorials do, leaves the token in
the image. The same search finds it there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.sandbox import CHECKOUT, Program, Sandbox, new_program

NEEDED = ("buildah", "debootstrap", "gcloud")
MISSING = [
    *(f"no {program} on this machine" for program in NEEDED if not shutil.which(program)),
    *(["debootstrap needs root"] if os.geteuid() else []),
]

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason="; ".join(MISSING)),
]

ARCHIVES = ("docker-archive", "oci-archive")
# The way of tutorials: a build argument that the build puts into an option and a file.
TUTORIAL = """FROM python:3.11-slim
ARG TOKEN
RUN python -m venv /venv
RUN printf '[global]\\nindex-url = https://oauth2accesstoken:%s@ADDRESS\\n' $TOKEN > /etc/pip.conf
RUN /venv/bin/pip install --index-url https://oauth2accesstoken:$TOKEN@ADDRESS my_adder==0.0.1
"""


@dataclass(frozen=True)
class Builder:
    """A stack with the example's package in its index, and buildah with one login."""

    program: Program
    inside: dict[str, str]

    @property
    def token(self) -> str:
        return self.inside["CLOUDSDK_AUTH_ACCESS_TOKEN"]

    def __call__(self, line: str, cwd: Path) -> str:
        """The output of a shell line. `build.log` in the folder keeps it, as a CI does."""
        with (cwd / "build.log").open("a+") as log:
            start = log.tell()
            done = subprocess.run(
                ["bash", "-eo", "pipefail", "-c", line],
                env=self.inside,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
            log.seek(start)
            output = log.read()
        assert done.returncode == 0, f"{line}\n{output}"
        return output

    def archive(self, image: str, folder: Path) -> list[Path]:
        """The image as files, in both formats."""
        for form in ARCHIVES:
            self(f"buildah push --quiet {image} {form}:{form}.tar", folder)
        return [folder / f"{form}.tar" for form in ARCHIVES]

    def search(self, *files: Path) -> subprocess.CompletedProcess[str]:
        """`python -m tools scan-secrets`, with the token."""
        return subprocess.run(
            [sys.executable, "-m", "tools", "scan-secrets", *map(str, files)],
            env={**self.inside, "PYTHONPATH": str(CHECKOUT), "TOKEN": self.token},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def builder(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    program = new_program(sandbox, tmp_path_factory.mktemp("program"))
    program.up()
    sandbox("base-image")
    lines = sandbox.run("env", "-0").stdout.split("\0")
    builder = Builder(program, dict(line.split("=", 1) for line in lines if line))
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(CHECKOUT / "examples" / "my_adder", folder / "source")
    builder("uv build --no-config --wheel --out-dir dist source", folder)
    upload = "twine upload --non-interactive --disable-progress-bar --repository-url"
    builder(f"{upload} {program.outputs()['repository_url']} dist/*", folder)
    return builder


def test_the_image_runs_and_the_token_is_in_no_image_log_state_output_or_request(
    builder: Builder, tmp_path: Path
) -> None:
    outputs = builder.program.outputs()
    context = tmp_path / "adder_app"
    shutil.copytree(CHECKOUT / "examples" / "adder_app", context)
    (context / "requirements.txt").write_text(f"{outputs['requirements_txt']}my_adder==0.0.1\n")
    build = outputs["docker_build"].replace("docker build", "buildah build --tag adder-app")
    assert "Successfully installed my_adder-0.0.1" in builder(build, context)
    ran = builder("buildah run $(buildah from adder-app) -- /venv/bin/python main.py 1 2", context)
    assert ran.strip().endswith("1 + 2 = 3")
    images = builder.archive("adder-app", context)
    files = {
        "state.json": builder.program.pulumi("stack", "export", "--show-secrets").stdout,
        "outputs.json": builder.program.pulumi("stack", "output", "--json", "--show-secrets").stdout,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    requests = builder.program.sandbox.folder / "requests.jsonl"
    assert "my_adder-0.0.1-py3-none-any.whl" in requests.read_text()
    found = builder.search(*images, context / "build.log", *(tmp_path / name for name in files), requests)
    assert (found.returncode, found.stderr) == (0, "")


def test_the_same_search_finds_the_token_of_a_build_argument(builder: Builder, tmp_path: Path) -> None:
    address = builder.program.outputs()["index_url"].removeprefix("https://")
    (tmp_path / "Dockerfile").write_text(TUTORIAL.replace("ADDRESS", address))
    build = "buildah build --tag tutorial --build-arg TOKEN=$(gcloud auth print-access-token) ."
    assert "Successfully installed my_adder-0.0.1" in builder(build, tmp_path)
    history = builder("buildah inspect --type image --format '{{.OCIv1.History}}' tutorial", tmp_path)
    assert builder.token in history
    for image in builder.archive("tutorial", tmp_path):
        found = builder.search(image)
        assert found.returncode == 1
        assert builder.token not in found.stderr
        _, *places = found.stderr.splitlines()
        in_layers = [place for place in places if place.count(" → ") > 1]
        assert [place.rpartition(" → ")[2] for place in in_layers] == ["etc/pip.conf"]
        # The other place is the image's configuration, which has the history.
        assert len(places) == 1 + len(in_layers)
