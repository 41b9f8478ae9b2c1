"""The command `github-token` of `python -m sandbox`: the OIDC token of a workflow.

Owns only the options. `sandbox.issuers.github` owns the token.
"""

from __future__ import annotations

import re
from typing import Any

import click

from sandbox.issuers.github import MissingClaim, TokenSettings, Workflow
from sandbox.runtime import session


def _checked(rule: str, pattern: str) -> Any:
    """A callback that refuses every value but those of the pattern."""

    def check(_context: click.Context, _option: click.Parameter, value: str) -> str:
        if value and not re.fullmatch(pattern, value, re.ASCII):
            raise click.BadParameter(f"{value!r} is not {rule}")
        return value

    return check


def _checked_keys(_context: click.Context, _option: click.Parameter, text: str) -> tuple[str, ...]:
    keys = tuple(text.split(",")) if text else ()
    for key in keys:
        if not re.fullmatch(r"[A-Za-z0-9_]+", key, re.ASCII) or keys.count(key) > 1:
            raise click.BadParameter(f"{text!r} is not a list of different claims, such as repo,context")
    return keys


def _checked_properties(
    _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    for text in texts:
        if not re.fullmatch(r"[A-Za-z0-9_]+=.+", text, re.ASCII | re.DOTALL):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as team=data")
    return dict(text.split("=", 1) for text in texts)


_repository = _checked("the full name of a repository, such as org/name", r"[^\s/]+/[^\s/]+")
_number = _checked("a number, such as 1234567", r"[1-9][0-9]*")


@click.command("github-token")
@click.option("--repository", required=True, callback=_repository, help="Repository of the workflow.")
@click.option(
    "--owner-id", required=True, callback=_number, help="The numeric ID of the repository's owner."
)
@click.option(
    "--repository-id",
    default="",
    callback=_number,
    help="The numeric ID of the repository. Default: one that depends on its full name.",
)
@click.option("--ref", default="refs/heads/main", show_default=True, help="The ref that started the run.")
@click.option("--environment", default="", help="The deployment environment of the job.")
@click.option(
    "--fork", default="", callback=_repository, help="The fork whose pull request started the run."
)
@click.option(
    "--reusable-workflow",
    default="",
    callback=_checked("a workflow file and a ref, such as org/name/.github/workflows/a.yml@v1", r"\S+@\S+"),
    help="The reusable workflow that has the job.",
)
@click.option(
    "--visibility",
    default="private",
    show_default=True,
    type=click.Choice(["public", "private", "internal"]),
    help="The visibility of the repository.",
)
@click.option(
    "--runner",
    default="github-hosted",
    show_default=True,
    type=click.Choice(["github-hosted", "self-hosted"]),
    help="The runner of the job.",
)
@click.option(
    "--immutable-subject",
    is_flag=True,
    help="Add the numeric IDs to the subject, as for repositories created, renamed or transferred since 15 "
    "July 2026.",
)
@click.option(
    "--claim-keys",
    default="",
    callback=_checked_keys,
    metavar="KEY,…",
    help="The claims of a customized subject (include_claim_keys), such as repository_owner_id,context.",
)
@click.option(
    "--property",
    "properties",
    multiple=True,
    callback=_checked_properties,
    metavar="NAME=VALUE",
    help="A custom property of the repository that is a claim. Can be repeated.",
)
@click.option(
    "--enterprise",
    default="",
    callback=_checked("the slug of an enterprise, such as acme-inc", r"[A-Za-z0-9-]+"),
    help="The enterprise that has the repository.",
)
@click.option(
    "--enterprise-issuer", is_flag=True, help="Use the enterprise's own issuer (include_enterprise_slug)."
)
@click.option("--audience", default="", help="The token's audience. Default: the owner's page on GitHub.")
@click.option("--expired", is_flag=True, help="Issue a token that has expired.")
def github_token(
    *,
    immutable_subject: bool,
    claim_keys: tuple[str, ...],
    properties: dict[str, str],
    enterprise: str,
    enterprise_issuer: bool,
    audience: str,
    expired: bool,
    **workflow: str,
) -> None:
    """Print the OIDC token that GitHub would issue to a workflow.

    \b
    Example:
      python -m sandbox github-token --repository acme/my-adder --owner-id 1
      python -m sandbox github-token --repository acme/my-adder --owner-id 1 --immutable-subject
    """
    if enterprise_issuer and not enterprise:
        raise click.UsageError("--enterprise-issuer needs --enterprise.")
    settings = TokenSettings(
        immutable_subject=immutable_subject,
        claim_keys=claim_keys,
        properties=properties,
        enterprise=enterprise,
        enterprise_issuer=enterprise_issuer,
    )
    try:
        token = session.workflow_token(Workflow(**workflow), audience, settings=settings, expired=expired)
    except MissingClaim as error:
        raise click.BadParameter(str(error), param_hint="--claim-keys") from error
    click.echo(token)
