"""The file that consumers copy: typed outputs of the registry, and clear errors."""

from __future__ import annotations

import asyncio
from inspect import get_annotations
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import pulumi
import pytest
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks, set_mocks

from components.registry import CONTRACT_VERSION, PythonRegistry
from tests.examples.helper import EXAMPLES, NAME, OUTPUT_NAMES, helper

STACK = "organization/python-registry/dev"
INDEX = "https://us-central1-python.pkg.dev/demo-proj/python-index/simple/"
# As Pulumi passes them.
GOOD = {**{name: f"the {name}" for name in OUTPUT_NAMES}, "contract_version": 1.0, "index_url": INDEX}


class Reference(Mocks):
    """A referenced stack with these outputs."""

    def __init__(self, outputs: dict[str, Any]) -> None:
        self.outputs = outputs

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return args.name, {**args.inputs, "outputs": self.outputs}

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args.token)


def value_of(name: str, outputs: dict[str, Any]) -> Any:
    """One of the helper's values, read from a stack with these outputs."""

    async def read() -> Any:
        set_mocks(Reference(outputs), project="consumer", stack="dev")
        return await getattr(helper.read_registry(STACK), name).future()

    try:
        return asyncio.run(read())
    finally:
        pulumi.runtime.settings.reset_options()


def test_the_helper_reads_every_output_by_its_name() -> None:
    for name in OUTPUT_NAMES:
        assert value_of(name, GOOD) == GOOD[name]
    assert isinstance(value_of("contract_version", GOOD), int)


def test_the_helper_declares_the_component_outputs_with_their_types() -> None:
    declared = get_type_hints(helper.PythonRegistryOutputs)
    outputs = get_annotations(PythonRegistry)
    assert declared == {
        name: type_ if get_origin(type_) is pulumi.Output else pulumi.Output[type_]
        for name, type_ in outputs.items()
    }
    assert list(declared) == OUTPUT_NAMES == list(outputs)
    assert helper.CONTRACT_VERSION == CONTRACT_VERSION


@pytest.mark.parametrize("repository", ["python-index", "py-repo"])
def test_the_index_repository_is_the_one_that_clients_install_from(repository: str) -> None:
    outputs = {**GOOD, "index_url": INDEX.replace("python-index", repository)}
    assert value_of("index_repository", outputs) == repository


def test_a_consumer_ignores_a_new_output() -> None:
    assert value_of("project", {**GOOD, "new_one": "x"}) == "the project"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"contract_version": 2.0},
            f"{STACK} has contract_version 2; this program knows 1. Copy {NAME}.py",
        ),
        (
            {"contract_version": 0.0},
            "has contract_version 0; this program knows 1. Update the registry, or copy ",
        ),
        ({"contract_version": "two"}, "has contract_version two; this program knows 1."),
        (
            {"contract_version": None},
            "has no output contract_version. Check that it is a python-registry stack",
        ),
        ({"pip_conf": None}, "does not match contract 1: pip_conf is missing. Run `pulumi up` there"),
        ({"pip_conf": 3.0, "project": None}, "project is missing, pip_conf is not a text"),
        ({"reader_email": None}, "reader_email is missing"),
    ],
)
def test_an_error_names_the_stack_and_what_to_do(change: dict[str, Any], message: str) -> None:
    outputs = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(helper.ContractError, match=f"^{STACK} ") as error:
        value_of("index_url", outputs)
    assert message in str(error.value)


def test_an_empty_output_is_valid() -> None:
    assert value_of("reader_email", {**GOOD, "reader_email": ""}) == ""


def test_a_preview_without_known_outputs_raises_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def read() -> bool:
        set_mocks(Reference({}), preview=True)

        async def answer(value: Any) -> Any:
            return value

        class Unknown:
            outputs = pulumi.Output[Any](
                set(), asyncio.ensure_future(answer(None)), asyncio.ensure_future(answer(False))
            )

        def refer(_: str) -> Unknown:
            return Unknown()

        monkeypatch.setattr(pulumi, "StackReference", refer)
        return await helper.read_registry(STACK).index_repository.is_known()

    try:
        assert asyncio.run(read()) is False
    finally:
        pulumi.runtime.settings.reset_options()


def test_every_example_has_the_same_copy() -> None:
    copies: list[Path] = list(EXAMPLES.glob(f"*/{NAME}.py"))
    assert len(copies) == 2
    assert len({copy.read_text() for copy in copies}) == 1


@pytest.mark.parametrize("name", ["dev", "python-registry/dev", "a/b/c/d", ""])
def test_an_incomplete_stack_name_is_refused(name: str) -> None:
    with pytest.raises(helper.ContractError, match="write ORGANIZATION/PROJECT/STACK"):
        helper.read_registry(name)
