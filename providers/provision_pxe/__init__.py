"""Bare metal by PXE and iPXE."""
