"""ARC against the public suites in $GATEPOST_DATA/arc: 171 cases of validation, 17 of sealing.

The suite of sealing fixes the form of the fields (README.md there, "Signing Header Format Standardization"), so that
signatures come out equal; ours has that form. And chains that we and dkimpy sealed in turn.
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
NOW = 1795255200

dkim = pytest.importorskip("dkim", reason="python3-dkim is not installed")

pytestmark = pytest.mark.skipif(not VALIDATION.exists(), reason=f"no {ARC}: set GATEPOST_DATA")


def zone(section: dict[str, Any]) -> str:
    return "\n".join(f"{zone_name(name)} TXT {zone_text(text.encode())}" for name, text in section["txt-records"].items())


def sections(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def test_validation() -> None:
    """cv: is what must come out; where it is empty, a seal says cv=fail and so must we (RFC 8617, 5.2)."""
    cases = {f"{section['description']}: {name}": (section, test)
             for section in sections(VALIDATION) for name, test in section["tests"].items()}
    answers = run_probe({"mode": "arc", "zone": zone(section), "message": test["message"], "now": NOW}
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


def judged(section: dict[str, Any], message: str) -> str:
    found = run_probe([{"mode": "arc", "zone": zone(section), "message": message, "now": NOW}])[0]
    return f"{found['status']} {len(found['sets'])}"


def sealed_by_us(section: dict[str, Any], message: str) -> str:
    found = run_probe([{"mode": "arc-seal", "zone": zone(section), "message": message, "now": NOW,
                        "key": section["privatekey"], "domain": section["domain"], "selector": section["sel"],
                        "headers": "from:to:subject:date:message-id", "authserv_id": "mx.example.org"}])[0]
    return (f"ARC-Seal: {found['seal']}\nARC-Message-Signature: {found['signature']}\n"
            f"ARC-Authentication-Results: {found['results']}\n{message}")


def sealed_by_dkimpy(section: dict[str, Any], message: str) -> str:
    """Its seals of text that ends in LF alone it does not take itself."""
    fields = dkim.arc_sign(message.replace("\n", "\r\n").encode(), section["sel"].encode(), section["domain"].encode(),
                           section["privatekey"].encode(), b"mx.example.org", timestamp=NOW)
    return b"".join(fields).decode().replace("\r\n", "\n") + message


@pytest.mark.parametrize("sealers", ["ours", "theirs", "ours theirs ours", "theirs ours theirs ours"])
def test_chains_with_dkimpy(sealers: str) -> None:
    """Chains that both have sealed are valid to both, and to neither once they are changed."""
    section = sections(SIGNING)[0]
    message = ("Authentication-Results: mx.example.org; arc=none; dmarc=pass header.from=example.org\nFrom: a@example.org\n"
               "To: b@example.org\nSubject: a  chain\nDate: Sat, 21 Nov 2026 11:22:58 +0000\nMessage-ID: <1@example.org>\n\n"
               "Hi  there.\n\n\n")

    def record(name: bytes, timeout: int = 5) -> bytes:
        return section["txt-records"][name.decode().rstrip(".")].encode()

    for n, sealer in enumerate(sealers.split(), 1):
        message = (sealed_by_us if sealer == "ours" else sealed_by_dkimpy)(section, message)
        assert judged(section, message) == f"pass {n}"
        assert dkim.arc_verify(message.encode(), dnsfunc=record)[0] == dkim.CV_Pass
        message = re.sub("^(Authentication-Results: .*) arc=none", r"\1 arc=pass", message, flags=re.M)  # it asks there
    changed = message.replace("there", "here")
    assert judged(section, changed) == f"fail {n}"
    assert dkim.arc_verify(changed.encode(), dnsfunc=record)[0] == dkim.CV_Fail
