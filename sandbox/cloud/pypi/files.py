"""The files of the public index, and the error of an index that does not answer."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.cloud.core.errors import GoogleError
from sandbox.cloud.packaging.pages import SimpleLink


class UnreachableError(Exception):
    """The real index did not answer. The message says how, without the address and its login."""


@dataclass(frozen=True, kw_only=True)
class RemoteFile(SimpleLink):
    """A file of the public index.

    Attributes:
        url: its address on the real index; None for a planted file, whose content is in the sandbox.
    """

    url: str | None


def unavailable(error: UnreachableError) -> GoogleError:
    """The refusal of a request that needs an index that does not answer."""
    return GoogleError("UNAVAILABLE", f"The sandbox has no copy of this, and {error}.")
