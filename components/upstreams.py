"""The upstreams of a virtual repository: the remote repositories behind the private one.

Owns the values that every part of a registry reads: the id, the source and the priority. Resources are
made elsewhere (`repositories.py`), and so are grants, client files and deny rules.
"""

from __future__ import annotations

from dataclasses import dataclass

# Larger wins, and only between equal versions: the index lists the union of all upstreams ("Configure
# virtual repositories"). The gap leaves room for a team's own upstream between the two.
PRIVATE_PRIORITY = 20
PYPI_PRIORITY = 10


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A public source that a remote repository caches.

    Attributes:
        id: suffix of the remote repository's id, and its id among the virtual repository's upstreams.
        title: name of the source in descriptions. Immutable at Google, as part of the remote settings.
        priority: its place among the upstreams; the larger one wins.
    """

    id: str
    title: str
    priority: int


PYPI = Upstream(id="pypi", title="PyPI", priority=PYPI_PRIORITY)
