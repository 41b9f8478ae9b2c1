"""What a stack file says, read once and checked whole."""

from settings.stack_file import KEYS, SettingsError, parse_settings, read_other_stacks, read_settings

__all__ = ["KEYS", "SettingsError", "parse_settings", "read_other_stacks", "read_settings"]
