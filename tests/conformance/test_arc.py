"""ARC against the public suites in $GATEPOST_DATA/arc: 171 cases of validation, 17 of sealing.

The suite of sealing fixes the form of the fields (README.md there, "Signing Header Format Standardization"), so that
signatures come out equal; ours has that form.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from probe import DATA, run_probe, zone_name, zone_text

ARC = DATA / "arc"
VALIDATION = ARC / "arc-draft-validation-tests.yml"
SIGNING = ARC / "arc-draft-sign-tests.yml"

pytestmark = pytest.mark.skipif(not VALIDATION.exists(), reason=f"no {ARC}: set GATEPOST_DATA")


def zone(section: dict[str, Any]) -> str:
    return "\n".join(f"{zone_name(name)} TXT {zone_text(text.encode())}" for name, text in section["txt-records"].items())


def sections(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def test_validation() -> None:
    """cv: is what must come out; where it is empty, a seal says cv=fail and so must we (RFC 8617, 5.2)."""
    cases = {f"{section['description']}: {name}": (section, test)
             for section in sections(VALIDATION) for name, test in section["tests"].items()}
    answers = run_probe({"mode": "arc", "zone": zone(section), "message": test["message"], "now": 1795255200}
                        for section, test in cases.values())
    failures = {name: f"{found['status']} ({found['reason']}), not {test['cv']}"
                for (name, (_, test)), found in zip(cases.items(), answers)
                if found["status"] != (test["cv"] or "Fail").lower()}
    assert len(cases) == 171
    assert not failures


def tags(value: str) -> dict[str, str]:
    pairs = (tag.partition("=") for tag in re.sub(r"\s+", "", value).rstrip(";").split(";") if tag)
    return {name: text for name, _, text in pairs}


def test_sealing() -> None:
    cases = {f"{section['description']}: {name}": (section, test)
             for section in sections(SIGNING) for name, test in section["tests"].items()}
    answers = run_probe({"mode": "arc-seal", "zone": zone(section), "message": test["message"], "now": test["t"],
                         "key": section["privatekey"], "domain": section["domain"], "selector": section["sel"],
                         "headers": test["sig-headers"], "authserv_id": test["srv-id"]}
                        for section, test in cases.values())
    failures = {}
    for (name, (_, test)), found in zip(cases.items(), answers):
        if not test["AS"]:
            if "refused" not in found:
                failures[name] = found
            continue
        expected = (tags(test["AS"]), tags(test["AMS"]), test["AAR"].split())
        if (tags(found["seal"]), tags(found["signature"]), found["results"].split()) != expected:
            failures[name] = (found, test["AS"], test["AMS"], test["AAR"])
    assert len(cases) == 17
    assert not failures
