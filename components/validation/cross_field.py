"""Rules that read more than one setting.

Each rule takes typed arguments and declares the fields that it needs, so that a caller can skip it when
one of them is bad. A rule about repositories iterates `args.repositories` and never names one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from ..args import NAMED_PREFIX, PythonRegistryArgs, member_identity
from .ids import ACCOUNT_LENGTH, REPOSITORY_LENGTH
from .members import MEMBER_LIMIT
from .problem import Problem
from .suggestions import suggest

# Spells an attribute as the user does: `pypi_proxy` is `python-registry:pypiProxy` in a stack file.
Spelling = Callable[[str], str]
RuleCheck = Callable[[PythonRegistryArgs, Spelling], Iterator[Problem]]

MEMBER_LISTS = ("readers", "writers", "admins")
NAMED_LISTS = tuple(f"{NAMED_PREFIX}{members}" for members in MEMBER_LISTS)
# The fields that decide the names of everything that a registry owns.
NAMING = ("project", "location", "repository", "pypi_proxy", "service_accounts")


@dataclass(frozen=True)
class Rule:
    """A check, and the fields that it needs."""

    check: RuleCheck
    needs: tuple[str, ...]


def repository_lengths(args: PythonRegistryArgs, key: Spelling) -> Iterator[Problem]:
    longest = max(args.repositories, key=len)
    if len(longest) > REPOSITORY_LENGTH:
        rule = f"the id {longest} has {len(longest)} characters, and Google allows {REPOSITORY_LENGTH}"
        fits_without_upstreams = len(args.repository) <= REPOSITORY_LENGTH
        switch = f", or set {key('pypi_proxy')} to false" if fits_without_upstreams else ""
        yield Problem(key("repository"), args.repository, rule, f"shorten it{switch}")


def account_lengths(args: PythonRegistryArgs, key: Spelling) -> Iterator[Problem]:
    longest = max(_accounts(args), key=len, default="")
    if len(longest) > ACCOUNT_LENGTH:
        rule = f"the account id {longest} has {len(longest)} characters, and Google allows {ACCOUNT_LENGTH}"
        fix = f"shorten it, or set {key('service_accounts')} to false"
        yield Problem(key("repository"), args.repository, rule, fix)


def repository_members(args: PythonRegistryArgs, key: Spelling) -> Iterator[Problem]:
    """The policy of the upload repository contains every list and both accounts."""
    # The accounts count even if they are off, so that they can be switched on later.
    accounts = (args.reader_account, args.writer_account)
    count = sum(len(getattr(args, members)) for members in (*MEMBER_LISTS, *NAMED_LISTS)) + len(accounts)
    if count > MEMBER_LIMIT:
        rule = f"Google allows {MEMBER_LIMIT} members per policy, including the two service accounts"
        yield Problem(key("readers"), f"{count} members in all lists", rule, "use groups")


def account_members(account: str, args: PythonRegistryArgs, key: Spelling) -> Iterator[Problem]:
    """The policy of an account contains its token creators; the writer's also has the workflows."""
    workflows = args.github.repositories if args.github and account == "writer" else ()
    named = getattr(args, f"{NAMED_PREFIX}{account}_impersonators")
    count = len(getattr(args.impersonators, account)) + len(named) + len(workflows)
    if count > MEMBER_LIMIT:
        rule = f"Google allows {MEMBER_LIMIT} members per policy"
        yield Problem(f"{key('impersonators')}.{account}", f"{count} members", rule, "use groups")


def redundant_members(attribute: str, args: PythonRegistryArgs, key: Spelling) -> Iterator[Problem]:
    """The program grants its accounts their roles, and a second grant of one role conflicts with that."""
    own = {member_identity(f"serviceAccount:{args.account_email(account)}") for account in _accounts(args)}
    named = _known_members(f"{NAMED_PREFIX}{attribute}", args, key)
    for path, member in [*((key(attribute), member) for member in getattr(args, attribute)), *named]:
        if member_identity(member) in own:
            rule = "the program creates this account and grants its role"
            yield Problem(path, member, rule, "remove it")


def repeated_members(attribute: str, args: PythonRegistryArgs, key: Spelling) -> Iterator[Problem]:
    """A second grant of one role conflicts with the first, whatever name its entry has."""
    seen = {member_identity(member): key(attribute) for member in getattr(args, attribute)}
    yield from _repetitions(seen, _known_members(f"{NAMED_PREFIX}{attribute}", args, key))


def repeated_token_creators(account: str, args: PythonRegistryArgs, key: Spelling) -> Iterator[Problem]:
    """The same for the members who can act as an account."""
    path = f"{key('impersonators')}.{account}"
    seen = {member_identity(member): path for member in getattr(args.impersonators, account)}
    yield from _repetitions(seen, _known_members(f"{NAMED_PREFIX}{account}_impersonators", args, key))


def repeated_names(args: PythonRegistryArgs, key: Spelling) -> Iterator[Problem]:
    """One name is one member: readers, writers and admins share the grants on the index."""
    first_entries: dict[str, tuple[str, object]] = {}
    for attribute in NAMED_LISTS:
        for name, member in getattr(args, attribute).items():
            path = f"{key(attribute)}.{name}"
            first, other = first_entries.setdefault(name, (path, member))
            if isinstance(member, str) and isinstance(other, str):
                yield from check_same_member(path, member, first, other)


def check_same_member(path: str, member: str, first: str, other: str) -> list[Problem]:
    """The problem of an entry whose member differs from that of the first entry with its name."""
    if member_identity(member) == member_identity(other):
        return []
    return [Problem(path, member, f"{first} is another member, {other}", "choose another name")]


