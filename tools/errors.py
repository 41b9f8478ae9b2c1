"""The error that ends a command."""


class ToolError(Exception):
    """A command cannot do what the caller asked. The message gives the reason and a remedy."""
