"""A package's page in an index: the HTML of the simple repository API (PEP 503), and no more.

Without what Google does not have (uv 6104, 18998): the JSON form (PEP 691) and metadata files (PEP 658).
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
    """A file on a page."""

    filename: str
    version: str
    """The normalised version, by which a virtual repository tells files apart."""
    sha256: str | None
    """None where the public index does not say."""
    requires_python: str | None
    yanked: str | None = None
    """The reason, on the public index alone: no page of Google's with `data-yanked` has been seen."""

    def as_google_shows(self) -> SimpleLink:
        """The link as Google's pages have it, without what only the public index says."""
        return SimpleLink(
            filename=self.filename,
            version=self.version,
            sha256=self.sha256,
            requires_python=self.requires_python,
        )


def normalise(name: str) -> str:
    """A package's name as indexes have it (PEP 503).

    Raises:
        GoogleError: NOT_FOUND for what is no name.
    """
    try:
        return canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise not_found() from error


def show_links(package: str, links: Iterable[SimpleLink], folder: str) -> Response:
    """A page.

    Args:
        package: the normalised name.
        links: its files.
        folder: what stands before the file name in an address: relative, so that any host serves it.
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
    # `!` and `+` are escaped as they have been seen in Google's addresses (grafana-foundation-sdk 1019).
    href = escape(f"{folder}/{quote(link.filename, safe='')}{digest}")
    return f'<a href="{href}"{requires}{yanked}>{escape(link.filename)}</a>'
