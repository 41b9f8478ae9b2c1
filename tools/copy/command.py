"""`python -m tools copy`: copies the packages of one stack's repository to another's.

Owns the order: read both lists, copy what is missing, read both lists again, compare, report. The
comparison decides about the exit status, not the answers to the uploads. So after a kill, the same command
continues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.copy.files import File, select
from tools.copy.progress import Progress, size_text
from tools.copy.repository import CopyError, Repository
from tools.errors import ToolError
from tools.stack import account_email, read_outputs
from tools.tokens import account_credentials, own_credentials


@dataclass(frozen=True, kw_only=True)
class CopyOrder:
    """The arguments of the command.

    Attributes:
        source: the stack to copy from.
        target: the stack to copy to.
        selection: words `name` or `name==version`; all packages if it is empty.
        left_out: the names of files that the target does not need to have.
        impersonate: whether to use the reader account of the source and the writer account of the target.
    """

    source: str
    target: str
    selection: Sequence[str] = ()
    left_out: Sequence[str] = ()
    impersonate: bool = False


def copy_packages(order: CopyOrder) -> None:
    """Copy the files of the order, and show the progress and a report.

    Raises:
        ToolError: the target does not have all of these files with the same hashes.
    """
    with Progress() as progress:
        source = _open(order.source, "reader", order.impersonate, progress)
        target = _open(order.target, "writer", order.impersonate, progress)
        if source.name == target.name:
            raise ToolError(f"{source.stack} and {target.stack} have the same repository, {source.name}.")
        copy_files(source, target, order, progress)


def copy_files(source: Repository, target: Repository, order: CopyOrder, progress: Progress) -> None:
    """Copy files between two repositories, and compare both."""
    wanted = _wanted(source, order)
    existing = target.list_files()
    pending = [file for file in wanted if file.id not in existing]
    total = sum(file.size for file in pending)
    progress.say(
        f"{source.stack} ({source.name}) to {target.stack} ({target.name}):\n"
        f"{_count(len(wanted))}, {len(wanted) - len(pending)} of them already in {target.stack}. "
        f"To copy: {_count(len(pending))}, {size_text(total)}."
    )
    failures: dict[str, str] = {}
    copied = done = 0
    for number, file in enumerate(pending, 1):
        try:
            _copy_file(source, target, file)
            copied, result = copied + 1, "copied"
        except CopyError as error:
            failures[file.id] = str(error)
            result = f"NOT COPIED: {error}"
        done += file.size
        progress.say(
            f"[{number}/{len(pending)}] {file.filename}, {size_text(file.size)}: {result} "
            f"({size_text(done)} of {size_text(total)}, {progress.seconds:.0f} s)"
        )
    # Someone can have uploaded to the source in the meantime.
    wanted = _wanted(source, order)
    problems = _compare(wanted, target.list_files(), failures, order)
    progress.say(
        f"Copied {_count(copied)} from {order.source} to {order.target} in {progress.seconds:.0f} s."
        + "".join(f"\nLeft out, as you asked: {filename}" for filename in sorted(order.left_out))
    )
    if problems:
        count = f"{len(problems)} of {_count(len(wanted))}"
        raise ToolError(
            "\n  ".join([f"{target.stack} does not have {count} with the same hash:", *problems])
            + "\nNothing was deleted. Fix the causes and run the same command again: it copies these files."
            "\ndocs/move-and-destroy.md has a way out for each cause."
        )
    progress.say(f"{target.stack} has {len(wanted)} of {_count(len(wanted))} with the same hashes.")


def _open(stack: str, role: str, impersonate: bool, progress: Progress) -> Repository:
    try:
        progress.begin(f"Reading the outputs of {stack}")
        outputs = read_outputs(stack)
        progress.begin(f"Logging in for {stack}")
        credentials = (
            account_credentials(account_email(outputs, role), role) if impersonate else own_credentials()
        )
    except ToolError as error:
        raise ToolError(f"{stack}: {error}") from error
    return Repository(stack, outputs, credentials, progress)


def _wanted(source: Repository, order: CopyOrder) -> list[File]:
    """Return the files that the target must have in the end."""
    files = source.list_files()
    selected = select(list(files.values()), order.selection, source.stack)
    unknown = set(order.left_out) - {file.filename for file in selected}
    if unknown:
        raise ToolError(
            f"{source.stack} does not have {', '.join(sorted(unknown))} in this selection: correct "
            "--leave-out."
        )
    return [file for file in selected if file.filename not in order.left_out]


def _copy_file(source: Repository, target: Repository, file: File) -> None:
    with source.download(file) as content:
        target.upload(file, content)


def _compare(
    wanted: Sequence[File], existing: Mapping[str, File], failures: Mapping[str, str], order: CopyOrder
) -> list[str]:
    """Return a line for each file that the target does not have, or has with another hash."""
    problems: list[str] = []
    for file in wanted:
        other = existing.get(file.id)
        if other is None:
            reason = failures.get(file.id, f"it is new in {order.source}, or was deleted in {order.target}")
            problems.append(f"{file.filename}: {reason}. sha256 in {order.source}: {file.sha256}")
        elif not file.equals(other):
            problems.append(
                f"{file.filename}: {order.target} has another file of that name. sha256 in {order.source}: "
                f"{file.sha256}, in {order.target}: {other.sha256}"
            )
    return problems


def _count(number: int) -> str:
    return f"{number} file" if number == 1 else f"{number} files"
