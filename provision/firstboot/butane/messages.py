"""What butane says about a config, with our codes. The texts are its own, for tools that compare them."""

from __future__ import annotations

from provision.firstboot.ignition.messages import Message

YAML = Message("PV100", "yaml: {problem}", "correct the YAML")
TYPES = Message("PV101", "{problem}", "write a value of the field's type")
NO_VARIANT = Message("PV102", "error parsing variant; must be specified", "write variant: fcos, flatcar or the like")
BAD_VERSION = Message("PV103", "error parsing version; must be a valid semver", "write all three parts, such as 1.5.0")
UNKNOWN_VERSION = Message("PV104", "No translator exists for variant {variant} with version {version}")
RHCOS = Message(
    "PV105",
    "rhcos variant has been removed; use openshift variant instead: "
    "https://coreos.github.io/butane/upgrading-openshift/",
    "write variant: openshift",
)
SOURCE_INVALID = Message("PV106", "source config is invalid")
GENERATED_INVALID = Message("PV107", "config generated was invalid")

MANY_SOURCES = Message("PV110", "only one of the following can be set: inline, local, source", "keep one of them")
FILE_TYPE = Message("PV111", "trees may only contain files, directories, and symlinks", "remove what is neither")
NODE_EXISTS = Message(
    "PV112",
    "matching filesystem node has existing contents or different type",
    "remove it from the tree, or from files, directories and links",
)
NO_FILES_DIR = Message(
    "PV113",
    "local file paths are relative to a files directory that must be specified with -d/--files-dir",
    "name the folder of the local files",
)
TREE_NOT_DIRECTORY = Message("PV114", "root of tree must be a directory", "name a folder")
TREE_NO_LOCAL = Message("PV115", "local is required", "name the tree's folder")
LOCAL_FILE = Message("PV116", "{problem}", "name a file within the files folder")
DECIMAL_MODE = Message(
    "PV117",
    "unreasonable mode would be reasonable if specified in octal; remember to add a leading zero",
    "write the mode with a leading zero",
)
MANY_CONTENTS = Message("PV118", "only one of the following can be set: contents, contents_local", "keep one of them")
QUADLET_EXTENSION = Message(
    "PV119",
    "unsupported file extension for quadlet: must be one of .container, .volume, .network, .kube, .image, .build, "
    ".pod, or .artifact",
    "correct the name",
)
QUADLET_TEMPLATE = Message(
    "PV120", "template instances cannot have contents or contents_local", "write the contents into the template"
)
MOUNT_NO_PATH = Message(
    "PV121", "path is required if with_mount_unit is true and format is not swap", "write the mount point"
)
MOUNT_NO_FORMAT = Message("PV122", "format is required if with_mount_unit is true", "write the format")
MOUNT_FORBIDDEN = Message(
    "PV123", "path must be under /etc or /var if with_mount_unit is true", "mount it under /etc or /var"
)
TREE_LINK_LEAVES = Message(
    "PV124", "symbolic link {path} leads out of the files directory", "copy what it names, or remove the link"
)
LOCAL_NOT_UTF8 = Message("PV125", "{path} is not UTF-8 text", "keys and units are text")

LAYOUT = Message(
    "PV130",
    "layout must be one of: aarch64, ppc64le, s390x-eckd, s390x-virt, s390x-zfcp, x86_64",
    "use one of these layouts",
)
LAYOUT_OLD = Message("PV131", "layout must be one of: aarch64, ppc64le, x86_64", "use one of these layouts")
MIRROR_COUNT = Message("PV132", "mirroring requires at least two devices", "name another device")
MIRROR_LAYOUT = Message(
    "PV133", "boot_device.layout should be specified when boot_device.mirror is specified", "write the layout"
)
LUKS_NO_DEVICE = Message("PV134", "device is required for layouts: s390x-eckd, s390x-zfcp", "name the device")
MIRROR_S390X = Message(
    "PV135", "mirroring not supported on layouts: s390x-eckd, s390x-zfcp, s390x-virt", "remove the mirror"
)
LUKS_BAD_DEVICE = Message(
    "PV136",
    "device name must start with /dev/dasd on s390x-eckd layout or /dev/sd on s390x-zfcp layout",
    "name such a device",
)
CEX_LAYOUT = Message("PV137", "when using cex the targeted architecture must match s390x", "use an s390x layout")
LUKS_NO_METHOD = Message("PV138", "no method specified for luks", "add tpm2, tang or cex")

