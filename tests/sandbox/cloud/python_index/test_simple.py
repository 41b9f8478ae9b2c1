"""Pages of a package index."""

from __future__ import annotations

import hashlib

import pytest

from tests.support.distributions import sdist, wheel
from tests.support.indexes import Registry, put

pytestmark = pytest.mark.sandbox


def test_a_page_is_plain_html_with_relative_links(registry: Registry) -> None:
    url = registry.make()
    one, other = wheel("My.Adder", "1.0"), sdist("My.Adder", "1.0+local.1", requires_python=None)
    put(registry, url, one, other)
    page = registry.session().get(
        f"{url}/simple/my-adder/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}, timeout=30
    )
    assert page.headers["content-type"].startswith("text/html")
    digest, local = (hashlib.sha256(upload.content).hexdigest() for upload in (one, other))
    assert (
        f'<a href="../../my-adder/My.Adder-1.0-py3-none-any.whl#sha256={digest}"'
        ' data-requires-python="&gt;=3.8">My.Adder-1.0-py3-none-any.whl</a>' in page.text
    )
    assert (
        f'<a href="../../my-adder/My.Adder-1.0%2Blocal.1.tar.gz#sha256={local}">'
        "My.Adder-1.0+local.1.tar.gz</a>" in page.text
    )
    assert "metadata" not in page.text
    assert (
        registry.session().get(f"{url}/my-adder/My.Adder-1.0%2Blocal.1.tar.gz", timeout=9).content
        == other.content
    )


def test_a_redirect_normalises_names(registry: Registry) -> None:
    url = registry.make()
    put(registry, url, wheel("my-adder", "1.0"))
    answer = registry.session().get(f"{url}/simple/My__Adder/", allow_redirects=False, timeout=30)
    assert answer.is_redirect
    assert answer.headers["location"] == f"/{registry.project}/python/simple/my-adder/"


@pytest.mark.parametrize(
    "path", ["simple/", "simple", "simple/nothing/", "", "my-adder/none.whl", "a/b/c/d"]
)
def test_a_missing_page_or_file_is_404(registry: Registry, path: str) -> None:
    url = registry.make()
    put(registry, url, wheel("my-adder", "1.0"))
    assert registry.session().get(f"{url}/{path}", timeout=30).status_code == 404
