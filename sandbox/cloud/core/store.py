"""The cloud's state: JSON documents under Google's full resource names, in one SQLite file.

Owns durability and transactions. Does not own the meaning of a document.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sandbox.cloud.core.errors import Json

# A writer waits this long for another process. The command line changes faults while the server runs.
BUSY_SECONDS = 10
# No other character of Unicode sorts after it.
LAST_CHARACTER = "\U0010ffff"


class Store:
    """Documents by name. Every change belongs to a `transaction`: the store keeps all of it, or none."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        path.chmod(0o600)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS document (name TEXT PRIMARY KEY, body TEXT NOT NULL)"
        )

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit the changes made inside, or roll them back after an exception."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def get(self, name: str) -> Json | None:
        """The document of that name, or None."""
        row = self._database.execute("SELECT body FROM document WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, name: str, body: Json) -> None:
        """Write or replace a document."""
        self._database.execute(
            "INSERT INTO document VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            (name, json.dumps(body)),
        )

    def delete(self, name: str) -> None:
        """Delete a document, if it exists."""
        self._database.execute("DELETE FROM document WHERE name = ?", (name,))

    def children(self, collection: str) -> list[Json]:
        """The documents directly in a collection (`projects/p/services`), ordered by name."""
        prefix = f"{collection}/"
        rows = self._database.execute(
            "SELECT body FROM document WHERE name > ? AND name < ? AND NOT instr(substr(name, ?), '/')"
            " ORDER BY name",
            (*_span(prefix), len(prefix) + 1),
        )
        return [json.loads(body) for (body,) in rows]

    def below(self, prefix: str) -> list[Json]:
        """The documents whose name is longer than the prefix and begins with it, ordered by name."""
        rows = self._database.execute(
            "SELECT body FROM document WHERE name > ? AND name < ? ORDER BY name", _span(prefix)
        )
        return [json.loads(body) for (body,) in rows]

    def delete_below(self, prefix: str) -> None:
        """Delete the documents whose name is longer than the prefix and begins with it."""
        self._database.execute("DELETE FROM document WHERE name > ? AND name < ?", _span(prefix))

    def delete_older(self, prefix: str, key: str, time: float) -> None:
        """Delete the documents below a prefix whose time, under that key, is earlier."""
        self._database.execute(
            "DELETE FROM document WHERE name > ? AND name < ? AND json_extract(body, ?) < ?",
            (*_span(prefix), f"$.{key}", time),
        )

    def values(self, key: str) -> set[str]:
        """All values that documents have under that key."""
        rows = self._database.execute(
            "SELECT DISTINCT json_extract(body, ?) FROM document WHERE json_extract(body, ?) NOT NULL",
            (f"$.{key}", f"$.{key}"),
        )
        return {value for (value,) in rows}

    def names(self, pattern: str) -> list[str]:
        """The names that match a pattern such as `projects/*/services/*`; its `*` matches slashes too."""
        rows = self._database.execute("SELECT name FROM document WHERE name GLOB ?", (pattern,))
        return [name for (name,) in rows]

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _span(prefix: str) -> tuple[str, str]:
    """The range of names that begin with the prefix, so that SQLite uses its index instead of a scan."""
    return prefix, prefix + LAST_CHARACTER
