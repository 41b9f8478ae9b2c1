"""The commands of docs/move-and-destroy.md move a registry and its packages to another location."""

from __future__ import annotations

import shutil

import pytest
import yaml

from tests.support.distributions import sdist, wheel
from tests.support.docs import read_commands
from tests.support.sandbox import LOCATION, Program

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

SECTION = "## Move to another project, location or ID"
PLACE = "europe-west1"


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_the_commands_move_a_protected_registry_with_all_its_files(program: Program) -> None:
    program.configure(protect=True)
    program.up()
    uploads = [wheel("tool", "1.0"), sdist("tool", "1.0"), wheel("other", "2.0+local")]
    (program.folder / "dist").mkdir()
    for upload in uploads:
        (program.folder / "dist" / upload.filename).write_bytes(upload.content)
    old = program.outputs()["repository_url"]
    program.sandbox.run(
        "sh", "-c", f"twine upload --non-interactive --repository-url {old} dist/*", cwd=program.folder
    )
    copied, *rest = read_commands("move-and-destroy", SECTION).splitlines()
    commands = "\n".join(rest)
    for shown, meant in {
        "MY_PROJECT": program.project,
        f"LOCATION={PLACE}": f"LOCATION={LOCATION}",
        "--stack dev": f"--stack {program.stack}",
        "pulumi up": "pulumi up --yes",
        "pulumi destroy": "pulumi destroy --yes",
        "twine upload": "twine upload --non-interactive",
    }.items():
        assert shown in commands
        commands = commands.replace(shown, meant)
    assert copied.startswith("cp Pulumi.dev.yaml Pulumi.new.yaml ")
    stack_file = program.folder / f"Pulumi.{program.stack}.yaml"
    config = yaml.safe_load(stack_file.read_text())["config"]
    moved = {"python-registry:location": PLACE, "python-registry:repository": "packages"}
    (program.folder / "Pulumi.new.yaml").write_text(yaml.safe_dump({"config": {**config, **moved}}))

    program.sandbox.run("sh", "-ec", commands, cwd=program.folder)

    assert program.sandbox.ask("GET", program.repository("python"))[0] == 404
    program.stack = "new"
    name = program.outputs()["repository_name"]
    assert name.endswith(f"/locations/{PLACE}/repositories/packages")
    _, listed = program.sandbox.ask("GET", f"https://artifactregistry.googleapis.com/v1/{name}/files")
    assert sorted(file["name"].rpartition("%2F")[2] for file in listed["files"]) == sorted(
        upload.filename.replace("+", "%2B") for upload in uploads
    )
