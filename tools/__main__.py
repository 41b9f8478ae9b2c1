"""`python -m tools`: the command line.

Owns the arguments, the help texts and the exit statuses. The modules that it calls do the work. It uses
argparse, because these commands must also run in a `.venv` that `pulumi up` creates from requirements.txt.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from tools.cleanup.preview import preview_cleanup
from tools.clients.configure import configure
from tools.copy.command import CopyOrder, copy_packages
from tools.errors import ToolError
from tools.scan_secrets import UnsearchableError, find_secrets
from tools.stack import account_email, read_outputs
from tools.summary.markdown import code, fit
from tools.summary.notices import shortened
from tools.summary.previews import read_preview
from tools.summary.report import summarize
from tools.summary.warnings import too_old_message
from tools.tokens import impersonated_token, own_token
from tools.tour.runner import run_tour

# The statuses are those of `terraform plan -detailed-exitcode`.
NO_CHANGES, FAILED, HAS_CHANGES = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors end with status 1. argparse uses 2, which here means changes."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(FAILED, f"error: {message}\n")


def _token(options: argparse.Namespace) -> int:
    if options.role is None:
        print(own_token())
    else:
        email = account_email(read_outputs(options.stack), options.role)
        print(impersonated_token(email, options.role))
    return 0


def _configure(options: argparse.Namespace) -> int:
    configure(read_outputs(options.stack), dry_run=options.dry_run, yes=options.yes)
    return 0


def _copy(options: argparse.Namespace) -> int:
    order = CopyOrder(
        source=options.source,
        target=options.target,
        selection=options.selection,
        left_out=options.left_out,
        impersonate=options.impersonate,
    )
    try:
        copy_packages(order)
    except KeyboardInterrupt as error:
        raise ToolError("Interrupted. Run the same command again: it copies what is missing.") from error
    return 0


def _scan_secrets(options: argparse.Namespace) -> int:
    tokens = [os.environ["TOKEN"]] if os.environ.get("TOKEN") else []
    try:
        places = find_secrets(options.paths, tokens)
    except OSError as error:
        raise ToolError(f"{error.filename}: {error.strerror}") from error
    except UnsearchableError as error:
        raise ToolError(str(error)) from error
    if places:
        raise ToolError("\n  ".join(["Found a token or key in", *places]))
    print(f"No token or key in {', '.join(map(str, options.paths))}.")
    return 0


def _summary(options: argparse.Namespace) -> int:
    heading = options.title or (f"Stack {code(options.stack)}" if options.stack else "Preview")
    try:
        try:
            preview = read_preview(sys.stdin.buffer.read().decode(errors="replace"))
            summary = summarize(preview, heading)
            comment = fit(summary.text)
            if comment != summary.text:
                comment = fit(summarize(shortened(preview), heading).text)
        except RecursionError as error:
            raise ToolError("The preview has values that are nested too deeply to be read.") from error
    except ToolError as error:
        # Standard output becomes a comment, which must replace the older one after a failure, too.
        print(f"{heading}: {error}")
        raise
    print(comment, end="")
    if comment != summary.text:
        # In a workflow, the run's log. A comment that is cut off refers to it.
        print(summary.text, file=sys.stderr)
    if preview.cli_too_old:
        raise ToolError(too_old_message())
    if preview.failed:
        raise ToolError("The preview failed.")
    return HAS_CHANGES if summary.has_changes else NO_CHANGES


def _cleanup_preview(options: argparse.Namespace) -> int:
    deletes = preview_cleanup(options.stack, deployed=options.deployed, days=options.days)
    return HAS_CHANGES if deletes else NO_CHANGES


def _tour(options: argparse.Namespace) -> int:
    if not run_tour(options.stack, options.target, accepted=options.yes):
        raise ToolError("The tour did not finish.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m tools",
        description="Configure clients, get tokens, copy packages, preview cleanups, scan for secrets, "
        "summarize previews, run the tour.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    stack = _Parser(add_help=False)
    stack.add_argument("--stack", metavar="NAME", help="the stack to read; default: the selected stack")

    token = commands.add_parser(
        "token",
        parents=[stack],
        help="print a short-lived access token",
        description="Print a short-lived access token: your own, or that of an account of the stack.",
    )
    token.add_argument(
        "--impersonate",
        dest="role",
        choices=("reader", "writer"),
        help="get a token of the stack's reader or writer account",
    )
    token.set_defaults(run=_token)

    configure_command = commands.add_parser(
        "configure",
        parents=[stack],
        help="write pip.conf, .pypirc and uv.toml where the clients read them",
        description="Write pip.conf, .pypirc and uv.toml where the clients read them. Shows the changes "
        "and asks before it writes. Keeps your other settings and a backup of each file. Supports Linux "
        "and macOS; Windows is not supported.",
    )
    configure_command.add_argument(
        "--dry-run", action="store_true", help="show the changes and write nothing"
    )
    configure_command.add_argument(
        "--yes", action="store_true", help="write the changes without a question"
    )
    configure_command.set_defaults(run=_configure)

    copy = commands.add_parser(
        "copy",
        help="copy packages from one stack to another, and compare both",
        description="Copy packages from the private repository of one stack to that of another, byte for "
        "byte. Compares all hashes at the end. The exit status is 0 only if both sides agree. Passes over "
        "files that are there, so a second run continues after an interruption. Deletes nothing.",
        epilog="example: python -m tools copy --from-stack dev --to-stack prod my-adder==0.0.1",
    )
    _add_copy_arguments(copy)

    scan = commands.add_parser(
        "scan-secrets",
        help="search files, folders and container images for access tokens and key files",
        description="Search files and folders for access tokens and key files of service accounts. "
        "Searches archives and container images layer by layer. If the environment variable TOKEN is set, "
        "searches for its value too. The exit status is 1 if a token or key is found.",
    )
    scan.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file or a folder")
    scan.set_defaults(run=_scan_secrets)

    summary = commands.add_parser(
        "summary",
        help="summarize a preview for reviewers",
        description="Read the output of `pulumi preview --json` on standard input and print a summary in "
        "Markdown. The exit status is 0 if nothing changes, 2 if something changes, and 1 on failure.",
    )
    summary.add_argument("--stack", metavar="NAME", help="the stack's name, for the heading")
    summary.add_argument("--title", metavar="TEXT", help="another heading")
    summary.set_defaults(run=_summary)

    cleanup = commands.add_parser(
        "cleanup-preview",
        parents=[stack],
        help="list the versions that the cleanup policies would delete today",
        description="List the versions that the cleanup policies would delete today, and why each other "
        "version stays. Uses the policies of the stack file, also before they are deployed. Without any, "
        "it uses those of the deployed repositories. Deletes nothing. The exit status is 0 if no version "
        "would be deleted, 2 if a version would be deleted, and 1 on failure.",
    )
    cleanup.add_argument(
        "--deployed", action="store_true", help="use the policies of the deployed repositories"
    )
    cleanup.add_argument(
        "--days", metavar="N", type=int, default=0, help="decide as if N more days had passed; default: 0"
    )
    cleanup.set_defaults(run=_cleanup_preview)

    tour = commands.add_parser(
        "tour",
        help="publish, install and run a package, step by step",
        description="Publish, install and run a package, step by step, on a stack that is deployed.",
    )
    tour.add_argument("--stack", metavar="NAME", required=True, help="the stack to use")
    tour.add_argument(
        "--target",
        choices=("sandbox", "gcp"),
        default="sandbox",
        help="where the stack is: in the sandbox, or on its real project; default: sandbox",
    )
    tour.add_argument("--yes", action="store_true", help="accept what the tour leaves on a real project")
    tour.set_defaults(run=_tour)
    return parser


def _add_copy_arguments(copy: argparse.ArgumentParser) -> None:
    copy.add_argument(
        "--from-stack", dest="source", metavar="NAME", required=True, help="the stack to copy from"
    )
    copy.add_argument(
        "--to-stack", dest="target", metavar="NAME", required=True, help="the stack to copy to"
    )
    copy.add_argument(
        "--leave-out",
        dest="left_out",
        metavar="FILE",
        action="append",
        default=[],
        help="the name of a file that the second stack does not need to have; repeat it for more files",
    )
    copy.add_argument(
        "--impersonate",
        action="store_true",
        help="read as the reader account of the first stack, upload as the writer account of the second",
    )
    copy.add_argument(
        "selection",
        metavar="PACKAGE",
        nargs="*",
        help="name, or name==version; default: all packages",
    )
    copy.set_defaults(run=_copy)


def main() -> int:
    """Run the command line. A failure is one message and status 1, without a traceback."""
    options = _parser().parse_args()
    try:
        return options.run(options)
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
