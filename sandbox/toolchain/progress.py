"""What people see of long work: lines, the passing ones with the time since it began.

A report is one line; one that ends in "…" is progress, and the next may take its place.
"""

import shutil
import sys
import time
from collections.abc import Callable

PROGRESS_SECONDS = 4.0
"""Between two lines of progress; nobody should look at a still screen for five."""

Report = Callable[[str], None]


class Progress:
    """A line about long work, at most every PROGRESS_SECONDS, with the time since it began."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._began = self._last = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self._began

    def tick(self, doing: str) -> None:
        """Report if it is time to; to be called much more often than PROGRESS_SECONDS."""
        if time.monotonic() - self._last >= PROGRESS_SECONDS:
            self._last = time.monotonic()
            self._report(f"{doing}, {duration(self.elapsed())}…")


def duration(seconds: float) -> str:
    """Seconds in words: 3 min 20 s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def report_to_stderr(line: str) -> None:
    """Show a report; on a terminal, progress takes the place of the progress before it."""
    if not sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)
        return
    passing = line.endswith("…")
    shown = line[: shutil.get_terminal_size().columns - 1] if passing else line
    print(f"\r\033[K{shown}", end="" if passing else "\n", file=sys.stderr, flush=True)
