"""`python -m sandbox`: run clients inside the sandbox, look at it, spoil it, end it.

Owns the command line alone; what the commands do is in the modules they call.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from sandbox.cloud.artifact_registry.repositories import repository_names
from sandbox.cloud.auth.access_tokens import mint_token
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.faults import Faults, read_faults, write_faults
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import OWNER, is_member
from sandbox.cloud.packaging.distributions import BadDistribution
from sandbox.cloud.pypi.planted import plant as plant_file
from sandbox.cloud.pypi.planted import unplant
from sandbox.issuers.github import Workflow, issue_token
from sandbox.runtime.environment import (
    forget_own_commands,
    install_plugin,
    sandbox_environment,
    write_commands,
    write_credentials,
    write_public_index,
)
from sandbox.runtime.next_steps import describe_stack
from sandbox.runtime.paths import sandbox_folder
from sandbox.runtime.process import Gateway, SandboxError, find_gateway, start_gateway, stop_gateway
from sandbox.runtime.proxy import LOOPBACK
from sandbox.runtime.recovery import recover as recover_stack
from sandbox.toolchain.containers import ensure_base_image
from sandbox.toolchain.engine import Engine, EngineError, Plugin, ensure_engine, ensure_plugin
from sandbox.toolchain.progress import report_to_stderr

COMMAND_NOT_FOUND = 127


def _tools() -> tuple[Engine, Plugin]:
    forget_own_commands(sandbox_folder())
    engine = ensure_engine(report_to_stderr)
    return engine, ensure_plugin(engine, version("pulumi_gcp"), report_to_stderr)


def _environment(member: str) -> dict[str, str]:
    """Start what is not running, and return a client's environment with a new token in it."""
    folder = sandbox_folder()
    engine, plugin = _tools()
    gateway = start_gateway(folder)
    write_commands(folder, engine)
    install_plugin(folder, plugin, version("pulumi_gcp"))
    write_public_index(folder, gateway)
    store = Store(folder.database)
    with store.transaction():
        token = mint_token(store, member)
        credentials = write_credentials(folder, store, member)
    store.close()
    account = member.partition(":")[2]
    return sandbox_environment(
        folder, gateway, engine, token=token, credentials=credentials, account=account
    )


def _describe(gateway: Gateway) -> str:
    return f"running (process {gateway.pid}, proxy {LOOPBACK}:{gateway.port})"


def _checked_member(_context: click.Context, _option: click.Parameter, member: str) -> str:
    if not is_member(member):
        raise click.BadParameter(f"{member!r} is no IAM member, such as user:name@example.com")
    return member


as_member = click.option(
    "--as",
    "member",
    default=OWNER,
    show_default=True,
    callback=_checked_member,
    help="Whose token the client presents.",
)


@click.group()
def cli() -> None:
    """Google on loopback, for trying and testing the program without an account."""


@cli.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@as_member
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(member: str, command: tuple[str, ...]) -> None:
    """Run COMMAND inside the sandbox, started if need be."""
    environment = _environment(member)
    executable = shutil.which(command[0], path=environment["PATH"])
    if executable is None:
        report_to_stderr(f"{command[0]}: command not found")
        sys.exit(COMMAND_NOT_FOUND)
    os.execve(executable, command, environment)  # noqa: S606  # becomes the command: status, signals


@cli.command()
@as_member
def env(member: str) -> None:
    """Print the environment for a shell: eval "$(python -m sandbox env)"."""
    environment = _environment(member)
    for key in sorted(os.environ.keys() - environment.keys()):
        click.echo(f"unset {key}")
    for key, value in sorted(environment.items()):
        if os.environ.get(key) != value:
            click.echo(f"export {key}={shlex.quote(value)}")


@cli.command()
def start() -> None:
    """Start the sandbox in the background."""
    gateway = start_gateway(sandbox_folder())
    click.echo(f"The sandbox is {_describe(gateway)}.")


@cli.command()
def stop() -> None:
    """Stop it; what the cloud holds is kept."""
    stopped = stop_gateway(sandbox_folder())
    click.echo("The sandbox is stopped." if stopped else "The sandbox was not running.")


@cli.command()
def reset() -> None:
    """Stop it and forget everything: cloud, stacks, certificates, home."""
    folder = sandbox_folder()
    stop_gateway(folder)
    shutil.rmtree(folder.root, ignore_errors=True)
    click.echo("The sandbox is empty.")


