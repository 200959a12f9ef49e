"""lib/auth against the public suites in $GATEPOST_DATA.

SPF: the openspf.org suites of RFC 7208 and of RFC 4408, all of both. Where RFC 7208 decides what RFC 4408 left open
(4.4: records of type SPF; 4.6.4: more than ten MX; 5: IPv4-mapped clients; 5.7: errors of the DNS), the older suite allows
both; void lookups it does not have.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from probe import DATA, run_probe, zone_name, zone_text

SPF = DATA / "spf" / "rfc7208-tests.yml"
SPF_OLD = DATA / "spf" / "rfc4408-tests.yml"
TYPES = ("A", "AAAA", "MX", "PTR", "TXT")
TIMEOUT_MS = 300

Record = Any  # "TIMEOUT", or {"TXT": …}


def strings(value: Any) -> list[bytes]:
    """YAML's \\xNN is a byte; what stands in the file as UTF-8 is not used by the suites."""
    return [str(piece).encode("latin-1") for piece in (value if isinstance(value, list) else [value])]


def record_data(kind: str, value: Any) -> str:
    if kind == "TXT":
        return zone_text(*strings(value))
    if kind == "MX":
        return f"{value[0]} {zone_name(value[1])}"
    return zone_name(value) if kind in ("PTR", "CNAME") else str(value)


def spf_zone(zonedata: dict[str, list[Record]]) -> str:
    """Records of type SPF stand for TXT where the name has no TXT of its own; TIMEOUT for every type that is not there."""
    lines = []
    for name, records in zonedata.items():
        found: dict[str, list[Any]] = defaultdict(list)
        for record in records:
            if record != "TIMEOUT":
                for kind, value in record.items():
                    found[kind].append(value)
        values = found.setdefault("TXT", found["SPF"])
        if values == ["NONE"]:
            del found["TXT"]
        lines += [f"{zone_name(name)} {kind} {record_data(kind, value)}"
                  for kind, values in found.items() if kind != "SPF" for value in values]
        if "TIMEOUT" in records:
            lines += [f"{zone_name(name)} {kind} !timeout" for kind in TYPES if not found.get(kind)]
    return "\n".join(lines)


def spf_cases(path: Path) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """What to ask the probe and what the suite says, by "section: test"."""
    cases = {}
    for section in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        zone = spf_zone(section["zonedata"])
        for name, test in section["tests"].items():
            cases[f"{section['description']}: {name}"] = ({
                "mode": "spf", "zone": zone, "timeout_ms": TIMEOUT_MS, "receiver": "receiver.example",
                "helo": test["helo"], "ip": test["host"], "mailfrom": test["mailfrom"]}, test)
    return cases


def spf_failures(path: Path) -> tuple[int, dict[str, str]]:
    """How many cases there are, and those that come out otherwise than the suite says."""
    cases = spf_cases(path)
    failures = {}
    for (name, (_, test)), found in zip(cases.items(), run_probe(case for case, _ in cases.values())):
        results = test["result"] if isinstance(test["result"], list) else [test["result"]]
        explanation = test.get("explanation")
        if found["status"] not in [result.lower() for result in results]:
            failures[name] = f"{found['status']} ({found['reason']}), not {' or '.join(results)}"
        elif explanation and found["explanation"] != ("" if explanation == "DEFAULT" else explanation):
            failures[name] = f"explanation {found['explanation']!r}, not {explanation!r}"
    return len(cases), failures


@pytest.mark.parametrize(("path", "n_expected"), [(SPF, 203), (SPF_OLD, 191)], ids=["rfc7208", "rfc4408"])
def test_spf(path: Path, n_expected: int) -> None:
    if not path.exists():
        pytest.skip(f"no {path}: set GATEPOST_DATA")
    n_cases, failures = spf_failures(path)
    assert n_cases == n_expected
    assert not failures
