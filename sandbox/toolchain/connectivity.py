"""Finds out which hosts answer. Some networks drop requests, and clients then wait for minutes.

Owns the time limit, and the notes on hosts that did not answer.
"""

import threading
import time
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.toolchain.progress import Progress, Report

# A host that does not answer in this time counts as unreachable (the requirement is at most ten seconds).
ANSWER_SECONDS = 8.0
# How long a host that did not answer is not asked again.
REFUSAL_SECONDS = 24 * 60 * 60


def answering(urls: Sequence[str], folder: Path, report: Report) -> list[str]:
    """The URLs that answer. A host that does not gets a note in the folder, and is not asked for a day."""
    notes = {url: folder / str(urlsplit(url).hostname) for url in urls}
    fresh: list[str] = []
    for url, note in notes.items():
        age = time.time() - note.stat().st_mtime if note.exists() else REFUSAL_SECONDS
        if not 0 <= age < REFUSAL_SECONDS:
            fresh.append(url)
    problems = unanswered(fresh, report)
    for url, problem in problems.items():
        notes[url].parent.mkdir(exist_ok=True)
        notes[url].write_text(problem)
        report(
            f"{notes[url].name} does not answer ({problem}). It is not asked again for a day, "
            f"or until you delete {notes[url]}."
        )
    return [url for url in fresh if url not in problems]


def unanswered(urls: Sequence[str], report: Report) -> dict[str, str]:
    """The problem of each URL that does not answer. All are asked at once, within ANSWER_SECONDS."""
    problems = dict.fromkeys(urls, f"no answer in {ANSWER_SECONDS:.0f} s")

    def ask(url: str) -> None:
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_SECONDS):  # noqa: S310 (constant URLs)
                del problems[url]
        except (OSError, HTTPException, ValueError) as error:
            problems[url] = str(getattr(error, "reason", error))

    # Daemon threads: the look-up of a name has no time limit of its own.
    threads = [threading.Thread(target=ask, args=[url], daemon=True) for url in urls]
    hosts = " and ".join(str(urlsplit(url).hostname) for url in urls)
    progress = Progress(report)
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and progress.elapsed() < ANSWER_SECONDS:
        time.sleep(0.05)
        progress.tick(f"Asking {hosts}")
    return dict(problems)
