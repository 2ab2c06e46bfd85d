"""What Ignition 2 says that Ignition 3 does not. The texts are its own, for tools that compare them."""

from __future__ import annotations

from provision.diagnostics import Severity
from provision.firstboot.ignition import messages as m3
from provision.firstboot.ignition.messages import Message

Said = tuple[Severity, Message]
"""What a rule returns: how grave, and what."""


def error(message: Message) -> Said:
    """Return an error."""
    return Severity.ERROR, message


def warning(message: Message) -> Said:
    """Return a warning."""
    return Severity.WARNING, message


UNUSED_KEY = Message("PV800", "Config has unrecognized key: {key}", "remove it, or correct its name")
DID_YOU_MEAN = Message("PV800", "Did you mean {similar} instead of {key}")
UNKNOWN_VERSION = m3.UNKNOWN_VERSION._replace(hint="write a spec version from 2.0.0 to 2.3.0")

URL = Message("PV801", "invalid url {url}: {problem}", "use http, https, tftp, s3, oem or data")
COMPRESSION = m3.COMPRESSION
SPARES = Message(
    "PV802", "spares unsupported for arrays with a level greater than 0", "remove spares, or change the level"
)
MOUNT_AND_PATH = Message("PV803", "filesystem has both mount and path defined", "keep one of them")
NO_MOUNT_OR_PATH = Message("PV803", "filesystem is missing mount or path", "write mount or path")
FILESYSTEM_PATH = Message("PV804", "filesystem {name}: path not absolute", "begin the path with /")
CREATE_AND_WIPE = Message("PV805", "cannot use both create object and wipeFilesystem field", "remove create")
CREATE_AND_OPTIONS = Message("PV805", "cannot use both create object and mount-level options field", "remove create")
CREATE_IS_OLD = Message(
    "PV806",
    "the create object has been deprecated in favor of mount-level options",
    "move its fields one level up; force is wipe_filesystem",
)
USER_CREATE_IS_OLD = Message(
    "PV806", "the create object has been deprecated in favor of user-level options", "move its fields one level up"
)
USER_CREATE_AND = Message(
    "PV805", "cannot use both the create object and the user-level {field} field", "move create's fields one level up"
)
UNITS_MIXED = Message("PV807", "cannot mix MBs and sectors within a disk", "write sizeMiB and startMiB throughout")
SIZE_IS_OLD = Message("PV808", "size is deprecated; use sizeMB instead", "write sizeMiB: sectors divided by 2048")
START_IS_OLD = Message("PV808", "start is deprecated; use startMB instead", "write startMiB: sectors divided by 2048")
MISALIGNED = Message("PV809", "partitions misaligned", "begin partitions at a multiple of 2048 sectors")
APPEND_AND_OVERWRITE = Message("PV810", "cannot set both append and overwrite to true", "keep one of them")
NO_FILESYSTEM = Message("PV811", "no filesystem specified", "name one; the machine's own is root")
MODE_UNSET = Message("PV812", "permissions unset, defaulting to 0000", "write the mode")
FILE_MODE_UNSET = MODE_UNSET._replace(text="file permissions unset, defaulting to 0000")
FILESYSTEM_UNKNOWN = Message(
    "PV813",
    "File {path} references nonexistent filesystem {name}. (This is ok if it is defined in a referenced config)",
    "add it to storage.filesystems",
)
FILESYSTEM_SHADOWED = Message(
    "PV814", "Filesystem {name} shadows exising filesystem definition", "give each filesystem its own name"
)
NETWORKD_EXTENSION = Message("PV815", "invalid networkd unit extension", "end the name with .network, .netdev or .link")
NETWORKD_DROPIN_EXTENSION = Message("PV815", "invalid networkd drop-in extension", "end the name with .conf")
NOT_IGNITION = Message("PV816", "not a config (found {what})", "Ignition configs are JSON")
