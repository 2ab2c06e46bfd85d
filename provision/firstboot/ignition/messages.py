"""What Ignition says about a config, with our codes. The texts are its own, for tools that compare them."""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """A finding's stable code, its text, and what to do about it."""

    code: str
    text: str
    hint: str | None = None

    def format(self, **values: object) -> Message:
        """Fill the places of the text."""
        return self._replace(text=self.text.format(**values))


DUPLICATE = Message("PV200", "duplicate entry defined", "remove one of the two, or merge them")
INVALID_VERSION = Message("PV201", "invalid config version (couldn't parse)", "write a version such as 3.4.0")
UNKNOWN_VERSION = Message("PV202", "unsupported config version", "write a spec version from 3.0.0 to 3.6.0")
NOT_JSON = Message("PV203", "{problem}", "Ignition configs are JSON")
EMPTY = Message("PV204", "not a config (empty)", "write at least ignition.version")
UNUSED_KEY = Message("PV205", "unused key {key}", "remove it, or correct its name")
TREE_MISMATCH = Message(
    "PV206",
    "context tree does not match content tree at {path}. Line and column reporting may be inconsistent. "
    "Unused keys may not be reported",
    "write the section out, or leave it away",
)
CONFIG_INVALID = Message("PV207", "config is not valid")

SOURCE_REQUIRED = Message("PV210", "source is required", "name a source, or remove the entry")
INVALID_SCHEME = Message("PV211", "invalid url scheme", "use http, https, tftp, s3, gs, arn or data as the spec allows")
INVALID_URL = Message("PV212", "unable to parse url", "correct the URL")
INVALID_DATA_URL = Message("PV213", "{problem}", "write a valid data: URL, or use inline contents")
INVALID_S3_ARN = Message("PV214", "invalid S3 ARN format", "write arn:PARTITION:s3:::BUCKET/KEY")
INVALID_S3_VERSION = Message("PV215", "invalid S3 object VersionId", "give versionId a value")
COMPRESSION = Message("PV216", "invalid compression method", "use gzip, or leave it away")
VERIFICATION_WITHOUT_SOURCE = Message(
    "PV217", "source must be specified if verification is specified", "name the source whose hash this is"
)
HASH_MALFORMED = Message("PV218", "malformed hash specifier", "write sha512-HEX or sha256-HEX")
HASH_SIZE = Message("PV219", "incorrect size for hash sum", "a sha512 has 128 hex digits, a sha256 64")
HASH_UNKNOWN = Message("PV220", "unrecognized hash function", "use sha512, or sha256 from spec 3.1 on")
HEADER_NAME = Message("PV221", "HTTP header name can't be empty", "name the header")
HEADER_VALUE = Message("PV222", "unable to parse HTTP header", "give it a value; leave value away to remove it")
HEADERS_SCHEME = Message("PV223", "cannot use HTTP headers with this source scheme", "headers need http or https")
PROXY_SCHEME = Message("PV224", "proxies must be http(s)", "write an http:// or https:// URL")
PROXY_INSECURE = Message(
    "PV225", "insecure plaintext HTTP proxy specified for HTTPS resources", "use an https:// proxy if there is one"
)

NO_PATH = Message("PV230", "path not specified", "write an absolute path")
PATH_RELATIVE = Message("PV231", "path not absolute", "begin the path with /")
PATH_DIRTY = Message("PV232", "path is not fully simplified", "write it without //, ., .. and a / at the end")
MODE_ILLEGAL = Message("PV233", "illegal file mode", "write a mode from 0 to 07777")
MODE_SPECIAL = Message(
    "PV234",
    "setuid/setgid/sticky bits are not supported or functional in spec versions older than 3.6.0",
    "use a newer version, or remove the special bits",
)
ID_AND_NAME = Message("PV235", "cannot set both id and name", "keep one of them")
OVERWRITE_NO_SOURCE = Message(
    "PV236", "overwrite must be false if source is unspecified", "give the file contents, or remove overwrite"
)
LINK_TARGET = Message("PV237", "link target is required", "write the link's target")
HARD_LINK_DIRECTORY = Message("PV238", "hard link target is a directory", "make it a symbolic link")
HARD_LINK_OWNER = Message("PV239", "user/group ignored for hard link", "set the owner on the target")
FILE_IN_LINK = Message("PV240", "file path includes link in config", "write the path that the link leads to")
DIRECTORY_IN_LINK = Message("PV241", "directory path includes link in config", "write the path that the link leads to")
LINK_IN_LINK = Message("PV242", "link path includes link in config", "write the path that the link leads to")
PATH_IS_UNIT = Message(
    "PV243", "path conflicts with systemd unit or dropin", "keep it either under storage or under systemd"
)

