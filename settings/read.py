"""The settings of the running stack, from the engine and the folder of the program."""

from __future__ import annotations

from pathlib import Path

import pulumi

from components.args import PythonRegistryArgs
from settings.other_stacks import read_other_stacks
from settings.parse import clear_secrets, parse_settings
from settings.provider import provider_options


def read_settings() -> PythonRegistryArgs:
    """The settings of the running stack.

    Raises:
        SettingsError: names every problem, with key, value, rule and fix.
    """
    values = pulumi.runtime.get_config_env()
    secret_keys = pulumi.runtime.get_config_secret_keys_env()
    # The mocks of unit tests have no folder.
    folder = Path(pulumi.get_root_directory() or Path.cwd())
    args = parse_settings(
        values, secret_keys=secret_keys, others=read_other_stacks(folder, pulumi.get_stack(), values)
    )
    for warning in clear_secrets(secret_keys):
        pulumi.log.warn(warning)
    return args


def read_provider_options() -> pulumi.ResourceOptions:
    """The options of the registry, with a provider if the running stack has no default one."""
    return provider_options(pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
