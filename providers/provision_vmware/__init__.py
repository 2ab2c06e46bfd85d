"""VMware vSphere and ESXi."""
