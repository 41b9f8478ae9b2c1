"""The other stacks of the project, as far as their files decide the names of resources.

Does not own the comparison: `components/validation/` finds the resources that two stacks would share.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import yaml

from components.args import PythonRegistryArgs
from components.validation import NAMING
from settings.keys import ATTRIBUTES, NAMESPACE
from settings.parse import SettingsError, parse_settings

# A file that is unreadable, or has another structure than a stack file.
UNREADABLE = (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError, RecursionError)


def read_other_stacks(folder: Path, stack: str) -> dict[str, PythonRegistryArgs]:
    """The arguments that name resources in every other stack, by file name.

    A stack whose names are bad creates nothing, so it is left out. Its other problems do not matter here.
    """
    others: dict[str, PythonRegistryArgs] = {}
    shared = _naming(folder / "Pulumi.yaml")
    for path in sorted(folder.glob("Pulumi.*.yaml")):
        if path.name != f"Pulumi.{stack}.yaml":
            with contextlib.suppress(SettingsError):
                others[path.name] = parse_settings({**shared, **_naming(path)})
    return others


def _naming(path: Path) -> dict[str, str]:
    """The settings of a file that name resources, as the engine passes them on."""
    texts: dict[str, str] = {}
    with contextlib.suppress(*UNREADABLE):
        file = yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
        config: dict[str, Any] = file["config"]
        for name, entry in config.items():
            # A key without a namespace belongs to the project. Only Pulumi.yaml declares defaults.
            key = name if ":" in name else f"{NAMESPACE}:{name}"
            value = entry.get("value", entry.get("default")) if isinstance(entry, dict) else entry
            if ATTRIBUTES.get(key) in NAMING and value is not None:
                texts[key] = value if isinstance(value, str) else json.dumps(value)
    return texts
