"""Adds numbers."""

__all__ = ["add"]


def add(*numbers: float) -> float:
    """The sum of the numbers; 0 without any."""
    return sum(numbers)
