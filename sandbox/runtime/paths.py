"""Where a checkout's sandbox keeps what it has: one private, git-ignored folder.

Owns the paths and their permissions. Two clones have two folders and so never meet.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2]
# Lets tests run a sandbox of their own beside the one that a person has open.
FOLDER_VARIABLE = "PYTHON_REGISTRY_SANDBOX"


@dataclass(frozen=True)
class Folder:
    """The sandbox's folder and what is in it."""

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
        """What clients asked, a line of JSON a request."""
        return self.root / "requests.jsonl"

    @property
    def server_log(self) -> Path:
        """What the gateway's process itself had to say."""
        return self.root / "gateway.log"

    @property
    def server(self) -> Path:
        """Process id and ports of the gateway; true only while `lock` is held."""
        return self.root / "gateway.json"

    @property
    def lock(self) -> Path:
        """Held by the gateway for as long as it lives."""
        return self.root / "gateway.lock"

    @property
    def start_lock(self) -> Path:
        """Held while a gateway is being started, so that two starts make one."""
        return self.root / "start.lock"

    @property
    def authority(self) -> Path:
        """The throw-away certificate authority: `key.pem`, `cert.pem`, and `bundle.pem` for clients."""
        return self.root / "ca"

    @property
    def github_key(self) -> Path:
        """The private key that the sandbox signs workflow tokens with, in GitHub's stead."""
        return self.root / "github-issuer.pem"

    @property
    def home(self) -> Path:
        """HOME of the clients inside the sandbox."""
        return self.root / "home"

    @property
    def pulumi_home(self) -> Path:
        """The engine's own files: which stack is selected, its logs."""
        return self.home / ".pulumi"

    @property
    def system_settings(self) -> Path:
        """What clients inside read before the settings in their HOME."""
        return self.root / "etc"

    @property
    def credentials(self) -> Path:
        """Logins of the members that clients act as inside the sandbox, a file each."""
        return self.root / "credentials"

    @property
    def stacks(self) -> Path:
        """Pulumi's state, by the engine's own file backend."""
        return self.root / "stacks"

    @property
    def workspaces(self) -> Path:
        """Stand-ins for project folders, so that the committed stack files stay as they are."""
        return self.root / "workspaces"

    @property
    def containers(self) -> Path:
        """Images and configuration of container builds."""
        return self.root / "containers"

    @property
    def commands(self) -> Path:
        """First on PATH: the `pulumi` that keeps the committed stack files as they are."""
        return self.root / "bin"

    def create(self) -> Folder:
        """Make the folders, private to their owner; those that exist are left as they are."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (
            *(self.authority, self.home, self.pulumi_home, self.credentials, self.stacks, self.workspaces),
            *(self.commands, self.containers, self.blobs, self.system_settings),
        ):
            path.mkdir(mode=0o700, exist_ok=True)
        return self


def sandbox_folder() -> Folder:
    """This checkout's sandbox, or the one that the environment names."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Folder(Path(named).resolve() if named else PROGRAM / ".sandbox")
