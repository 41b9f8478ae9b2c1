"""The environment variables with which unmodified clients run inside the sandbox.

Owns the variables that each client reads for its proxy, its certificate authorities, its credentials and
its home, and the files that they name. Removes the variables of real logins, so that no client can send
one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.cloud.auth.access_tokens import fingerprint, mint_token
from sandbox.cloud.auth.oauth2 import CLIENT_ID, CLIENT_SECRET, issue_refresh_token, logged_in
from sandbox.cloud.core.store import Store
from sandbox.runtime.paths import FOLDER_VARIABLE, PROGRAM, SandboxFolder, write_private
from sandbox.runtime.process import LOOPBACK, Proxy
from sandbox.toolchain.cache import CACHE_VARIABLE, cache_folder
from sandbox.toolchain.containers import container_environment
from sandbox.toolchain.engine import Engine
from sandbox.toolchain.plugin import PLUGIN, Plugin
from sandbox.toolchain.versions import pulumi_home

# Each client reads its own variable for certificate authorities. An inherited value can override another,
# so the sandbox sets all of them.
TRUST_VARIABLES = (
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "HTTPLIB2_CA_CERTS",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
)
# Real logins and settings. The sandbox sets its own afterwards.
REMOVED_PREFIXES = (
    *("GOOGLE_", "GCLOUD_", "GCP_", "CLOUDSDK_", "PULUMI_", "AWS_", "ARM_"),
    *("PIP_", "UV_", "TWINE_", "POETRY_", "KEYRING_", "PYTHON_KEYRING_"),
)
REMOVED = (
    *("SSL_CERT_DIR", "CLOUDSDK_PYTHON", "NETRC", "all_proxy", "ALL_PROXY"),
    # These folders are outside the sandbox's HOME. A file that a test publishes on the emulated PyPI must
    # not get into a real cache.
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"),
)
# The sandbox's stacks have no secrets, but the engine requires a passphrase.
PASSPHRASE = "sandbox"  # noqa: S105


@dataclass(frozen=True, kw_only=True)
class Login:
    """A member's login, as clients use it.

    Attributes:
        account: the e-mail address that gcloud shows.
        token: the access token that clients send.
        credentials: the file with which other clients fetch their own tokens (`write_credentials`).
    """

    account: str
    token: str
    credentials: Path


def sandbox_environment(
    folder: SandboxFolder, proxy: Proxy, engine: Engine, login: Login
) -> dict[str, str]:
    """The whole environment of a client inside the sandbox."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(REMOVED_PREFIXES) and key not in REMOVED
    }
    proxy_url = f"http://{LOOPBACK}:{proxy.port}"
    bundle = folder.authority / "bundle.pem"
    path = [folder.commands, Path(sys.executable).parent, *engine.directories]
    path += [Path(entry) for entry in os.environ.get("PATH", os.defpath).split(os.pathsep)]
    return {
        **inherited,
        **dict.fromkeys(TRUST_VARIABLES, str(bundle)),
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), proxy_url),
        # Pulumi talks to its plugins and its language host over loopback.
        **dict.fromkeys(("NO_PROXY", "no_proxy"), f"{LOOPBACK},localhost,::1"),
        "PATH": os.pathsep.join(dict.fromkeys(map(str, path))),
        "HOME": str(folder.home),
        "XDG_CONFIG_DIRS": str(folder.system_settings),
        FOLDER_VARIABLE: str(folder.root),
        CACHE_VARIABLE: str(cache_folder()),
        "GOOGLE_OAUTH_ACCESS_TOKEN": login.token,
        "GOOGLE_APPLICATION_CREDENTIALS": str(login.credentials),
        "CLOUDSDK_AUTH_ACCESS_TOKEN": login.token,
        "CLOUDSDK_CORE_ACCOUNT": login.account,
        "CLOUDSDK_CONFIG": str(folder.home / ".config" / "gcloud"),
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "NO_GCE_CHECK": "true",
        "PULUMI_HOME": str(folder.pulumi_home),
        # Without attribute files beside the states: a killed engine leaves them empty, and then every later
        # command fails ("failed to load checkpoint: EOF").
        "PULUMI_BACKEND_URL": f"{folder.stacks.as_uri()}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The CLI's own language host runs `pip list`, and pip would then look for a newer pip on the index.
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **container_environment(folder, bundle),
    }


def create_login(folder: SandboxFolder, store: Store, member: str) -> Login:
    """A login of the member, with a new access token. The store must be in a transaction."""
    return Login(
        account=member.partition(":")[2],
        token=mint_token(store, member),
        credentials=write_credentials(folder, store, member),
    )


def write_credentials(folder: SandboxFolder, store: Store, member: str) -> Path:
    """The member's application default credentials: the file that `gcloud auth` would write.

    One file per member. It is written again only if its login is no longer valid, because open shells use
    it.
    """
    path = folder.credentials / f"{fingerprint(member)[:16]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError):
        if logged_in(store, json.loads(path.read_bytes())["refresh_token"]) == member:
            return path
    login = {
        "type": "authorized_user",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": issue_refresh_token(store, member),
    }
    write_private(path, json.dumps(login).encode())
    return path


def remove_own_commands_from_path(folder: SandboxFolder) -> None:
    """Remove the sandbox's own `pulumi` from PATH, for a command in an open shell of the sandbox.

    Otherwise the sandbox would take its own wrapper for the engine.
    """
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(entry for entry in path if entry != str(folder.commands))


def write_commands(folder: SandboxFolder, engine: Engine) -> None:
    """Write the command that the sandbox puts on PATH, `pulumi`."""
    python, package = shlex.quote(sys.executable), PROGRAM / "sandbox"
    words = [package / "runtime/pulumi_wrapper.py", engine.pulumi, folder.work_folders, folder.stacks]
    arguments = " ".join(shlex.quote(str(word)) for word in words)
    _write_command(folder.commands / "pulumi", f'exec {python} -P {arguments} "$@"')


def install_plugin(folder: SandboxFolder, plugin: Plugin, version: str) -> None:
    """Put the GCP plugin of that version into the engine's home, so that the engine finds it.

    The engine finds a plugin on PATH by itself. All checkouts share the downloaded plugin. Each checkout
    has its own fake provider, and so its own engine's home.
    """
    if plugin.origin == "on PATH":
        return
    plugin_folder = folder.pulumi_home / "plugins" / f"resource-gcp-v{version}"
    # A folder with a script in it: the engine ignores links.
    plugin_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if plugin.origin == "fake provider":
        python, home = shlex.quote(sys.executable), shlex.quote(str(PROGRAM))
        command = f"PYTHONPATH={home} exec {python} -m sandbox.provider"
    else:
        downloaded = pulumi_home() / "plugins" / plugin_folder.name / PLUGIN
        command = f"exec {shlex.quote(str(downloaded))}"
    _write_command(plugin_folder / PLUGIN, f'{command} "$@"')


def write_public_index(folder: SandboxFolder, proxy: Proxy) -> None:
    """Configure pip and uv inside with the emulated public index: their own settings stay outside.

    These are the system's settings. The settings in a HOME or a project override them.
    """
    url = proxy.public_index
    for name, text in {
        "pip/pip.conf": f"[global]\nindex-url = {url}\n",
        "uv/uv.toml": f'[[index]]\nurl = "{url}"\ndefault = true\n',
    }.items():
        path = folder.system_settings / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(path, text.encode())


def _write_command(path: Path, line: str) -> None:
    write_private(path, f"#!/bin/sh\n{line}\n".encode())
    path.chmod(0o700)
