"""provision: from a cluster spec in git to a healthy etcd cluster of container-Linux machines, and back to nothing."""

__version__ = "0.1.0"
