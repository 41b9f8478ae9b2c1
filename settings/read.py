"""The settings of the running stack, from the engine and the folder of the program."""

from __future__ import annotations

from pathlib import Path

import pulumi

from components.args import PythonRegistryArgs
from settings.other_stacks import read_other_stacks
from settings.parse import parse_settings


def read_settings() -> PythonRegistryArgs:
    """The settings of the running stack.

    Raises:
        SettingsError: names every problem, with key, value, rule and fix.
    """
    return parse_settings(
        pulumi.runtime.get_config_env(),
        secret_keys=pulumi.runtime.get_config_secret_keys_env(),
        others=read_other_stacks(Path.cwd(), pulumi.get_stack()),
    )
