"""Ignition 2.0 to 2.3: the types of each spec version, validation, JSON as Go writes it."""

from provision.firstboot.ignition2.append import append
from provision.firstboot.ignition2.load import load, validate
from provision.firstboot.ignition2.model import VERSIONS, types
from provision.firstboot.ignition2.serialise import serialise

__all__ = ["VERSIONS", "append", "load", "serialise", "types", "validate"]
