"""A stack's outputs, read with `pulumi stack output`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from tools.errors import ToolError

Outputs = Mapping[str, Any]


def read_outputs(stack: str | None) -> Outputs:
    """Return the outputs of the stack of that name, or of the selected one.

    Raises:
        ToolError: Pulumi is missing, or fails. The message repeats Pulumi's own.
    """
    command = ["pulumi", "--non-interactive", "stack", "output", "--json"]
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
        outputs = json.loads(done.stdout)
    except ValueError as error:
        raise ToolError(f"`{' '.join(command)}` printed no JSON:\n{done.stdout.strip()}") from error
    if not outputs:
        raise ToolError("The stack has no outputs yet. Run `pulumi up` first.")
    return outputs


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
