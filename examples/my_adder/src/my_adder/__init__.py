"""Adds numbers."""

__all__ = ["add"]


def add(*numbers: float) -> float:
    """The sum of the numbers, or 0 without numbers."""
    return sum(numbers)
