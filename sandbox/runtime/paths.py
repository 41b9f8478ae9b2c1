"""Paths in a checkout's sandbox folder, which is private and ignored by git.

Owns the paths and their permissions. Two clones have two folders and share nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2]
# Tests set this variable to run their own sandbox beside the developer's.
FOLDER_VARIABLE = "PYTHON_REGISTRY_SANDBOX"


@dataclass(frozen=True)
class SandboxFolder:
    """The sandbox's folder and the paths in it."""

    root: Path

    @property
    def database(self) -> Path:
        """The cloud's documents."""
        return self.root / "cloud.db"

    @property
    def blobs(self) -> Path:
        """The content of the cloud's files."""
        return self.root / "blobs"

    @property
    def log(self) -> Path:
        """Clients' requests, one line of JSON per request."""
        return self.root / "requests.jsonl"

    @property
    def proxy_log(self) -> Path:
        """Output of the proxy's process."""
        return self.root / "proxy.log"

    @property
    def proxy_state(self) -> Path:
        """Process id and port of the proxy. Valid only while the proxy holds `proxy_lock`."""
        return self.root / "proxy.json"

    @property
    def proxy_lock(self) -> Path:
        """The proxy holds this lock while it runs."""
        return self.root / "proxy.lock"

    @property
    def start_lock(self) -> Path:
        """A start holds this lock, so that two starts create one proxy."""
        return self.root / "start.lock"

    @property
    def authority(self) -> Path:
        """The sandbox's certificate authority: `key.pem`, `cert.pem`, and `bundle.pem` for clients."""
        return self.root / "ca"

    @property
    def github_key(self) -> Path:
        """The private key of the emulated GitHub OIDC issuer."""
        return self.root / "github-issuer.pem"

    @property
    def home(self) -> Path:
        """HOME of the clients inside the sandbox."""
        return self.root / "home"

    @property
    def pulumi_home(self) -> Path:
        """The engine's own files: the selected stack, plugins, logs."""
        return self.home / ".pulumi"

    @property
    def system_settings(self) -> Path:
        """Settings that clients read before those in their HOME."""
        return self.root / "etc"

    @property
    def credentials(self) -> Path:
        """Logins of the members that clients act as, one file per member."""
        return self.root / "credentials"

    @property
    def stacks(self) -> Path:
        """Pulumi's state, in the engine's own file backend."""
        return self.root / "stacks"

    @property
    def work_folders(self) -> Path:
        """Copies of project folders. They keep the engine's lines out of the committed stack files."""
        return self.root / "work"

    @property
    def containers(self) -> Path:
        """Images and configuration of container builds."""
        return self.root / "containers"

    @property
    def commands(self) -> Path:
        """The first folder on PATH. Its `pulumi` keeps the committed stack files unchanged."""
        return self.root / "bin"

    def create(self) -> SandboxFolder:
        """Create the missing folders, private to their owner."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (
            *(self.authority, self.home, self.pulumi_home, self.credentials, self.stacks),
            *(self.work_folders, self.commands, self.containers, self.blobs, self.system_settings),
        ):
            path.mkdir(mode=0o700, exist_ok=True)
        return self


def sandbox_folder() -> SandboxFolder:
    """This checkout's sandbox, or the one that the environment names."""
    named = os.environ.get(FOLDER_VARIABLE)
    return SandboxFolder(Path(named).resolve() if named else PROGRAM / ".sandbox")


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read. A reader never sees half of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)
