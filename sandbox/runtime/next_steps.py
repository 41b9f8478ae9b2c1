"""What `make up` says at its end: what exists now, and what to try next."""

from __future__ import annotations

from collections.abc import Mapping


def describe_stack(stack: str, outputs: Mapping[str, str]) -> str:
    """A stack on the sandbox in a few lines, from its outputs."""
    accounts = " and ".join(filter(None, (outputs["reader_email"], outputs["writer_email"])))
    prefix = "" if stack == "dev" else f"STACK={stack} "
    return f"""
The index is up: stack {stack}, on the sandbox.

  upload to       {outputs["repository_url"]}
  install from    {outputs["index_url"]}
  accounts        {accounts or "none"}

Try next:

  {prefix}make outputs                 what other projects and people read, pip.conf and .pypirc among it
  {prefix}make shell                   pulumi and gcloud, unmodified, see this Google and no other
  {prefix}make preview                 after an edit of Pulumi.{stack}.yaml
  .venv/bin/python -m sandbox log      what was asked of Google
  {prefix}make down                    take it all away
"""
