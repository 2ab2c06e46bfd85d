"""Butane to Ignition, in the order of butane's own pipeline; each fatal step ends it.

header → decode → unused keys → checks of the input → translation and sugar → refused fields → duplicates → Ignition's
checks. Findings in generated config are mapped back to the user's lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from provision.diagnostics import Diagnostic, Report, Severity, Span
from provision.firstboot.butane import boot, messages, mounts, openshift, quadlets, tree, trees
from provision.firstboot.butane.forbidden import forbidden_fields
from provision.firstboot.butane.inputs import Inputs
from provision.firstboot.butane.origins import Origins, merge_with_origins, snake
from provision.firstboot.butane.translate import Translation, translate
from provision.firstboot.butane.unused import unused_keys
from provision.firstboot.butane.variants import Variant, has_variant, known, variant
from provision.firstboot.decode import DecodeError, decode
from provision.firstboot.fields import Layer, Struct, build
from provision.firstboot.ignition.golang import semver
from provision.firstboot.ignition.messages import UNUSED_KEY
from provision.firstboot.ignition.serialise import ordered
from provision.firstboot.ignition.validate import Found, check, duplicates
from provision.located import child

if TYPE_CHECKING:
    from collections.abc import Callable

    from yaml import Node

    from provision.firstboot.butane.inputs import Noted
    from provision.firstboot.files import Files
    from provision.firstboot.ignition.messages import Message
    from provision.firstboot.ignition.validate import Path

Value = dict[str, Any]


@dataclass(slots=True)
class Compiled:
    """What a compilation gives; `ignition` is None where there is an error.

    Args:
        ignition: the Ignition config, its fields in Go's order.
        report: all findings.
        spec_version: the Ignition spec, or "" where the header names none.
        machine_config: the MachineConfig around it, for openshift without `raw`.
        failure: butane's last line after a failure, without ``Error translating config: ``.
    """

    ignition: Value | None
    report: Report
    spec_version: str = ""
    machine_config: Value | None = None
    failure: str | None = None
    _locate: Callable[[Path], Span | None] = field(default=lambda _: None)
    _origins: Origins = field(default_factory=lambda: Origins(user=True))

    def origin(self, path: Path) -> tuple[Path, Span | None]:
        """Return where a path of the generated config comes from: the user's path, and its place."""
        source = self._origins.find(path) or snake(path)
        return source, self._locate(source)


def compile_butane(
    text: str,
    file: str,
    files: Files | None = None,
    *,
    drop_in: bool = False,
    raw: bool = False,
    plain: Callable[[bytes], bool] | None = None,
) -> Compiled:
    """Compile a Butane config; bad input is reported, never raised.

    Args:
        text: the config.
        file: its name, for findings.
        files: the local files that it may embed, or None.
        drop_in: behave as butane 0.29 does: unused keys are warnings, children of a merge are hardly looked at.
        raw: never wrap in a MachineConfig.
        plain: whether a content must be written percent-escaped, since markers in it will be replaced.
    """
    try:
        root = tree.compose(text)
    except tree.YamlError as error:
        return failed_yaml(error, text, file)
    return compile_node(root, text, file, files, drop_in=drop_in, raw=raw, plain=plain)


def failed_yaml(error: tree.YamlError, text: str, file: str) -> Compiled:
    """Return the result for a text that is not YAML."""
    message = messages.YAML.format(problem=error)
    report = Report(sources={file: text})
    report.error(message.code, message.text, span=Span(file, error.line, error.column), hint=message.hint)
    return Compiled(None, report, failure=f"Error unmarshaling yaml: yaml: {error}")


def compile_node(
    root: Node | None,
    text: str,
    file: str,
    files: Files | None = None,
    *,
    drop_in: bool = False,
    raw: bool = False,
    plain: Callable[[bytes], bool] | None = None,
) -> Compiled:
    """Compile a tree that is composed already, for example with values filled into its scalars.

    The nodes keep their places in `text`. See `compile_butane` for the rest.
    """
    return _Compiler(root, text, file, drop_in=drop_in).compile(files, raw=raw, plain=plain)


