"""The time, as Google's answers write it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The time in the form of Google's answers: RFC 3339, microseconds, Zulu."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
