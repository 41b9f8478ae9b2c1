"""The end of `make up`: what the stack has now, and what the user can try next."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping


def read_outputs(stack: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The outputs of a stack on the sandbox.

    Raises:
        subprocess.CalledProcessError: `pulumi` failed. It printed the reason.
    """
    command = ["pulumi", "stack", "output", "--json", "--stack", stack]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def describe_stack(stack: str, outputs: Mapping[str, str]) -> str:
    """A stack on the sandbox in a few lines, from its outputs."""
    accounts = " and ".join(filter(None, (outputs["reader_email"], outputs["writer_email"])))
    prefix = "" if stack == "dev" else f"STACK={stack} "
    commands = {
        f"{prefix}make tour": "publish, install and run a package, step by step",
        f"{prefix}make outputs": "show the outputs: URLs, pip.conf, .pypirc and others",
        f"{prefix}make shell": "open a shell in which pulumi, gcloud, pip and uv use the sandbox",
        f"{prefix}make preview": f"show the changes after you edit Pulumi.{stack}.yaml",
        ".venv/bin/python -m sandbox log": "show the requests that Google's APIs received",
        f"{prefix}make down": "destroy the stack and stop the sandbox",
    }
    width = max(map(len, commands))
    steps = "\n".join(f"  {command:<{width}}  {result}" for command, result in commands.items())
    return f"""
The index is up: stack {stack}, on the sandbox.

  upload to       {outputs["repository_url"]}
  install from    {outputs["index_url"]}
  accounts        {accounts or "none"}

Try next:

{steps}
"""
