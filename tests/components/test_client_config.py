"""The rendered client files, character by character."""

from __future__ import annotations

import configparser
import shlex
import tomllib

from components import client_config
from components.args import PythonRegistryArgs

WITH_PROXY = PythonRegistryArgs(project="demo-proj", location="us-central1", repository="py-repo")
WITHOUT_PROXY = PythonRegistryArgs(
    project="demo-proj", location="us-central1", repository="py-repo", pypi_proxy=False
)
HOST = "us-central1-python.pkg.dev/demo-proj"


def test_pip_reads_only_the_virtual_repository() -> None:
    assert client_config.pip_conf(WITH_PROXY) == (
        f"[global]\nindex-url = https://oauth2accesstoken@{HOST}/py-repo-index/simple/\n"
    )


def test_pip_conf_without_the_proxy_is_the_same_as_gclouds() -> None:
    assert client_config.pip_conf(WITHOUT_PROXY) == (
        "[global]\nextra-index-url = https://us-central1-python.pkg.dev/demo-proj/py-repo/simple/\n"
    )


def test_pypirc_is_always_the_same_as_gclouds() -> None:
    expected = """[distutils]
index-servers =
    py-repo

[py-repo]
repository: https://us-central1-python.pkg.dev/demo-proj/py-repo/
"""
    assert client_config.pypirc(WITH_PROXY) == client_config.pypirc(WITHOUT_PROXY) == expected


def test_twine_reads_the_upload_url_from_pypirc() -> None:
    parser = configparser.RawConfigParser()
    parser.read_string(client_config.pypirc(WITH_PROXY))
    assert parser["distutils"]["index-servers"].split() == ["py-repo"]
    assert parser["py-repo"]["repository"] == client_config.repository_url(WITH_PROXY, "py-repo")


def test_requirements_txt_names_the_same_index_as_pip_conf() -> None:
    assert (
        client_config.requirements_txt(WITH_PROXY)
        == f"--index-url https://oauth2accesstoken@{HOST}/py-repo-index/simple/\n"
    )
    assert (
        client_config.requirements_txt(WITHOUT_PROXY)
        == f"--extra-index-url https://{HOST}/py-repo/simple/\n"
    )


def test_uv_reads_the_private_index_before_the_cache_of_pypi() -> None:
    settings = tomllib.loads(client_config.uv_toml(WITH_PROXY))
    assert settings["keyring-provider"] == "subprocess"
    assert settings["index"] == [
        {
            "name": "py-repo",
            "url": f"https://oauth2accesstoken@{HOST}/py-repo/simple/",
            "publish-url": f"https://{HOST}/py-repo/",
        },
        {
            "name": "py-repo-pypi",
            "url": f"https://oauth2accesstoken@{HOST}/py-repo-pypi/simple/",
            "default": True,
        },
    ]


def test_uv_without_the_proxy_reads_the_private_index_before_its_default() -> None:
    assert [index["name"] for index in tomllib.loads(client_config.uv_toml(WITHOUT_PROXY))["index"]] == [
        "py-repo"
    ]


def test_poetry_has_one_source() -> None:
    (source,) = tomllib.loads(client_config.poetry_source(WITH_PROXY))["tool"]["poetry"]["source"]
    assert source == {
        "name": "py-repo-index",
        "url": f"https://{HOST}/py-repo-index/simple/",
        "priority": "primary",
    }
    (source,) = tomllib.loads(client_config.poetry_source(WITHOUT_PROXY))["tool"]["poetry"]["source"]
    assert source["priority"] == "supplemental"


def test_docker_build_passes_the_token_as_a_secret_and_only_the_url_as_an_argument() -> None:
    words = shlex.split(client_config.docker_build(WITH_PROXY))
    assert words[words.index("--secret") + 1] == "id=token,env=TOKEN"
    arguments = [words[i + 1] for i, word in enumerate(words) if word == "--build-arg"]
    assert arguments == [f"INDEX_URL=https://{HOST}/py-repo-index/simple/"]


def test_no_file_contains_a_password() -> None:
    for args in (WITH_PROXY, WITHOUT_PROXY):
        for render in (
            client_config.pip_conf,
            client_config.pypirc,
            client_config.uv_toml,
            client_config.poetry_source,
            client_config.requirements_txt,
        ):
            text = render(args)
            assert "password" not in text
            assert "oauth2accesstoken:" not in text


def test_the_console_url_opens_the_upload_repository() -> None:
    assert client_config.console_url(WITH_PROXY) == (
        "https://console.cloud.google.com/artifacts/python/demo-proj/us-central1/py-repo?project=demo-proj"
    )
