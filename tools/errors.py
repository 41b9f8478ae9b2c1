"""The one error that a command ends with."""


class ToolError(Exception):
    """What was asked cannot be done; the message says why and what helps."""
