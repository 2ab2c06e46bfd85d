"""The strict GCE, for all tests here."""

from tests.emulated.gce.lab import existing, strict

__all__ = ["existing", "strict"]
