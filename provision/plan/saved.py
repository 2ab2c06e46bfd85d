"""A plan kept in a file, to be carried out later, or refused when the world has moved since. Pure but for the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provision.errors import PlanError, UsageError
from provision.plan.wanted import digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from provision.model import Json, Observed
    from provision.plan.model import Plan
    from provision.state.fold import Recorded

FORMAT = "provision-plan/1"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a plan file holds: which spec (as an absolute path) it was made from, and what it said."""

    spec: str
    digest: str
    plan: Json

    def verify(self, now: Plan) -> None:
        """Compare with the plan that the same spec gives now.

        Raises:
            PlanError: PV620 they differ; the message names the first differences.
        """
        if now.digest == self.digest:
            return
        before = {_step_name(s): _facts(s) for s in self.plan["steps"]}
        after = {_step_name(s): _facts(s) for s in now_json(now)["steps"]}
        moved = [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]
        what = f"the plan for {', '.join(moved[:5])} is another" if moved else "another run changed the cluster's state"
        raise PlanError(f"the world has moved since the plan was made: {what} [PV620]", hint="make the plan again")


def now_json(plan: Plan) -> Json:
    """Return a plan in its documented JSON form, ``provision_schemas/plan.v1.schema.json``."""
    return {
        "format": FORMAT,
        "cluster": plan.owner.cluster,
        "uid": plan.owner.uid,
        "digest": plan.digest,
        "steps": [s.to_json() for s in plan.steps],
        "counts": {str(a): n for a, n in plan.counts().items()},
        "findings": [f.to_json() for f in plan.findings],
    }


def save(path: Path, plan: Plan, spec: Path) -> None:
    """Write a plan file."""
    data = {**now_json(plan), "spec": str(spec.absolute())}
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> SavedPlan:
    """Read a plan file.

    Raises:
        UsageError: it cannot be read, or is not a plan file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise KeyError(data["format"])
        return SavedPlan(data["spec"], data["digest"], data)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a plan file", hint="`provision plan -o FILE` writes one") from error


def world_digest(recorded: Recorded, observed: Sequence[Observed]) -> str:
    """Return a digest of what was recorded and observed; a machine that merely finished booting leaves it as it is."""
    seen = sorted(
        (o.provider, o.kind, o.name, o.id, o.labels.generation if o.labels else 0, o.protected) for o in observed
    )
    known = sorted((*e.key, e.generation, e.status, e.token, e.id, e.fingerprint) for e in recorded.entries.values())
    return digest([known, seen])


def _facts(step: Json) -> Json:
    return {k: v for k, v in step.items() if not k.startswith("price")}


def _step_name(step: Json) -> str:
    return f"{step['kind']} {step['name']}"
