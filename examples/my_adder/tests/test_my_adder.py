"""Run with `pytest` once the package is installed."""

from my_adder import add


def test_adds_all_of_them() -> None:
    assert add(1, 2, 3.5) == 6.5


def test_of_nothing_is_zero() -> None:
    assert add() == 0
