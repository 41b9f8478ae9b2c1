"""Virtual and remote repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.distributions import Upload, sdist, wheel
from tests.support.indexes import Registry, TinyIndex, listed, put, with_login

pytestmark = pytest.mark.sandbox


def forget_pages(registry: Registry) -> None:
    """Delete the copies of pages, as if they were too old to use."""
    with registry.store() as store:
        store.delete_below("public-index/pages/")


def test_a_virtual_repository_lists_each_version_from_its_first_upstream(
    registry: Registry, tmp_path: Path
) -> None:
    one, two = registry.make("one"), registry.make("two")
    put(registry, one, sdist("my-adder", "1.0"), wheel("my-adder", "2.0"))
    put(registry, two, wheel("my-adder", "1.0.0"), wheel("my-adder", "3.0"))
    url = registry.make_virtual("one", "two")
    assert listed(registry.session(), url, "my-adder") == [
        "my_adder-1.0.tar.gz",
        "my_adder-2.0-py3-none-any.whl",
        "my_adder-3.0-py3-none-any.whl",
    ]
    hidden = registry.session().get(f"{url}/my-adder/my_adder-1.0.0-py3-none-any.whl", timeout=30)
    assert hidden.status_code == 404
    registry.client(
        "pip", "install", "--target", str(tmp_path / "t"), "--index-url", with_login(url), "my-adder"
    )
    assert (tmp_path / "t" / "my_adder.py").read_text() == "VERSION = '3.0'\n"


def test_a_remote_repository_serves_its_copies_while_the_public_index_is_down(
    registry: Registry, public: TinyIndex
) -> None:
    url = registry.make_remote()
    fetched, other = wheel("helper", "1.0"), wheel("helper", "2.0")
    public.publish(fetched, other)
    session = registry.session()
    assert listed(session, url, "helper") == [fetched.filename, other.filename]
    assert session.get(f"{url}/helper/{fetched.filename}", timeout=30).content == fetched.content
    assert [file["name"].rpartition("%2F")[2] for file in registry.documents("files", "public")] == [
        fetched.filename
    ]
    assert "fetchTime" in registry.documents("files", "public")[0]
    public.down = True
    forget_pages(registry)
    assert listed(session, url, "helper") == [fetched.filename, other.filename]
    assert session.get(f"{url}/helper/{fetched.filename}", timeout=30).content == fetched.content
    for path in (f"helper/{other.filename}", "simple/never-asked/"):
        answer = session.get(f"{url}/{path}", timeout=30)
        assert answer.status_code == 503
        assert "public index does not answer" in answer.text
        assert public.url not in answer.text


def test_a_damaged_file_of_the_public_index_is_not_stored(registry: Registry, public: TinyIndex) -> None:
    url = registry.make_remote()
    public.publish(wheel("helper", "1.0"))
    session = registry.session()
    (filename,) = listed(session, url, "helper")
    public.publish(Upload(filename, b"another", {"name": "helper"}))
    answer = session.get(f"{url}/helper/{filename}", timeout=30)
    assert answer.status_code == 503
    assert "damaged" in answer.text
    assert registry.documents("files", "public") == []


def test_a_virtual_repository_serves_private_packages_while_the_public_index_is_down(
    registry: Registry, public: TinyIndex
) -> None:
    put(registry, registry.make(), wheel("my-adder", "1.0"))
    registry.make_remote()
    url = registry.make_virtual("python", "public")
    public.down = True
    assert listed(registry.session(), url, "my-adder") == ["my_adder-1.0-py3-none-any.whl"]
    assert registry.session().get(f"{url}/simple/helper/", timeout=30).status_code == 503
