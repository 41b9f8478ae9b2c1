"""Pulumi's Python host reads a file of each installed package whose name starts with `pulumi-`."""

from __future__ import annotations

import json
from pathlib import Path

import components


def test_the_library_tells_pulumi_that_it_has_no_provider() -> None:
    # Otherwise `pulumi install` tries to download a provider of the distribution's name, and fails.
    path = Path(components.__file__).with_name("pulumi-plugin.json")
    assert json.loads(path.read_text(encoding="utf-8")) == {"resource": False}
