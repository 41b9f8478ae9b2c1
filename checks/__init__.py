"""Checks of `make lint` for what other linters do not read: language, links and generated tables.

`python -m checks` prints one line per problem. Each module returns problems and prints nothing.
"""
