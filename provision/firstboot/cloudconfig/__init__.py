"""coreos-cloudinit's cloud-config: its validator's findings, and the node configs that are written in it."""

from provision.firstboot.cloudconfig.compiler import Compiled, compile_cloud_config

__all__ = ["Compiled", "compile_cloud_config"]
