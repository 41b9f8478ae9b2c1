"""The wheel and the sdist of the library, and what the library, the package and the program require."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from email import message_from_bytes
from email.message import Message
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement

import components
from components import __version__
from tests.support.docs import CHECKOUT

DISTRIBUTION, LIBRARY = "pulumi-gcp-python-registry", "pulumi_gcp_python_registry"
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Another project on PyPI has this name.
OTHER_PROJECT = r"(?<![\w./-])python-registry(?![\w./:-])"
INSTALLERS = r"(?:pip3?|uv|uvx|pipx|poetry|pdm|conda)\b[^\n|]*\b(?:install|add|run|download|wheel)\b"
INSTALLS_OTHER = re.compile(
    rf"{INSTALLERS}[^\n|`]*{OTHER_PROJECT}|^\s*[\"']?python-registry\s*(?:\[[^\]]*\])?\s*(?:[=<>~!]=|[<>@])",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(CHECKOUT)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def unpacked(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the wheel."""
    (wheel,) = distributions.glob("*.whl")
    folder = tmp_path_factory.mktemp("wheel")
    shutil.unpack_archive(wheel, folder, "zip")
    return folder


def committed(folder: str) -> list[str]:
    """The committed files of a folder."""
    command = ["git", "ls-files", "-z", folder]
    listed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    return [path for path in listed.split("\0") if path and (CHECKOUT / path).exists()]


def metadata(unpacked: Path) -> Message:
    (file,) = unpacked.glob("*.dist-info/METADATA")
    return message_from_bytes(file.read_bytes())


def test_the_wheel_has_the_name_the_version_and_the_license(distributions: Path, unpacked: Path) -> None:
    fields = metadata(unpacked)
    assert (fields["Name"], fields["Version"]) == (DISTRIBUTION, __version__)
    assert (fields["License-Expression"], fields["Requires-Python"]) == ("Apache-2.0", ">=3.11")
    (license_file,) = unpacked.glob("*.dist-info/licenses/LICENSE")
    assert license_file.read_bytes() == (CHECKOUT / "LICENSE").read_bytes()
    assert {path.name for path in distributions.iterdir()} == {
        f"{LIBRARY}-{__version__}-py3-none-any.whl",
        f"{LIBRARY}-{__version__}.tar.gz",
    }


def test_the_wheel_contains_only_the_library(unpacked: Path) -> None:
    files = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    library = {path for path in files if not path.startswith(f"{LIBRARY}-{__version__}.dist-info/")}
    assert library == {path.replace("components/", f"{LIBRARY}/", 1) for path in committed("components")}
    assert f"{LIBRARY}/py.typed" in library


def test_the_sdist_contains_only_the_library_and_its_description(distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        files = {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in archive.getnames()}
    others = {"PKG-INFO", "pyproject.toml", "README.md", "LICENSE", ".gitignore"}
    assert files - others == set(committed("components"))


def test_a_program_imports_the_library_without_the_repository(unpacked: Path) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(unpacked)!r})\n"
        f"import {LIBRARY} as library\n"
        "print(*(hasattr(library, name) for name in library.__all__), hasattr(library, 'Registry'))\n"
        "args = library.PythonRegistryArgs(project='demo-proj', location='us')\n"
        "print(library.PythonRegistry.__module__, args.index_repository, 'components' in sys.modules)"
    )
    # Isolated: neither the working directory nor PYTHONPATH is searched.
    command = [sys.executable, "-I", "-c", program]
    done = subprocess.run(command, cwd=unpacked, check=True, capture_output=True, text=True)
    names, values = done.stdout.splitlines()
    assert names.split() == [*("True" for _ in components.__all__), "False"]
    assert values == f"{LIBRARY}.registry python-index False"


def requirements(lines: list[str]) -> dict[str, str]:
    """The ranges by name."""
    parsed = [Requirement(line) for line in lines if line.strip() and not line.startswith(("#", "-"))]
    return {requirement.name: str(requirement.specifier) for requirement in parsed}


def read_requirements(path: str) -> dict[str, str]:
    return requirements((CHECKOUT / path).read_text(encoding="utf-8").splitlines())


def test_the_library_the_package_and_the_program_allow_the_same_versions(unpacked: Path) -> None:
    library = requirements(PROJECT["dependencies"])
    assert list(library) == ["pulumi", "pulumi-gcp"]
    assert requirements(metadata(unpacked).get_all("Requires-Dist") or []) == library
    assert read_requirements("package/requirements.txt") == library
    assert read_requirements("requirements.txt").items() >= library.items()


def test_nothing_installs_the_other_project_of_the_same_name() -> None:
    assert PROJECT["name"] == DISTRIBUTION
    found = {
        path: match[0]
        for path in committed(".")
        if not path.startswith("tests/package/")
        and (text := (CHECKOUT / path).read_bytes().decode("utf-8", "replace"))
        and (match := INSTALLS_OTHER.search(text))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "installs"),
    [
        ("pip install python-registry", True),
        ("uv add python-registry==1.3.1", True),
        ('pip install "python-registry @ git+https://example.com/acme/registry"', True),
        ("pulumi>=3\npython-registry>=1", True),
        ('    "python-registry[extra]~=1.0",', True),
        ("pip install pulumi-gcp-python-registry", False),
        ("pip install git+https://example.com/acme/python-registry@v1.0.0", False),
        ("pulumi config set python-registry:location us", False),
        ("On PyPI, `python-registry` is another project.", False),
        ("pip install ./sdks/python-registry", False),
    ],
)
def test_the_search_finds_commands_and_requirements(text: str, installs: bool) -> None:
    assert bool(INSTALLS_OTHER.search(text)) == installs
