"""The cache folder that all checkouts share, and its locks.

Owns where the folder is, and the lock under which one run builds what other runs wait for. Knows nothing of
what is built (`sandbox.toolchain.build` runs the commands).
"""

import fcntl
import os
import pwd
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sandbox.toolchain.progress import Progress, Report

# Names the cache folder inside the sandbox, where clients have another HOME.
CACHE_VARIABLE = "PYTHON_REGISTRY_CACHE"
# Pause between two tries to get a lock, in seconds.
POLL_SECONDS = 0.1


def cache_folder() -> Path:
    """The folder for files that are kept between runs and checkouts (XDG Base Directory)."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "python-registry"


def account_cache_folder() -> Path | None:
    """The cache folder in the account's own home folder, if HOME names another folder."""
    if os.environ.get(CACHE_VARIABLE) or os.environ.get("XDG_CACHE_HOME"):
        return None
    try:
        folder = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / "python-registry"
    except KeyError:  # a user without an entry, as in some containers
        return None
    return None if folder == cache_folder() else folder


@contextmanager
def cache_lock(key: str, report: Report) -> Generator[None]:
    """Hold the lock of `key`. If another run holds it, wait. The lock ends with its process."""
    with (cache_folder() / f"{key}.lock").open("a+") as lock:
        progress = Progress(report)
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                lock.seek(0)
                progress.tick(f"Waiting for process {lock.read()}, which builds {key}")
                time.sleep(POLL_SECONDS)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
