"""First-boot configs: what a machine reads at its first boot, compiled from what the user writes. Pure."""
