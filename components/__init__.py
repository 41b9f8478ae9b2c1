"""A private Python package index on Google Artifact Registry: the component, and one module per idea.

The folder is a library too: installed, its name is `pulumi_gcp_python_registry`. No module here reads
configuration, writes to a client's machine, or imports the sandbox or the tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .args import Cleanup, GitHub, Impersonators, PythonRegistryArgs

if TYPE_CHECKING:
    from .registry import PythonRegistry

# The version of the library, of the package and of the release.
__version__ = "1.0.0"
__all__ = ["Cleanup", "GitHub", "Impersonators", "PythonRegistry", "PythonRegistryArgs", "__version__"]


def __getattr__(name: str) -> Any:
    # The tools import other modules from here, and Pulumi's classes would delay each of their starts.
    if name == "PythonRegistry":
        from .registry import PythonRegistry

        return PythonRegistry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
