"""The sandbox's process: start, stop and recovery; private files; no connection to other hosts."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from sandbox.runtime.environment import install_plugin
from sandbox.runtime.paths import SandboxFolder
from sandbox.runtime.process import find_proxy, start_proxy, stop_proxy
from sandbox.toolchain.cache import CACHE_VARIABLE
from sandbox.toolchain.plugin import PLUGIN, Plugin
from sandbox.toolchain.versions import pulumi_home
from tests.support.cases import read_cases
from tests.support.federation import anonymous
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


def test_a_host_that_is_not_emulated_is_refused_by_name_at_once(sandbox: Sandbox) -> None:
    for url in ("https://example.com/", "http://example.com/", "https://googleapis.com.example.net/"):
        done = sandbox.run("curl", "-sS", "--fail", "--max-time", "5", url, check=False)
        assert done.returncode != 0
    refused = [r for r in sandbox.log() if r["status"] == 403 and "example" in r["host"]]
    assert [r["host"] for r in refused] == [
        "example.com:443",
        "example.com",
        "googleapis.com.example.net:443",
    ]
    text = sandbox.run("curl", "-sS", "http://example.com/").stdout
    assert text == "The python-registry sandbox does not emulate example.com and forwards no request.\n"


@pytest.mark.parametrize(("host", "expected"), read_cases("clients", "host"))
def test_another_host_of_artifact_registry_is_named_in_the_first_line(
    sandbox: Sandbox, host: str, expected: str | None
) -> None:
    sandbox("start")
    proxy = find_proxy(SandboxFolder(sandbox.folder))
    assert proxy
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        connection.sendall(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
        line = connection.makefile("rb").readline().decode()
    if expected is None:
        assert line.startswith("HTTP/1.1 200 ")
    else:
        assert line.startswith("HTTP/1.1 403 ")
        assert expected in line


@pytest.mark.parametrize(("line", "expected"), read_cases("clients", "plain_http"))
def test_a_request_without_tls_is_refused_with_the_reason(
    sandbox: Sandbox, line: str, expected: str
) -> None:
    sandbox("start")
    proxy = find_proxy(SandboxFolder(sandbox.folder))
    assert proxy
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\n\r\n".encode())
        answer = connection.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 403 ")
    assert expected in answer.partition("\r\n\r\n")[2]


def test_the_certificate_of_a_google_host_is_issued_by_the_sandbox(sandbox: Sandbox) -> None:
    script = 'curl -sSv "https://us-python.pkg.dev/" 2>&1 | grep -i issuer'
    assert "python-registry sandbox" in sandbox.run("sh", "-c", script).stdout


def test_the_proxy_listens_only_on_loopback(sandbox: Sandbox) -> None:
    sandbox("start")
    proxy = find_proxy(SandboxFolder(sandbox.folder))
    assert proxy
    listening = {
        line.split()[1]
        for line in Path(f"/proc/{proxy.pid}/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{proxy.port:04X}")
    }
    assert listening == {f"0100007F:{proxy.port:04X}"}


def test_keys_and_state_are_private(sandbox: Sandbox) -> None:
    sandbox("start")
    folder = SandboxFolder(sandbox.folder)
    for path in (folder.root, folder.authority, folder.home, folder.stacks):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for path in (folder.authority / "key.pem", folder.database, folder.proxy_state):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_no_file_contains_an_access_token(sandbox: Sandbox) -> None:
    sandbox.ask("GET", "https://cloudresourcemanager.googleapis.com/v1/projects/demo-project")
    token = sandbox.run("sh", "-c", "printf %s $GOOGLE_OAUTH_ACCESS_TOKEN").stdout
    assert token.startswith("ya29.")
    files = [path for path in sandbox.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert files
    for path in files:
        assert b"ya29.sandbox-" not in path.read_bytes(), path


def test_run_passes_on_the_exit_status_and_signals(sandbox: Sandbox) -> None:
    assert sandbox.run("sh", "-c", "exit 7", check=False).returncode == 7
    assert sandbox.run("no-such-command", check=False).returncode == 127
    running = subprocess.Popen(
        sandbox.command("run", "--", "sh", "-c", "echo ready; exec sleep 60"),
        env=sandbox.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    assert running.stdout.readline() == "ready\n"
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=10) == -signal.SIGTERM


def test_real_logins_are_not_in_the_environment_of_a_client(sandbox: Sandbox) -> None:
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = "/home/me/key.json"
    os.environ["PULUMI_ACCESS_TOKEN"] = "pul-secret"
    try:
        inside = sandbox.run("env").stdout
    finally:
        del os.environ["GOOGLE_APPLICATION_CREDENTIALS"], os.environ["PULUMI_ACCESS_TOKEN"]
    assert "key.json" not in inside
    assert "pul-secret" not in inside


def test_env_puts_a_shell_inside(sandbox: Sandbox) -> None:
    exports = sandbox("env").stdout
    script = f"{exports}\npython -m sandbox run -- sh -c 'printf %s \"$HOME\"'"
    home = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env=sandbox.environment
    )
    assert home.stdout == str(sandbox.folder / "home")


@pytest.mark.parametrize("member", ["nonsense", "", "user:", "a@example.com"])
def test_an_invalid_member_gets_no_token(sandbox: Sandbox, member: str) -> None:
    refused = sandbox("run", "--as", member, "--", "true", check=False)
    assert refused.returncode == 2
    assert f"{member!r} is not an IAM member" in refused.stderr


def test_faults_set_checks_names_and_values(sandbox: Sandbox) -> None:
    assert (
        "faults: api-delay=60 unavailable=0.3"
        in sandbox("faults", "set", "api-delay=60", "unavailable=0.3").stdout
    )
    for word, rule in {
        "apidelay=1": "no such fault",
        "unavailable=2": "a share from 0 to 1",
        "api-delay=soon": "api-delay takes seconds",
        "cut=1.5": "cut takes a whole number",
        "api-delay=nan": "api-delay takes seconds",
    }.items():
        refused = sandbox("faults", "set", word, check=False)
        assert refused.returncode == 2
        assert rule in refused.stderr
        assert "Traceback" not in refused.stderr
    assert "api-delay=60" in sandbox("status").stdout, "a rejected fault changes nothing"
    assert "faults: none" in sandbox("faults", "clear").stdout


def test_two_starts_at_once_create_one_proxy(tmp_path: Path) -> None:
    folder = SandboxFolder(tmp_path / "state")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        started = list(pool.map(start_proxy, [folder] * 4))
    assert len({proxy.pid for proxy in started}) == 1
    assert stop_proxy(folder)
    assert find_proxy(folder) is None


def test_the_proxy_starts_after_a_kill_with_its_port_and_the_content_of_the_cloud(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "state")
    folder = SandboxFolder(sandbox.folder)
    project = "https://cloudresourcemanager.googleapis.com/v1/projects/files-project"
    before = sandbox.ask("GET", project)
    killed = find_proxy(folder)
    assert killed
    os.kill(killed.pid, signal.SIGKILL)
    while find_proxy(folder):
        os.sched_yield()
    again = start_proxy(folder)
    assert again.pid != killed.pid
    assert again.port == killed.port
    assert sandbox.ask("GET", project) == before
    stop_proxy(folder)


def test_a_proxy_that_runs_earlier_code_is_replaced(tmp_path: Path) -> None:
    folder = SandboxFolder(tmp_path / "state")
    old = start_proxy(folder)
    assert start_proxy(folder) == old
    # The state file of an earlier version.
    folder.proxy_state.write_text(json.dumps({"pid": old.pid, "port": old.port}))
    new = start_proxy(folder)
    assert (new.pid != old.pid, new.port) == (True, old.port)
    stop_proxy(folder)


def test_the_proxy_of_a_moved_folder_is_replaced(tmp_path: Path) -> None:
    before = start_proxy(SandboxFolder(tmp_path / "before"))
    moved = SandboxFolder((tmp_path / "before").rename(tmp_path / "moved"))
    after = start_proxy(moved)
    assert (after.pid != before.pid, after.root) == (True, str(moved.root))
    sandbox = Sandbox(moved.root)
    project = "https://cloudresourcemanager.googleapis.com/v1/projects/demo-proj"
    assert sandbox.ask("GET", project)[0] in (200, 403)
    stop_proxy(moved)


def test_clients_inside_use_the_public_index_that_pip_uses_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:hunter2@mirror.example/repo/simple")
    sandbox = Sandbox(tmp_path / "state")
    script = 'python -m pip config list; cat "$XDG_CONFIG_DIRS/uv/uv.toml"; env'
    inside = sandbox.run("sh", "-c", script).stdout
    assert "index-url='https://mirror.example/repo/simple'\n" in inside
    assert 'url = "https://mirror.example/repo/simple"\ndefault = true' in inside
    assert "hunter2" not in inside
    sandbox("stop")


def test_the_proxy_uses_another_port_if_its_port_is_taken(tmp_path: Path) -> None:
    folder = SandboxFolder(tmp_path / "state").create()
    with socket.create_server(("127.0.0.1", 0)) as other:
        folder.proxy_state.write_text(json.dumps({"pid": 1, "port": other.getsockname()[1]}))
        proxy = start_proxy(folder)
        assert proxy.port != other.getsockname()[1]
    stop_proxy(folder)


def test_two_sandbox_folders_share_nothing(tmp_path: Path) -> None:
    one, two = Sandbox(tmp_path / "one"), Sandbox(tmp_path / "two")
    enable = (
        "https://serviceusage.googleapis.com/v1/projects/same-project/services/iam.googleapis.com:enable"
    )
    accounts = "https://iam.googleapis.com/v1/projects/same-project/serviceAccounts"
    assert one.ask("POST", enable, {})[0] == 200
    assert one.ask("GET", accounts)[0] == 200
    assert two.ask("GET", accounts)[0] == 403
    for sandbox in (one, two):
        sandbox("stop")
        assert "not running" in sandbox("stop").stdout


def test_the_stop_does_not_wait_for_an_idle_client(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "state")
    with anonymous(sandbox) as session:
        session.get("https://artifactregistry.googleapis.com/")
        sandbox("stop")
    # The server logs an error if clients are still connected at the end of the grace period.
    assert SandboxFolder(sandbox.folder).proxy_log.read_text() == ""


def test_reset_deletes_everything(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path / "state")
    sandbox("start")
    sandbox("reset")
    assert not sandbox.folder.exists()
    assert "stopped" in sandbox("status").stdout


def test_the_engine_finds_the_downloaded_plugin_and_the_fake_provider(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    downloaded = pulumi_home() / "plugins" / "resource-gcp-v1.2.3" / PLUGIN
    downloaded.parent.mkdir(parents=True)
    downloaded.write_text('#!/bin/sh\necho the download "$@"\n')
    downloaded.chmod(0o700)
    folder = SandboxFolder(tmp_path / "sandbox").create()
    installed = folder.pulumi_home / "plugins" / "resource-gcp-v1.2.3" / PLUGIN
    install_plugin(folder, Plugin(origin="on PATH"), "1.2.3")
    assert not installed.exists()
    for plugin in (Plugin(origin="fake provider"), Plugin(origin="official download")):
        install_plugin(folder, plugin, "1.2.3")
        home = f"PULUMI_HOME={folder.pulumi_home}"
        listed = json.loads(sandbox.run("env", home, "pulumi", "plugin", "ls", "--json").stdout)
        assert [(found["name"], found["version"]) for found in listed] == [("gcp", "1.2.3")]
    ran = subprocess.run([installed, "it"], capture_output=True, text=True, check=True)
    assert ran.stdout == "the download it\n"
