"""`my-adder 1 2` prints 3."""

import sys

from my_adder import add


def main() -> None:
    """Print the sum of the command line's numbers."""
    try:
        numbers = [float(argument) for argument in sys.argv[1:]]
    except ValueError as error:
        sys.exit(f"my-adder: {error}")
    print(f"{add(*numbers):g}")


if __name__ == "__main__":
    main()
