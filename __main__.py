"""A private Python package index on Google Artifact Registry.

Settings, one component, its outputs: whatever can be decided from the stack file is decided in
`settings/`, before the first resource, so that a wrong one costs a message and nothing else.
"""

import pulumi

from components.registry import PythonRegistry
from settings import read_provider_options, read_settings

registry = PythonRegistry("registry", read_settings(), read_provider_options())

for name, value in registry.outputs().items():
    pulumi.export(name, value)
