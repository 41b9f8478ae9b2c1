"""The time, as Google's answers write it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The time as Google's answers have it: RFC 3339, microseconds, Zulu."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
