"""The choice and the download of the GCP plugin, with a fake `pulumi` and network."""

from __future__ import annotations

import pytest

from sandbox.toolchain import versions
from sandbox.toolchain.engine import Engine, ensure_engine
from sandbox.toolchain.plugin import ensure_plugin
from tests.support.machine import SDK, Machine, script


class TestPlugin:
    @pytest.fixture
    def found(self, machine: Machine) -> Engine:
        install = """echo "$*" >> "$CALLS"
        [ -d "$PULUMI_HOME" ] || mkdir -p "$PULUMI_HOME"
        mkdir -p "$PULUMI_HOME/plugins/resource-gcp-v$5"
        > "$PULUMI_HOME/plugins/resource-gcp-v$5/pulumi-resource-gcp" """
        script(machine.bin / "pulumi", f"[ $1 = version ] && echo v3.300.0 && exit; {install}")
        script(machine.bin / "pulumi-language-python", "")
        return ensure_engine(machine.report)

    def test_a_plugin_on_path_is_used_instead_of_a_downloaded_one(
        self, machine: Machine, found: Engine
    ) -> None:
        machine.answers = lambda url: True
        ensure_plugin(found, SDK, machine.report)
        script(machine.bin / "pulumi-resource-gcp", "")
        plugin = ensure_plugin(found, SDK, machine.report)
        assert plugin.origin == "on PATH"

    def test_the_plugin_is_downloaded_once_from_the_source_that_answers(
        self, machine: Machine, found: Engine
    ) -> None:
        machine.answers = lambda url: "get.pulumi.com" in url
        for _ in range(2):
            plugin = ensure_plugin(found, SDK, machine.report)
            assert plugin.origin == "official download"
        (call,) = machine.calls.read_text().splitlines()
        assert call == (
            f"plugin install resource gcp {SDK} --server https://get.pulumi.com/releases/plugins"
        )

    def test_the_download_uses_the_sources_of_the_engine(self, machine: Machine, found: Engine) -> None:
        ensure_plugin(found, SDK, machine.report)
        for server in (
            f"https://github.com/pulumi/pulumi-gcp/releases/download/v{SDK}/",
            "https://get.pulumi.com/releases/plugins/",
        ):
            assert any(url.startswith(f"{server}pulumi-resource-gcp-v{SDK}-") for url in machine.requests)

    def test_a_plugin_of_another_version_is_not_used(self, machine: Machine, found: Engine) -> None:
        machine.answers = lambda url: True
        ensure_plugin(found, "9.35.0", machine.report)
        machine.answers = lambda url: False
        assert ensure_plugin(found, SDK, machine.report).origin == "fake provider"

    def test_an_unfinished_download_is_not_used(self, machine: Machine, found: Engine) -> None:
        plugins = versions.pulumi_home() / "plugins"
        script(plugins / f"resource-gcp-v{SDK}" / "pulumi-resource-gcp", "")
        (plugins / f"resource-gcp-v{SDK}.partial").touch()
        assert ensure_plugin(found, SDK, machine.report).origin == "fake provider"

    def test_the_fake_provider_is_used_if_the_download_fails(self, machine: Machine, found: Engine) -> None:
        machine.answers = lambda url: True
        script(found.pulumi, "echo checksum mismatch; exit 1")
        assert ensure_plugin(found, SDK, machine.report).origin == "fake provider"
        assert machine.reported("Downloading the provider for Google Cloud", "checksum mismatch")
