"""The command tree. A command's module is imported when the command is called, so that start-up stays short."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from provision.cli import console

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "init": ("provision.cli.init:init", "Write a commented starter spec."),
    "validate": ("provision.cli.validate:validate", "Check specs and all that they name."),
    "compile": ("provision.cli.compile:compile_", "Write each machine's first-boot config."),
    "plan": ("provision.cli.plan:plan", "Show what `up` would do, and change nothing."),
    "up": ("provision.cli.up:up", "Make the cluster what the spec says."),
    "status": ("provision.cli.status:status", "Show a cluster's machines and its health."),
    "ssh": ("provision.cli.ssh:ssh", "Open a shell on a machine, or run a command there."),
    "console": ("provision.cli.serial:serial", "Show a machine's serial console."),
    "down": ("provision.cli.down:down", "Remove everything of a cluster."),
    "replace": ("provision.cli.replace:replace", "Make one machine anew."),
    "adopt": ("provision.cli.adopt:adopt", "Rebuild lost state from what the labels tell."),
    "list": ("provision.cli.list:list_", "Show every cluster on every provider."),
    "extend": ("provision.cli.extend:extend", "Let a cluster live longer."),
    "reap": ("provision.cli.reap:reap", "Delete what has expired."),
    "cost": ("provision.cli.cost:cost", "Show what runs costs, by owner, cluster, provider."),
    "policy": ("provision.cli.policy:app", "Show and test what policies allow."),
    "audit": ("provision.cli.audit:audit", "Show who did what when."),
    "lock": ("provision.cli.lock:lock", "Pin images and versions in cluster.lock."),
    "image": ("provision.cli.image:app", "Import images that platforms keep themselves."),
    "etcd": ("provision.cli.etcd:app", "Look at etcd and its members."),
    "discovery": ("provision.cli.discovery:app", "Serve and look after discovery tokens."),
    "serve": ("provision.cli.serve:serve", "Run the boot service for machines that boot from the network."),
    "iso": ("provision.cli.iso:iso", "Make a CD or USB stick that machines boot from."),
    "ca": ("provision.cli.ca:app", "Look after the cluster's certificates."),
    "butane": ("provision.cli.butane_command:butane", "Compile Butane to Ignition, as `butane` does."),
    "ct": ("provision.cli.ct:ct", "Compile a Container Linux Config to Ignition, as `ct` does."),
    "cloudconfig": ("provision.cli.cloudconfig:cloudconfig", "Check a cloud-config, as `coreos-cloudinit` does."),
    "schema": ("provision.cli.schema:schema", "Write JSON Schemas for editors."),
    "explain": ("provision.cli.explain:explain", "Tell what a finding's code means."),
    "providers": ("provision.cli.providers:providers", "Show the installed provider plugins."),
    "doctor": ("provision.cli.doctor:doctor", "Check this computer for what provision needs."),
}
"""Name → (module:attribute, summary). An attribute is a command function, or a Typer app for a group."""

_QUIET: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and summaries from `COMMANDS` alone."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names, in the order of the work."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands; click's own would import each of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import one command."""
        return _command(cmd_name) if cmd_name in COMMANDS else None


def _command(name: str) -> Any:
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        leaf = typer.Typer(**_QUIET)
        leaf.command(name=name)(found)
        command = typer.main.get_command(leaf)
    command.name = name
    return command


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, **_QUIET)


@app.callback()
def provision(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """From a cluster spec in git to a healthy etcd cluster of container-Linux machines, and back to nothing.

    \b
    Example:
      provision init && provision up cluster.yaml
      provision status cluster.yaml
      provision down cluster.yaml

    \b
    Exit codes: 0 done, 1 error, 2 usage, 3 spec, 4 plan, 5 state, 6 provider, 7 budget,
    8 some machines failed, 9 unhealthy, 10 something pending (plan --detailed-exitcode, list --check),
    130 interrupted.
    """


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing is raised."""
    try:
        app(args=list(argv), prog_name="provision")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:
        # The reader has left; what is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except BaseException as error:  # noqa: BLE001 - the last resort must hold for all of them
        return console.fail(error)
    return 0
