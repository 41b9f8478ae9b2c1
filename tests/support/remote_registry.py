"""The package's component for a program in Python, by hand: the sandbox's engine generates no SDK.

A copy of this file stands beside the program. Its names are those of the library, so that one program
can use either.
"""

from __future__ import annotations

from typing import Any

import pulumi

OUTPUTS = (
    *("contract_version", "project", "location", "repository", "repository_name", "repository_url"),
    *("index_url", "pip_conf", "pypirc", "requirements_txt", "uv_toml", "poetry_source", "docker_build"),
    *("reader_email", "writer_email", "workload_identity_provider", "console_url"),
)


def properties(**values: Any) -> dict[str, Any]:
    """Values by property of the schema: `owner_id` is `ownerId`."""
    return {_property(name): value for name, value in values.items()}


GitHub = Impersonators = PythonRegistryArgs = properties


class PythonRegistry(pulumi.ComponentResource):
    def __init__(self, name: str, args: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        inputs = {**dict.fromkeys(map(_property, OUTPUTS)), **args}
        super().__init__("python-registry:index:PythonRegistry", name, inputs, opts, remote=True)

    def outputs(self) -> dict[str, Any]:
        return {name: getattr(self, _property(name)) for name in OUTPUTS}


def _property(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.title() for word in tail)
