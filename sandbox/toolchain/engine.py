"""The Pulumi engine that the sandbox runs: the `pulumi` program with its Python language host.

Owns the choice: the engine on PATH, the cached one, or one that is installed or built now. The cache keeps
one engine per version, so that a fresh checkout finds it.

Changes nothing outside the cache folder, except Go's own caches. Call it in the user's own environment, not
the sandbox's: downloads come from the real internet, through the user's proxy if there is one.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.version import Version

from sandbox.toolchain.build import BuildError, build_lock
from sandbox.toolchain.cache import account_cache_folder, cache_folder
from sandbox.toolchain.engine_build import BUILT_MARKER, ENGINE_KEY, HOST, create_engine, is_complete
from sandbox.toolchain.progress import Report
from sandbox.toolchain.versions import CLI_VERSION, GO_VERSION, printed_version

_REMEDY = (
    f"Check the network, or install Pulumi {CLI_VERSION} (https://www.pulumi.com/docs/install/) or "
    f"Go {GO_VERSION} (https://go.dev/dl/) or newer. Then run the command again."
)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Pulumi engine that is ready to run.

    Attributes:
        pulumi: the `pulumi` executable.
        version: its version, without the leading `v`.
        origin: its source.
        directories: the first folders of PATH, so that clients find `pulumi` and its language host.
    """

    pulumi: Path
    version: str
    origin: Literal["on PATH", "official installer", "built with Go"]
    directories: tuple[Path, ...]


class EngineError(Exception):
    """There is no engine. The message names the step that failed, the log, and the fix."""


def ensure_engine(report: Report) -> Engine:
    """The engine to use: the one on PATH, the cached one, or one that is installed or built now.

    If HOME is not the account's home folder, the cache of the account counts too. The
    first build takes minutes. Two runs at once build only one engine.

    Raises:
        EngineError: no engine was found, and the installation and the build failed.
    """
    if engine := _engine_on_path(report):
        return engine
    home = cache_folder() / ENGINE_KEY
    other = account_cache_folder()
    if not is_complete(home) and other and is_complete(other / ENGINE_KEY):
        home = other / ENGINE_KEY
    if not is_complete(home):
        report(
            f"Pulumi {CLI_VERSION} is not on PATH and not in {cache_folder()}. It will be downloaded or "
            "built. If another folder has it, set XDG_CACHE_HOME."
        )
        try:
            with build_lock(ENGINE_KEY, report) as build:
                if not is_complete(home):  # the run that this one waited for may have created it
                    create_engine(home, build)
        except BuildError as error:
            raise EngineError(f"{error}\n{_REMEDY}") from error
    return Engine(
        pulumi=home / "bin" / "pulumi",
        version=CLI_VERSION,
        origin="built with Go" if (home / BUILT_MARKER).exists() else "official installer",
        directories=(home / "bin",),
    )


def _engine_on_path(report: Report) -> Engine | None:
    if not (found := shutil.which("pulumi")):
        return None
    pulumi = Path(found).absolute()
    version = printed_version(pulumi, "version")
    # The engine looks for language hosts on PATH, beside its link and beside the link's target.
    places = [str(pulumi.parent), str(pulumi.resolve().parent), os.environ.get("PATH", "")]
    host = shutil.which(HOST, path=os.pathsep.join(places))
    if version is None:
        reason = "does not print its version"
    elif Version(version) < Version(CLI_VERSION):
        reason = f"is {version}, older than {CLI_VERSION}"
    elif host is None:
        reason = f"has no {HOST} beside it or on PATH"
    else:
        folders = tuple(dict.fromkeys((pulumi.parent, Path(host).absolute().parent)))
        return Engine(pulumi=pulumi, version=version, origin="on PATH", directories=folders)
    report(f"The pulumi on PATH ({pulumi}) {reason}: not used.")
    return None
