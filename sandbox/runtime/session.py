"""A session with the sandbox: starts everything, and gives a client its environment.

Owns the start-up sequence and the access to the cloud's documents from outside the proxy's process. The
command line (`sandbox.__main__`) calls it; the proxy's process does not.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from sandbox.cloud.artifact_registry import cleanup
from sandbox.cloud.artifact_registry.repositories import repository_names
from sandbox.cloud.core.blobs import Blobs
from sandbox.cloud.core.clock import read_shift, shifted_time, write_shift
from sandbox.cloud.core.faults import Faults, read_faults, write_faults
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.members import OWNER
from sandbox.cloud.pypi.planted import plant, unplant
from sandbox.issuers.github import TokenSettings, Workflow, issue_token
from sandbox.runtime.environment import (
    create_login,
    install_plugin,
    remove_own_commands_from_path,
    sandbox_environment,
    write_commands,
    write_public_index,
)
from sandbox.runtime.paths import sandbox_folder
from sandbox.runtime.process import start_proxy
from sandbox.runtime.recovery import recover
from sandbox.toolchain.engine import Engine, ensure_engine
from sandbox.toolchain.plugin import Plugin, ensure_plugin
from sandbox.toolchain.progress import report_to_stderr


def ensure_tools() -> tuple[Engine, Plugin]:
    """The engine and the plugin, installed or built if they are missing."""
    remove_own_commands_from_path(sandbox_folder())
    engine = ensure_engine(report_to_stderr)
    return engine, ensure_plugin(engine, version("pulumi_gcp"), report_to_stderr)


def client_environment(member: str = OWNER) -> dict[str, str]:
    """Start what does not run, and return the environment of a client with a new token of that member."""
    folder = sandbox_folder()
    engine, plugin = ensure_tools()
    proxy = start_proxy(folder)
    write_commands(folder, engine)
    install_plugin(folder, plugin, version("pulumi_gcp"))
    write_public_index(folder, proxy)
    with _open_store() as store, store.transaction():
        login = create_login(folder, store, member)
    return sandbox_environment(folder, proxy, engine, login)


def current_faults() -> Faults:
    """The faults that are in force."""
    with _open_store() as store:
        return read_faults(store)


def set_faults(faults: Faults) -> None:
    """Replace the faults that are in force."""
    with _open_store() as store, store.transaction():
        write_faults(store, faults)


def clean_up(days: int) -> list[cleanup.Cleanup]:
    """Apply all cleanup policies, as if so many more days had passed."""
    with _open_store() as store, store.transaction():
        return cleanup.clean_up(store, shifted_time(store) + timedelta(days=days))


def shift_clock(days: int | None) -> int:
    """Shift the clock of uploads; return its shift in days, also if there is no new one."""
    with _open_store() as store, store.transaction():
        if days is not None:
            write_shift(store, days)
        return read_shift(store)


def publish_on_pypi(files: Sequence[str]) -> Iterator[str]:
    """Publish wheels and sdists on the emulated PyPI; yields the package and version of each.

    Raises:
        BadDistribution: a file is not a wheel or an sdist.
    """
    blobs = Blobs(sandbox_folder().create().blobs)
    with _open_store() as store:
        for file in files:
            yield plant(store, blobs, Path(file))


def reset_pypi() -> None:
    """Remove all files that were published on the emulated PyPI."""
    with _open_store() as store:
        unplant(store)


def workflow_token(
    workflow: Workflow,
    audience: str = "",
    *,
    settings: TokenSettings | None = None,
    expired: bool = False,
) -> str:
    """The OIDC token that GitHub would issue to that workflow."""
    with _open_store() as store, store.transaction():
        return issue_token(sandbox_folder(), store, workflow, audience, settings=settings, expired=expired)


def recover_stack(stack: str) -> int:
    """Repair a stack whose last `pulumi up` was interrupted. Returns the exit status."""
    environment = client_environment()
    with _open_store() as store:
        existing = repository_names(store)
    return recover(stack, environment, existing)


@contextmanager
def _open_store() -> Generator[Store]:
    """The cloud's documents, beside a running proxy or without one."""
    with closing(Store(sandbox_folder().create().database)) as store:
        yield store
