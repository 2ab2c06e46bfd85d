"""The Vagrantfile of a cluster, from what is recorded of it. Pure: the same cluster gives the same bytes.

It holds no absolute path: what belongs to a machine lies beside it, so that a Vagrantfile can be read, compared and
used by hand. https://developer.hashicorp.com/vagrant/docs/vagrantfile
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from provision_vagrant.settings import LIBVIRT, VIRTUALBOX, Box, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from provision_vagrant.size import Size

FW_CFG = "opt/com.coreos/config"
"""Where Ignition reads its config on QEMU: https://coreos.github.io/ignition/supported-platforms/"""

PROPERTY = "/Ignition/Config"
"""The guest property that Ignition reads on VirtualBox."""

USER_DATA = "/var/lib/coreos-vagrant/vagrantfile-user-data"
"""What coreos-cloudinit's path unit waits for on Vagrant:
https://github.com/coreos/coreos-vagrant/blob/master/Vagrantfile"""

SLOT = 16
"""The second card's slot on libvirt: far above those that libvirt gives away by itself."""

HEAD = """\
# The cluster {cluster} ({uid}).
# Written by provision, and written anew with each change: edit the cluster's spec instead.
# To look by hand, here: VAGRANT_DEFAULT_PROVIDER={plugin} vagrant status"""


@dataclass(frozen=True, slots=True)
class Block:
    """One machine as its Vagrantfile shows it. `config` is the file of its first-boot config beside the Vagrantfile.

    `cloud` says that this is a cloud-config, for coreos-cloudinit.
    """

    name: str
    settings: Settings
    size: Size
    address: str
    config: str = ""
    cloud: bool = False
    console: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What all machines of a Vagrantfile share."""

    name: str
    uid: str
    subnet: str
    hypervisor: str

    @property
    def prefix(self) -> str:
        """What the names of domains and networks begin with: two clusters never meet."""
        return f"provision-{self.uid[:8]}"


def render(cluster: Cluster, blocks: Iterable[Block], strays: Iterable[str] = ()) -> str:
    """Return the text of a Vagrantfile.

    Args:
        cluster: what the machines share.
        blocks: the machines.
        strays: names of machines that Vagrant has, and of which nothing is recorded; named, so that it can end them.
    """
    lines = [HEAD.format(cluster=cluster.name, uid=cluster.uid, plugin=PLUGINS[cluster.hypervisor])]
    lines += ['Vagrant.configure("2") do |config|', *_indented(_shared())]
    for block in sorted(blocks, key=lambda b: b.name):
        lines += ["", *_indented(_machine(cluster, block))]
    for name in sorted(strays):
        lines += ["", *_indented(_stray(name))]
    return "\n".join([*lines, "end", ""])


PLUGINS = {LIBVIRT: "libvirt", VIRTUALBOX: "virtualbox", "vmware": "vmware_desktop"}
"""What Vagrant calls each hypervisor."""


def ruby(text: str) -> str:
    """Write a text as a string literal of Ruby."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("#", "\\#").replace("\n", "\\n")
    return f'"{escaped}"'


def _shared() -> Iterator[str]:
    yield 'config.vm.synced_folder ".", "/vagrant", disabled: true'
    yield "config.vm.box_check_update = false"
    yield "config.ssh.insert_key = false"


def _machine(cluster: Cluster, block: Block) -> Iterator[str]:
    yield f"config.vm.define {ruby(block.name)} do |node|"
    yield from _indented(_box(block.settings.box))
    yield f"  node.vm.boot_timeout = {block.settings.boot_timeout}"
    if block.settings.ssh_user:
        yield f"  node.ssh.username = {ruby(block.settings.ssh_user)}"
    if block.settings.ssh_key:
        yield f"  node.ssh.private_key_path = {ruby(block.settings.ssh_key)}"
    if block.address:
        yield from _indented(_network(cluster, block.address))
    for port in block.settings.ports:
        yield f'  node.vm.network "forwarded_port", guest: {port.guest}, host: {port.host}, host_ip: "127.0.0.1"'
    yield f"  node.vm.provider {ruby(PLUGINS[cluster.hypervisor])} do |v|"
    yield from _indented(_indented(HYPERVISORS[cluster.hypervisor](cluster, block)))
    yield "  end"
    if block.cloud:
        yield from _indented(_user_data(block))
    yield "end"


