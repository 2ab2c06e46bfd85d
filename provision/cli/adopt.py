"""`provision adopt`: rebuild lost state from what the labels tell."""

from __future__ import annotations

from provision.apply.adopting import adopt_all, find_lock
from provision.apply.session import opened
from provision.cli import console, options
from provision.diagnostics import Report


def adopt(
    spec: options.Spec = "cluster.yaml",
    lock_timeout: options.LockTimeout = 0,
    as_json: options.Json = False,
) -> None:
    """Record what runs under the cluster's name, when its state or its lock was lost. Changes nothing on any platform.

    Without a lock beside the spec, the uid is read from the labels. What only the state had stays lost: machines that
    run a first-boot config that nobody knows any more are named.

    \b
    Example:
      provision adopt cluster.yaml && provision plan cluster.yaml
    """
    written = find_lock(spec)
    with opened(spec, mode="exclusive", lock_timeout=lock_timeout) as session:
        adopted, findings = adopt_all(session)
    console.show(Report(list(findings)))
    if as_json:
        console.emit({"lock": str(written) if written else None, "adopted": [entry.name for entry in adopted]})
        return
    if written:
        console.note(f"{written}: written anew, with the uid that the labels tell")
    if adopted:
        console.table(("KIND", "NAME", "PROVIDER", "ID"), [(e.kind, e.name, e.provider, e.id) for e in adopted])
    else:
        console.note("nothing to adopt: the state knows all that the spec wants and that runs")
