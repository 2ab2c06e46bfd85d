"""The IAM policy of the how-to has every action that the provider calls, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import provision_ec2
from provision_ec2.errors import _action

ROOT = Path(__file__).parents[4]
VERBS = "associate|attach|authorize|create|delete|describe|detach|disassociate|get|import|modify|revoke|run|terminate"
SERVICES = {
    "GetCallerIdentity": "sts",
    "GetInstanceProfile": "iam",
    "GetProducts": "pricing",
    "GetServiceQuota": "servicequotas",
}


def test_the_policy_is_exact() -> None:
    text = (ROOT / "docs/how-to/ec2.md").read_text()
    block = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert block is not None
    allowed = [action for statement in json.loads(block[1])["Statement"] for action in statement["Action"]]
    assert len(set(allowed)) == len(allowed)
    # What the bodies of payloads need in S3 stands in the how-to on payloads, for those who use a bucket.
    files = (f for f in Path(provision_ec2.__file__).parent.rglob("*.py") if f.name != "bodies.py")
    code = "".join(file.read_text() for file in files)
    called = {_action(name) for name in re.findall(rf'"((?:{VERBS})_[a-z_]+)"', code) if name != "associate_public_ip"}
    assert {f"{SERVICES.get(name, 'ec2')}:{name}" for name in called} == set(allowed)
