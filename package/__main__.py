"""The package: `PythonRegistry` for programs in every language that Pulumi has.

Owns the connection between Pulumi's plugin server and the library. The CLI downloads the whole repository
and starts this folder, so the library is the folder beside it.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi.provider import ConstructResult, main
from pulumi.provider.experimental.analyzer import ComponentDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import components
from components.adoption import AdoptionError
from components.args import PythonRegistryArgs
from components.argument_checks import NOT_GRANTED, check_when_known, find_problems, problem_text
from components.validation import NOT_SET, Problem, build_args, property_name
from components.validation.suggestions import suggest
from package.inputs import PythonRegistryInputs

NAME = "python-registry"
# The attributes by the properties of the schema.
ATTRIBUTES = {property_name(field.name): field.name for field in fields(PythonRegistryArgs)}
# The properties without a default, and how to set each of them.
REQUIRED = {
    "project": "set it to the id of the Google Cloud project",
    "location": "set it to a region or multi-region, such as europe-west1",
}
# A line break of a docstring, in the JSON text of the schema.
LINE_BREAK = re.compile(r"\\n *")


class PythonRegistry(components.PythonRegistry):
    """A private Python package index on Artifact Registry."""

    # The analyzer reads the descriptions of the outputs from the source of this module.
    __module__ = components.PythonRegistry.__module__

    def __init__(
        self, name: str, args: PythonRegistryInputs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # The values are still those of the schema's properties: see `Package.map_inputs`.
        super().__init__(name, read_inputs(name, args), opts)


# The registries of the program: a process of the plugin serves one deployment.
_registries: dict[str, PythonRegistryArgs] = {}


def read_inputs(name: str, inputs: Mapping[str, Any]) -> PythonRegistryArgs:
    """The typed arguments of a registry.

    Args:
        name: name of the registry in the program.
        inputs: the values of the schema's properties.

    Raises:
        InputPropertiesError: names every problem, with property, value, rule and fix.
    """
    values = {
        attribute: _with_whole_numbers(inputs[property_])
        for property_, attribute in ATTRIBUTES.items()
        if property_ in inputs
    }
    problems = [*_name_problems(inputs), *find_problems(values, property_name, _registries)]
    if problems:
        raise _input_error(problems, "Pulumi did not create the registry")
    args = build_args(values)
    _registries[f"the registry {name} ({args.repository_name(args.repository)})"] = args
    return check_when_known(args, property_name, lambda problem: _input_error([problem], NOT_GRANTED))


def _input_error(problems: Sequence[Problem], result: str) -> pulumi.InputPropertiesError:
    # One text: to a list of errors the engine adds each value again, and secrets in clear.
    return pulumi.InputPropertiesError(problem_text("the inputs", problems, result), [])


def _name_problems(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """The problems of properties that are missing or unknown."""
    for property_, fix in REQUIRED.items():
        if property_ not in inputs:
            yield Problem(property_, NOT_SET, "the registry needs this input", fix)
    for property_ in sorted(inputs.keys() - ATTRIBUTES):
        fix = suggest(property_, ATTRIBUTES, f"the inputs are {', '.join(ATTRIBUTES)}")
        yield Problem(property_, inputs[property_], "the registry has no such input", fix)


def _with_whole_numbers(value: Any) -> Any:
    """The value with `1` instead of `1.0`: every number is a fraction on its way to the plugin."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {name: _with_whole_numbers(entry) for name, entry in entries.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(entry) for entry in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Package(ComponentProvider):
    """The component, without what the base class adds.

    The base class adds line breaks to descriptions and stack traces to problems. It stops at the first
    missing property and ignores unknown ones.
    """

    def __init__(self) -> None:
        super().__init__([PythonRegistry], NAME, version=components.__version__)
        self.schema = LINE_BREAK.sub(" ", self.schema or "")

    def map_inputs(self, inputs: pulumi.Inputs, component_def: ComponentDefinition) -> pulumi.Inputs:
        return inputs

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
            if isinstance(error.inner, AdoptionError):
                # The server of the plugin adds the name of its class to the text of any other error.
                raise pulumi.InputPropertiesError(str(error.inner), []) from None
            if isinstance(error.inner, (pulumi.InputPropertiesError, pulumi.RunError)):
                raise error.inner from None
            raise


if __name__ == "__main__":
    main(Package(), sys.argv[1:])
