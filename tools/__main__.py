"""`python -m tools`: what people run beside Pulumi.

Owns the command line alone; what the commands do is in the modules they call.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tools.clients.configure import configure
from tools.errors import ToolError
from tools.scan_secrets import UnsearchableError, find_leaks
from tools.stack import account_email, read_outputs
from tools.summary.markdown import fit
from tools.summary.previews import read_preview
from tools.summary.report import summarize
from tools.tokens import impersonated_token, own_token
from tools.tour.runner import take_tour


def _token(options: argparse.Namespace) -> None:
    if options.role is None:
        print(own_token())
    else:
        email = account_email(read_outputs(options.stack), options.role)
        print(impersonated_token(email, options.role))


def _configure(options: argparse.Namespace) -> None:
    configure(read_outputs(options.stack), dry_run=options.dry_run, yes=options.yes)


def _leaks(options: argparse.Namespace) -> None:
    tokens = [os.environ["TOKEN"]] if os.environ.get("TOKEN") else []
    try:
        places = find_leaks(options.files, tokens)
    except OSError as error:
        raise ToolError(f"{error.filename}: {error.strerror}") from error
    except UnsearchableError as error:
        raise ToolError(str(error)) from error
    if places:
        raise ToolError("\n  ".join(["There is a token in", *places]))
    print(f"No token in {', '.join(map(str, options.files))}.")


def _summary(options: argparse.Namespace) -> None:
    try:
        preview = read_preview(sys.stdin.buffer.read().decode(errors="replace"))
    except ToolError as error:
        # A comment is made of standard output: one that is older must not go on standing there.
        print(f"{options.title or options.stack or 'Preview'}: {error}")
        raise
    whole = summarize(preview, options.stack, options.title)
    comment = fit(whole)
    print(comment, end="")
    if comment != whole:
        # In a workflow: the log of the run, to which the comment refers for the rest.
        print(whole, file=sys.stderr)
    if preview.failed:
        raise ToolError("The preview failed.")


def _tour(options: argparse.Namespace) -> None:
    if not take_tour(options.stack, real=options.real, agreed=options.yes):
        raise ToolError("The tour was not finished.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    stack = argparse.ArgumentParser(add_help=False)
    stack.add_argument("--stack", metavar="NAME", help="the stack to read; by default the selected one")

    token = commands.add_parser("token", parents=[stack], help="print a short-lived access token")
    token.add_argument(
        "--as", dest="role", choices=("reader", "writer"), help="of that account of the stack"
    )
    token.set_defaults(run=_token)

    settings = commands.add_parser(
        "configure", parents=[stack], help="put pip.conf, .pypirc and uv.toml where clients look"
    )
    settings.add_argument("--dry-run", action="store_true", help="show what would change, and no more")
    settings.add_argument("--yes", action="store_true", help="change it without asking")
    settings.set_defaults(run=_configure)

    leaks = commands.add_parser(
        "leaks", help="look for access tokens in files and folders, image archives layer by layer"
    )
    leaks.add_argument("files", metavar="PATH", nargs="+", type=Path)
    leaks.set_defaults(run=_leaks)

    summary = commands.add_parser(
        "summary", help="say what a preview would do: pulumi preview --json | python -m tools summary"
    )
    summary.add_argument("--stack", metavar="NAME", help="the stack that it is of, for the heading")
    summary.add_argument("--title", help="another heading")
    summary.set_defaults(run=_summary)

    tour = commands.add_parser("tour", help="publish, install and run a package, step by step")
    tour.add_argument("--stack", metavar="NAME", required=True, help="the stack to tour")
    tour.add_argument("--real", action="store_true", help="on the stack's real project")
    tour.add_argument("--yes", action="store_true", help="agree to what that leaves there")
    tour.set_defaults(run=_tour)
    return parser


def main() -> int:
    """Run the command line; a failure is one message and status 1, never a traceback."""
    options = _parser().parse_args()
    try:
        options.run(options)
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
