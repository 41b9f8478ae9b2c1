"""Container builds inside the sandbox: buildah without an engine, and a base image without a registry.

Owns buildah's configuration (a store of the sandbox's own, and its certificate authority in every build, so
that an unchanged Dockerfile works) and the stand-in for the base image: image registries are not imitated,
Debian's packages are what there is.
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

from sandbox.runtime.paths import Folder
from sandbox.runtime.process import SandboxError
from sandbox.toolchain.cache import cache_folder
from sandbox.toolchain.progress import Report

BASE_IMAGE = "docker.io/library/python:3.11-slim"
# The Debian release whose python3 is the image's.
SUITE = "bookworm"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
# Where Debian's programs, pip among them, find whom to trust.
SYSTEM_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def container_environment(folder: Folder, bundle: Path) -> dict[str, str]:
    """What makes an unmodified buildah build inside the sandbox.

    Args:
        folder: the sandbox's folder; the configuration is written there.
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
        # Without an engine's privileges; the network is the machine's, and so is the proxy on loopback.
        "BUILDAH_ISOLATION": "chroot",
    }


def ensure_base_image(environment: Mapping[str, str], report: Report) -> None:
    """Have the base image in the sandbox's store, made of Debian's packages the first time.

    Raises:
        SandboxError: it cannot be made here; says what is missing.
    """
    lacking = [program for program in ("buildah", "debootstrap") if not shutil.which(program)]
    lacking += ["right to be root"] if os.geteuid() else []
    if lacking:
        raise SandboxError(
            f"The base image is made by buildah and debootstrap, as root: no {lacking[0]} here."
        )
    inspect = ["buildah", "inspect", "--type", "image", BASE_IMAGE]
    if subprocess.run(inspect, env=environment, capture_output=True, check=False).returncode == 0:
        return
    root = cache_folder() / f"debian-{SUITE}-{platform.machine()}.tar"
    if not root.exists():
        report(f"Fetching Debian {SUITE} with Python; it is kept in {root}.")
        _debootstrap(root)
    report(f"Making {BASE_IMAGE} of it.")
    with tempfile.TemporaryDirectory(dir=root.parent) as context:
        dockerfile = Path(context) / "Dockerfile"
        dockerfile.write_text("FROM scratch\nADD root.tar /\nRUN ln -s python3 /usr/bin/python\n")
        (Path(context) / "root.tar").hardlink_to(root)
        _run(["buildah", "build", "--tag", BASE_IMAGE, context], environment)


def _debootstrap(target: Path) -> None:
    """Make a minimal Debian with Python, as a tar file that appears only when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        root, draft = f"{scratch}/root", Path(scratch) / "root.tar"
        # In the user's own environment: Debian's mirror is not behind the sandbox's proxy.
        _run(
            ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, root], os.environ
        )
        _run(["tar", "--directory", root, "--create", "--file", str(draft), "."], os.environ)
        draft.replace(target)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run one of them, its own lines as the progress."""
    done = subprocess.run(command, env=environment, check=False, stdout=sys.stderr)
    if done.returncode:
        raise SandboxError(f"{command[0]} failed with exit status {done.returncode}; its reason is above.")
