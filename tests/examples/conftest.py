"""Other projects on the registry's sandbox: each is a copy of an example with its own stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.cloud.storage.buckets import HOST
from tests.examples.helper import EXAMPLES
from tests.support.sandbox import LOCATION, Program, copy_project, program, sandbox

__all__ = ["program", "sandbox"]


@dataclass
class Example(Program):
    """An example that reads a registry's stack."""

    namespace: str
    registry: Program

    def configure(self, **settings: Any) -> None:
        """Write the stack file: the required keys, and these keys of the example's namespace."""
        registry = f"organization/python-registry/{self.registry.stack}"
        values = {"registry": registry, "location": LOCATION, **settings}
        config = {"gcp:project": self.project, **{f"{self.namespace}:{k}": v for k, v in values.items()}}
        (self.folder / f"Pulumi.{self.stack}.yaml").write_text(yaml.safe_dump({"config": config}))

    def changes(self, *words: str) -> dict[str, str]:
        """The changes of a preview, without its read of the other stack."""
        return {name: op for name, op in super().changes(*words).items() if op != "read"}

    def pip_conf(self, member: str) -> tuple[int, str]:
        """Read the file in the example's bucket as that member: status and text."""
        bucket, _, name = self.outputs()["pip_conf"].removeprefix("gs://").partition("/")
        url = f"https://{HOST}/storage/v1/b/{bucket}/o/{name.replace('/', '%2F')}?alt=media"
        response = self.sandbox.session(member).get(url, timeout=30)
        return response.status_code, response.text

    @property
    def member(self) -> str:
        """Its service account."""
        return f"serviceAccount:{self.outputs()['account']}"


MakeExample = Callable[[str, str], Example]


@pytest.fixture
def make_example(program: Program, tmp_path: Path) -> MakeExample:
    """Copies an example, with its own stack and its own project."""

    def make(kind: str, name: str) -> Example:
        folder = tmp_path / name
        folder.mkdir()
        copy_project(folder, source=EXAMPLES / kind)
        for committed in folder.glob("Pulumi.*.yaml"):
            committed.unlink()
        example = Example(
            program.sandbox,
            folder,
            # Copies of one example are the same Pulumi project, so their stacks need different names.
            stack=f"{program.stack}-{name}",
            project=f"{program.project}-{name}",
            namespace=f"python-{kind}",
            registry=program,
        )
        example.configure()
        program.sandbox.run("pulumi", "stack", "init", example.stack, cwd=folder)
        return example

    return make