@cli.command()
def status() -> None:
    """Say what is running, with which engine and plugin, and which faults are in force."""
    folder = sandbox_folder()
    gateway = find_gateway(folder)
    click.echo(f"sandbox  {_describe(gateway) if gateway else 'stopped'}")
    click.echo(f"folder   {folder.root}")
    engine, plugin = _tools()
    click.echo(f"engine   pulumi {engine.version}, {engine.origin}: {engine.pulumi}")
    click.echo(f"plugin   pulumi-resource-gcp, {plugin.origin}")
    if folder.database.exists():
        store = Store(folder.database)
        click.echo(f"faults   {read_faults(store)}")
        store.close()


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a request.")
def log(as_json: bool) -> None:
    """Show what clients asked."""
    path = sandbox_folder().log
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        if as_json:
            click.echo(line)
            continue
        request: dict[str, Any] = json.loads(line)
        clock = time.strftime("%H:%M:%S", time.localtime(request["time"]))
        who = request["principal"] or "nobody"
        url = request["host"] + request["path"]
        click.echo(f"{clock}  {request['status']}  {request['method']:<7} {url}  {who}")


@cli.command()
@click.argument("faults", nargs=-1, required=True)
def fault(faults: tuple[str, ...]) -> None:
    """Put FAULTS in force, such as api-delay=60 account-delay=40 unavailable=0.3; none ends them."""
    try:
        wanted = Faults.parse(faults)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    store = Store(sandbox_folder().create().database)
    with store.transaction():
        write_faults(store, wanted)
    store.close()
    click.echo(f"faults: {wanted}")


@cli.command("base-image")
def base_image() -> None:
    """Have the image that the examples' container is built from: no registry of images is imitated."""
    ensure_base_image(_environment(OWNER), report_to_stderr)


@cli.command()
@click.argument("files", nargs=-1, required=True)
def plant(files: tuple[str, ...]) -> None:
    """Publish FILES (wheels, sdists) on the sandbox's public index, as any stranger could; none takes
    them all away."""
    folder = sandbox_folder().create()
    store, blobs = Store(folder.database), Blobs(folder.blobs)
    try:
        if files == ("none",):
            unplant(store)
        for file in () if files == ("none",) else files:
            click.echo(f"planted: {plant_file(store, blobs, Path(file))}")
    except (BadDistribution, OSError) as error:
        raise click.BadParameter(str(error)) from error
    finally:
        store.close()


def _checked_repository(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if name and not re.fullmatch(r"[^\s/]+/[^\s/]+", name):
        raise click.BadParameter(f"{name!r} is no full name of a repository, such as org/name")
    return name


@cli.command("github-token")
@click.option("--repository", required=True, callback=_checked_repository, help="Where the workflow runs.")
@click.option("--owner-id", required=True, help="The number of the repository's owner.")
@click.option("--ref", default="refs/heads/main", show_default=True, help="What started it.")
@click.option("--environment", default="", help="The environment of its job.")
@click.option("--fork", default="", callback=_checked_repository, help="Whose pull request started it.")
@click.option(
    "--audience", default="", help="Whom the token is for; by default GitHub's page of the owner."
)
@click.option("--expired", is_flag=True, help="A token whose time is over.")
def github_token(
    *, repository: str, owner_id: str, ref: str, environment: str, fork: str, audience: str, expired: bool
) -> None:
    """Print the token that GitHub would give to a workflow."""
    workflow = Workflow(
        repository=repository, owner_id=owner_id, ref=ref, environment=environment, fork=fork
    )
    folder = sandbox_folder().create()
    store = Store(folder.database)
    with store.transaction():
        token = issue_token(folder, store, workflow, audience, expired=expired)
    store.close()
    click.echo(token)


@cli.command()
@click.argument("stack")
def recover(stack: str) -> None:
    """Mend a STACK whose last `pulumi up` was cut off; nothing to do otherwise."""
    environment = _environment(OWNER)
    store = Store(sandbox_folder().database)
    existing = repository_names(store)
    store.close()
    sys.exit(recover_stack(stack, environment, existing))


@cli.command()
@click.argument("stack")
def summary(stack: str) -> None:
    """Say what a STACK on the sandbox has made, and what to try next."""
    environment = _environment(OWNER)
    command = ["pulumi", "stack", "output", "--json", "--stack", stack]
    done = subprocess.run(command, env=environment, check=False, stdout=subprocess.PIPE)
    if done.returncode:
        sys.exit(done.returncode)
    click.echo(describe_stack(stack, json.loads(done.stdout)))


def main() -> None:
    """Run the command line; a failure is a sentence and an exit status, never a traceback."""
    try:
        cli(prog_name="python -m sandbox")
    except (SandboxError, EngineError) as error:
        report_to_stderr(f"error: {error}")
        sys.exit(1)
    except BrokenPipeError:
        # The reader of our output had enough (`log | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