def _stray(name: str) -> Iterator[str]:
    yield f"config.vm.define {ruby(name)} do |node|"
    yield '  node.vm.box = "unknown"'
    yield "end"


def _box(box: Box) -> Iterator[str]:
    yield f"node.vm.box = {ruby(box.name)}"
    if box.version:
        yield f"node.vm.box_version = {ruby(box.version)}"
    if box.url:
        yield f"node.vm.box_url = {ruby(box.url)}"


def _network(cluster: Cluster, address: str) -> Iterator[str]:
    # auto_config: the first-boot config gives the card its address. Vagrant would do it by commands over ssh, and its
    # way for CoreOS needs programs that container Linux no longer has.
    netmask = IPv4Network(cluster.subnet).netmask
    more = {LIBVIRT: ",", VIRTUALBOX: ", adapter: 2"}.get(cluster.hypervisor, "")
    yield f'node.vm.network "private_network", ip: {ruby(address)}, netmask: "{netmask}", auto_config: false{more}'
    if cluster.hypervisor == LIBVIRT:
        yield f"  libvirt__network_name: {ruby(cluster.prefix)}, libvirt__dhcp_enabled: false,"
        yield f'  libvirt__forward_mode: "none", libvirt__bus: "0x00", libvirt__slot: "{SLOT:#04x}"'


def _libvirt(cluster: Cluster, block: Block) -> Iterator[str]:
    yield f"v.default_prefix = {ruby(cluster.prefix + '-')}"
    yield f"v.cpus = {block.size.cpus}"
    yield f"v.memory = {block.size.memory}"
    if block.settings.storage_pool:
        yield f"v.storage_pool_name = {ruby(block.settings.storage_pool)}"
    if block.console:
        yield f'v.serial type: "file", source: {{path: {_beside(block.console)}}}'
    if block.config and not block.cloud:
        yield 'v.qemuargs value: "-fw_cfg"'
        yield f'v.qemuargs value: "name={FW_CFG},file=#{{__dir__}}/{block.config}"'


def _virtualbox(cluster: Cluster, block: Block) -> Iterator[str]:
    yield f"v.name = {ruby(f'{cluster.prefix}-{block.name}')}"
    yield f"v.cpus = {block.size.cpus}"
    yield f"v.memory = {block.size.memory}"
    if block.console:
        yield 'v.customize ["modifyvm", :id, "--uart1", "0x3F8", "4"]'
        yield f'v.customize ["modifyvm", :id, "--uartmode1", "file", {_beside(block.console)}]'
    # From VirtualBox 7 on, machines reach this computer's loopback only where that is allowed.
    yield 'v.customize ["modifyvm", :id, "--nat-localhostreachable1", "on"]'
    if block.config and not block.cloud:
        yield f'v.customize ["guestproperty", "set", :id, "{PROPERTY}", File.read({_beside(block.config)})]'


def _vmware(cluster: Cluster, block: Block) -> Iterator[str]:
    yield f'v.vmx["displayName"] = {ruby(f"{cluster.prefix}-{block.name}")}'
    yield f'v.vmx["numvcpus"] = "{block.size.cpus}"'
    yield f'v.vmx["memsize"] = "{block.size.memory}"'
    if block.address:
        yield 'v.vmx["ethernet1.virtualDev"] = "e1000"'
        yield 'v.vmx["ethernet1.pciSlotNumber"] = "37"'
    if block.console:
        yield 'v.vmx["serial0.present"] = "TRUE"'
        yield 'v.vmx["serial0.fileType"] = "file"'
        yield f'v.vmx["serial0.fileName"] = {_beside(block.console)}'
    if block.config and not block.cloud:
        # Both are always set: Ignition looks each up by itself, and the box may bring another encoding along.
        yield f'v.vmx["guestinfo.ignition.config.data"] = File.read({_beside(block.config)})'
        yield 'v.vmx["guestinfo.ignition.config.data.encoding"] = "gzip+base64"'


HYPERVISORS = {LIBVIRT: _libvirt, VIRTUALBOX: _virtualbox, "vmware": _vmware}


def _user_data(block: Block) -> Iterator[str]:
    folder, _, name = USER_DATA.rpartition("/")
    yield f'node.vm.provision "file", source: {_beside(block.config)}, destination: "/tmp/{name}"'
    yield f'node.vm.provision "shell", inline: "mkdir -p {folder} && mv /tmp/{name} {folder}/"'


def _beside(file: str) -> str:
    return f'"#{{__dir__}}/{file}"'


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
