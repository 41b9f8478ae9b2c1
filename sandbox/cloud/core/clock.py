"""The time, as Google's answers write it, and the shift of the clock of uploads.

A version must be old before a cleanup policy deletes it, so the command line can shift this clock. All
other times are real, because tokens and operations expire.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sandbox.cloud.core.store import Store

_DOCUMENT = "sandbox/clock"


def now() -> str:
    """The time in the form of Google's answers: RFC 3339, microseconds, Zulu."""
    return format_time(datetime.now(UTC))


def format_time(time: datetime) -> str:
    """A time in the form of Google's answers."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def shifted_time(store: Store) -> datetime:
    """The time of an upload: the real time and the shift."""
    return datetime.now(UTC) + timedelta(days=read_shift(store))


def read_shift(store: Store) -> int:
    """The shift of the clock in days."""
    return (store.get(_DOCUMENT) or {"days": 0})["days"]


def write_shift(store: Store, days: int) -> None:
    """Shift the clock by so many days from the real time."""
    store.put(_DOCUMENT, {"days": days})
