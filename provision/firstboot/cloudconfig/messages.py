"""What is wrong with a cloud-config that is a node config, with our codes."""

from __future__ import annotations

from provision.firstboot.ignition.messages import Message

YAML = Message("PV850", "yaml: {problem}", "correct the YAML")
TYPES = Message("PV851", "{problem}", "write a value of the field's type")
HEADER = Message("PV852", "the first line is not #cloud-config", "write #cloud-config as the first line")
NOT_A_MAPPING = Message("PV852", "a cloud-config is a mapping", "write sections such as hostname: or coreos:")
UNKNOWN_KEY = Message("PV853", "unknown key {key}", "remove it, or correct its name")
DASHES = Message(
    "PV854",
    "{key} is written with dashes, which Flatcar's coreos-cloudinit ignores; {new} is what will be sent",
    "write it with underscores",
)
OLD = Message("PV855", "{key} is deprecated: {text}", "remove it, or move to what replaces it")
VALUE = Message("PV856", "{value} is no valid {key}", "write a value that matches {pattern}")
ENCODING = Message("PV857", "the content is not {encoding}", "correct the encoding or the content")
READ_ONLY = Message("PV858", "{path} is on a read-only filesystem", "write to /etc, /opt or /var")
UNDER_COREOS = Message("PV859", "write_files does not belong under coreos", "move it to the top level")
DISCOVERY = Message("PV860", "the discovery URL is not valid", "write the URL with its token")
ETC_HOSTS = Message("PV861", "manage_etc_hosts is {value}", "localhost is the one value that there is")
UNIT = Message("PV862", "invalid unit content: {problem}", "correct the unit file")
PATH = Message("PV863", "{path} is not absolute", "begin the path with /")
DUPLICATE_USER = Message("PV864", "the user {name} stands there twice", "join the two")