def adopted_repositories(args: PythonRegistryArgs, key: Spelling) -> Iterator[Problem]:
    """A registry can take over only the repositories that it would create otherwise."""
    for index, id_ in enumerate(args.adopt):
        if id_ not in args.repositories:
            path, ids = f"{key('adopt')}[{index}]", ", ".join(args.repositories)
            with_upstreams = replace(args, pypi_proxy=True).repositories
            otherwise = f"use {ids}, or change {key('repository')} to the id that the repository has"
            fix = suggest(id_, args.repositories, otherwise)
            if id_ in with_upstreams:
                fix = f"remove it, or set {key('pypi_proxy')} to true"
            yield Problem(path, id_, f"the repositories of this registry are {ids}", fix)


def unused_setting(
    attribute: str, switch: str, rule: str, args: PythonRegistryArgs, key: Spelling
) -> Iterator[Problem]:
    """A setting has no effect while another one is off."""
    value = getattr(args, attribute)
    if not getattr(args, switch) and value != getattr(PythonRegistryArgs, attribute, {}):
        yield Problem(key(attribute), value, rule, f"remove it, or set {key(switch)} to true")


def unused_cache_age(args: PythonRegistryArgs, key: Spelling) -> Iterator[Problem]:
    """An age for the cache needs the cache."""
    if args.cleanup and args.cleanup.cache_older_than and not args.upstreams:
        path, age = f"{key('cleanup')}.cacheOlderThan", args.cleanup.cache_older_than
        fix = f"remove it, or set {key('pypi_proxy')} to true"
        yield Problem(path, age, "this setting needs the cache of PyPI, which is off", fix)


def collisions(
    others: Mapping[str, PythonRegistryArgs], way_out: str, args: PythonRegistryArgs, key: Spelling
) -> Iterator[Problem]:
    """Two registries with one resource revoke each other's access, and one can delete the other's packages.

    Args:
        others: the other registries, by the name that a message gives each of them.
        way_out: the advice about the other one, `{}` for its name; empty if nothing.
        args: the arguments of this registry.
        key: the spelling of this registry's user.
    """
    for name, other in others.items():
        shared = [resource for resource in _owned_resources(args) if resource in _owned_resources(other)]
        if shared:
            rule = f"{name} creates {shared[0]} too"
            fix = "choose another id, or another project"
            fix += f", or {way_out.format(name)}" if way_out else ""
            yield Problem(key("repository"), args.repository, rule, fix)


_NEED_ACCOUNTS = "this setting needs the service accounts, which are off"
_NEED_PYPI = "the index does not contain PyPI, so no package needs protection from it"

RULES = (
    Rule(repository_lengths, ("repository", "pypi_proxy")),
    Rule(account_lengths, ("repository", "service_accounts")),
    Rule(repository_members, (*MEMBER_LISTS, *NAMED_LISTS)),
    Rule(repeated_names, NAMED_LISTS),
    Rule(unused_cache_age, ("cleanup", "pypi_proxy")),
    Rule(adopted_repositories, ("adopt", "repository", "pypi_proxy")),
    Rule(partial(account_members, "reader"), ("impersonators", "named_reader_impersonators")),
    Rule(partial(account_members, "writer"), ("impersonators", "named_writer_impersonators", "github")),
    *(
        Rule(partial(repeated_members, members), (members, named))
        for members, named in zip(MEMBER_LISTS, NAMED_LISTS, strict=True)
    ),
    *(
        Rule(
            partial(redundant_members, members),
            ("project", "repository", "service_accounts", members, named),
        )
        for members, named in zip(MEMBER_LISTS, NAMED_LISTS, strict=True)
    ),
    *(
        Rule(
            partial(repeated_token_creators, account),
            ("impersonators", f"{NAMED_PREFIX}{account}_impersonators"),
        )
        for account in ("reader", "writer")
    ),
    *(
        Rule(partial(unused_setting, attribute, switch, rule), (attribute, switch))
        for attribute, switch, rule in (
            ("impersonators", "service_accounts", _NEED_ACCOUNTS),
            ("named_reader_impersonators", "service_accounts", _NEED_ACCOUNTS),
            ("named_writer_impersonators", "service_accounts", _NEED_ACCOUNTS),
            ("github", "service_accounts", _NEED_ACCOUNTS),
            ("private_packages", "pypi_proxy", _NEED_PYPI),
        )
    ),
)


def _known_members(attribute: str, args: PythonRegistryArgs, key: Spelling) -> list[tuple[str, str]]:
    """The named members that are text and not outputs, with their paths."""
    members = getattr(args, attribute).items()
    return [(f"{key(attribute)}.{name}", member) for name, member in members if isinstance(member, str)]


def _repetitions(seen: dict[str, str], members: list[tuple[str, str]]) -> Iterator[Problem]:
    """The members whose identity is seen already, with the path that names it."""
    for path, member in members:
        first = seen.setdefault(member_identity(member), path)
        if first != path:
            yield Problem(path, member, f"{first} names this member too", "remove one")


def _accounts(args: PythonRegistryArgs) -> tuple[str, ...]:
    return (args.reader_account, args.writer_account) if args.service_accounts else ()


def _owned_resources(args: PythonRegistryArgs) -> list[str]:
    """The names of everything that two registries cannot both own: repositories and accounts."""
    return [*map(args.repository_name, args.repositories), *map(args.account_email, _accounts(args))]
