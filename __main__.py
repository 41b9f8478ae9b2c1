"""A private Python package index on Google Artifact Registry.

`settings/` checks the whole stack file before the program registers its first resource. A wrong setting
therefore changes nothing in the project.
"""

import pulumi

from components.registry import PythonRegistry
from settings import read_settings

registry = PythonRegistry("registry", read_settings())

for name, value in registry.outputs().items():
    pulumi.export(name, value)
