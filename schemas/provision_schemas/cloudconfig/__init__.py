"""Field table of coreos-cloudinit's cloud-config."""
