"""The rules of a registry's arguments: pure functions from a value to its problems.

One file per kind of value. Nothing here knows Pulumi, JSON texts or the keys of a stack file: a caller says
how its user spells each value.
"""

from .cross_field import NAMING
from .labels import LABEL_LIMIT
from .members import check_member
from .problem import HIDDEN, NOT_SET, Problem, property_name
from .registry import build_args, check_registry

__all__ = [
    "HIDDEN",
    "LABEL_LIMIT",
    "NAMING",
    "NOT_SET",
    "Problem",
    "build_args",
    "check_member",
    "check_registry",
    "property_name",
]
