"""Reports of long work: lines, and progress lines with the time since the start.

A report is one line. A line that ends in "…" is progress, and the next line may replace it.
"""

import shutil
import sys
import time
from collections.abc import Callable

# Time between two progress lines. A screen must not stay unchanged for five seconds.
PROGRESS_SECONDS = 4.0

Report = Callable[[str], None]


class Progress:
    """A line about long work, at most every PROGRESS_SECONDS, with the time since the start."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._started = self._last = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def tick(self, activity: str) -> None:
        """Report if a line is due. Call this much more often than every PROGRESS_SECONDS."""
        if time.monotonic() - self._last >= PROGRESS_SECONDS:
            self._last = time.monotonic()
            self._report(f"{activity}, {duration(self.elapsed())}…")


def duration(seconds: float) -> str:
    """Seconds in words: 3 min 20 s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def report_to_stderr(line: str) -> None:
    """Show a report. On a terminal, a line replaces the progress line before it."""
    if not sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)
        return
    is_progress = line.endswith("…")
    shown = line[: shutil.get_terminal_size().columns - 1] if is_progress else line
    print(f"\r\033[K{shown}", end="" if is_progress else "\n", file=sys.stderr, flush=True)
