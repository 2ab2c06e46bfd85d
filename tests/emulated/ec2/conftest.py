"""The strict EC2, for all tests here."""

from tests.emulated.ec2.lab import existing, strict

__all__ = ["existing", "strict"]
