"""The checks of a registry's arguments before its first resource.

Owns what only a Pulumi program has: outputs, and several registries in one program. The rules of plain
values are in `validation/`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from itertools import chain
from typing import Any, cast
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime.settings import get_monitor

from .args import NAMED_MEMBERS, NAMED_PREFIX, Cleanup, GitHub, Impersonators, PythonRegistryArgs
from .validation import Problem, check_member, check_registry, property_name
from .validation.cross_field import NAMED_LISTS, Spelling, check_same_member

OUTPUT = "(output)"
NOT_GRANTED = "Pulumi granted this member no role"
# The registries of each program that this process runs, by the program's resource monitor.
_programs: WeakKeyDictionary[Any, dict[str, PythonRegistryArgs]] = WeakKeyDictionary()
# Problems spell nested properties as stack files do, and a Python program spells them as attributes.
_ATTRIBUTES = {
    property_name(f.name): f.name for type_ in (Cleanup, GitHub, Impersonators) for f in fields(type_)
}
_PROPERTY = re.compile(rf"\b({'|'.join(_ATTRIBUTES)})\b")


class ArgumentError(pulumi.RunError):
    """Every problem of a registry's arguments, in one message that the engine prints as it is."""

    def __init__(self, registry: str, problems: Sequence[Problem], result: str) -> None:
        super().__init__(problem_text(f"the arguments of the registry {registry}", problems, result))
        self.problems = problems


def problem_text(place: str, problems: Sequence[Problem], result: str) -> str:
    """The message about all problems of a place, and what Pulumi therefore did not do."""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"{count} in {place}; {result}.", *map(str, problems)])


def check_arguments(name: str, args: PythonRegistryArgs) -> PythonRegistryArgs:
    """Check the arguments, also against the registries that the program has created before.

    Args:
        name: name of the registry in the program.
        args: its arguments.

    Returns:
        The arguments, with the checks of `check_when_known`.

    Raises:
        ArgumentError: names every problem, with argument, value, rule and fix.
    """
    monitor = get_monitor()
    # A program that runs without the engine has no monitor.
    registries = {} if monitor is None else _programs.setdefault(monitor, {})
    others = {f"the registry {other}": arguments for other, arguments in registries.items()}
    problems = find_problems(_plain(args), lambda attribute: attribute, others)
    if problems:
        raise ArgumentError(name, list(map(_with_attributes, problems)), "Pulumi did not create it")
    # Two registries can have one name under different parents, but never one repository.
    registries[f"{name} ({args.repository_name(args.repository)})"] = args
    return check_when_known(
        args, lambda attribute: attribute, lambda problem: ArgumentError(name, [problem], NOT_GRANTED)
    )


def find_problems(
    values: Mapping[str, object], key: Spelling, others: Mapping[str, PythonRegistryArgs]
) -> list[Problem]:
    """Every problem of plain values by attribute, of which some can be outputs.

    Args:
        values: the values of the arguments that the program sets.
        key: spells an attribute as the program does.
        others: the other registries of the program, by the name that a message gives each of them.
    """
    outputs = {
        attribute: problems
        for attribute, value in values.items()
        if (problems := list(_output_problems(attribute, value, key)))
    }
    plain = {attribute: value for attribute, value in values.items() if attribute not in outputs}
    return [*chain.from_iterable(outputs.values()), *check_registry(plain, key, outputs, others)]


def check_when_known(
    args: PythonRegistryArgs, key: Spelling, error: Callable[[Problem], Exception]
) -> PythonRegistryArgs:
    """The arguments, with named members that fail if their values, once known, break a rule.

    Pulumi then registers no grant for them.

    Args:
        args: the arguments, whose plain values have no problem.
        key: spells an attribute as the program does.
        error: the exception that reports a problem.
    """

    first_entries: dict[str, tuple[str, pulumi.Input[str]]] = {}

    def with_check(attribute: str, name: str, member: pulumi.Input[str]) -> pulumi.Input[str]:
        path = f"{key(attribute)}.{name}"
        entry = (path, member)
        first, same = first_entries.setdefault(name, entry) if attribute in NAMED_LISTS else entry

        def check(values: Sequence[Any]) -> str:
            value, other, is_secret = values
            for problem in (*check_member(path, value), *check_same_member(path, value, first, other)):
                raise error(
                    problem.without_value("pass a plain text to read the rule") if is_secret else problem
                )
            return value

        # `find_problems` has checked texts already.
        if not isinstance(member, pulumi.Output) and not isinstance(same, pulumi.Output):
            return member
        known = pulumi.Output.all(member, same)
        return pulumi.Output.all(member, same, known.is_secret()).apply(check)

    checked = {
        attribute: {
            name: with_check(attribute, name, member) for name, member in getattr(args, attribute).items()
        }
        for attribute in NAMED_MEMBERS
    }
    return replace(args, **checked)


def _output_problems(attribute: str, value: object, key: Spelling) -> Iterator[Problem]:
    """The problems of outputs where the program needs a plain value: everywhere but in named members."""
    if attribute in NAMED_MEMBERS and not isinstance(value, pulumi.Output):
        return
    rule = "the program needs this value before Pulumi creates the other resources"
    for path in _output_paths(key(attribute), value):
        account = path.removeprefix(f"{key(attribute)}.").partition("[")[0]
        named = {f"{NAMED_PREFIX}{attribute}", f"{NAMED_PREFIX}{account}_{attribute}"}
        fix = ["pass a plain value", *(f"name the member in {key(n)}" for n in NAMED_MEMBERS if n in named)]
        yield Problem(path, OUTPUT, rule, ", or ".join(fix))


def _output_paths(path: str, value: object) -> Iterator[str]:
    if isinstance(value, pulumi.Output):
        yield path
    elif isinstance(value, Mapping):
        for name, entry in cast("Mapping[str, object]", value).items():
            yield from _output_paths(f"{path}.{name}", entry)
    elif isinstance(value, (list, tuple)):
        for index, entry in enumerate(cast("Sequence[object]", value)):
            yield from _output_paths(f"{path}[{index}]", entry)


def _plain(args: Any) -> dict[str, object]:
    """The fields that are set, by attribute; a dataclass in a field as a map of its properties."""
    set_fields = {f.name: getattr(args, f.name) for f in fields(args) if getattr(args, f.name) != f.default}
    return {
        name: {property_name(k): v for k, v in _plain(value).items()} if is_dataclass(value) else value
        for name, value in set_fields.items()
    }


def _with_attributes(problem: Problem) -> Problem:
    """The problem as a Python program spells its properties."""

    def spell(text: str) -> str:
        return _PROPERTY.sub(lambda match: _ATTRIBUTES[match[0]], text)

    return Problem(spell(problem.key), problem.value, spell(problem.rule), spell(problem.fix))
