"""The package: `PythonRegistry` for programs in every language that Pulumi has.

Owns the connection between Pulumi's plugin server and the library. The CLI downloads the whole repository
and starts this folder, so the library is the folder beside it.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import components
from components.args import PythonRegistryArgs
from components.argument_checks import NOT_GRANTED, check_when_known, find_problems, problem_text
from components.validation import Problem, build_args, property_name
from package.inputs import PythonRegistryInputs

NAME = "python-registry"
# A line break of a docstring, in the JSON text of the schema.
LINE_BREAK = re.compile(r"\\n *")


class PythonRegistry(components.PythonRegistry):
    """A private Python package index on Artifact Registry."""

    # The analyzer reads the descriptions of the outputs from the source of this module.
    __module__ = components.PythonRegistry.__module__

    def __init__(
        self, name: str, args: PythonRegistryInputs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, read_inputs(name, args), opts)


# The registries of the program: a process of the plugin serves one deployment.
_registries: dict[str, PythonRegistryArgs] = {}


def read_inputs(name: str, inputs: Mapping[str, Any]) -> PythonRegistryArgs:
    """The typed arguments of a registry.

    Raises:
        InputPropertiesError: names every problem, with property, value, rule and fix.
    """
    values = {attribute: _with_properties(value) for attribute, value in inputs.items()}
    problems = find_problems(values, property_name, _registries)
    if problems:
        raise _input_error(problems, "Pulumi did not create the registry")
    args = build_args(values)
    _registries[f"the registry {name} ({args.repository_name(args.repository)})"] = args
    return check_when_known(args, property_name, lambda problem: _input_error([problem], NOT_GRANTED))


def _input_error(problems: Sequence[Problem], result: str) -> pulumi.InputPropertiesError:
    # One text: to a list of errors the engine adds each value again, and secrets in clear.
    return pulumi.InputPropertiesError(problem_text("the inputs", problems, result), [])


def _with_properties(value: object) -> object:
    """A map of attributes as the map of properties that the rules read. Other values do not change."""
    if not isinstance(value, dict):
        return value
    return {property_name(name): entry for name, entry in cast("dict[str, object]", value).items()}


class Package(ComponentProvider):
    """The component, without what the base class adds: line breaks in descriptions, and stack traces."""

    def __init__(self) -> None:
        super().__init__([PythonRegistry], NAME, version=components.__version__)
        self.schema = LINE_BREAK.sub(" ", self.schema or "")

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, (pulumi.InputPropertiesError, pulumi.RunError)):
                raise error.inner from None
            raise


if __name__ == "__main__":
    main(Package(), sys.argv[1:])
