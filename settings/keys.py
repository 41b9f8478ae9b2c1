"""The keys of a stack file, and the arguments' attributes that they set."""

from __future__ import annotations

from dataclasses import fields

from components.args import NAMED_MEMBERS, PythonRegistryArgs
from components.validation import property_name

NAMESPACE = "python-registry"
PROJECT_KEY = "gcp:project"


def key_of(attribute: str) -> str:
    """The key of an attribute: `python-registry:pypiProxy` sets `pypi_proxy`."""
    return PROJECT_KEY if attribute == "project" else f"{NAMESPACE}:{property_name(attribute)}"


# The program's own keys. The project has the key that Pulumi's provider reads too.
# A stack file cannot name other resources of a program, so it has no settings for their members.
KEYS = {
    key_of(f.name): f.name
    for f in fields(PythonRegistryArgs)
    if f.name != "project" and f.name not in NAMED_MEMBERS
}
ATTRIBUTES = {PROJECT_KEY: "project", **KEYS}
