"""Imports `examples/consumer/python_registry_outputs.py`, the file that consumers copy, for the tests.

The file is not in a package, because consumers put it beside their `__main__.py`. So its path is used.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import fields
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAME = "python_registry_outputs"
_spec = importlib.util.spec_from_file_location(NAME, EXAMPLES / "consumer" / f"{NAME}.py")
assert _spec
assert _spec.loader
helper = importlib.util.module_from_spec(_spec)
# Dataclasses look up the annotations there.
sys.modules[NAME] = helper
_spec.loader.exec_module(helper)

OUTPUT_NAMES = [field.name for field in fields(helper.PythonRegistryOutputs)]
