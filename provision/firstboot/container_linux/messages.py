"""What ct says about a config, with our codes. The texts are its own, for tools that compare them."""

from __future__ import annotations

from provision.firstboot.ignition.messages import Message

YAML = Message("PV820", "{problem}", "correct the YAML")
TYPES = Message("PV821", "{problem}", "write a value of the field's type")
EMPTY = Message("PV822", "Configuration is empty", "write at least one section")
VERSION = Message("PV823", "Invalid version. Only version 0 is supported", "remove version, or write Butane")
PLATFORM = Message("PV824", "unsupported platform", "use one of ct's platforms, such as ec2")

FILE_MODE = Message("PV825", "mode unspecified for file, defaulting to 0644", "write the mode")
APPEND_MODE = Message(
    "PV825", "mode unspecified for file, defaulting to 0644 if the file does not exist", "write the mode"
)
DIRECTORY_MODE = Message("PV825", "mode unspecified for directory, defaulting to 0755", "write the mode")
MANY_SOURCES = Message("PV826", "only one of the following can be set: local, inline, remote.url", "keep one of them")
NO_FILES_DIR = Message(
    "PV827",
    "local files require setting the --files-dir flag to the directory that contains the file",
    "name the folder of the local files",
)
LOCAL_FILE = Message("PV828", "{problem}", "name a file within the files folder")
URL = Message("PV829", "{problem}", "correct the URL")
SIZE = Message("PV830", "{problem}", "write a number with a unit, such as 10GiB, in whole MiB")

SERVICE_VERSION = Message("PV831", "{problem}", "write all three parts, such as 3.5.21")
ETCD_OLD = Message("PV832", "Etcd version specified is not valid (too old)", "use 2.3.0 or newer")
ETCD_MINOR_NEW = Message(
    "PV833",
    "Etcd minor version specified is too new, only options available in the previous minor version will be accepted",
    "use options of the newest minor version that ct knows",
)
ETCD_MAJOR_NEW = Message("PV832", "Etcd version is not valid (too new)", "use a version from 2.3.0 to 3.5")
FLANNEL_OLD = Message("PV832", "invalid flannel version (too old)", "use 0.5.0 or newer")
FLANNEL_MINOR_NEW = Message(
    "PV833",
    "flannel minor version too new. Only options available in the previous minor version will be supported",
    "use options of 0.7",
)
NETWORK_CONFIG = Message(
    "PV834",
    "flannel network config doesn't appear to be valid JSON",
    'write an object such as {"Network": "10.1.0.0/16"}',
)
NETWORK_CONFIG_AND_KUBE = Message(
    "PV835", "flannel network config cannot be provided if kube_subnet_mgr is set", "keep one of them"
)
NO_PLATFORM = Message(
    "PV836", "platform must be specified to use templating", "write the value itself, or name the platform"
)
UNKNOWN_DATUM = Message("PV837", "unknown field", "write the value itself: the platform has no such datum")

UPDATE_GROUP = Message("PV838", "unknown update group", "use stable, beta or alpha, or name the server")
STRATEGY = Message("PV839", "unknown reboot strategy", "use reboot, etcd-lock or off")
WINDOW_DAY = Message("PV840", "unknown day in window start", "write sun, mon, tue, wed, thu, fri or sat")
WINDOW_START = Message("PV840", "couldn't parse window start", "write a time such as Thu 04:00")
WINDOW_LENGTH = Message("PV840", "couldn't parse window length", "write a duration such as 1h30m")
WINDOW_HALF = Message("PV840", "window-start and window-length must both be specified", "write both, or neither")
