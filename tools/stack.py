"""A stack's outputs and settings, read with the Pulumi CLI."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from tools.errors import ToolError

Outputs = Mapping[str, Any]


def read_outputs(stack: str | None) -> Outputs:
    """Return the outputs of the stack of that name, or of the selected one.

    Raises:
        ToolError: Pulumi is missing, or fails. The message repeats Pulumi's own.
    """
    outputs = _read_json(["stack", "output", "--json"], stack)
    if not outputs:
        raise ToolError("The stack has no outputs yet. Run `pulumi up` first.")
    return outputs


def read_setting(stack: str | None, key: str) -> Any:
    """Return a setting of the stack of that name, or of the selected one; None if it is not set.

    Pulumi reads the stack file, and also the environments and the settings that all stacks share.

    Raises:
        ToolError: Pulumi is missing, or fails. The message repeats Pulumi's own.
    """
    entry = _read_json(["config", "--json"], stack).get(key, {})
    if "objectValue" in entry:
        return entry["objectValue"]
    # `pulumi config set KEY '{"a": 1}'` stores a text, which the program reads as JSON.
    with suppress(ValueError, TypeError):
        return json.loads(entry.get("value"))
    return entry.get("value")


def _read_json(words: Sequence[str], stack: str | None) -> Any:
    command = ["pulumi", "--non-interactive", *words]
    command += ["--stack", stack] if stack else []
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ToolError(
            "pulumi is not on PATH. Run this command where you run `pulumi up`, or inside `make shell`."
        ) from error
    if done.returncode:
        raise ToolError(f"`{' '.join(command)}` failed:\n{done.stderr.strip()}")
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise ToolError(f"`{' '.join(command)}` printed no JSON:\n{done.stdout.strip()}") from error


def account_email(outputs: Outputs, role: str) -> str:
    """Return the e-mail address of the stack's reader or writer account.

    Raises:
        ToolError: the stack has no service accounts.
    """
    email = outputs.get(f"{role}_email")
    if not email:
        raise ToolError(
            f"The stack has no {role} account. Set python-registry:serviceAccounts to true and run "
            "`pulumi up`."
        )
    return email
