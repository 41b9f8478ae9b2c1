"""Prints the sum of its arguments, with the package from the private index."""

import sys

from my_adder import add


def main(arguments: list[str]) -> str:
    """The sum as one line of text."""
    numbers = [float(argument) for argument in arguments]
    return f"{' + '.join(arguments)} = {add(*numbers):g}"


if __name__ == "__main__":
    print(main(sys.argv[1:] or ["1", "2"]))
