"""`python -m sandbox`: runs clients inside the sandbox, shows it, changes it, stops it.

Owns only the command line. The modules that it calls own what the commands do.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from typing import Any

import click

from sandbox.cleanup import cleanup, clock
from sandbox.cloud.core.faults import Faults
from sandbox.cloud.iam.members import OWNER, is_member
from sandbox.cloud.packaging.distributions import BadDistribution
from sandbox.github_token import github_token
from sandbox.runtime import next_steps, session
from sandbox.runtime.paths import sandbox_folder
from sandbox.runtime.process import SandboxError, find_proxy, start_proxy, stop_proxy
from sandbox.toolchain.containers import ensure_base_image
from sandbox.toolchain.engine import EngineError
from sandbox.toolchain.progress import report_to_stderr

COMMAND_NOT_FOUND = 127


def _checked_member(_context: click.Context, _option: click.Parameter, member: str) -> str:
    if not is_member(member):
        raise click.BadParameter(f"{member!r} is not an IAM member, such as user:name@example.com")
    return member


as_member = click.option(
    "--as",
    "member",
    default=OWNER,
    show_default=True,
    callback=_checked_member,
    help="The IAM member whose token the client sends.",
)


@click.group()
def cli() -> None:
    """Emulate Google on loopback, to try and test the program without a Google account.

    \b
    Example:
      python -m sandbox run -- pulumi preview --stack dev
    """


@cli.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@as_member
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(member: str, command: tuple[str, ...]) -> None:
    """Run COMMAND inside the sandbox. The sandbox starts if it does not run.

    \b
    Example:
      python -m sandbox run -- pulumi preview --stack dev
      python -m sandbox run --as user:a@example.com -- pip download helper
    """
    environment = session.client_environment(member)
    executable = shutil.which(command[0], path=environment["PATH"])
    if executable is None:
        report_to_stderr(f"{command[0]}: command not found")
        sys.exit(COMMAND_NOT_FOUND)
    # This process becomes the command, so its exit status and its signals are the command's.
    os.execve(executable, command, environment)  # noqa: S606


@cli.command()
@as_member
def env(member: str) -> None:
    """Print the environment for a shell.

    \b
    Example:
      eval "$(python -m sandbox env)"
    """
    environment = session.client_environment(member)
    for key in sorted(os.environ.keys() - environment.keys()):
        click.echo(f"unset {key}")
    for key, value in sorted(environment.items()):
        if os.environ.get(key) != value:
            click.echo(f"export {key}={shlex.quote(value)}")


@cli.command()
def start() -> None:
    """Start the sandbox in the background.

    \b
    Example:
      python -m sandbox start
    """
    click.echo(f"The sandbox is running ({start_proxy(sandbox_folder())}).")


@cli.command()
def stop() -> None:
    """Stop the sandbox. It keeps the cloud's content.

    \b
    Example:
      python -m sandbox stop
    """
    stopped = stop_proxy(sandbox_folder())
    click.echo("The sandbox is stopped." if stopped else "The sandbox was not running.")


@cli.command()
def reset() -> None:
    """Stop the sandbox and delete its folder: cloud, stacks, certificates, home.

    \b
    Example:
      python -m sandbox reset
    """
    folder = sandbox_folder()
    stop_proxy(folder)
    shutil.rmtree(folder.root, ignore_errors=True)
    click.echo("The sandbox is empty.")


@cli.command()
def status() -> None:
    """Show the sandbox, the Pulumi CLI, the provider and the faults.

    \b
    Example:
      python -m sandbox status
    """
    folder = sandbox_folder()
    proxy = find_proxy(folder)
    click.echo(f"sandbox     {f'running ({proxy})' if proxy else 'stopped'}")
    click.echo(f"folder      {folder.root}")
    engine, plugin = session.ensure_tools()
    click.echo(f"Pulumi CLI  {engine.version}, {engine.origin}: {engine.pulumi}")
    click.echo(f"provider    pulumi-resource-gcp, {plugin.origin}")
    if folder.database.exists():
        click.echo(f"faults      {session.current_faults()}")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per request.")
def log(as_json: bool) -> None:
    """Show the requests of clients.

    \b
    Example:
      python -m sandbox log --json
    """
    path = sandbox_folder().log
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        if as_json:
            click.echo(line)
            continue
        request: dict[str, Any] = json.loads(line)
        clock = time.strftime("%H:%M:%S", time.localtime(request["time"]))
        principal = request["principal"] or "anonymous"
        url = request["host"] + request["path"]
        click.echo(f"{clock}  {request['status']}  {request['method']:<7} {url}  {principal}")


@cli.group(invoke_without_command=True)
@click.pass_context
def faults(context: click.Context) -> None:
    """Show, set or clear the faults that the sandbox injects.

    \b
    Example:
      python -m sandbox faults
      python -m sandbox faults set api-delay=60 unavailable=0.3
      python -m sandbox faults clear
    """
    if context.invoked_subcommand is None:
        _show_faults()


@faults.command("show")
def show_faults() -> None:
    """Show the faults that are in force.

    \b
    Example:
      python -m sandbox faults show
    """
    _show_faults()


@faults.command("set")
@click.argument("settings", nargs=-1, required=True, metavar="KEY=VALUE...")
def set_faults(settings: tuple[str, ...]) -> None:
    """Put faults in force. They replace all faults that were in force before.

    \b
    Example:
      python -m sandbox faults set api-delay=60 account-delay=40 unavailable=0.3
    """
    for setting in settings:
        if "=" not in setting:
            raise click.BadParameter(f"{setting!r} is not KEY=VALUE, such as api-delay=60")
    try:
        session.set_faults(Faults.parse(settings))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    _show_faults()


@faults.command("clear")
def clear_faults() -> None:
    """End all faults.

    \b
    Example:
      python -m sandbox faults clear
    """
    session.set_faults(Faults())
    _show_faults()


def _show_faults() -> None:
    click.echo(f"faults: {session.current_faults()}")


@cli.command("base-image")
def base_image() -> None:
    """Build the base image of the example's container: the sandbox emulates no image registry.

    \b
    Example:
      python -m sandbox base-image
    """
    ensure_base_image(session.client_environment(), report_to_stderr)


@cli.group()
def pypi() -> None:
    """Publish files on the emulated PyPI, or remove them.

    \b
    Example:
      python -m sandbox pypi publish dist/helper-99.0-py3-none-any.whl
      python -m sandbox pypi reset
    """


@pypi.command("publish")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def publish_on_pypi(files: tuple[str, ...]) -> None:
    """Publish wheels and sdists on the emulated PyPI, as anyone can on the real one.

    \b
    Example:
      python -m sandbox pypi publish dist/helper-99.0-py3-none-any.whl
    """
    try:
        for release in session.publish_on_pypi(files):
            click.echo(f"published: {release}")
    except (BadDistribution, OSError) as error:
        raise click.BadParameter(str(error)) from error


@pypi.command("reset")
def reset_pypi() -> None:
    """Remove all files that you published on the emulated PyPI.

    \b
    Example:
      python -m sandbox pypi reset
    """
    session.reset_pypi()


cli.add_command(cleanup)
cli.add_command(clock)
cli.add_command(github_token)


@cli.command()
@click.argument("stack")
def recover(stack: str) -> None:
    """Repair a STACK whose last `pulumi up` was interrupted. Does nothing for other stacks.

    \b
    Example:
      python -m sandbox recover dev
    """
    sys.exit(session.recover_stack(stack))


@cli.command("next-steps")
@click.argument("stack")
def show_next_steps(stack: str) -> None:
    """Show what a STACK on the sandbox has, and what to try next.

    \b
    Example:
      python -m sandbox next-steps dev
    """
    try:
        outputs = next_steps.read_outputs(stack, session.client_environment())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    click.echo(next_steps.describe_stack(stack, outputs))


def main() -> None:
    """Run the command line. A failure is a message and an exit status, never a traceback."""
    try:
        cli(prog_name="python -m sandbox")
    except (SandboxError, EngineError) as error:
        report_to_stderr(f"error: {error}")
        sys.exit(1)
    except BrokenPipeError:
        # The reader of the output ended first (`log | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
