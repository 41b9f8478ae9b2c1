"""The stack file: its keys, its values as typed arguments, and the other stacks' files beside it."""

from settings.keys import KEYS
from settings.other_stacks import read_other_stacks
from settings.parse import SettingsError, parse_settings
from settings.read import read_provider_options, read_settings

__all__ = [
    "KEYS",
    "SettingsError",
    "parse_settings",
    "read_other_stacks",
    "read_provider_options",
    "read_settings",
]
