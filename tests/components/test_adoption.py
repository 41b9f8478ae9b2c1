"""Adoption: what the program imports, and what it refuses before it creates anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from components import PythonRegistry, PythonRegistryArgs
from components.adoption import AdoptionError, fixed_properties
from sandbox.provider.artifactregistry.repository import Repository
from sandbox.provider.schema import Fields
from tests.support.docs import read_code, read_table
from tests.support.recorder import (
    MINIMAL,
    REGISTRY,
    REPOSITORY,
    SERVICE,
    MadeByHand,
    Recording,
    Run,
    repository_by_hand,
)

ALL = ("python", "python-pypi", "python-index")
NAME = "projects/demo-proj/locations/us-central1/repositories"
UPLOAD_URN = f"urn:pulumi:test::python-registry::{REGISTRY}${REPOSITORY}::registry-upload"


def by_hand(**changes: Any) -> dict[str, Any]:
    """The three repositories, as a registry would create them."""
    good = zip(ALL, ("STANDARD", "REMOTE", "VIRTUAL"), strict=True)
    return {id_: repository_by_hand(mode) for id_, mode in good} | changes


def in_state(repository: str, urn: str = UPLOAD_URN, location: str = "us-central1") -> dict[str, Any]:
    outputs = {"project": "demo-proj", "location": location, "repositoryId": repository}
    return {urn: {"type": REPOSITORY, "outputs": outputs}, "urn:other": {"type": SERVICE, "outputs": {}}}


def adopt(
    run: Run, *ids: str, answers: MadeByHand, into: Recording | None = None, **settings: Any
) -> Recording:
    more = {f"python-registry:{key}": value for key, value in {"adopt": list(ids), **settings}.items()}
    return run({**MINIMAL, **more}, answers=answers, into=into)


def imports(recording: Recording) -> dict[str, str]:
    return {r.name: r.import_id for r in recording.resources if r.import_id}


def refusal(run: Run, *ids: str, answers: MadeByHand, **settings: Any) -> list[str]:
    """The lines of the message, after the program registered nothing that Google has."""
    recording = Recording()
    with pytest.raises(AdoptionError) as refused:
        adopt(run, *ids, answers=answers, into=recording, **settings)
    assert {r.type for r in recording.resources} <= {REGISTRY}
    title, *lines = str(refused.value).splitlines()
    assert title.endswith("in the repositories to adopt; nothing was changed.")
    return [line.strip() for line in lines]


def test_the_program_imports_the_repositories_of_the_list_and_no_other(run_program: Run) -> None:
    recording = adopt(run_program, "python", "python-index", answers=MadeByHand(repositories=by_hand()))
    assert imports(recording) == {
        "registry-upload": f"{NAME}/python",
        "registry-index": f"{NAME}/python-index",
    }


def test_a_repository_in_the_state_is_not_imported_and_not_read_again(run_program: Run) -> None:
    answers = MadeByHand(repositories={}, state=in_state("python"))
    assert imports(adopt(run_program, "python", answers=answers)) == {}


def test_every_repository_that_the_program_registers_counts_as_in_the_state(run_program: Run) -> None:
    registered = adopt(run_program, *ALL, answers=MadeByHand(repositories=by_hand()))
    state: dict[str, Any] = {}
    for resource in registered.of(REPOSITORY).values():
        state |= in_state(resource.inputs["repositoryId"], resource.urn)
    assert imports(adopt(run_program, *ALL, answers=MadeByHand(repositories={}, state=state))) == {}


@pytest.mark.parametrize("place", [("us-central1", "other"), ("us", "python")])
def test_an_import_in_place_of_another_repository_is_refused(
    run_program: Run, place: tuple[str, str]
) -> None:
    location, repository = place
    answers = MadeByHand(repositories=by_hand(), state=in_state(repository, location=location))
    other = f"projects/demo-proj/locations/{location}/repositories/{repository}"
    assert refusal(run_program, "python", answers=answers) == [
        f"python: {NAME}/python",
        f"the stack has {other} in its place, and Pulumi would delete that one with its packages; adopt "
        "python in another stack, then copy the packages (docs/move-and-destroy.md)",
    ]


def test_every_difference_that_google_fixes_is_refused_in_one_message(run_program: Run) -> None:
    key = "projects/demo-proj/locations/us-central1/keyRings/r/cryptoKeys/k"
    remote = repository_by_hand("REMOTE")
    config = {
        "description": "mirror",
        "pythonRepositories": [
            {"publicRepository": "", "customRepositories": [{"uri": "https://acme.example"}]}
        ],
    }
    found = by_hand(
        python=repository_by_hand(format="DOCKER", kmsKeyName=key),
        **{
            "python-pypi": {**remote, "remoteRepositoryConfigs": [config]},
            "python-index": repository_by_hand("STANDARD"),
        },
    )
    move = "choose another `repository` and copy the packages (docs/move-and-destroy.md)"
    recreate = "remove python-pypi from `adopt`, so that Pulumi creates it again"
    fixed = "and Google cannot change this property"
    assert refusal(run_program, *ALL, answers=MadeByHand(repositories=found)) == [
        "python.format: DOCKER",
        f"the registry needs PYTHON, {fixed}; remove python from `adopt`, {move}",
        f"python.kmsKeyName: {key}",
        f"the registry needs none, {fixed}; remove python from `adopt`, {move}",
        "python-pypi.remoteRepositoryConfig.description: mirror",
        f"the registry needs PyPI, {fixed}; delete this repository by hand and {recreate}",
        "python-pypi.remoteRepositoryConfig.pythonRepository: https://acme.example",
        f"the registry needs PYPI, {fixed}; delete this repository by hand and {recreate}",
        "python-index.mode: STANDARD_REPOSITORY",
        f"the registry needs VIRTUAL_REPOSITORY, {fixed}; remove python-index from `adopt`, {move}",
    ]


def test_a_property_that_is_not_set_at_google_differs_too(run_program: Run) -> None:
    """gcloud creates a remote repository without a description of its source."""
    remote = {**repository_by_hand("REMOTE")["remoteRepositoryConfigs"][0], "description": ""}
    found = {"python-pypi": repository_by_hand("REMOTE", remoteRepositoryConfigs=[remote])}
    property_, _ = refusal(run_program, "python-pypi", answers=MadeByHand(repositories=found))
    assert property_ == "python-pypi.remoteRepositoryConfig.description: (not set)"


def test_a_repository_that_does_not_exist_is_one_sentence(run_program: Run) -> None:
    assert refusal(run_program, "python", answers=MadeByHand(repositories={})) == [
        "python: (not found)",
        f"Google has no repository {NAME}/python; correct the id, project or location, or remove python "
        "from `adopt` to create it",
    ]


def test_a_repository_that_pulumi_cannot_read_has_googles_reason(run_program: Run) -> None:
    assert refusal(run_program, "python", answers=MadeByHand(repositories={"python": None})) == [
        "python: (not read)",
        f"Error 403: Permission denied; Pulumi must be able to read {NAME}/python",
    ]


def test_a_provider_that_is_not_configured_yet_refuses_nothing(run_program: Run) -> None:
    """The engine answers with nothing, if outputs of other resources configure the provider."""
    recording = adopt(run_program, "python", answers=MadeByHand(repositories={"python": {}}))
    assert imports(recording) == {"registry-upload": f"{NAME}/python"}


def test_a_registry_of_the_library_ignores_the_state_of_another_one(run_function: Run) -> None:
    def program() -> None:
        args = PythonRegistryArgs(project="demo-proj", location="us-central1", adopt=("python",))
        PythonRegistry("packages", args)

    answers = MadeByHand(repositories=by_hand(), state=in_state("other"))
    assert imports(run_function(program, answers=answers)) == {"packages-upload": f"{NAME}/python"}


def fixed_paths(fields: Fields, inputs: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """The inputs that replace the repository, by path. The provider's own table says which do."""
    for name, field in fields.items():
        value = inputs.get(name)
        if isinstance(value, dict) and field.members:
            yield from fixed_paths(field.members, value, f"{path}{name}.")
        elif value is not None and field.replaces:
            yield f"{path}{name}", str(value)


def test_the_fixed_properties_are_those_of_the_registered_repositories(run_program: Run) -> None:
    """Google's name has the others: project, location and id."""
    in_name = ("project", "location", "repositoryId")
    expected = fixed_properties(PythonRegistryArgs(project="demo-proj", location="us-central1"))
    for resource in run_program(MINIMAL).of(REPOSITORY).values():
        paths = dict(fixed_paths(Repository.fields, resource.inputs))
        public = paths.pop("remoteRepositoryConfig.pythonRepository.publicRepository", None)
        paths |= {"remoteRepositoryConfig.pythonRepository": public} if public else {}
        paths.setdefault("kmsKeyName", "")
        id_ = resource.inputs["repositoryId"]
        assert {path: value for path, value in paths.items() if path not in in_name} == expected[id_]


def test_the_page_lists_every_property_that_is_refused() -> None:
    needed = fixed_properties(PythonRegistryArgs(project="demo-proj", location="us"))
    listed = {read_code(row[0])[0] for row in read_table("adopt", "## Refusals")}
    assert listed == {path for properties in needed.values() for path in properties}
