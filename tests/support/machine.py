"""A machine on which the sandbox looks for its tools: a fake `go`, `pulumi` and network."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from sandbox.toolchain.cache import CACHE_VARIABLE, cache_folder
from sandbox.toolchain.versions import HOST_VERSION

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
SDK = "10.2.0"
HOSTS = ("get.pulumi.com", "github.com")

# Answers as Go does, and "compiles" programs that print the requested version.
GO = """
echo "$1" >> "$CALLS"
case $1 in
    version) echo "go version go{version} linux/amd64" ;;
    env) echo off; echo "$MODULES" ;;
    list) echo one; echo two ;;
    build)
        echo one; echo two
        {build}
        while [ "$1" != -ldflags ]; do shift; done
        printf '#!/bin/sh\\necho %s\\n' "${{2##*=}}" > "$4"
        chmod +x "$4" ;;
esac
"""


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")
    path.chmod(0o755)
    return path


class Machine:
    """A machine without tools: an empty PATH, an empty cache, and no network."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        self.reports: list[str] = []
        self.requests: list[str] = []
        self.answers: Callable[[str], bool] = lambda url: False
        modules = folder / "modules"
        source = modules / f"github.com/pulumi/pulumi/sdk/v3@v{HOST_VERSION}/python/cmd"
        self.exec_script = source / "pulumi-language-python-exec"
        script(self.exec_script, "")
        self.bin.mkdir()
        self.calls.touch()
        monkeypatch.setenv("PATH", str(self.bin))
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        monkeypatch.delenv(CACHE_VARIABLE, raising=False)
        monkeypatch.setenv("CALLS", str(self.calls))
        monkeypatch.setenv("MODULES", str(modules))
        monkeypatch.setattr(urllib.request, "urlopen", self._urlopen)
        self.runs_python(script(folder / "python", "echo no package index here; exit 1"))

    def _urlopen(self, url: str, timeout: float) -> AbstractContextManager[None]:
        self.requests.append(url)
        if self.answers(url):
            return nullcontext()
        raise urllib.error.URLError("no route to host")

    def report(self, line: str) -> None:
        self.reports.append(line)

    def reported(self, *words: str) -> bool:
        return any(all(word in line for word in words) for line in self.reports)

    def has_go(self, version: str = "1.26.8", build: str = ":") -> Path:
        return script(self.bin / "go", GO.format(version=version, build=build))

    def runs_python(self, fake: Path) -> None:
        """Set the Python that pip and the official installer run with."""
        self._patch.setattr(sys, "executable", str(fake))

    def has_pulumi(self, version: str, *, host: bool = True) -> None:
        script(self.bin / "pulumi", f"echo {version}")
        if host:
            script(self.bin / "pulumi-language-python", "")

    def builds(self) -> int:
        return self.calls.read_text().split().count("build")

    def remembers_refusals(self) -> None:
        for host in HOSTS:
            note = cache_folder() / "unreachable" / host
            note.parent.mkdir(parents=True, exist_ok=True)
            note.touch()

    def start(self) -> subprocess.Popen[str]:
        """Start another run in its own process. It sends no request."""
        self.remembers_refusals()
        # A shell lets its background jobs and their children ignore Ctrl-C. This reverts it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(
            [PYTHON, "-m", "sandbox.toolchain"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def leftovers() -> list[Path]:
    """Folders of unfinished builds."""
    return list(cache_folder().glob("*.partial"))
