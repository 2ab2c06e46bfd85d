"""Container Linux Config to Ignition 2.3: a drop-in for ct 0.9.4, and how such node configs are compiled."""

from provision.firstboot.container_linux.compiler import Compiled, compile_ct

__all__ = ["Compiled", "compile_ct"]
