"""The sandbox's `pulumi`: the real one, in a stand-in for the project's folder.

With a local state the engine writes its own lines (a salt) into a stack's file. Here it finds links to
everything in the project but copies of the stack files, made anew for every command, so the committed
files stay as they are; what a person changes with `pulumi config set` is carried back to them.

Owns those copies, one command at a time in a project, and the locks of commands that were killed. Run
by path with nothing but the standard library (`sandbox.runtime.environment` writes the command that does),
since it stands before every `pulumi`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import IO

STACK_FILE = re.compile(r"Pulumi\.(?P<stack>.+)\.yaml")
# What the engine keeps in a stack's file for its secrets. The sandbox has its own; a team's real
# provider (a KMS key, say) could not be asked here. Bytes, as are all of the files: what is wrong in one is
# for the engine to say.
SECRETS_LINE = re.compile(rb"^(?:encryptionsalt|encryptedkey|secretsprovider):.*\n?", re.MULTILINE)
PROJECT_NAME = re.compile(rb"^name:\s*[\"']?([^\s\"']+)", re.MULTILINE)
# How often somebody who waits is told so.
WAITING_SECONDS = 5.0
# As the engine's library for flags (pflag) takes it in one word.
CWD_FLAG = re.compile(r"(?:--cwd=|-C=?)(.+)", re.DOTALL)


class Workspace:
    """The stand-in for one project's folder."""

    def __init__(self, project: Path, workspaces: Path) -> None:
        self.project = project
        digest = hashlib.sha256(str(project).encode()).hexdigest()[:8]
        self.folder = workspaces / f"{project.name}-{digest}"
        self._secrets = self.folder / ".secrets"

    def lay_out(self) -> dict[str, bytes]:
        """Make the folder match the project; returns what is in the stack files, by name."""
        for path in self.folder.iterdir():
            if path.is_symlink() or STACK_FILE.fullmatch(path.name):
                path.unlink()
        before: dict[str, bytes] = {}
        for path in self.project.iterdir():
            if STACK_FILE.fullmatch(path.name) and path.is_file():
                before[path.name] = path.read_bytes()
                own = SECRETS_LINE.sub(b"", before[path.name])
                kept = self._secrets / path.name
                if kept.exists():
                    own = kept.read_bytes() + own
                (self.folder / path.name).write_bytes(own)
            else:
                (self.folder / path.name).symlink_to(path)
        return before

    def carry_back(self, before: dict[str, bytes]) -> None:
        """Write what the command changed into the committed stack files, its own lines aside.

        One that it removed (`pulumi stack rm`) stays: it is the project's, the stack was the sandbox's. One
        that it renamed (`pulumi stack rename`) is renamed.
        """
        files = [
            path
            for path in self.folder.iterdir()
            if STACK_FILE.fullmatch(path.name) and not path.is_symlink()
        ]
        now = {path.name for path in files}
        renamed = before.keys() - now if now - before.keys() else set[str]()
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
                say(f"{target} was edited meanwhile; what the command wrote is in {rescued}.")
                continue
            target.write_bytes(b"".join(SECRETS_LINE.findall(committed)) + content)
        for name in renamed:
            if (self.project / name).read_bytes() == before[name]:
                (self.project / name).unlink()

    def release_stale_locks(self, stacks: Path) -> None:
        """Remove the locks that engines left in the project's stacks when they were killed."""
        name = PROJECT_NAME.search((self.project / "Pulumi.yaml").read_bytes())
        locks = stacks / ".pulumi" / "locks" / "organization"
        for path in (locks / os.fsdecode(name[1])).glob("*/*.json") if name else ():
            with contextlib.suppress(OSError, ValueError, KeyError):
                if not is_running(json.loads(path.read_text())["pid"]):
                    say(f"An earlier command on stack {path.parent.name} was killed; its lock is released.")
                    path.unlink()


def is_running(pid: int) -> bool:
    """Whether a process does anything still; one that was killed may keep its number for a while."""
    try:
        os.kill(pid, 0)
        # Linux alone has this file; elsewhere the number is all there is to go by.
        status = Path(f"/proc/{pid}/stat").read_text()
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] != "Z"


def find_project(folder: Path) -> Path | None:
    """The nearest folder upward with a Pulumi.yaml, as the engine looks for it."""
    return next((f for f in (folder, *folder.parents) if (f / "Pulumi.yaml").exists()), None)


def take_directory(arguments: Sequence[str]) -> tuple[Path, list[str]]:
    """The folder that the command is to run in, and the arguments without the flag that says so."""
    folder, rest = Path.cwd(), list(arguments)
    for index, word in enumerate(rest):
        if word == "--":
            break
        if word in ("-C", "--cwd") and index + 1 < len(rest):
            return folder / rest[index + 1], rest[:index] + rest[index + 2 :]
        if joined := CWD_FLAG.fullmatch(word):
            return folder / joined[1], rest[:index] + rest[index + 1 :]
    return folder, rest


def run(command: Sequence[str], folder: Path) -> int:
    """Run the engine; its exit status, as a shell would have it."""
    children: list[subprocess.Popen[bytes]] = []
    received: list[int] = []

    def pass_on() -> None:
        # One that comes while the engine is being started waits here for it.
        while children and received:
            number = received.pop(0)
            # From a terminal Ctrl-C reaches the engine by itself; twice would mean: at once, not cleanly.
            if number != signal.SIGINT or not sys.stdin.isatty():
                children[0].send_signal(number)

    def receive(number: int, _: FrameType | None) -> None:
        received.append(number)
        pass_on()

    # Before the engine starts: a signal that comes right after must not end this process alone.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, receive)
    children.append(subprocess.Popen(command, cwd=folder, env={**os.environ, "PWD": str(folder)}))
    pass_on()
    status = children[0].wait()
    return status if status >= 0 else 128 - status


def wait_for(lock: IO[str], text: str) -> None:
    """Take a lock once nobody else has it, saying so meanwhile."""

    def tell(_: int, __: FrameType | None) -> None:
        say(text)

    signal.signal(signal.SIGALRM, tell)
    signal.setitimer(signal.ITIMER_REAL, WAITING_SECONDS, WAITING_SECONDS)
    say(text)
    fcntl.flock(lock, fcntl.LOCK_EX)
    signal.setitimer(signal.ITIMER_REAL, 0)


def say(text: str) -> None:
    """Tell the person, beside the engine's own output."""
    print(f"sandbox: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """`pulumi_wrapper.py PULUMI WORKSPACES STACKS [ARGUMENT …]`, as the sandbox's `pulumi` calls it."""
    pulumi, workspaces, stacks, *arguments = sys.argv[1:]
    start, rest = take_directory(arguments)
    project = find_project(start.resolve())
    if project is None:
        os.execv(pulumi, [pulumi, *arguments])  # noqa: S606  # the command itself, no shell
    workspace = Workspace(project, Path(workspaces))
    (workspace.folder / ".secrets").mkdir(mode=0o700, parents=True, exist_ok=True)
    with (workspace.folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait_for(lock, f"Waiting for another pulumi command in {project} to end.")
        workspace.release_stale_locks(Path(stacks))
        before = workspace.lay_out()
        try:
            return run([pulumi, *rest], workspace.folder)
        finally:
            workspace.carry_back(before)


if __name__ == "__main__":
    sys.exit(main())
