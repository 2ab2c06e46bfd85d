"""Vagrant."""
