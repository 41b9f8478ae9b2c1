"""Google's bad days, on demand: delays, refusals and lost connections that a first `up` meets.

Owns the list of faults and when each strikes. What a fault looks like is said by the module that
answers the request it spoils.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields, replace

from sandbox.cloud.core.store import Store

_DOCUMENT = "sandbox/faults"


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The faults in force; all off by default.

    Attributes:
        api_delay: seconds that an API still answers SERVICE_DISABLED after it was enabled.
        account_delay: seconds that a new service account is not found and cannot be granted a role.
        member_delay: further seconds that it can be read but not yet be granted a role.
        unavailable: share (0 to 1) of requests answered 503.
        stale_etag: share (0 to 1) of policy writes answered 409, as if another writer came first.
        slow_operations: seconds until a long-running operation is done.
        cut: the connection of that request, counted from now, is lost after it was carried out.
    """

    api_delay: float = 0
    account_delay: float = 0
    member_delay: float = 0
    unavailable: float = 0
    stale_etag: float = 0
    slow_operations: float = 0
    cut: int = 0

    @classmethod
    def parse(cls, words: tuple[str, ...]) -> Faults:
        """Read `api-delay=60 unavailable=0.3`; `none` clears.

        Raises:
            ValueError: names the word, and what would be right.
        """
        if words == ("none",):
            return cls()
        known = {field.name.replace("_", "-"): field.name for field in fields(cls)}
        values: dict[str, float] = {}
        for word in words:
            key, _, text = word.partition("=")
            if key not in known:
                raise ValueError(f"{word}: no such fault; there are {', '.join(known)} and none")
            share = key in ("unavailable", "stale-etag")
            kind = "a share from 0 to 1" if share else "a whole number" if key == "cut" else "seconds"
            try:
                number = int(text) if key == "cut" else float(text)
            except ValueError:
                number = -1
            if not 0 <= number < float("inf") or (share and number > 1):
                raise ValueError(f"{word}: {key} takes {kind}, such as {key}={0.3 if share else 20}")
            values[known[key]] = number
        return cls(**values)  # pyright: ignore[reportArgumentType]  # cut alone is int, as parsed

    def __str__(self) -> str:
        active = {key: value for key, value in asdict(self).items() if value}
        words = (f"{key.replace('_', '-')}={value:g}" for key, value in active.items())
        return " ".join(words) or "none"


def read_faults(store: Store) -> Faults:
    """The faults in force."""
    return Faults(**(store.get(_DOCUMENT) or {}))


def write_faults(store: Store, faults: Faults) -> None:
    """Put faults in force, at once and for the requests that follow."""
    store.put(_DOCUMENT, asdict(faults))


def strikes(share: float) -> bool:
    """Whether a fault with that share spoils this request."""
    return random.random() < share  # noqa: S311  # bad luck, not a secret


def count_down_to_cut(store: Store) -> bool:
    """Count this request; True for the one whose connection is to be lost."""
    faults = read_faults(store)
    if not faults.cut:
        return False
    write_faults(store, replace(faults, cut=faults.cut - 1))
    return faults.cut == 1
