"""Download rules, as clients of a package index see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.distributions import wheel
from tests.support.indexes import Registry, TinyIndex, listed, put, with_login

pytestmark = pytest.mark.sandbox


def test_a_virtual_repository_lists_a_denied_package_but_pip_cannot_install_it(
    registry: Registry, public: TinyIndex, tmp_path: Path
) -> None:
    put(registry, registry.make(), wheel("my-adder", "1.0"))
    remote, url = registry.make_remote(), registry.make_virtual("python", "public")
    public.publish(wheel("my-adder", "99.0"), wheel("helper", "1.0"))
    install = ("pip", "install", "--target", str(tmp_path / "t"), "--index-url", with_login(url))
    registry.client(*install, "my-adder")
    assert "99.0" in (tmp_path / "t" / "my_adder.py").read_text(), "the attack works"
    registry.deny("public", "private-my-adder", package="my-adder")
    output = registry.client(*install, "--upgrade", "my-adder", check=False)
    assert "403" in output
    registry.client(*install, "--upgrade", "my-adder==1.0")
    assert "1.0" in (tmp_path / "t" / "my_adder.py").read_text()
    session = registry.session()
    for other in ("My_Adder", "my.adder", "my-adder%20", "x%2F..%2Fmy-adder"):
        path = f"{remote}/{other}/my_adder-99.0-py3-none-any.whl"
        assert session.get(path, timeout=30).status_code == 404, "another spelling does not bypass the rule"
    for path in ("simple/my-adder/", "my-adder/my_adder-99.0-py3-none-any.whl"):
        answer = session.get(f"{remote}/{path}", timeout=30)
        assert answer.status_code == 403
        assert "my-adder" in answer.text
        assert "rules/private-my-adder" in answer.text
    assert listed(session, remote, "helper") == ["helper-1.0-py3-none-any.whl"]


def test_a_rule_for_a_package_overrides_the_rule_for_all(registry: Registry, public: TinyIndex) -> None:
    url = registry.make_remote()
    public.publish(wheel("helper", "1.0"), wheel("other", "1.0"))
    registry.deny("public", "all")
    registry.deny("public", "helper", action="ALLOW", package="helper")
    session = registry.session()
    assert listed(session, url, "helper") == ["helper-1.0-py3-none-any.whl"]
    assert session.get(f"{url}/simple/other/", timeout=30).status_code == 403
