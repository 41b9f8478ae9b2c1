"""The locations of the clients' files on Linux, macOS and Windows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.clients.locations import client_files, pip_path
from tools.errors import ToolError

# pip chooses its folders by platform when this module is imported.
PIP_ON_MACOS = """
import sys
sys.platform = "darwin"
from pip._internal.utils import appdirs
print(appdirs.user_config_dir("pip"))
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("PIP_CONFIG_FILE", "UV_CONFIG_FILE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def macos_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "platform", "darwin")
    return home


def names(home: Path) -> list[str]:
    return [str(path.relative_to(home)) for path in client_files().values()]


def test_linux_has_the_files_in_the_xdg_config_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(home) == [".config/pip/pip.conf", ".pypirc", ".config/uv/uv.toml"]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    assert names(home) == ["xdg/pip/pip.conf", ".pypirc", "xdg/uv/uv.toml"]


def test_macos_has_pips_file_in_application_support_if_that_folder_exists(macos_home: Path) -> None:
    assert names(macos_home) == [".config/pip/pip.conf", ".pypirc", ".config/uv/uv.toml"]
    (macos_home / "Library/Application Support/pip").mkdir(parents=True)
    pip_conf = "Library/Application Support/pip/pip.conf"
    assert names(macos_home) == [pip_conf, ".pypirc", ".config/uv/uv.toml"]


@pytest.mark.parametrize("folder", ["", "Library/Application Support/pip"])
@pytest.mark.parametrize("xdg", [False, True])
def test_macos_location_is_the_one_that_pip_reads(
    macos_home: Path, folder: str, xdg: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (macos_home / folder).mkdir(parents=True, exist_ok=True)
    if xdg:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(macos_home / "xdg"))
    pip = subprocess.run([sys.executable, "-c", PIP_ON_MACOS], capture_output=True, text=True, check=True)
    assert pip.stdout.strip() == str(pip_path().parent)


def test_windows_is_refused_with_the_locations_to_use(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ToolError, match=r"does not support Windows.*%APPDATA%\\pip\\pip\.ini"):
        client_files()
