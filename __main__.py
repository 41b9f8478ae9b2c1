"""A private Python package index on Google Artifact Registry.

`settings/` checks the whole stack file before the program registers its first resource. A wrong setting
therefore changes nothing in the project.
"""

import signal

import pulumi

from components.registry import PythonRegistry
from settings import read_provider_options, read_settings

# The CLI interrupts the program when it refuses a change. Python would print a traceback below the message.
signal.signal(signal.SIGINT, signal.SIG_DFL)

registry = PythonRegistry("registry", read_settings(), read_provider_options())

for name, value in registry.outputs().items():
    pulumi.export(name, value)
