"""What consumers copy (`examples/consumer/python_registry_outputs.py`), imported for the tests.

By its path, as it is in no package: consumers have it beside their `__main__.py`.
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
# Where dataclasses look for the annotations.
sys.modules[NAME] = helper
_spec.loader.exec_module(helper)

KNOWN_VERSION: int = helper.CONTRACT_VERSION
OUTPUT_NAMES = [field.name for field in fields(helper.PythonRegistryOutputs)]
