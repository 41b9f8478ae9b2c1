"""The sandbox's `pulumi`: runs the real one in a work folder beside the project's folder.

With a local state the engine writes its own lines (a salt) into the stack file. The work folder has links
to everything in the project, but copies of the stack files. So the committed files stay unchanged. Every
command starts with new copies. A change that the user makes with `pulumi config set` is written back.

Owns those copies, the lock that lets one command at a time run in a project, and the locks of killed
commands. Python runs this file by path (`sandbox.runtime.environment` writes the command), before every
`pulumi`. So it imports only the standard library.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import IO

STACK_FILE = re.compile(r"Pulumi\.(?P<stack>.+)\.yaml")
# The engine's lines for secrets in a stack file. The sandbox uses its own lines, because a team's real
# secrets provider (a KMS key, for example) is not available here. All files are read as bytes: the engine
# reports what is wrong in them.
SECRETS_LINE = re.compile(rb"^(?:encryptionsalt|encryptedkey|secretsprovider):.*\n?", re.MULTILINE)
PROJECT_NAME = re.compile(rb"^name:\s*[\"']?([^\s\"']+)", re.MULTILINE)
# The virtual environment that the language host of the official CLI looks for, relative to the project.
VIRTUALENV_OPTION = re.compile(rb"^\s+virtualenv:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
# The CLI writes what it knows of a project's packages there. The YAML host does not follow a link to it.
SDKS = "sdks"
# Time between two messages about a lock that another command holds.
WAITING_SECONDS = 5.0
# The flag and its value in one word, as the engine's library for flags (pflag) reads it.
CWD_FLAG = re.compile(r"(?:--cwd=|-C=?)(.+)", re.DOTALL)
CONFIG_FILE_FLAG = "--config-file"


class WorkFolder:
    """The folder in which the engine runs, instead of one project's folder."""

    def __init__(self, project: Path, work_folders: Path) -> None:
        self.project = project
        digest = hashlib.sha256(str(project).encode()).hexdigest()[:8]
        self.folder = work_folders / f"{project.name}-{digest}"
        self._secrets = self.folder / ".secrets"

    def lay_out(self) -> dict[str, bytes]:
        """Make the folder match the project. Returns the content of the stack files, by name."""
        for path in self.folder.iterdir():
            if path.is_symlink() or STACK_FILE.fullmatch(path.name):
                path.unlink()
            elif path.name == SDKS:
                shutil.rmtree(path)
        before: dict[str, bytes] = {}
        for path in self.project.iterdir():
            if STACK_FILE.fullmatch(path.name) and path.is_file():
                before[path.name] = path.read_bytes()
                content = SECRETS_LINE.sub(b"", before[path.name])
                secrets = self._secrets / path.name
                if secrets.exists():
                    content = secrets.read_bytes() + content
                (self.folder / path.name).write_bytes(content)
            elif path.name == SDKS and path.is_dir():
                shutil.copytree(path, self.folder / SDKS, symlinks=True)
            else:
                self._link(path.name, path)
        self._link_virtualenv()
        return before

    def _link_virtualenv(self) -> None:
        """Link the sandbox's own virtual environment if the project does not have the one that it names.

        The language host of the official CLI creates a missing one, empty. The program then finds no
        `pulumi`.
        """
        option = VIRTUALENV_OPTION.search((self.project / "Pulumi.yaml").read_bytes())
        name = os.fsdecode(option[1]) if option else ""
        # A path of several parts can lead out of the work folder. The engine reports what is wrong with it.
        is_name = name not in ("", os.curdir, os.pardir) and Path(name).name == name
        if is_name and not (self.project / name).exists():
            self._link(name, Path(sys.prefix))

    def _link(self, name: str, target: Path) -> None:
        """Create a link. It replaces a folder that a command created under that name."""
        link = self.folder / name
        if link.is_dir() and not link.is_symlink():
            shutil.rmtree(link)
        link.symlink_to(target)

    def carry_back(self, before: dict[str, bytes]) -> set[str]:
        """Write the command's changes into the committed stack files, without the engine's own lines.

        Returns the names of the stack files that the command removed, but that the project keeps.

        A stack file that the command removed (`pulumi stack rm`) is kept: it belongs to the project, and
        only the stack belonged to the sandbox. A stack file that it renamed (`pulumi stack rename`) is
        renamed.
        """
        files = [
            path
            for path in self.folder.iterdir()
            if STACK_FILE.fullmatch(path.name) and not path.is_symlink()
        ]
        after = {path.name for path in files}
        gone = before.keys() - after
        renamed = gone if after - before.keys() else set[str]()
        for name in sorted(gone - renamed):
            report(f"{name} is kept. Outside the sandbox, pulumi deletes it with its stack.")
        for path in files:
            content = path.read_bytes()
            (self._secrets / path.name).write_bytes(b"".join(SECRETS_LINE.findall(content)))
            content = SECRETS_LINE.sub(b"", content)
            committed = before.get(path.name, b"")
            if content.strip() == SECRETS_LINE.sub(b"", committed).strip():
                continue
            target = self.project / path.name
            if (target.read_bytes() if target.exists() else b"") != committed:
                rescued = path.rename(path.with_name(f"{path.name}.changed"))
                report(f"{target} was edited meanwhile. The command's changes are in {rescued}.")
                continue
            target.write_bytes(b"".join(SECRETS_LINE.findall(committed)) + content)
        for name in renamed:
            if (self.project / name).read_bytes() == before[name]:
                (self.project / name).unlink()
        return before.keys() - after - renamed

    def release_stale_locks(self, stacks: Path) -> None:
        """Delete the locks that killed engines left in the project's stacks."""
        name = PROJECT_NAME.search((self.project / "Pulumi.yaml").read_bytes())
        locks = stacks / ".pulumi" / "locks" / "organization"
        for path in (locks / os.fsdecode(name[1])).glob("*/*.json") if name else ():
            with contextlib.suppress(OSError, ValueError, KeyError):
                if not is_running(json.loads(path.read_text())["pid"]):
                    stack = path.parent.name
                    report(f"An earlier command on stack {stack} was killed. Its lock is released.")
                    path.unlink()


