"""Cloud Logging: `logging.googleapis.com` lists the entries that the sandbox wrote.

Owns the entries of each project, and the part of the query language that Google's page on cleanup policies
uses: comparisons that `AND` and `NOT` join.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.core.errors import Json, invalid, read_field, read_list, read_object
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.policies import check_permission
from sandbox.cloud.projects.projects import LOGGING, get_project, require_service

HOST = LOGGING
# "Roles and permissions" of Cloud Logging: Data Access audit logs are private.
PERMISSION = "logging.privateLogEntries.list"
_ORDERS = {"": False, "timestamp asc": False, "timestamp desc": True}
# "Logging query language": comparisons of a field, without the operators that nobody needs here.
_COMPARISON = re.compile(
    r"(?P<not>NOT\s+)?(?P<path>[A-Za-z_][\w.]*)\s*(?P<operator>=|>=|<=)\s*"
    r'(?P<value>"(?:[^"\\]|\\.)*"|true|false)'
)

Matcher = Callable[[Json], bool]


def write_entry(store: Store, project: str, entry: Json) -> None:
    """Write an entry to the log of a project. Its `insertId` is unique."""
    store.put(f"logs:{project}/{entry['insertId']}", entry)


async def list_entries(request: Request) -> Response:
    store: Store = request.app.state.store
    body = await read_object(request)
    matches = _matcher(read_field(body, "filter", ""))
    order = read_field(body, "orderBy", "")
    if order not in _ORDERS:
        raise invalid(f"Invalid order_by: {order!r}.")
    entries: list[Json] = []
    for name in cast("list[str]", read_list(body, "resourceNames", str)):
        kind, _, project = name.partition("/")
        if kind != "projects" or "/" in project:
            raise invalid(f"The sandbox has the logs of projects, not of {name!r}.")
        project = f"projects/{get_project(store, project)['projectId']}"
        require_service(store, project.partition("/")[2], HOST)
        check_permission(store, request.state.principal, PERMISSION, HOST, project)
        entries += filter(matches, store.children(f"logs:{project}"))
    entries.sort(key=lambda entry: entry["timestamp"], reverse=_ORDERS[order])
    return JSONResponse({"entries": entries} if entries else {})


def _matcher(text: str) -> Matcher:
    """Whether an entry satisfies all comparisons of a filter.

    Raises:
        GoogleError: INVALID_ARGUMENT for a filter that the sandbox does not know.
    """
    # Without OR, and with NOT before a single comparison, parentheses mean nothing.
    others = set(re.findall(r"[^\s()]+", _COMPARISON.sub(" ", text))) - {"AND"}
    if others:
        raise invalid(f"The sandbox does not know {sorted(others)} in a filter of logs.")
    comparisons = list(_COMPARISON.finditer(text))
    return lambda entry: all(_satisfies(comparison, entry) for comparison in comparisons)


def _satisfies(comparison: re.Match[str], entry: Json) -> bool:
    found: Any = entry
    for part in comparison["path"].split("."):
        found = cast(Json, found).get(part) if isinstance(found, dict) else None
    # "Comparisons of strings are not case-sensitive" (Logging query language).
    value, text = json.loads(comparison["value"]), str(found).lower()
    other = str(value).lower()
    result = {"=": text == other, ">=": text >= other, "<=": text <= other}[comparison["operator"]]
    return (found is not None and result) is not bool(comparison["not"])


ROUTES = [Route("/v2/entries:list", list_entries, methods=["POST"])]
