"""The outputs of a python-registry stack, for another Pulumi program. Copy this file into it.

Owns the consumer's side of the contract: the outputs' names and types, and the contract version that this
file knows. It needs only `pulumi`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import pulumi

# The contract version that this file knows. A new output does not raise it.
CONTRACT_VERSION = 1


class ContractError(pulumi.RunError):
    """The registry's stack has another contract. The message says what to do."""


@dataclass(frozen=True, kw_only=True)
class PythonRegistryOutputs:
    """The registry's outputs. Its page docs/outputs.md describes them."""

    contract_version: pulumi.Output[int]
    project: pulumi.Output[str]
    location: pulumi.Output[str]
    repository: pulumi.Output[str]
    repository_name: pulumi.Output[str]
    repository_url: pulumi.Output[str]
    index_url: pulumi.Output[str]
    pip_conf: pulumi.Output[str]
    pypirc: pulumi.Output[str]
    requirements_txt: pulumi.Output[str]
    uv_toml: pulumi.Output[str]
    poetry_source: pulumi.Output[str]
    docker_build: pulumi.Output[str]
    reader_email: pulumi.Output[str]
    writer_email: pulumi.Output[str]
    workload_identity_provider: pulumi.Output[str]
    console_url: pulumi.Output[str]

    @property
    def index_repository(self) -> pulumi.Output[str]:
        """ID of the repository that clients install from. Grant the reader role on it."""
        # https://LOCATION-python.pkg.dev/PROJECT/REPOSITORY/simple/
        return self.index_url.apply(lambda url: url.split("/")[4])


def read_registry(stack: str) -> PythonRegistryOutputs:
    """The outputs of a registry's stack (`organization/python-registry/dev`).

    If the outputs do not match the contract, using one raises a `ContractError`. A preview that does not
    know the outputs raises nothing.

    Raises:
        ContractError: the name is incomplete. Pulumi would look for the stack in this program's project.
    """
    if stack.count("/") != 2:
        raise ContractError(
            f"{stack} is not the full name of a stack: write ORGANIZATION/PROJECT/STACK, such as "
            "organization/python-registry/dev. If the state is in a bucket or folder, ORGANIZATION is the "
            "word `organization`."
        )
    outputs = pulumi.StackReference(stack).outputs.apply(lambda values: checked(stack, values))

    def output(name: str) -> pulumi.Output[Any]:
        return outputs.apply(lambda values: values[name])

    return PythonRegistryOutputs(
        **{field.name: output(field.name) for field in fields(PythonRegistryOutputs)}
    )


def checked(stack: str, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs, if they match the contract.

    Raises:
        ContractError: an output is missing or not a text, or the version differs.
    """
    version = outputs.get("contract_version")
    if version is None:
        raise ContractError(
            f"{stack} has no output contract_version. Check that it is a python-registry stack, and run "
            "`pulumi up` there first."
        )
    # Pulumi passes every number as a float.
    version = int(version) if isinstance(version, float) else version
    if version != CONTRACT_VERSION:
        older = isinstance(version, int) and version < CONTRACT_VERSION
        fix = "Update the registry, or copy" if older else "Copy"
        raise ContractError(
            f"{stack} has contract_version {version}; this program knows {CONTRACT_VERSION}. {fix} "
            f"{__name__}.py from the registry's version, and check what changed in its outputs."
        )
    texts = [field.name for field in fields(PythonRegistryOutputs) if field.name != "contract_version"]
    problems = [
        f"{name} is not a text" if name in outputs else f"{name} is missing"
        for name in texts
        if not isinstance(outputs.get(name), str)
    ]
    if problems:
        raise ContractError(
            f"{stack} does not match contract {version}: {', '.join(problems)}. Run `pulumi up` there: an "
            "older version may have created the stack."
        )
    return {**outputs, "contract_version": version}
