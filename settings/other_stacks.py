"""The other stacks of the project, as far as their files decide the names of resources.

Does not own the comparison: `components/validation/` finds the resources that two stacks would share.
The program cannot see which stacks exist, and no file contains an ESC environment. If a file does not
decide the names, this module ignores it. Missing a collision is better than refusing a right file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from components.args import PythonRegistryArgs
from components.validation import NAMING
from settings.keys import ATTRIBUTES, NAMESPACE, key_of
from settings.parse import SettingsError, parse_settings

# The names that Pulumi gives to a project's file, in its order of search.
PROJECT_FILES = ("Pulumi.json", "Pulumi.yaml", "Pulumi.yml")
# Teams commit `Pulumi.example.yaml` as a text to copy. It belongs to no stack.
TEMPLATES = ("example", "sample", "template")
# The settings that decide the name of the upload repository.
REPOSITORY = ("project", "location", "repository")
# The least that a stack creates, if an environment can switch the other resources on or off.
FEWEST = {key_of("pypi_proxy"): "false", key_of("service_accounts"): "false"}
# A file that is unreadable, or has another structure than a stack file.
UNREADABLE = (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError, RecursionError)

Config = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Project:
    """The part of `Pulumi.yaml` that concerns stack files.

    Attributes:
        folder: the folder of the stack files.
        extension: their extension, which is also the one of the project's file.
        namespace: the namespace of keys without one.
        shared: the settings that all stacks share.
    """

    folder: Path
    extension: str
    namespace: str
    shared: Config

    def stack_file(self, stack: str) -> Path:
        return self.folder / f"Pulumi.{stack}{self.extension}"


def read_other_stacks(
    folder: Path, stack: str, values: Mapping[str, str] | None = None
) -> dict[str, PythonRegistryArgs]:
    """The arguments that name resources in every other stack, by file name.

    A stack whose names are bad creates nothing, so it is left out. Its other problems do not matter here.

    Args:
        folder: the folder of `Pulumi.yaml`.
        stack: the name of the running stack.
        values: the configuration of the running stack, as the engine passes it on.
    """
    project = _read_project(folder)
    own = project.stack_file(stack)
    others: dict[str, PythonRegistryArgs] = {}
    paths: list[Path] = []
    # A folder that cannot exist, such as one whose name is too long.
    with contextlib.suppress(*UNREADABLE):
        paths = sorted(project.folder.glob(f"Pulumi.*{project.extension}"))
    for path in paths:
        if path != own and not any(word in path.stem.lower() for word in TEMPLATES):
            with contextlib.suppress(SettingsError, *UNREADABLE):
                texts = _naming(_load(path), project)
                if texts is not None:
                    others[path.name] = parse_settings(texts)
    if values is not None and not _explains(own, values, project):
        # Another file has the settings, such as the file of `--config-file`. It can be one of these files.
        names = [values.get(key_of(name), getattr(PythonRegistryArgs, name, "")) for name in REPOSITORY]
        others = {
            path: args
            for path, args in others.items()
            if [getattr(args, name) for name in REPOSITORY] != names
        }
    return others


def _read_project(folder: Path) -> _Project:
    path = next((folder / name for name in PROJECT_FILES if (folder / name).is_file()), None)
    content: Config = {}
    if path:
        with contextlib.suppress(*UNREADABLE):
            content = _load(path)
    namespace = str(content.get("name") or NAMESPACE)
    shared: Config = {}
    for key, entry in _entries(content, namespace).items():
        declared = cast("Config", entry) if isinstance(entry, dict) else {"value": entry}
        value = declared.get("default", declared.get("value"))
        if value is not None:
            shared[key] = value
    # Older projects name the folder in `config`, which then is a text.
    old_form = content.get("config")
    stack_folder = content.get("stackConfigDir") or (old_form if isinstance(old_form, str) else "")
    return _Project(
        folder=folder / str(stack_folder),
        extension=path.suffix if path else ".yaml",
        namespace=namespace,
        shared=shared,
    )


def _load(path: Path) -> Config:
    content = yaml.safe_load(path.read_text(encoding="utf-8", errors="replace"))
    return cast("Config", content) if isinstance(content, dict) else {}


def _entries(content: Config, namespace: str) -> Config:
    """The configuration of a file by full key. A key without a namespace belongs to the project."""
    config = content.get("config")
    entries = cast("Config", config) if isinstance(config, dict) else {}
    return {_full_key(str(name), namespace): entry for name, entry in entries.items()}


def _full_key(name: str, namespace: str) -> str:
    """`location` and the old form `python-registry:config:location` are `python-registry:location`."""
    parts = name.split(":")
    return f"{parts[0]}:{parts[-1]}" if len(parts) > 1 else f"{namespace}:{name}"


def _naming(content: Config, project: _Project) -> dict[str, str] | None:
    """The settings of a file that name resources, or None if the file does not decide them."""
    own = _entries(content, project.namespace)
    if not own:
        # An environment has the settings, or the file is not a stack's, such as `Pulumi.dev.deploy.yaml`.
        return None
    if content.get("environment"):
        # An environment wins over Pulumi.yaml, and the stack file wins over both.
        if not all(key_of(name) in own for name in REPOSITORY):
            return None
        own = {**FEWEST, **own}
    else:
        own = {**project.shared, **own}
    naming = {key: value for key, value in own.items() if ATTRIBUTES.get(key) in NAMING}
    if any(isinstance(value, dict) and "secure" in value for value in naming.values()):
        # The program cannot read another stack's secret.
        return None
    return {key: _text(value) for key, value in naming.items() if value is not None}


def _text(value: object) -> str:
    """A value as the engine passes it on."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _explains(path: Path, values: Mapping[str, str], project: _Project) -> bool:
    """Whether the running stack's settings come from its own file and from `Pulumi.yaml`."""
    with contextlib.suppress(*UNREADABLE):
        content = _load(path) if path.exists() else {}
        entries = {**project.shared, **_entries(content, project.namespace)}
        given = {key: text for key, text in values.items() if key in ATTRIBUTES}
        missing = given.keys() - entries.keys()
        return (not missing or bool(content.get("environment"))) and all(
            _is_same(value, given.get(key)) for key, value in entries.items() if key in ATTRIBUTES
        )
    return False


def _is_same(value: object, text: str | None) -> bool:
    """Whether a plain value of a file is the engine's. A secret can be."""
    shown = _text(value)
    if value is None or text == shown or '{"secure":' in shown:
        return True
    try:
        return text is not None and json.loads(text) == json.loads(shown)
    except (ValueError, RecursionError):
        return False
