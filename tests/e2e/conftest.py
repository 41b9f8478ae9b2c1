"""The fixture of the tests that use the component as a library or as a package."""

from tests.support.consumers import consumer

__all__ = ["consumer"]
