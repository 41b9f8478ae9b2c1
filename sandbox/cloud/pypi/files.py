"""The files of the public index, and the error of an index that does not answer."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.cloud.core.errors import GoogleError
from sandbox.cloud.packaging.pages import SimpleLink


class UnreachableError(Exception):
    """The real index did not answer; the message says how, without the address and its login."""


@dataclass(frozen=True, kw_only=True)
class RemoteFile(SimpleLink):
    """A file of the public index."""

    url: str | None
    """Where the real index has it; None for a planted one, whose content is here."""


def unavailable(error: UnreachableError) -> GoogleError:
    """What a client is told of an index that does not answer."""
    return GoogleError("UNAVAILABLE", f"The sandbox has no copy of this, and {error}.")