def is_running(pid: int) -> bool:
    """Whether a process still runs. A killed process can keep its id for a while."""
    try:
        os.kill(pid, 0)
        # Only Linux has this file. On other systems only the id is known.
        status = Path(f"/proc/{pid}/stat").read_text()
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] != "Z"


def find_project(folder: Path) -> Path | None:
    """The nearest folder with a Pulumi.yaml, from this one upward, as the engine looks for it."""
    return next((f for f in (folder, *folder.parents) if (f / "Pulumi.yaml").exists()), None)


def take_directory(arguments: Sequence[str]) -> tuple[Path, list[str]]:
    """The folder in which the command must run, and the arguments without the flag that names it."""
    folder, rest = Path.cwd(), list(arguments)
    for index, word in enumerate(rest):
        if word == "--":
            break
        if word in ("-C", "--cwd") and index + 1 < len(rest):
            return folder / rest[index + 1], rest[:index] + rest[index + 2 :]
        if joined := CWD_FLAG.fullmatch(word):
            return folder / joined[1], rest[:index] + rest[index + 1 :]
    return folder, rest


def resolve_config_file(arguments: Sequence[str], folder: Path, project: Path) -> list[str]:
    """The arguments with the path of `--config-file` as the work folder needs it.

    A stack file of the project has a copy there. Every other file keeps its place, with an absolute path.
    """
    rest = list(arguments)
    for index, word in enumerate(rest):
        if word == "--":
            break
        if word == CONFIG_FILE_FLAG and index + 1 < len(rest):
            rest[index + 1] = _work_path(folder / rest[index + 1], project)
        elif word.startswith(f"{CONFIG_FILE_FLAG}="):
            path = folder / word.removeprefix(f"{CONFIG_FILE_FLAG}=")
            rest[index] = f"{CONFIG_FILE_FLAG}={_work_path(path, project)}"
    return rest


def _work_path(path: Path, project: Path) -> str:
    path = Path(os.path.abspath(path))
    is_copied = path.parent.resolve() == project and STACK_FILE.fullmatch(path.name)
    return path.name if is_copied else str(path)


def run(command: Sequence[str], folder: Path) -> int:
    """Run the engine. Returns its exit status as a shell gives it."""
    children: list[subprocess.Popen[bytes]] = []
    received: list[int] = []

    def pass_on() -> None:
        # A signal that arrives while the engine starts waits here.
        while children and received:
            number = received.pop(0)
            # A terminal sends Ctrl-C to the engine too. A second one would end it at once, without cleaning
            # up.
            if number != signal.SIGINT or not sys.stdin.isatty():
                children[0].send_signal(number)

    def receive(number: int, _: FrameType | None) -> None:
        received.append(number)
        pass_on()

    # Set before the engine starts: a signal just after the start must not end only this process.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, receive)
    children.append(subprocess.Popen(command, cwd=folder, env={**os.environ, "PWD": str(folder)}))
    pass_on()
    status = children[0].wait()
    return status if status >= 0 else 128 - status


def wait_for(lock: IO[str], text: str) -> None:
    """Wait for a lock that another command holds, with messages in between."""

    def repeat(_: int, __: FrameType | None) -> None:
        report(text)

    signal.signal(signal.SIGALRM, repeat)
    signal.setitimer(signal.ITIMER_REAL, WAITING_SECONDS, WAITING_SECONDS)
    report(text)
    fcntl.flock(lock, fcntl.LOCK_EX)
    signal.setitimer(signal.ITIMER_REAL, 0)


def report(text: str) -> None:
    """Print a message beside the engine's own output."""
    print(f"sandbox: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """`pulumi_wrapper.py PULUMI WORK_FOLDERS STACKS [ARGUMENT …]`, as the sandbox's `pulumi` calls it."""
    pulumi, work_folders, stacks, *arguments = sys.argv[1:]
    start, rest = take_directory(arguments)
    project = find_project(start.resolve())
    if project is None:
        os.execv(pulumi, [pulumi, *arguments])  # noqa: S606  # the command itself, no shell
    work = WorkFolder(project, Path(work_folders))
    (work.folder / ".secrets").mkdir(mode=0o700, parents=True, exist_ok=True)
    with (work.folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait_for(lock, f"Waiting for another pulumi command in {project} to end.")
        work.release_stale_locks(Path(stacks))
        before = work.lay_out()
        try:
            return run([pulumi, *resolve_config_file(rest, start, project)], work.folder)
        finally:
            kept = work.carry_back(before)
            if "rm" in rest:
                for name in sorted(kept):
                    report(f"{project / name} is kept. Outside the sandbox, `pulumi stack rm` deletes it.")


if __name__ == "__main__":
    sys.exit(main())
