"""mimic behind the strict proxy, for all tests here."""

from tests.emulated.rackspace.lab import strict

__all__ = ["strict"]
