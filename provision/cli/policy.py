"""`provision policy`: which policies are in force, and whether specs keep to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from provision.cli import console, options
from provision.diagnostics import Report
from provision.errors import Forbidden, SpecError, UsageError
from provision.spec import load
from provision.sprawl import document, policies, rules
from provision.sprawl.policies import Policy

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="""Show and test what policies allow.

    \b
    Example:
      provision policy show
      provision policy test cluster.yaml
    """,
)


@app.command("show")
def show(
    directory: Annotated[Path, typer.Argument(help="Where a spec would lie.", metavar="DIRECTORY")] = Path(),
    as_json: options.Json = False,
) -> None:
    """Show the policies that are in force in a directory, the nearest first; all of them count.

    \b
    Example:
      provision policy show
    """
    found = policies.found(directory)
    if as_json:
        console.emit([{"file": str(p.path), "policy": p.value} for p in found])
    elif found:
        console.table(("POLICY", "SAYS SOMETHING OF"), [(document.shown(p.path), ", ".join(_topics(p))) for p in found])
    else:
        console.note(f"no {policies.FILE} here or above")


@app.command("test")
def try_specs(
    specs: Annotated[list[str] | None, typer.Argument(help="Specs to try.", metavar="[SPEC]...")] = None,
    as_json: options.Json = False,
) -> None:
    """Try specs against the policies that are in force where they lie; nothing is asked of any platform.

    Without specs, the `tests` of the policies in force here are tried: specs that must be allowed, and specs that must
    be refused with exactly the codes that are named. Ends with 7 when a spec is forbidden, or a test goes wrong.

    \b
    Example:
      provision policy test cluster.yaml
      provision policy test
    """
    results = [_try(spec) for spec in specs] if specs else _own_tests()
    if as_json:
        console.emit(results)
    else:
        console.table(("SPEC", "RESULT", "VIOLATIONS"), [_row(result) for result in results])
    wrong = [r["spec"] for r in results if not r["ok"]]
    if wrong:
        raise Forbidden(Report(), f"{len(wrong)} of {len(results)} are not as they should be: {', '.join(wrong)}")


def _try(spec: str) -> dict[str, Any]:
    report = _check(Path(spec))
    console.show(report)
    return {"spec": spec, "ok": report.ok, "codes": [f.code for f in report], "findings": report.to_json()}


def _own_tests() -> list[dict[str, Any]]:
    results = []
    for policy in policies.found(Path.cwd()):
        tests = policy.section("tests")
        wanted = {**dict.fromkeys(tests.get("allowed", ()), ()), **tests.get("refused", {})}
        results += [_tested(policy.path.parent / name, tuple(codes)) for name, codes in wanted.items()]
    if not results:
        raise UsageError("no policy in force here has tests", hint="name specs, or add `tests` to the policy")
    return results


def _tested(spec: Path, wanted: tuple[str, ...]) -> dict[str, Any]:
    report = _check(spec)
    codes = sorted({f.code for f in report})
    ok = codes == sorted(set(wanted))
    if not ok:
        console.show(report)
    return {"spec": document.shown(spec), "ok": ok, "codes": codes, "findings": report.to_json()}


def _check(spec: Path) -> Report:
    loaded = load.check(document.shown(spec))
    if loaded.cluster is None:
        raise SpecError(loaded.report)
    return rules.check(loaded.cluster, policies.found(loaded.cluster.directory))


def _topics(policy: Policy) -> list[str]:
    return [key for key in policy.value if key != "version"]


def _row(result: dict[str, Any]) -> tuple[object, ...]:
    return result["spec"], "ok" if result["ok"] else "NOT ok", ", ".join(result["codes"])
