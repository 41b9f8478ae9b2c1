"""The GCP plugin that the engine uses: one on PATH, the official download, or the fake provider.

Owns the download, once per version, in the user's cache folder. The fake provider is in
`sandbox.provider`.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandbox.toolchain.build import Build, BuildError, Step, build_lock
from sandbox.toolchain.cache import cache_folder
from sandbox.toolchain.connectivity import answering
from sandbox.toolchain.engine import Engine
from sandbox.toolchain.engine_build import MACHINE, SYSTEM, unreachable_hosts
from sandbox.toolchain.progress import Report
from sandbox.toolchain.versions import pulumi_home

PLUGIN = "pulumi-resource-gcp"


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """The GCP resource plugin that the engine will use.

    Attributes:
        origin: its source. A downloaded plugin is in `pulumi_home()`.
    """

    origin: Literal["on PATH", "official download", "fake provider"]


def ensure_plugin(engine: Engine, sdk_version: str, report: Report) -> Plugin:
    """The GCP plugin to use: one on PATH, otherwise the official one of `sdk_version`, otherwise the fake.

    Never fails. If the official plugin cannot be downloaded, the report gives the reason.
    """
    if shutil.which(PLUGIN):
        return Plugin(origin="on PATH")
    folder = pulumi_home() / "plugins" / f"resource-gcp-v{sdk_version}"
    if not _is_complete(folder):
        try:
            with build_lock(f"{PLUGIN}-{sdk_version}", report) as build:
                _download(engine, sdk_version, build)
        except BuildError as error:
            report(str(error))
    return Plugin(origin="official download" if _is_complete(folder) else "fake provider")


def _is_complete(folder: Path) -> bool:
    """Whether Pulumi finished the download: until then it keeps a file `<folder>.partial`."""
    return (folder / PLUGIN).exists() and not Path(f"{folder}.partial").exists()


def _download(engine: Engine, version: str, build: Build) -> None:
    """Let the engine download the plugin from the first of its two sources that answers."""
    archive = f"{PLUGIN}-v{version}-{SYSTEM}-{MACHINE}.tar.gz"
    # The engine's own order (sdk/go/common/workspace/plugins.go). Without `--server` it tries both, up to
    # five times, without a time limit.
    servers = {
        f"{server}/{archive}": server
        for server in (
            f"https://github.com/pulumi/pulumi-gcp/releases/download/v{version}",
            "https://get.pulumi.com/releases/plugins",
        )
    }
    for url in answering(list(servers), unreachable_hosts(), build.report)[:1]:
        install = (engine.pulumi, "plugin", "install", "resource", "gcp", version)
        build.run(
            Step(
                name=f"Downloading the provider for Google Cloud {version}",
                command=(*install, "--server", servers[url]),
                cwd=cache_folder(),
                env={"PULUMI_HOME": str(pulumi_home()), "PULUMI_SKIP_UPDATE_CHECK": "true"},
            )
        )
