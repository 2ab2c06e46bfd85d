"""The strict OpenStack, for all tests here."""

from tests.emulated.openstack.lab import strict

__all__ = ["strict"]
