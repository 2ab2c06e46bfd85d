"""The Butane compiler: a drop-in for butane, and the way in which node configs become Ignition."""

from provision.firstboot.butane.compiler import Compiled, compile_butane, compile_node
from provision.firstboot.butane.schema import json_schema

__all__ = ["Compiled", "compile_butane", "compile_node", "json_schema"]
