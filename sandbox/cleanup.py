"""`python -m sandbox cleanup` and `clock`: delete old versions, and make versions old.

Owns only the command line. `sandbox.cloud.artifact_registry.cleanup` decides what a policy deletes.
"""

from __future__ import annotations

import click

from sandbox.runtime import session

# A version can be older than PyPI, but not older than the calendar.
DAYS = click.IntRange(-20_000, 20_000)


@click.command()
@click.option(
    "--days", type=DAYS, default=0, metavar="N", help="Act as if N more days had passed. Default: 0."
)
def cleanup(days: int) -> None:
    """Apply the cleanup policies of all repositories, as Google does about once a day.

    \b
    Example:
      python -m sandbox cleanup
      python -m sandbox cleanup --days 90
    """
    results = session.clean_up(days)
    if not results:
        click.echo("No repository has a cleanup policy.")
    for result in results:
        verb = "dry run, would delete" if result.dry_run else "deleted"
        count = f"{len(result.versions)} version{'' if len(result.versions) == 1 else 's'}"
        click.echo(f"{result.repository}: {verb} {count}")
        for name in result.versions:
            package, _, version = name.partition("/packages/")[2].partition("/versions/")
            click.echo(f"  {package} {version}")


@click.command()
@click.option(
    "--days", type=DAYS, metavar="N", help="Shift the clock by N days from the real time. Can be negative."
)
def clock(days: int | None) -> None:
    """Show or shift the clock of uploads, so that new versions are old or young.

    \b
    Example:
      python -m sandbox clock --days -120
      python -m sandbox clock --days 0
    """
    shift = session.shift_clock(days)
    click.echo(f"clock: {shift:+} days" if shift else "clock: the real time")
