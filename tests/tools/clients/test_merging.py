"""A person's own settings outlive ours, comments and all."""

from __future__ import annotations

import configparser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.clients.merging import CannotMerge, has_all_of_toml, in_the_way, merge_ini

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
def test_an_option_is_changed_or_added_and_nothing_else_is(existing: str, expected: str) -> None:
    assert merge_ini(existing, PIP_CONF) == expected
    assert merge_ini(expected, PIP_CONF) == expected


@pytest.mark.parametrize(
    "existing", [f"[global]\nindex_url: {URL}\n", f"[global]\nindex-url={URL}", f"\n\n{PIP_CONF}\n\n"]
)
def test_what_says_the_same_in_other_words_stays_as_it_is(existing: str) -> None:
    assert merge_ini(existing, PIP_CONF) == existing


@pytest.mark.parametrize(
    ("existing", "listed"),
    [
        ("", ["python"]),
        ("[distutils]\nindex-servers =\n    pypi\n    # mine\n    other\n", ["pypi", "other", "python"]),
        ("[distutils]\nindex-servers = pypi other\n", ["pypi", "other", "python"]),
        ("[distutils]\nindex-servers = python pypi\n", ["python", "pypi"]),
        # twine takes these for listed as long as nothing is.
        ("[pypi]\nusername = me\n[other]\nusername = me\n", ["pypi", "python"]),
    ],
)
def test_index_servers_are_joined_not_replaced(existing: str, listed: list[str]) -> None:
    merged = merge_ini(existing, PYPIRC)
    parser = configparser.RawConfigParser()
    parser.read_string(merged)
    assert parser["distutils"]["index-servers"].split() == listed
    assert parser["python"]["repository"] == "https://us-python.pkg.dev/demo-proj/python/"
    assert ("# mine" in merged) == ("# mine" in existing)
    assert merge_ini(merged, PYPIRC) == merged


def test_a_repository_that_moved_is_followed() -> None:
    moved = PYPIRC.replace("us-python", "europe-python")
    merged = merge_ini(f"{PYPIRC}username = me\n", moved)
    assert "repository = https://europe-python.pkg.dev/demo-proj/python/\nusername = me\n" in merged
    assert merged.count("[python]") == 1


@pytest.mark.parametrize(
    "existing",
    ["no section\n", "[global]\nx = 1\nx = 2\n", "[global\n", "[DEFAULT]\nx = 1\n"],
)
def test_a_file_that_cannot_be_changed_without_loss_is_refused(existing: str) -> None:
    with pytest.raises(CannotMerge):
        merge_ini(existing, PIP_CONF)


NAME = st.from_regex(r"[a-z][a-z_-]{0,6}", fullmatch=True)
VALUE = st.from_regex(r"[a-z:/#;.]{0,8}(\n[a-z]{1,5}){0,2}", fullmatch=True)


@given(st.dictionaries(NAME, st.dictionaries(NAME, VALUE, max_size=3), max_size=3))
def test_whatever_a_person_has_is_kept_or_the_file_is_refused(sections: dict[str, dict[str, str]]) -> None:
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
    except (configparser.Error, CannotMerge):
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
def test_a_uv_toml_that_says_more_is_enough(existing: str, enough: bool) -> None:
    assert has_all_of_toml(existing, UV_TOML) is enough


def test_indexes_in_another_order_are_not_the_same() -> None:
    head, one, two = UV_TOML.split("[[index]]")
    assert not has_all_of_toml("[[index]]".join([head, f"{two}\n", one]), UV_TOML)


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(CannotMerge, match="it is no TOML"):
        has_all_of_toml("index = [", UV_TOML)


@pytest.mark.parametrize(
    ("existing", "options"),
    [
        ("", []),
        ("[install]\nno-cache-dir = true\n", []),
        ("[install]\nindex-url = https://other.example/simple\n", ["[install] index-url"]),
        ("[global]\nextra_index_url = https://old.example/simple\n", ["[global] extra-index-url"]),
    ],
)
def test_another_index_is_in_the_way(existing: str, options: list[str]) -> None:
    wanted = "[global]\nindex-url = https://us-python.pkg.dev/p/r/simple/\n"
    assert in_the_way(merge_ini(existing, wanted), wanted) == options


def test_a_stored_login_of_the_same_section_is_in_the_way() -> None:
    wanted = "[distutils]\nindex-servers =\n    python\n\n[python]\nrepository: https://x/\n"
    existing = "[python]\nusername: u\npassword: p\n\n[other]\nusername: u\n"
    assert in_the_way(merge_ini(existing, wanted), wanted) == ["[python] username", "[python] password"]
