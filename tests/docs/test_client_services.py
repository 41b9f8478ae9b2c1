"""The rows of docs/clients.md about Google's builders and services, with the commands that they run.

Their servers are not to be had. The commands are from the source of the buildpacks (`pkg/ar/ar.go` and
`pkg/python/python.go`) and of the Kubeflow SDK (`kfp/dsl/component_factory.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.docs.client_machine import (
    BUILDERS,
    NEW_PIP,
    OLD_PYTHON,
    PIN,
    PIPS,
    ROWS,
    SUM,
    Machine,
    Stack,
)
from tests.support.distributions import metadata, pack_wheel, wheel, wheel_members
from tests.support.docs import read_code, read_commands, read_table

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
# A pip between Debian 12's and the newest one.
BUILDER_PIPS = (*PIPS, "==24.0") if OLD_PYTHON else (NEW_PIP,)
BUILDPACK, CLOUD_BUILD, KUBEFLOW, COMPOSER, KEY = (row[0] for row in read_table("clients", BUILDERS)[:5])
NETRC = "machine {host} login oauth2accesstoken password {token}\n"


def each(client: str) -> str:
    return read_code(ROWS[client][1])[0]


def write_netrc(machine: Machine, *more: str) -> None:
    """Write the `.netrc` of Google's buildpacks, for the hosts of some locations."""
    hosts = [f"{location}-python.pkg.dev" for location in ("africa-south1", "us-central1", "us", *more)]
    token = machine.variables["GOOGLE_OAUTH_ACCESS_TOKEN"]
    text = "".join(NETRC.format(host=host, token=token) for host in hosts)
    (machine.home / ".netrc").write_text(f"\n{text}")


def buildpack(machine: Machine) -> None:
    write_netrc(machine)
    (line, _) = read_code(ROWS[BUILDPACK][0])
    machine.write("requirements.txt", f"{machine.with_outputs(line)}\n{PIN}\n")
    for pip in BUILDER_PIPS:
        machine.activate(pip)
        machine(each(BUILDPACK))
        assert machine("my-adder 1 2").strip() == SUM


def cloud_build(machine: Machine) -> None:
    upload = wheel("my-adder", "0.0.5")
    (machine.work / "dist").mkdir()
    (machine.work / "dist" / upload.filename).write_bytes(upload.content)
    machine("uv tool install --quiet twine")
    login = {"TWINE_USERNAME": "oauth2accesstoken"}
    login["TWINE_PASSWORD"] = machine.variables["GOOGLE_OAUTH_ACCESS_TOKEN"]
    url = machine.stack.outputs["repository_url"].rstrip("/")
    machine(each(CLOUD_BUILD).replace("REPOSITORY_URL", url), **login)
    assert "0.0.5" in machine.stack.versions()


def kubeflow(machine: Machine) -> None:
    (keyring, *_) = read_code(ROWS[KUBEFLOW][0])
    install = machine.with_outputs(each(KUBEFLOW))
    # Older versions of the SDK gave the whole address to `--trusted-host` (kubeflow/pipelines 10743).
    trusted = f"--trusted-host {machine.stack.outputs['index_url']}"
    for pip in PIPS:
        machine.activate(pip)
        machine.refuses(install, "EOFError")
        machine(keyring)
        machine(install)
        assert machine("my-adder 1 2").strip() == SUM
    machine("pip uninstall --quiet --yes my_adder")
    machine(f"{install} {trusted}")


def composer(machine: Machine) -> None:
    place = machine.home / ".config" / "pip" / "pip.conf"
    place.parent.mkdir(parents=True)
    machine.activate()
    machine("python3 -m pip install --quiet keyring keyrings.google-artifactregistry-auth")
    place.write_text(machine.stack.outputs["pip_conf"])
    machine(each(COMPOSER))
    assert machine("my-adder 1 2").strip() == SUM


def key_file(machine: Machine) -> None:
    stack = machine.stack
    account = stack.outputs["reader_email"]
    (create,) = read_code(ROWS[KEY][0])
    machine(create.replace("ACCOUNT", account))
    install = machine.with_outputs(each(KEY))
    for pip in PIPS:
        machine.activate(pip)
        machine(install)
        assert machine("my-adder 1 2").strip() == SUM
    url = install.split('"')[1]
    machine(f'uv pip install --reinstall --no-cache --default-index "{url}" {PIN}')
    machine("pip install --quiet twine")
    upload = wheel("my-adder", "0.0.6")
    (machine.work / upload.filename).write_bytes(upload.content)
    login = '--username _json_key --password "$(cat key.json)" --repository-url'
    # The reader has no right to upload.
    machine.refuses(f"twine upload {login} {stack.outputs['repository_url']} {upload.filename}", "403")
    key_id = json.loads((machine.work / "key.json").read_text())["private_key_id"]
    machine(f"gcloud iam service-accounts keys delete {key_id} --iam-account {account} --quiet")
    machine.refuses(f"{install} --force-reinstall --no-input", "No matching distribution")