DEVICE_REQUIRED = Message("PV250", "disk device is required", "name the device")
PARTITION_NUMBERS = Message("PV251", "partition numbers collide", "give each partition its own number")
PARTITIONS_OVERLAP = Message("PV252", "partitions overlap", "move or shrink one of them")
PARTITION_LABELS = Message("PV253", "cannot use the same partition label twice", "give each partition its own label")
PARTITION_ZERO_ABSENT = Message(
    "PV254",
    "shouldExist is false for a partition and other partition(s) has start or size 0",
    "number all partitions of a disk on which one is deleted",
)
PARTITION_ABSENT_FIELDS = Message(
    "PV255", "shouldExist specified false with other options also specified", "a deleted partition takes a number only"
)
PARTITION_IDENTITY = Message(
    "PV256", "a partition number >= 1 or a label must be specified", "write a number or a label"
)
PARTITION_LABEL_LONG = Message("PV257", "partition labels may not exceed 36 characters", "shorten the label")
PARTITION_LABEL_COLON = Message(
    "PV258", "partition label will be truncated to text before the colon", "write the label without a colon"
)
GUID = Message("PV259", 'doesn\'t match the form "01234567-89AB-CDEF-EDCB-A98765432101"', "write the GUID in that form")
RAID_LEVEL_REQUIRED = Message("PV260", "raid level is required", "write a level such as raid1")
RAID_LEVEL = Message("PV261", "unrecognized raid level", "use linear, raid0, raid1, raid4, raid5, raid6 or raid10")
RAID_SPARES = Message("PV262", "spares unsupported for linear and raid0 arrays", "remove spares, or change the level")
RAID_DEVICES = Message("PV263", "raid devices required", "list the devices")
FORMAT_INVALID = Message("PV264", "invalid filesystem format", "use ext4, btrfs, xfs, vfat, swap, or none from 3.3 on")
FORMAT_REQUIRED = Message(
    "PV265",
    "format cannot be empty when path, label, uuid, wipeFilesystem, options, or mountOptions is specified",
    "write the format",
)
LABEL_NEEDS_FORMAT = Message("PV266", "filesystem must specify format if label is specified", "write the format")
LABEL_LONG = Message(
    "PV267", "filesystem labels cannot be longer than {limit} characters when using {format}", "shorten the label"
)
FILESYSTEM_ON_PARTITIONS = Message(
    "PV268", "filesystem overwrites partitioned device", "name one of the disk's partitions"
)
FILESYSTEM_WIPED = Message(
    "PV269",
    "device matches disk with wipeTable enabled; filesystem will be wiped",
    "set wipe_filesystem if that is meant",
)
LUKS_NAME = Message("PV270", "device names cannot contain slashes", "write the bare name")
LUKS_LABEL = Message("PV271", "luks device labels cannot be longer than 47 characters", "shorten the label")
LUKS_KEY_FILE = Message("PV272", "invalid key-file source", "correct the key file's source")
CLEVIS_CUSTOM_ALONE = Message(
    "PV273", "cannot use custom clevis config with tpm2, tang, or threshold", "keep one of the two ways"
)
CLEVIS_PIN = Message("PV274", "unsupported clevis pin", "use tpm2, tang or sss")
CLEVIS_PIN_REQUIRED = Message("PV275", "missing required custom clevis pin", "write the pin")
CLEVIS_CONFIG_REQUIRED = Message("PV276", "missing required custom clevis config", "write the pin's config")
TANG_THUMBPRINT = Message("PV277", "thumbprint is required", "write the Tang server's thumbprint")
TANG_ADVERTISEMENT = Message("PV278", "advertisement is not valid JSON", "paste the server's advertisement")
CEX_WITH_CLEVIS = Message("PV279", "cannot use cex with clevis", "keep one of the two")
CEX_WITH_KEY_FILE = Message("PV280", "cannot use key file with cex", "keep one of the two")

UNIT_EXTENSION = Message("PV290", "invalid systemd unit extension", "end the name with .service, .timer or the like")
DROPIN_EXTENSION = Message("PV291", "invalid systemd drop-in extension", "end the name with .conf")
UNIT_CONTENT = Message("PV292", "invalid unit content: {problem}", "correct the unit file")
UNIT_NO_INSTALL = Message(
    "PV293",
    "unit {name} is enabled, but has no install section so enable does nothing",
    "add an [Install] section, or remove enabled",
)
TEMPLATE_NO_INSTALL = Message(
    "PV294", "template unit {template} for {name} doesn't have Install section", "add an [Install] section"
)
