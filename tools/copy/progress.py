"""The output of a long command: one line per result, and a sign of life while nothing ends.

Owns the clock and the thread that watches it. Shows names, sizes and times only.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

# After this time without output, a line says what is still running.
SILENCE_SECONDS = 4.0


class Progress:
    """Shows what a command does. Use it as a context manager."""

    def __init__(self, silence: float = SILENCE_SECONDS) -> None:
        self._silence = silence
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._started = self._last_output = self._step_started = time.monotonic()
        self._step, self._size, self._done = "Starting", 0, 0

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._watcher.join()

    @property
    def seconds(self) -> float:
        """The time since the command began."""
        return time.monotonic() - self._started

    def say(self, line: str) -> None:
        """Print a line at once."""
        with self._lock:
            print(line, flush=True)
            self._last_output = time.monotonic()

    def begin(self, step: str, size: int = 0) -> None:
        """Name the step that runs now, and its size in bytes if it has one."""
        with self._lock:
            self._step, self._size, self._done = step, size, 0
            self._step_started = time.monotonic()

    def advance(self, count: int) -> None:
        """Count bytes of the current step."""
        self._done += count

    def _watch(self) -> None:
        wait = self._silence
        while not self._ended.wait(wait):
            wait = self._last_output + self._silence - time.monotonic()
            if wait <= 0:
                amount = f", {size_text(self._done)} of {size_text(self._size)}" if self._size else ""
                self.say(f"  … {self._step}{amount}: {time.monotonic() - self._step_started:.0f} s")
                wait = self._silence


def size_text(count: float) -> str:
    """Return a number of bytes for people."""
    if count < 1000:
        return f"{count} B"
    for unit in ("kB", "MB"):
        count /= 1000
        if count < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} GB"