def compile_child(text: str, file: str, name: str, parent: Translation) -> Compiled:
    """Compile a config that another one merges; `name` is what the parent calls it."""
    try:
        root = tree.compose(text)
    except tree.YamlError as error:
        return failed_yaml(error, text, file)
    compiler = _Compiler(root, text, file, within=(*parent.within, name))
    return compiler.compile(parent.files, raw=True, plain=parent.plain)


@cache
def _header() -> Struct:
    table = {"commonFields": {"version": "str", "variant": "str"}}
    return build([Layer(table, (), "config")], {}, "commonFields")


class _Stop(Exception):
    """The pipeline ends here; the text is butane's last line."""


class _Compiler:
    def __init__(
        self, root: Node | None, text: str, file: str, *, drop_in: bool = False, within: tuple[str, ...] = ()
    ) -> None:
        self._root = root
        self._file = file
        self._drop_in = drop_in
        self._within = within
        self._report = Report(sources={file: text})
        self._variant: Variant | None = None
        self._origins = Origins(user=True)

    def compile(self, files: Files | None, *, raw: bool, plain: Callable[[bytes], bool] | None) -> Compiled:
        failure = ignition = machine_config = None
        try:
            chosen = self._variant = self._header()
            value = self._decode(chosen.struct, "")
            found = self._check_input(value, chosen)
            job = Translation(chosen, files, found, plain, self._within)
            config = self._translate(value, job, raw=raw)
            ignition = ordered(config, job.struct)
            if chosen.openshift and not raw:
                machine_config = openshift.machine_config(value, ignition)
        except _Stop as stop:
            failure = str(stop)
        spec = self._variant.spec if self._variant else ""
        return Compiled(ignition, self._report, spec, machine_config, failure, self._place, self._origins)

    # The steps, in order

    def _header(self) -> Variant:
        header = self._decode(_header(), "Error unmarshaling yaml: ")
        name, at = header.get("variant", ""), semver(header.get("version", ""))
        if not name:
            raise self._stop(messages.NO_VARIANT, ())
        if at is None:
            raise self._stop(messages.BAD_VERSION, ("version",))
        chosen = variant(name, at)
        if chosen is None and (name, at) == ("rhcos", "0.1.0"):
            raise self._stop(messages.RHCOS, ("variant",))
        if chosen is None:
            hint = known(name)
            message = messages.UNKNOWN_VERSION.format(variant=name, version=at)._replace(hint=hint)
            raise self._stop(message, ("version",) if has_variant(name) else ("variant",))
        return chosen

    def _decode(self, struct: Struct, prefix: str) -> Value:
        try:
            value, errors = decode(self._root, struct)
        except DecodeError as error:
            raise self._stop(messages.YAML.format(problem=error), (), f"{prefix}yaml: {error}") from None
        if errors:
            for line, problem in errors:
                message = messages.TYPES.format(problem=problem)
                self._report.error(message.code, problem, span=Span(self._file, line, 1), hint=message.hint)
            listed = "".join(f"\n  line {line}: {problem}" for line, problem in errors)
            raise _Stop(f"{prefix}yaml: unmarshal errors:{listed}")
        return value

    def _check_input(self, value: Value, chosen: Variant) -> Inputs:
        if chosen.openshift:
            value.setdefault("metadata", {})
        found = Inputs(chosen.base, chosen.spec, drop_in=self._drop_in)
        unused_keys(self._root, value, chosen, found, self._file)
        check(value, chosen.struct, found)
        self._flush(found)
        if self._hopeless():
            raise _Stop(messages.SOURCE_INVALID.text)
        return Inputs(chosen.base, chosen.spec, drop_in=self._drop_in)

    def _translate(self, value: Value, job: Translation, *, raw: bool) -> Value:
        chosen = job.variant
        config = self._base(value, job)
        self._stop_if_fatal(job)
        config = self._fedora(value, config, job)
        if chosen.openshift:
            self._openshift(value, config, job, raw=raw)
        self._stop_if_fatal(job)
        self._origins = job.origins
        wrapped = bool(chosen.openshift) and not raw
        for path, message in forbidden_fields(config, job.struct, chosen.forbidden):
            self._generated(path, message, wrapped=wrapped)
        if self._hopeless():
            raise _Stop(messages.SOURCE_INVALID.text)
        found = Found(chosen.spec)
        duplicates(config, job.struct, found)
        check(config, job.struct, found)
        for each in found.findings:
            severity = Severity.ERROR if each.error else Severity.WARNING
            self._generated(each.path, each.message, severity, wrapped=wrapped)
        if not self._report.ok:
            raise _Stop(messages.GENERATED_INVALID.text)
        return config

    def _base(self, value: Value, job: Translation) -> Value:
        config = translate(value, job.variant.struct, job)
        config.setdefault("ignition", {})["version"] = job.spec
        job.origins.set(("ignition", "version"), ("version",))
        config = _merged(*mounts.mount_units(value, job), config, job)
        trees.add_trees(value, config, job)
        quadlets.add_quadlets(value, config, job)
        return config

    def _fedora(self, value: Value, config: Value, job: Translation) -> Value:
        if job.variant.fcos < (1, 3):
            return config
        config = _merged(*boot.boot_device(value), config, job)
        for path, message in boot.partition_advice(config):
            job.found.warn(job.origins.find(path) or snake(path), message)
        return _merged(*boot.grub_users(value, job), config, job)

    def _openshift(self, value: Value, config: Value, job: Translation, *, raw: bool) -> None:
        at = job.variant.openshift
        if at >= (4, 20):
            openshift.grub_as_contents(config, job)
        else:
            openshift.fips_ciphers(value, config, job)
        for path, message in openshift.unsupported(config, at):
            job.found.error(job.origins.find(path) or snake(path), message)
        for name in openshift.FIELDS if raw else ():
            if name in value.get("openshift", {}):
                job.found.warn(("openshift", name), messages.FIELD_ELIDED)

    # Findings

    def _stop_if_fatal(self, job: Translation) -> None:
        self._flush(job.found)
        if self._hopeless():
            raise _Stop(messages.SOURCE_INVALID.text)

    def _hopeless(self) -> bool:
        """Whether to end here: unused keys alone do not keep the other findings from the user."""
        return any(finding.code != UNUSED_KEY.code for finding in self._report.errors)

    def _flush(self, found: Inputs) -> None:
        for noted in found.findings:
            self._note(noted)
        self._report.extend(found.passed)
        found.findings.clear()
        found.passed = Report()

    def _note(self, noted: Noted) -> None:
        severity = Severity.ERROR if noted.error else Severity.WARNING
        span, message = noted.span or self._place(noted.path), noted.message
        self._report.add(Diagnostic(message.code, message.text, severity, noted.path, span, message.hint))

    def _generated(
        self, path: Path, message: Message, severity: Severity = Severity.ERROR, *, wrapped: bool = False
    ) -> None:
        source = self._origins.find(path)
        if source is None:
            source = (*(("spec", "config") if wrapped else ()), *snake(path))
        self._report.add(Diagnostic(message.code, message.text, severity, source, self._place(source), message.hint))

    def _stop(self, message: Message, path: Path, failure: str | None = None) -> _Stop:
        self._report.error(message.code, message.text, path=path, span=self._place(path), hint=message.hint)
        return _Stop(failure or message.text)

    def _place(self, path: Path) -> Span | None:
        node = self._root
        for step in path:
            below = child(node, step)
            if below is None:
                break
            node = below
        if node is None:
            return None
        return Span(self._file, node.start_mark.line + 1, node.start_mark.column + 1)


def _merged(parent: Value, parents: Origins, config: Value, job: Translation) -> Value:
    if not parent:
        return config
    config, job.origins = merge_with_origins(parent, parents, config, job.origins, job.struct, job.spec)
    return config
