"""Packages in the Artifact Registry API, for gcloud and programs; the index shows the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.distributions import sdist, wheel
from tests.support.indexes import API, LOCATION, Registry, listed, put
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

OTHER = "user:other@example.com"


@pytest.fixture
def registry(sandbox: Sandbox) -> Registry:
    """A new project, with two packages in three versions and four files."""
    sandbox("start")
    registry = Registry(sandbox)
    uploads = [
        wheel("my-adder", "1.0"),
        sdist("my-adder", "1.0"),
        wheel("my-adder", "2.0"),
        wheel("tool", "1.0"),
    ]
    put(registry, registry.make(), *uploads)
    return registry


def names(answer: list[Any]) -> list[str]:
    return [document["name"].rpartition("/")[2] for document in answer]


def test_packages_versions_and_files_can_be_listed_and_read(registry: Registry) -> None:
    repository = f"{registry.parent}/python"
    assert names(registry.documents("packages")) == ["my-adder", "tool"]
    assert names(registry.documents("packages/my-adder/versions")) == ["1.0", "2.0"]
    assert names(registry.documents("files")) == [
        "my-adder%2Fmy_adder-1.0-py3-none-any.whl",
        "my-adder%2Fmy_adder-1.0.tar.gz",
        "my-adder%2Fmy_adder-2.0-py3-none-any.whl",
        "tool%2Ftool-1.0-py3-none-any.whl",
    ]
    package = registry.must("GET", f"{API}/{repository}/packages/tool")
    assert set(package) == {"name", "createTime", "updateTime"}
    version = registry.must("GET", f"{API}/{repository}/packages/tool/versions/1.0")
    assert version["name"] == f"{repository}/packages/tool/versions/1.0"
    file = registry.must("GET", f"{API}/{repository}/files/tool%2Ftool-1.0-py3-none-any.whl")
    assert file["owner"] == version["name"]
    assert file["sizeBytes"] == str(len(wheel("tool", "1.0").content))
    assert [digest["type"] for digest in file["hashes"]] == ["SHA256"]
    assert set(file) == {"name", "owner", "sizeBytes", "hashes", "createTime", "updateTime"}


def test_lists_have_pages_filters_and_an_order(registry: Registry) -> None:
    url = f"{API}/{registry.parent}/python"
    first = registry.must("GET", f"{url}/files?pageSize=3")
    rest = registry.must("GET", f"{url}/files?pageSize=3&pageToken={first['nextPageToken']}")
    assert len(first["files"]) == 3
    assert "nextPageToken" not in rest
    assert names(first["files"] + rest["files"]) == names(registry.documents("files"))
    package = f"{registry.parent}/python/packages/my-adder"
    for query, expected in {
        f'files?filter=owner="{package}/versions/1.0"': 2,
        f'files?filter=owner="{package}"': 3,
        f'packages?filter=name="{registry.parent}/python/packages/my-*"': 1,
        f'packages?filter=name="{registry.parent}/python/packages/MY-ADDER"': 1,
        'packages?filter=name="*/TOOL"': 1,
        'packages?filter=name = "*-add*"': 1,
        'packages?filter=name="*"': 2,
        'packages?filter=name="tool"': 0,
        'files?filter=owner="*/packages/my-adder"': 3,
        'files?filter=owner="*/packages/my"': 0,
        f'packages?filter=name="{registry.parent}/python/packages/none"': 0,
    }.items():
        answer = registry.must("GET", f"{url}/{query}")
        assert len(answer[query.partition("?")[0]]) == expected, query
    ordered = registry.must("GET", f"{url}/packages?orderBy=name desc")["packages"]
    assert names(ordered) == ["tool", "my-adder"]
    for query in (
        'filter=name="a*b"',
        'filter=name="' + "*a" * 5000 + '*"',
        "filter=annotations.a:b",
        "orderBy=size",
        "pageSize=many",
        "pageSize=-1",
        "pageToken=!",
    ):
        assert registry.ask("GET", f"{url}/packages?{query}").status_code == 400, query


def test_a_deleted_version_takes_its_files_and_the_last_one_its_package(registry: Registry) -> None:
    index, packages = f"{registry.url}/python", f"{API}/{registry.parent}/python/packages"
    session = registry.session()
    operation = registry.must("DELETE", f"{packages}/my-adder/versions/1.0")
    assert registry.must("GET", f"{API}/{operation['name']}")["done"] is True
    assert listed(session, index, "my-adder") == ["my_adder-2.0-py3-none-any.whl"]
    assert names(registry.documents("packages/my-adder/versions")) == ["2.0"]
    registry.must("DELETE", f"{packages}/my-adder/versions/2.0")
    assert listed(session, index, "my-adder") == []
    assert names(registry.documents("packages")) == ["tool"]
    registry.must("DELETE", f"{packages}/tool")
    assert registry.documents("files") == []
    for path in ("tool", "tool/versions/1.0", "my-adder"):
        assert registry.ask("DELETE", f"{packages}/{path}").status_code == 404
    put(registry, index, wheel("tool", "1.0"))
    assert listed(session, index, "tool") == ["tool-1.0-py3-none-any.whl"]


def test_a_deleted_repository_has_no_packages_when_it_is_created_again(registry: Registry) -> None:
    registry.must("DELETE", f"{API}/{registry.parent}/python")
    url = registry.make()
    assert registry.documents("packages") == []
    assert listed(registry.session(), url, "tool") == []
    put(registry, url, wheel("tool", "1.0"))


def test_a_file_is_only_downloaded_as_media(registry: Registry) -> None:
    url = f"{API}/{registry.parent}/python/files/tool%2Ftool-1.0-py3-none-any.whl:download"
    assert registry.ask("GET", f"{url}?alt=media").content == wheel("tool", "1.0").content
    assert registry.must("GET", url) == {}
    assert registry.ask("GET", url.replace("tool-1.0", "tool-2.0")).status_code == 404


def test_ids_with_a_plus_are_escaped(registry: Registry) -> None:
    put(registry, f"{registry.url}/python", wheel("tool", "2.0+local"))
    assert names(registry.documents("packages/tool/versions")) == ["1.0", "2.0%2Blocal"]
    version = f"{API}/{registry.parent}/python/packages/tool/versions/2.0%2Blocal"
    assert registry.must("GET", version)["name"].endswith("/2.0%2Blocal")
    registry.must("DELETE", version)
    assert names(registry.documents("packages/tool/versions")) == ["1.0"]


def test_each_request_needs_its_own_permission(registry: Registry) -> None:
    url = f"{API}/{registry.parent}/python"
    paths = {
        "packages": "packages.list",
        "packages/tool": "packages.get",
        "packages/tool/versions": "versions.list",
        "packages/tool/versions/1.0": "versions.get",
        "files": "files.list",
        "files/tool%2Ftool-1.0-py3-none-any.whl": "files.get",
        "files/tool%2Ftool-1.0-py3-none-any.whl:download?alt=media": "files.download",
    }
    for path, permission in paths.items():
        answer = registry.ask("GET", f"{url}/{path}", member=OTHER)
        assert answer.status_code == 403
        assert f"'artifactregistry.{permission}'" in answer.text
    registry.grant("python", "reader", OTHER)
    for path in paths:
        assert registry.ask("GET", f"{url}/{path}", member=OTHER).status_code == 200


def test_a_writer_cannot_delete(registry: Registry) -> None:
    registry.grant("python", "writer", OTHER)
    for path in ("packages/tool", "packages/tool/versions/1.0"):
        answer = registry.ask("DELETE", f"{API}/{registry.parent}/python/{path}", member=OTHER)
        assert answer.status_code == 403
        assert ".delete'" in answer.text
    assert names(registry.documents("packages")) == ["my-adder", "tool"]


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_and_the_index_agree(registry: Registry, tmp_path: Path) -> None:
    where = ("--repository=python", f"--location={LOCATION}", f"--project={registry.project}", "--quiet")

    def gcloud(*words: str, shown: bool = True) -> Any:
        command = ("gcloud", "artifacts", *words, *where, *(["--format=json"] if shown else []))
        output = registry.client(*command, errors=False)
        return json.loads(output) if shown else output

    assert names(gcloud("packages", "list")) == ["my-adder", "tool"]
    assert gcloud("packages", "describe", "tool")["name"].endswith("/packages/tool")
    versions = gcloud("versions", "list", "--package=my-adder", "--sort-by=~create_time")
    assert names(versions) == ["2.0", "1.0"]
    assert len(gcloud("files", "list", "--package=my-adder", "--version=1.0")) == 2
    name = "tool/tool-1.0-py3-none-any.whl"
    place = ("--destination", str(tmp_path), "--local-filename", "tool.whl")
    gcloud("files", "download", name, *place, shown=False)
    assert (tmp_path / "tool.whl").read_bytes() == wheel("tool", "1.0").content
    gcloud("versions", "delete", "1.0", "--package=my-adder", shown=False)
    gcloud("packages", "delete", "tool", shown=False)
    assert names(gcloud("files", "list")) == ["my-adder%2Fmy_adder-2.0-py3-none-any.whl"]
    session = registry.session()
    assert listed(session, f"{registry.url}/python", "my-adder") == ["my_adder-2.0-py3-none-any.whl"]
    assert listed(session, f"{registry.url}/python", "tool") == []
