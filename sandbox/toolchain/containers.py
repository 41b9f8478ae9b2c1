"""Container builds inside the sandbox: buildah without a daemon, and a base image without a registry.

Owns buildah's configuration: its own image store, and the sandbox's certificate authority in every build.
So an unchanged Dockerfile works. Also owns the base image, which it builds from Debian's packages because
the sandbox emulates no image registry.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.runtime.paths import SandboxFolder
from sandbox.runtime.process import SandboxError
from sandbox.toolchain.cache import cache_folder
from sandbox.toolchain.progress import Report

BASE_IMAGE = "docker.io/library/python:3.11-slim"
# The Debian release whose python3 has the version of the image.
SUITE = "bookworm"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
# The certificate authorities that Debian's programs trust, pip included.
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def container_environment(folder: SandboxFolder, bundle: Path) -> dict[str, str]:
    """The variables with which an unmodified buildah builds inside the sandbox.

    Args:
        folder: the sandbox's folder, which gets the configuration.
        bundle: the certificate authorities that builds trust.
    """
    storage, containers = folder.containers / "storage.conf", folder.containers / "containers.conf"
    storage.write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder.containers}/images"\n'
        f'runroot = "{folder.containers}/run"\n'
    )
    containers.write_text(f'[containers]\nvolumes = ["{bundle}:{SYSTEM_BUNDLE}:ro"]\n')
    return {
        "CONTAINERS_STORAGE_CONF": str(storage),
        "CONTAINERS_CONF": str(containers),
        "STORAGE_DRIVER": "vfs",
        # This isolation needs no daemon. The build shares the machine's network, and so the proxy on
        # loopback.
        "BUILDAH_ISOLATION": "chroot",
    }


def ensure_base_image(environment: Mapping[str, str], report: Report) -> None:
    """Build the base image from Debian's packages if the sandbox's store does not have it.

    Raises:
        SandboxError: the image cannot be built here; the message names the missing program.
    """
    missing = [program for program in ("buildah", "debootstrap") if not shutil.which(program)]
    missing += ["root permission"] if os.geteuid() else []
    if missing:
        raise SandboxError(
            f"The base image needs buildah, debootstrap and root permission. Missing: {missing[0]}."
        )
    inspect = ["buildah", "inspect", "--type", "image", BASE_IMAGE]
    if subprocess.run(inspect, env=environment, capture_output=True, check=False).returncode == 0:
        return
    root = cache_folder() / f"debian-{SUITE}-{platform.machine()}.tar"
    if not root.exists():
        report(f"Downloading Debian {SUITE} with Python. It is kept in {root}.")
        _debootstrap(root)
    report(f"Building {BASE_IMAGE} from it.")
    with tempfile.TemporaryDirectory(dir=root.parent) as context:
        dockerfile = Path(context) / "Dockerfile"
        dockerfile.write_text("FROM scratch\nADD root.tar /\nRUN ln -s python3 /usr/bin/python\n")
        (Path(context) / "root.tar").hardlink_to(root)
        _run(["buildah", "build", "--tag", BASE_IMAGE, context], environment)


def _debootstrap(target: Path) -> None:
    """Create a minimal Debian with Python as a tar file. The file appears only when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        root, draft = f"{scratch}/root", Path(scratch) / "root.tar"
        # In the user's own environment: the sandbox's proxy does not emulate Debian's mirror.
        _run(
            ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, root], os.environ
        )
        _run(["tar", "--directory", root, "--create", "--file", str(draft), "."], os.environ)
        draft.replace(target)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run a command. Its own lines are the progress."""
    done = subprocess.run(command, env=environment, check=False, stdout=sys.stderr)
    if done.returncode:
        raise SandboxError(f"{command[0]} failed with exit status {done.returncode}; see its output above.")
