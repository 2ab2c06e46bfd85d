"""Rackspace's first-generation public cloud."""
