"""What another Pulumi program reads of a python-registry stack: copy this file, or import it.

Owns the consumer's side of the contract: names and types of the outputs, and the version of their
meaning that this file knows. Needs nothing but `pulumi`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import pulumi

# The version of the contract that this file was written for. Added outputs leave it as it is.
CONTRACT_VERSION = 1


class ContractError(pulumi.RunError):
    """The registry's stack does not keep the contract that this file knows; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class PythonRegistryOutputs:
    """The registry's outputs. Their meanings are in its README, under "Outputs"."""

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
        """Id of the repository that clients install from: the one to be made a reader of."""
        # https://LOCATION-python.pkg.dev/PROJECT/REPOSITORY/simple/
        return self.index_url.apply(lambda url: url.split("/")[4])


def read_registry(stack: str) -> PythonRegistryOutputs:
    """The outputs of a registry's stack (`organization/python-registry/dev`).

    What is wrong with them is said when they are used, as a `ContractError`; in a preview that does not
    know them, nothing is said.

    Raises:
        ContractError: the name is not whole. A bare one is a stack of the project that asks.
    """
    if stack.count("/") != 2:
        raise ContractError(
            f"{stack} is not the whole name of a stack: write ORGANIZATION/PROJECT/STACK, such as "
            "organization/python-registry/dev (in a bucket or a folder, `organization` is the word itself)."
        )
    outputs = pulumi.StackReference(stack).outputs.apply(lambda found: checked(stack, found))

    def output(name: str) -> pulumi.Output[Any]:
        return outputs.apply(lambda found: found[name])

    return PythonRegistryOutputs(
        **{field.name: output(field.name) for field in fields(PythonRegistryOutputs)}
    )


def checked(stack: str, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs, if they keep the contract.

    Raises:
        ContractError: says what is missing, of another version or no text, and what to do.
    """
    version = outputs.get("contract_version")
    if version is None:
        raise ContractError(
            f"{stack} has no output contract_version. Is it a python-registry stack, and was it made? "
            "Run `pulumi up` there first."
        )
    # The engine hands over every number as a float.
    version = int(version) if isinstance(version, float) else version
    if version != CONTRACT_VERSION:
        older = isinstance(version, int) and version < CONTRACT_VERSION
        way_out = "Bring the registry up to date, or take" if older else "Take"
        raise ContractError(
            f"{stack} has contract_version {version}; this program knows {CONTRACT_VERSION}. {way_out} "
            f"{__name__}.py from the registry's version, and look what changed in its outputs."
        )
    texts = [field.name for field in fields(PythonRegistryOutputs) if field.name != "contract_version"]
    wrong = [
        f"{name} is no text" if name in outputs else f"{name} is missing"
        for name in texts
        if not isinstance(outputs.get(name), str)
    ]
    if wrong:
        raise ContractError(
            f"{stack} does not keep contract {version}: {', '.join(wrong)}. Run `pulumi up` there: it may "
            "have been made before."
        )
    return {**outputs, "contract_version": version}
