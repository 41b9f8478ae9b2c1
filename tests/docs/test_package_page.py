"""The examples of docs/package.md run, and its tables agree with the component and the package.

A job of `.github/workflows/test.yml` runs the commands with the official CLI, which needs a download.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.args import NAMED_MEMBERS
from components.registry import OUTPUTS
from components.validation import check_registry, property_name
from components.validation.registry import FIELDS
from tests.support.docs import CHECKOUT, read_code, read_commands, read_table
from tests.support.recorder import REGISTRY

PAGE = "package"
PROPERTIES = {property_name(attribute): attribute for attribute in FIELDS}
# Properties of Pulumi and of the service account in the examples.
OTHER_PROPERTIES = {"accountId"}


# Runs the example as the language host does. The library has the name that it has when it is installed.
RUN = """
import asyncio, runpy, sys
import components
import pulumi
from pulumi.runtime.mocks import set_mocks
from pulumi.runtime.stack import run_in_stack
from tests.support.recorder import Answers

class Printing(Answers):
    def new_resource(self, args):
        print(args.typ, args.name)
        return super().new_resource(args)

sys.modules["pulumi_gcp_python_registry"] = components
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
set_mocks(Printing())
pulumi.runtime.settings.ROOT.set(None)
loop.run_until_complete(run_in_stack(lambda: runpy.run_path(sys.argv[1])))
"""


def test_the_library_example_creates_a_registry(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(read_commands(PAGE, "## Library", "python"))
    command = [sys.executable, "-c", RUN, str(program)]
    result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert f"{REGISTRY} index" in result.stdout.splitlines()


def test_the_yaml_example_has_good_inputs() -> None:
    program = yaml.safe_load(read_commands(PAGE, "## Package", "yaml"))
    inputs: Mapping[str, Any] = program["resources"]["index"]["properties"]
    member = {"ci": "serviceAccount:ci-runner@my-python-dev.iam.gserviceaccount.com"}
    values = {PROPERTIES[name]: value for name, value in {**inputs, "namedReaders": member}.items()}
    assert check_registry(values, property_name) == []
    output = program["outputs"]["indexUrl"].removeprefix("${index.").removesuffix("}")
    assert output in map(property_name, OUTPUTS)


def test_the_typescript_example_has_only_properties_of_the_package() -> None:
    names = re.findall(r"\b(\w+): ", read_commands(PAGE, "## Package", "ts"))
    assert {"project", "location", "readers", "namedReaders"} <= set(names)
    assert set(names) - {"ci"} <= PROPERTIES.keys() | OTHER_PROPERTIES


def test_the_page_names_each_map_of_named_members() -> None:
    rows = read_table(PAGE, "## Members that your program creates")
    assert [read_code(row[1])[0] for row in rows] == list(map(property_name, NAMED_MEMBERS))
