"""The files that pip, twine and uv read for this user.

Owns only the locations, on Linux and macOS. Writes nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.errors import ToolError


def client_files() -> dict[str, Path]:
    """Return each client's file, by the stack output that has its content.

    Raises:
        ToolError: the operating system is Windows.
    """
    if sys.platform == "win32":
        raise ToolError(
            "`tools configure` does not support Windows. Write the outputs pip_conf, pypirc and uv_toml "
            "to %APPDATA%\\pip\\pip.ini, %USERPROFILE%\\.pypirc and %APPDATA%\\uv\\uv.toml."
        )
    return {"pip_conf": pip_path(), "pypirc": Path.home() / ".pypirc", "uv_toml": uv_path()}


def pip_path() -> Path:
    """Return the file that `pip config debug` lists under `user`, or the one in PIP_CONFIG_FILE."""
    named = os.environ.get("PIP_CONFIG_FILE")
    if named:
        return Path(named)
    if sys.platform == "darwin":
        # pip on macOS ignores XDG_CONFIG_HOME (pip._internal.utils.appdirs).
        support = Path.home() / "Library" / "Application Support" / "pip"
        return (support if support.is_dir() else Path.home() / ".config" / "pip") / "pip.conf"
    return _config_home() / "pip" / "pip.conf"


def uv_path() -> Path:
    """Return uv's user-level file, or the one in UV_CONFIG_FILE."""
    named = os.environ.get("UV_CONFIG_FILE")
    return Path(named) if named else _config_home() / "uv" / "uv.toml"


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
