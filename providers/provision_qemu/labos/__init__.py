"""The lab OS: a small container-Linux-like system made of Debian packages, for machines on the user's own computer.

It boots a kernel and an initramfs that runs the real Ignition once, then systemd with sshd and etcd. The recipe lies
in ``recipe/`` as plain files; `image` builds it once per recipe and keeps the result in the cache.
"""

from __future__ import annotations

from provision_qemu.labos.image import build, image_dir, is_built

__all__ = ["build", "image_dir", "is_built"]
