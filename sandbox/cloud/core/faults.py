"""Fault injection: delays, refusals and lost connections that a first `up` on Google can meet.

Owns the list of faults and when each one occurs. The module that answers the request owns the form of the
fault.
"""

from __future__ import annotations

import random
import re
from dataclasses import asdict, dataclass, fields, replace

from sandbox.cloud.core.store import Store

_DOCUMENT = "sandbox/faults"
_DOMAINS = re.compile(r"[\w-]+(?:\.[\w-]+)+(?:,[\w-]+(?:\.[\w-]+)+)*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Faults:
    """The faults that the cloud injects; all are off by default.

    Attributes:
        api_delay: seconds for which a newly enabled API still answers SERVICE_DISABLED.
        account_delay: seconds for which a new service account is not found and cannot be granted a role.
        member_delay: further seconds for which it can be read but cannot be granted a role.
        unavailable: share (0 to 1) of requests that are answered 503.
        stale_etag: share (0 to 1) of policy writes that are answered 409, as if another writer was first.
        slow_operations: seconds until a long-running operation is done.
        cut: number of the request, counted from now, whose connection breaks after the change was made.
        permitted_domains: the domains that the organization permits in policies, with commas; empty permits
            all.
    """

    api_delay: float = 0
    account_delay: float = 0
    member_delay: float = 0
    unavailable: float = 0
    stale_etag: float = 0
    slow_operations: float = 0
    cut: int = 0
    permitted_domains: str = ""

    @classmethod
    def parse(cls, words: tuple[str, ...]) -> Faults:
        """Read words such as `api-delay=60 unavailable=0.3`.

        Raises:
            ValueError: the message names the word and the correct form.
        """
        known = {field.name.replace("_", "-"): field.name for field in fields(cls)}
        values: dict[str, float | str] = {}
        for word in words:
            key = word.partition("=")[0]
            if key not in known:
                raise ValueError(f"{word}: no such fault; the faults are {', '.join(known)}")
            values[known[key]] = _parse_domains(word) if key == "permitted-domains" else _parse_number(word)
        return cls(**values)  # pyright: ignore[reportArgumentType]  # each value has its field's type

    def __str__(self) -> str:
        active = {key: value for key, value in asdict(self).items() if value}
        words = (
            f"{key.replace('_', '-')}={value if isinstance(value, str) else format(value, 'g')}"
            for key, value in active.items()
        )
        return " ".join(words) or "none"


def _parse_number(word: str) -> float:
    key, _, text = word.partition("=")
    share = key in ("unavailable", "stale-etag")
    kind = "a share from 0 to 1" if share else "a whole number" if key == "cut" else "seconds"
    try:
        number = int(text) if key == "cut" else float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf") or (share and number > 1):
        raise ValueError(f"{word}: {key} takes {kind}, such as {key}={0.3 if share else 20}")
    return number


def _parse_domains(word: str) -> str:
    key, _, text = word.partition("=")
    if not _DOMAINS.fullmatch(text):
        raise ValueError(
            f"{word}: {key} takes domains with commas between them, such as {key}=example.com,example.org"
        )
    return text


def read_faults(store: Store) -> Faults:
    """Read the active faults."""
    return Faults(**(store.get(_DOCUMENT) or {}))


def write_faults(store: Store, faults: Faults) -> None:
    """Activate faults for all requests from now on."""
    store.put(_DOCUMENT, asdict(faults))


def strikes(share: float) -> bool:
    """Decide at random whether a fault with that share occurs."""
    return random.random() < share  # noqa: S311  # chance, not a secret


def count_down_to_cut(store: Store) -> bool:
    """Count this request; True for the one whose connection must break."""
    faults = read_faults(store)
    if not faults.cut:
        return False
    write_faults(store, replace(faults, cut=faults.cut - 1))
    return faults.cut == 1