REUSE_BY_LABEL = Message(
    "PV140",
    "partitions cannot be reused by label; number must be specified except on boot disk "
    "(/dev/disk/by-id/coreos-boot-disk) or when wipe_table is true",
    "number the partition, or set wipe_table",
)
WRONG_PARTITION_NUMBER = Message(
    "PV141",
    "incorrect partition number; a new partition will be created using reserved label",
    "use the number that belongs to the label, or another label",
)
ROOT_SMALL = Message("PV142", "root should have 8GiB of space assigned", "give root 8192 MiB or more")
ROOT_CONSTRAINED = Message(
    "PV143",
    "root partition cannot expand; it is set to fill available space but is followed by an auto-positioned partition",
    "give the other partitions a start, or root a size",
)

FIELD_ELIDED = Message("PV150", "field ignored in raw mode", "remove it, or do without --raw")
NAME_REQUIRED = Message("PV151", "metadata.name is required", "name the MachineConfig")
ROLE_REQUIRED = Message("PV152", "machineconfiguration.openshift.io/role label is required", "add the label")
KERNEL_TYPE = Message("PV153", 'must be empty, "default", or "realtime"', "use one of these")
BTRFS_SUPPORT = Message("PV154", "btrfs is not supported in this spec version", "use xfs or ext4")
NONE_SUPPORT = Message("PV155", 'format "none" is not supported in this spec version', "write a format")
FILE_SCHEME_SUPPORT = Message(
    "PV156", "file contents source must be data URL in this spec version", "use inline or local"
)
FILE_APPEND_SUPPORT = Message("PV157", "appending to files is not supported in this spec version")
FILE_COMPRESSION_SUPPORT = Message("PV158", "file compression is not supported in this spec version")
FILE_HEADER_SUPPORT = Message("PV159", "file HTTP headers are not supported in this spec version")
FILE_MODE_SUPPORT = Message("PV160", "special mode bits are not supported in this spec version")
GROUP_SUPPORT = Message("PV161", "groups are not supported in this spec version")
USER_FIELD_SUPPORT = Message(
    "PV162",
    'fields other than "name", "ssh_authorized_keys", and "password_hash" (4.13.0+) are not supported '
    "in this spec version",
)
USER_NAME_SUPPORT = Message("PV163", 'users other than "core" are not supported in this spec version')
OPENSHIFT_KERNEL_ARGUMENTS = Message(
    "PV164",
    "this section cannot be used for kernel arguments in this spec version; use openshift.kernel_arguments instead",
)
CEX_KERNEL_ARGUMENT = Message(
    "PV165",
    "'rd.luks.key=/etc/luks/cex.key' must be set as kernel argument when CEX is enabled for the boot device",
    "add it to openshift.kernel_arguments",
)
CLEVIS_SUPPORT = Message("PV166", "clevis is not supported in this spec version")
DIRECTORY_SUPPORT = Message("PV167", "directories are not supported in this spec version")
DISK_SUPPORT = Message("PV168", "disk customization is not supported in this spec version")
FILESYSTEM_SUPPORT = Message("PV169", "filesystem customization is not supported in this spec version")
LINK_SUPPORT = Message("PV170", "links are not supported in this spec version")
LUKS_SUPPORT = Message("PV171", "luks is not supported in this spec version")
RAID_SUPPORT = Message("PV172", "raid is not supported in this spec version")
KERNEL_ARGUMENTS_SUPPORT = Message("PV173", "kernel argument customization is not supported in this spec version")
GRUB_NAME = Message("PV174", 'field "name" is required', "name the GRUB user")
GRUB_PASSWORD = Message("PV175", 'field "password_hash" is required', "make one with grub2-mkpasswd-pbkdf2")
OTHER_IGNITION_VERSION = Message(
    "PV176",
    "skipping validation for the merge/replace ignition config due to an unkown version",
    "write the child at the spec version that this config becomes",
)
CHILD_CIRCLE = Message("PV177", "the config merges itself: {name}", "remove one of these references")
CHILD_DEEP = Message("PV178", "configs merge configs more than {limit} levels deep", "merge them side by side")
CHILD_NEWER = Message(
    "PV179",
    "the merged config has Ignition {child}, its parent {parent}; a system that reads {parent} may not read the child",
    "give both the same version",
)
