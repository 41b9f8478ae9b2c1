"""Compare two schemas of the package: does the new version fit the changes since the last release?

`compare_schemas.py OLD NEW` prints each change. If the schema removes or changes something, it needs a new
major version. If it adds something, it needs a new minor one. Descriptions do not count, because no program
depends on them.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

STEPS = ("major", "minor", "patch")
# The maps of members, and the lists that name the required ones.
MEMBERS = {"inputProperties": "requiredInputs", "properties": "required"}


def members_of(schema: dict[str, Any]) -> dict[str, tuple[Any, bool]]:
    """The definition of each resource, type, input and output, and whether a program must set it."""
    found: dict[str, tuple[Any, bool]] = {}
    for section in ("resources", "types", "functions"):
        for token, definition in schema.get(section, {}).items():
            maps = {*MEMBERS, *MEMBERS.values()}
            own = {key: value for key, value in definition.items() if key not in maps}
            found[token] = (_without_descriptions(own), False)
            for kind, required in MEMBERS.items():
                # A program sets the inputs of a resource and the properties of a type.
                is_set = section == "types" or kind == "inputProperties"
                for name, member in definition.get(kind, {}).items():
                    must_be_set = is_set and name in definition.get(required, [])
                    found[f"{kind}.{name} of {token}"] = (_without_descriptions(member), must_be_set)
    return found


def _without_descriptions(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_descriptions(entry) for key, entry in value.items() if key != "description"}
    return [_without_descriptions(entry) for entry in value] if isinstance(value, list) else value


def changes_between(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    """The step of the version that each change needs, by the change."""
    before, after = members_of(old), members_of(new)
    changes = {f"removed: {name}": "major" for name in before.keys() - after.keys()}
    for name, (definition, required) in after.items():
        if name not in before:
            changes[f"added: {name}"] = "major" if required and _owner(name) in before else "minor"
        elif before[name] != (definition, required):
            changes[f"changed: {name}"] = "major"
    return dict(sorted(changes.items()))


def _owner(name: str) -> str:
    """The resource or type of a member."""
    return name.rpartition(" of ")[2]


def step_between(old: str, new: str) -> str | None:
    """The part of the version that is raised, or none if the new version is not newer."""
    before, after = _numbers(old), _numbers(new)
    if after <= before:
        return None
    return next(step for step, was, now in zip(STEPS, before, after, strict=True) if was != now)


def _numbers(version: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version):
        raise SystemExit(f"{version} is not a version of three numbers.")
    return tuple(map(int, version.split(".")))


def main(old_file: str, new_file: str) -> None:
    old, new = (json.loads(Path(file).read_text(encoding="utf-8")) for file in (old_file, new_file))
    changes = changes_between(old, new)
    for change, step in changes.items():
        print(f"{change} ({step})")
    needed = min(changes.values(), key=STEPS.index, default="patch")
    step = step_between(old["version"], new["version"])
    if step is None:
        raise SystemExit(f"{new['version']} is not newer than the last release, {old['version']}.")
    if STEPS.index(step) > STEPS.index(needed):
        raise SystemExit(
            f"{new['version']} is a new {step} version of {old['version']}, and the schema needs a new "
            f"{needed} version."
        )
    print(f"The schema allows {new['version']} after {old['version']}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
