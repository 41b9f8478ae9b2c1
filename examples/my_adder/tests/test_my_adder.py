"""Run with `pytest` once the package is installed."""

from my_adder import add


def test_add_sums_all_numbers() -> None:
    assert add(1, 2, 3.5) == 6.5


def test_add_without_numbers_is_zero() -> None:
    assert add() == 0
