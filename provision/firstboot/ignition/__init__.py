"""Ignition 3: the types of each spec version, validation, merge, JSON as Go writes it, data URLs."""

from provision.firstboot.ignition.load import load, validate
from provision.firstboot.ignition.merge import Merged, Step, merge
from provision.firstboot.ignition.model import VERSIONS, types
from provision.firstboot.ignition.serialise import serialise

__all__ = ["VERSIONS", "Merged", "Step", "load", "merge", "serialise", "types", "validate"]