SERVICES: dict[str, Callable[[Machine], None]] = {
    BUILDPACK: buildpack,
    CLOUD_BUILD: cloud_build,
    KUBEFLOW: kubeflow,
    COMPOSER: composer,
    KEY: key_file,
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_works(machine: Machine, service: str) -> None:
    SERVICES[service](machine)


def test_a_buildpack_gives_no_login_to_uv(machine: Machine) -> None:
    machine.activate()
    url = machine.stack.outputs["index_url"]
    machine.refuses(f"uv pip install --no-cache --default-index {url} {PIN}", "401 Unauthorized")
    # uv reads the file, but the buildpack does not write it.
    write_netrc(machine)
    machine(f"uv pip install --no-cache --default-index {url} {PIN}")


@pytest.mark.skipif(not OLD_PYTHON, reason="pip 23.0.1 needs Python 3.11 or older")
def test_an_old_pip_reads_no_netrc_for_an_address_with_a_user_name(machine: Machine) -> None:
    write_netrc(machine)
    machine.write("requirements.txt", f"{machine.stack.outputs['requirements_txt']}{PIN}\n")
    machine.activate(PIPS[0])
    machine.refuses(f"{each(BUILDPACK)} --no-input", "No matching distribution")


def test_the_error_names_the_host_of_the_alpha_version(machine: Machine) -> None:
    machine.activate()
    url = machine.stack.outputs["index_url"].replace("-python.", "-pypi.")
    host = url.split("/")[2].replace("-pypi.", "-python.")
    machine.refuses(f"pip install --retries 1 --index-url {url} {PIN}", f"March 2022: use {host}")


def test_the_newest_twine_uploads_metadata_version_2_5(machine: Machine) -> None:
    about = metadata("my-adder", "0.0.7").replace(b"Metadata-Version: 2.1", b"Metadata-Version: 2.5")
    upload = wheel("my-adder", "0.0.7").with_content(pack_wheel(wheel_members("my-adder", "0.0.7", about)))
    (machine.work / upload.filename).write_bytes(upload.content)
    login = "--username oauth2accesstoken --password $GOOGLE_OAUTH_ACCESS_TOKEN --repository-url"
    twine = f"{machine.stack.program.sandbox.command()[0].rpartition('/')[0]}/twine"
    machine(f"{twine} upload {login} {machine.stack.outputs['repository_url']} {upload.filename}")
    assert "0.0.7" in machine.stack.versions()
    url = machine.stack.outputs["repository_url"]
    machine.refuses(f"{twine} upload --skip-existing {login} {url} {upload.filename}", "--skip-existing")


# uv.lock

PUBLIC_PROJECT = "uv init --quiet --bare --name consumer --python '>=3.11' . && uv add --quiet iniconfig"


def registries(machine: Machine) -> set[str]:
    lines = (machine.work / "uv.lock").read_text().splitlines()
    return {line.split('"')[1] for line in lines if "registry = " in line}


def pypi(machine: Machine) -> str:
    """The repository for PyPI's packages, which `uv.toml` names as the default index."""
    return machine.stack.outputs["index_url"].replace("/python-index/", "/python-pypi/")


def test_a_user_uv_toml_changes_the_lock_of_another_project(machine: Machine) -> None:
    machine(PUBLIC_PROJECT)
    public = registries(machine)
    machine.set_up()
    machine.refuses("uv lock --check", "needs to be updated")
    machine("UV_NO_CONFIG=1 uv lock --check")
    machine("uv lock")
    assert registries(machine) == {pypi(machine)}
    lines = read_commands("clients", "## uv.lock of other projects").splitlines()
    export, lock, _ = (line.partition("#")[0] for line in lines)
    machine(f"{export}; uv lock; uv lock --check")
    assert registries(machine) == {pypi(machine)}
    (index,) = public
    machine(f"{export}; {lock.replace('PUBLIC_INDEX', index)}")
    assert registries(machine) == public


def test_an_index_in_pyproject_keeps_the_lock_if_another_stack_is_configured(
    machine: Machine, plain_stack: Stack
) -> None:
    machine.set_up()
    machine(PUBLIC_PROJECT)
    first = registries(machine)
    assert first == {pypi(machine)}
    for file in (".config/uv/uv.toml", ".config/pip/pip.conf", ".pypirc"):
        (machine.home / file).unlink()
    machine.configure(plain_stack)
    machine.refuses("uv lock --check", "needs to be updated")
    _, table, tables = machine.stack.outputs["uv_toml"].partition("[[index]]")
    with (machine.work / "pyproject.toml").open("a") as file:
        file.write(f"\n{table}{tables}".replace("[[index]]", "[[tool.uv.index]]"))
    machine("uv lock --check")
    assert registries(machine) == first
