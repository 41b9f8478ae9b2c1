"""The environment that puts unmodified clients into the sandbox: variables, and nothing else.

Owns which variables each client reads for its proxy, its trust, its credentials and its home. What a
client inherits of a real login is taken away here, so that none can leave the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from pathlib import Path

from sandbox.cloud.auth.access_tokens import fingerprint
from sandbox.cloud.auth.oauth2 import CLIENT_ID, CLIENT_SECRET, issue_refresh_token, logged_in
from sandbox.cloud.core.store import Store
from sandbox.runtime.paths import FOLDER_VARIABLE, PROGRAM, Folder
from sandbox.runtime.process import Gateway
from sandbox.runtime.proxy import LOOPBACK, write_private
from sandbox.toolchain.cache import CACHE_VARIABLE, cache_folder
from sandbox.toolchain.containers import container_environment
from sandbox.toolchain.engine import PLUGIN, Engine, Plugin, pulumi_home

# Every client has a variable of its own for the authorities it trusts, and an inherited one of these
# beats another: all of them are set.
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
# Logins and settings of the real world; those that the sandbox sets itself come after.
FORGOTTEN_PREFIXES = (
    *("GOOGLE_", "GCLOUD_", "GCP_", "CLOUDSDK_", "PULUMI_", "AWS_", "ARM_"),
    *("PIP_", "UV_", "TWINE_", "POETRY_", "KEYRING_", "PYTHON_KEYRING_"),
)
FORGOTTEN = (
    *("SSL_CERT_DIR", "CLOUDSDK_PYTHON", "NETRC", "all_proxy", "ALL_PROXY"),
    # They would lead past the sandbox's HOME; what is planted here must not come into a real cache.
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"),
)
# The sandbox's stacks hold no secrets: the engine asks for a passphrase all the same.
PASSPHRASE = "sandbox"  # noqa: S105


def sandbox_environment(
    folder: Folder,
    gateway: Gateway,
    engine: Engine,
    *,
    token: str,
    credentials: Path,
    account: str,
) -> dict[str, str]:
    """The whole environment of a client inside the sandbox.

    Args:
        folder: the sandbox's folder.
        gateway: the running gateway.
        engine: the Pulumi CLI to use.
        token: the access token that clients present.
        credentials: the file with which others fetch tokens of their own (`write_credentials`).
        account: the e-mail address that gcloud shows for it.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(FORGOTTEN_PREFIXES) and key not in FORGOTTEN
    }
    proxy = f"http://{LOOPBACK}:{gateway.port}"
    bundle = folder.authority / "bundle.pem"
    path = [folder.commands, Path(sys.executable).parent, *engine.directories]
    path += [Path(entry) for entry in os.environ.get("PATH", os.defpath).split(os.pathsep)]
    return {
        **kept,
        **dict.fromkeys(TRUST_VARIABLES, str(bundle)),
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), proxy),
        # Pulumi talks to its plugins and its language host over loopback.
        **dict.fromkeys(("NO_PROXY", "no_proxy"), f"{LOOPBACK},localhost,::1"),
        "PATH": os.pathsep.join(dict.fromkeys(map(str, path))),
        "HOME": str(folder.home),
        "XDG_CONFIG_DIRS": str(folder.system_settings),
        FOLDER_VARIABLE: str(folder.root),
        CACHE_VARIABLE: str(cache_folder()),
        "GOOGLE_OAUTH_ACCESS_TOKEN": token,
        "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
        "CLOUDSDK_AUTH_ACCESS_TOKEN": token,
        "CLOUDSDK_CORE_ACCOUNT": account,
        "CLOUDSDK_CONFIG": str(folder.home / ".config" / "gcloud"),
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "NO_GCE_CHECK": "true",
        "PULUMI_HOME": str(folder.pulumi_home),
        # Without files of attributes beside the states: a killed engine leaves them empty, and an empty one
        # makes every later command fail ("failed to load checkpoint: EOF").
        "PULUMI_BACKEND_URL": f"{folder.stacks.as_uri()}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **container_environment(folder, bundle),
    }


def write_credentials(folder: Folder, store: Store, member: str) -> Path:
    """The member's application default credentials: a login, as `gcloud` would have left it.

    One file a member, written anew only where its login is no longer good: open shells know it.
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


def forget_own_commands(folder: Folder) -> None:
    """Take the sandbox's own `pulumi` off PATH, for a command given in an open shell of the sandbox.

    It would else be taken for the engine.
    """
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join(entry for entry in path if entry != str(folder.commands))


def write_commands(folder: Folder, engine: Engine) -> None:
    """Write the command that the sandbox puts on PATH, `pulumi`."""
    python, package = shlex.quote(sys.executable), PROGRAM / "sandbox"
    words = [package / "runtime/pulumi_wrapper.py", engine.pulumi, folder.workspaces, folder.stacks]
    arguments = " ".join(shlex.quote(str(word)) for word in words)
    _write_command(folder.commands / "pulumi", f'exec {python} -P {arguments} "$@"')


def install_plugin(folder: Folder, plugin: Plugin, version: str) -> None:
    """Have the engine find the GCP plugin of that version among those that are installed in its home.

    One on PATH it finds by itself. The download is all checkouts'; the stand-in is this one's, and so
    neither is the home that says which it is.
    """
    if plugin.origin == "on PATH":
        return
    plugins, name = folder.pulumi_home / "plugins", f"resource-gcp-v{version}"
    if plugins.is_symlink():
        # A sandbox from before had all checkouts' here.
        plugins.unlink(missing_ok=True)
    # A folder, with a command in it: the engine passes over links.
    (plugins / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    python, home = shlex.quote(sys.executable), shlex.quote(str(PROGRAM))
    stand_in = f"PYTHONPATH={home} exec {python} -m sandbox.provider"
    downloaded = f"exec {shlex.quote(str(pulumi_home() / 'plugins' / name / PLUGIN))}"
    command = stand_in if plugin.origin == "stand-in" else downloaded
    _write_command(plugins / name / PLUGIN, f'{command} "$@"')


def write_public_index(folder: Folder, gateway: Gateway) -> None:
    """Tell pip and uv inside which public index is imitated: their own settings are left outside.

    As the system's settings, below whatever a person puts into a HOME or a project.
    """
    url = gateway.public_index
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
