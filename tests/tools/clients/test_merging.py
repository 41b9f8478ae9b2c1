"""`configure` keeps the user's own settings and comments."""

from __future__ import annotations

import configparser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.clients.merging import CannotMergeError, conflicting_options, contains_toml, merge_ini

URL = "https://us-python.pkg.dev/demo-proj/python-index/simple/"
PIP_CONF = f"[global]\nindex-url = {URL}\n"
PYPIRC = (
    "[distutils]\nindex-servers =\n    python\n\n"
    "[python]\nrepository: https://us-python.pkg.dev/demo-proj/python/\n"
)
UV_TOML = """\
keyring-provider = "subprocess"

[[index]]
name = "python"
url = "https://one.example/simple/"

[[index]]
name = "python-pypi"
url = "https://two.example/simple/"
default = true
"""
THEIRS = '[[index]]\nname = "theirs"\nurl = "https://theirs.example/simple/"\n\n'


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        ("", PIP_CONF),
        ("# mine\n[global]\n", f"# mine\n[global]\nindex-url = {URL}\n"),
        ("[install]\nuser = true\n", f"[install]\nuser = true\n\n{PIP_CONF}"),
        (
            "[global]\ntimeout = 5  ; why\n\n# the rest\n[install]\nuser = true\n",
            f"[global]\ntimeout = 5  ; why\nindex-url = {URL}\n\n# the rest\n[install]\nuser = true\n",
        ),
        (
            "[global]\n# old\nindex-url = https://old.example/\n# after\nproxy: x\n",
            f"[global]\n# old\nindex-url = {URL}\n# after\nproxy: x\n",
        ),
        ("[global]\nindex_url: https://old.example/\n", PIP_CONF),
        ("[global]\nindex-url =\n    https://old.example/\nproxy = x\n", f"{PIP_CONF}proxy = x\n"),
        ("[global]\nproxy = x", f"[global]\nproxy = x\nindex-url = {URL}\n"),
    ],
)
def test_merge_changes_or_adds_only_the_desired_option(existing: str, expected: str) -> None:
    assert merge_ini(existing, PIP_CONF) == expected
    assert merge_ini(expected, PIP_CONF) == expected


@pytest.mark.parametrize(
    "existing", [f"[global]\nindex_url: {URL}\n", f"[global]\nindex-url={URL}", f"\n\n{PIP_CONF}\n\n"]
)
def test_merge_keeps_a_text_that_already_has_the_option(existing: str) -> None:
    assert merge_ini(existing, PIP_CONF) == existing


@pytest.mark.parametrize(
    ("existing", "listed"),
    [
        ("", ["python"]),
        ("[distutils]\nindex-servers =\n    pypi\n    # mine\n    other\n", ["pypi", "other", "python"]),
        ("[distutils]\nindex-servers = pypi other\n", ["pypi", "other", "python"]),
        ("[distutils]\nindex-servers = python pypi\n", ["python", "pypi"]),
        # Without a list, twine uses these two.
        ("[pypi]\nusername = me\n[other]\nusername = me\n", ["pypi", "python"]),
    ],
)
def test_merge_adds_to_the_list_of_index_servers(existing: str, listed: list[str]) -> None:
    merged = merge_ini(existing, PYPIRC)
    parser = configparser.RawConfigParser()
    parser.read_string(merged)
    assert parser["distutils"]["index-servers"].split() == listed
    assert parser["python"]["repository"] == "https://us-python.pkg.dev/demo-proj/python/"
    assert ("# mine" in merged) == ("# mine" in existing)
    assert merge_ini(merged, PYPIRC) == merged


def test_merge_replaces_the_url_of_a_repository_that_moved() -> None:
    moved = PYPIRC.replace("us-python", "europe-python")
    merged = merge_ini(f"{PYPIRC}username = me\n", moved)
    assert "repository = https://europe-python.pkg.dev/demo-proj/python/\nusername = me\n" in merged
    assert merged.count("[python]") == 1


@pytest.mark.parametrize(
    "existing",
    ["no section\n", "[global]\nx = 1\nx = 2\n", "[global\n", "[DEFAULT]\nx = 1\n"],
)
def test_merge_refuses_a_text_that_a_change_would_damage(existing: str) -> None:
    with pytest.raises(CannotMergeError):
        merge_ini(existing, PIP_CONF)


NAME = st.from_regex(r"[a-z][a-z_-]{0,6}", fullmatch=True)
VALUE = st.from_regex(r"[a-z:/#;.]{0,8}(\n[a-z]{1,5}){0,2}", fullmatch=True)


@given(st.dictionaries(NAME, st.dictionaries(NAME, VALUE, max_size=3), max_size=3))
def test_merge_keeps_every_setting_or_refuses_the_text(sections: dict[str, dict[str, str]]) -> None:
    lines: list[str] = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        for option, value in options.items():
            lines.append(f"{option} = " + value.replace("\n", "\n    "))
    existing = "\n".join(lines)
    before, after = configparser.RawConfigParser(), configparser.RawConfigParser()
    try:
        before.read_string(existing)
        merged = merge_ini(existing, PIP_CONF)
    except (configparser.Error, CannotMergeError):
        return
    after.read_string(merged)
    assert after["global"]["index-url"] == URL
    for section in before.sections():
        for option, value in before.items(section):
            if (section, option.replace("_", "-")) != ("global", "index-url"):
                assert after[section][option] == value


@pytest.mark.parametrize(
    ("existing", "enough"),
    [
        (UV_TOML, True),
        (f"# mine\noffline = true\n{UV_TOML}", True),
        (
            UV_TOML.replace(
                "[[index]]", '[[index]]\nname = "z"\nurl = "https://z.example"\n\n[[index]]', 1
            ),
            True,
        ),
        (UV_TOML.replace("subprocess", "disabled"), False),
        (UV_TOML.partition("[[index]]")[0], False),
        (UV_TOML.replace("one.example", "other.example"), False),
        ("", False),
    ],
)
def test_a_uv_toml_with_more_settings_contains_the_desired_ones(existing: str, enough: bool) -> None:
    assert contains_toml(existing, UV_TOML) is enough


def test_a_uv_toml_with_another_order_of_indexes_is_different() -> None:
    head, one, two = UV_TOML.split("[[index]]")
    assert not contains_toml("[[index]]".join([head, f"{two}\n", one]), UV_TOML)


def test_a_text_that_is_not_toml_is_refused() -> None:
    with pytest.raises(CannotMergeError, match="it is not TOML"):
        contains_toml("index = [", UV_TOML)


@pytest.mark.parametrize(
    ("existing", "options"),
    [
        ("", []),
        ("[install]\nno-cache-dir = true\n", []),
        ("[install]\nindex-url = https://other.example/simple\n", ["[install] index-url"]),
        ("[global]\nextra_index_url = https://old.example/simple\n", ["[global] extra-index-url"]),
    ],
)
def test_another_index_conflicts_with_the_private_one(existing: str, options: list[str]) -> None:
    desired = "[global]\nindex-url = https://us-python.pkg.dev/p/r/simple/\n"
    assert conflicting_options(merge_ini(existing, desired), desired) == options


def test_a_stored_login_conflicts_in_the_same_section_only() -> None:
    desired = "[distutils]\nindex-servers =\n    python\n\n[python]\nrepository: https://x/\n"
    existing = "[python]\nusername: u\npassword: p\n\n[other]\nusername: u\n"
    assert conflicting_options(merge_ini(existing, desired), desired) == [
        "[python] username",
        "[python] password",
    ]
