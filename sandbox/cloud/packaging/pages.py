"""A package's page in an index: the HTML of the simple repository API (PEP 503).

Google has neither the JSON form (PEP 691) nor metadata files (PEP 658), so the sandbox has neither
(uv 6104, 18998).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from packaging.utils import InvalidName, canonicalize_name
from starlette.responses import HTMLResponse, Response

from sandbox.cloud.core.errors import not_found


@dataclass(frozen=True, kw_only=True)
class SimpleLink:
    """A file on a page.

    Attributes:
        filename: the file's name.
        version: the normalised version, by which a virtual repository compares files.
        sha256: the digest; None if the public index does not give one.
        requires_python: the version specifier for Python.
        yanked: the reason, only on the public index. No Google page with `data-yanked` is known.
    """

    filename: str
    version: str
    sha256: str | None
    requires_python: str | None
    yanked: str | None = None

    def as_google_shows(self) -> SimpleLink:
        """The link in the form of Google's pages, without the fields that only the public index has."""
        return SimpleLink(
            filename=self.filename,
            version=self.version,
            sha256=self.sha256,
            requires_python=self.requires_python,
        )


def normalise(name: str) -> str:
    """A package's normalised name (PEP 503).

    Raises:
        GoogleError: NOT_FOUND for an invalid name.
    """
    try:
        return canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise not_found() from error


def show_links(package: str, links: Iterable[SimpleLink], folder: str) -> Response:
    """The page of a package.

    Args:
        package: the normalised name.
        links: its files.
        folder: the part of the address before the file name, relative, so that any host can serve it.
    """
    lines = "".join(f"    {_anchor(link, folder)}<br/>\n" for link in links)
    title = escape(f"Links for {package}")
    return HTMLResponse(
        f"<!DOCTYPE html>\n<html>\n  <head><title>{title}</title></head>\n"
        f"  <body>\n    <h1>{title}</h1>\n{lines}  </body>\n</html>\n"
    )


def _anchor(link: SimpleLink, folder: str) -> str:
    digest = f"#sha256={link.sha256}" if link.sha256 else ""
    requires = f' data-requires-python="{escape(link.requires_python)}"' if link.requires_python else ""
    yanked = "" if link.yanked is None else f' data-yanked="{escape(link.yanked)}"'
    # `!` and `+` are escaped, as in Google's addresses (grafana-foundation-sdk 1019).
    href = escape(f"{folder}/{quote(link.filename, safe='')}{digest}")
    return f'<a href="{href}"{requires}{yanked}>{escape(link.filename)}</a>'
