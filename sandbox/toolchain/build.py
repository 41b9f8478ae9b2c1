"""Runs the commands of a build, with a log and progress.

Owns the commands, their log, their progress and their end. Knows nothing of what is built.
"""

import os
import re
import select
import shlex
import signal
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from sandbox.toolchain import connectivity
from sandbox.toolchain.cache import cache_folder, cache_lock
from sandbox.toolchain.progress import Progress, Report

# How long a command may still take to clean up after SIGTERM, in seconds.
END_SECONDS = 4.0
# How many lines of a failed step's output the error shows.
LOG_TAIL_LINES = 12
READ_SECONDS, READ_BYTES = 0.2, 65536


class BuildError(Exception):
    """A step of the build failed. The message names the step, the reason and the log."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of a build.

    Attributes:
        name: how reports and errors name the step.
        command: the command and its arguments.
        cwd: its working folder.
        env: variables besides those of this process.
        unit: if given, progress counts the lines of output in this unit.
        answer: if given, the output must match this pattern within `connectivity.ANSWER_SECONDS`. The match
            shows that the host that the command needs answers.
    """

    name: str
    command: tuple[str | Path, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    unit: str = ""
    answer: str = ""


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build that holds its lock: its reports, and the log that its commands write."""

    log: Path
    report: Report

    def run(self, step: Step) -> list[str]:
        """Run a command with its output in the log, and return the lines of that output.

        Raises:
            BuildError: the command failed, or `step.answer` did not appear in time.
        """
        self.report(f"{step.name}…")
        with self.log.open("ab", buffering=0) as log:
            log.write(f"$ {shlex.join(map(str, step.command))}\n".encode())
            # The command has its own session, so that its children end with it. It writes to a pipe of this
            # process: after a `kill -9` of this process the next write ends it.
            child = subprocess.Popen(
                list(map(str, step.command)),
                cwd=step.cwd,
                env={**os.environ, **step.env},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                output = self._read(child, step, log)
                if status := child.wait():
                    raise self._failure(step, f"exit status {status}")
            finally:
                with child:  # closes the pipe
                    _end(child)
        return output.decode(errors="replace").splitlines()

    def _read(self, child: subprocess.Popen[bytes], step: Step, log: IO[bytes]) -> bytes:
        """The output of a command until it closes the pipe, with progress meanwhile."""
        progress, output, awaited = Progress(self.report), b"", step.answer
        pipe = cast("IO[bytes]", child.stdout)
        while True:
            if select.select([pipe], [], [], READ_SECONDS)[0]:
                if not (chunk := os.read(pipe.fileno(), READ_BYTES)):
                    return output
                log.write(chunk)
                output += chunk
            if awaited and progress.elapsed() > connectivity.ANSWER_SECONDS:
                if not re.search(awaited.encode(), output):
                    raise self._failure(step, f"no answer in {connectivity.ANSWER_SECONDS:.0f} s")
                awaited = ""
            lines = output.count(b"\n") if step.unit else 0
            progress.tick(f"{step.name}: {lines:,} {step.unit}" if lines else step.name)

    def _failure(self, step: Step, reason: str) -> BuildError:
        tail = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        shown = "".join(f"\n    {line}" for line in tail)
        return BuildError(f"{step.name} failed ({reason}). The end of {self.log}:{shown}")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a command that still runs, and its children. SIGTERM comes first, so that Go cleans up."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is None:
            os.killpg(child.pid, number)
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=END_SECONDS)


@contextmanager
def build_lock(key: str, report: Report) -> Generator[Build]:
    """Hold the lock of `key` for one build, with an empty log.

    Raises:
        BuildError: the cache folder cannot be written, or is full.
    """
    cache = cache_folder()
    log = cache / "logs" / f"{key}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with cache_lock(key, report):
            log.write_bytes(b"")
            yield Build(log=log, report=report)
    except OSError as error:
        raise BuildError(
            f"{error}. Builds are kept in {cache}, which must be writable and have 1 GB free. "
            f"XDG_CACHE_HOME sets another folder."
        ) from error
