"""The upstreams of a virtual repository: public sources that remote repositories cache.

Owns the values that every part of a registry iterates: id, title and priority. Other modules create the
remote repositories, grants, client files and deny rules for them.
"""

from __future__ import annotations

from dataclasses import dataclass

# A virtual repository lists the packages of all its upstreams. If two offer the same version, the larger
# priority wins ("Configure virtual repositories"). The gap leaves room for a team's own upstream.
PRIVATE_PRIORITY = 20
PYPI_PRIORITY = 10


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A public source that a remote repository caches."""

    id: str
    """Suffix of the remote repository's id, and its id among the upstream policies."""

    title: str
    """Name of the source in descriptions. Google replaces the remote repository if it changes."""

    priority: int
    """Rank among the upstreams. The larger priority wins."""


PYPI = Upstream(id="pypi", title="PyPI", priority=PYPI_PRIORITY)
