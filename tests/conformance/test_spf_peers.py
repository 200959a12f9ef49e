"""Our SPF results are those of two other implementations, for random records.

pyspf and Mail::SPF come from Debian (tests/install tests). Where they differ, it is by a rule listed here with the text
of RFC 7208 that decides; a difference without one fails.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Union

import pytest

from probe import run_probe, zone_name, zone_text
from spf_random import REVERSE, Case, random_case

N_CASES = 600
PERL_PEER = Path(__file__).with_name("spf_peer.pl")


def zone_lines(case: Case) -> str:
    lines = []
    for name, types in case.zone.items():
        for kind, data in types.items():
            if isinstance(data, str):
                lines.append(f"{zone_name(name)} {kind} !servfail")
                continue
            lines += [f"{zone_name(name)} {kind} {zone_text(text.encode()) if kind == 'TXT' else text}" for text in data]
    return "\n".join(lines)


def by_us(cases: list[Case]) -> list[dict[str, Any]]:
    return run_probe({"mode": "spf", "zone": zone_lines(case), "ip": case.ip, "helo": case.helo, "mailfrom": case.mailfrom}
                     for case in cases)


def by_pyspf(spf: ModuleType, case: Case) -> str:
    """The result's word, and why."""
    def lookup(name: str, qtype: str, strict: bool = True, timeout: int = 20) -> list[Any]:
        data = case.zone.get(name.lower(), {}).get(qtype, [])
        if isinstance(data, str):
            raise spf.TempError("DNS timeout")
        return [((name, qtype), value(qtype, text)) for text in data]

    def value(qtype: str, text: str) -> Union[str, tuple[bytes], tuple[int, str]]:
        if qtype == "TXT":
            return (text.encode(),)
        if qtype == "MX":
            preference, exchange = text.split()
            return int(preference), exchange
        return text

    spf.DNSLookup = lookup
    result, _, why = spf.query(i=case.ip, s=case.mailfrom, h=case.helo, receiver="receiver.example", strict=True).check()
    return f"{result} {why}"


def by_mail_spf(cases: list[Case]) -> list[str]:
    lines = "".join(json.dumps(case.__dict__) + "\n" for case in cases)
    done = subprocess.run(["perl", str(PERL_PEER)], input=lines, text=True, stdout=subprocess.PIPE, check=True)
    return done.stdout.splitlines()


# What decides where the other differs: its text, and whether that is the difference.
Rule = tuple[str, Callable[[Case, dict[str, Any], str], bool]]

def has_lost_name(case: Case) -> bool:
    """Does the DNS not answer for the address of a name of the client?"""
    return any("TIMEOUT" in (case.zone[name]["A"], case.zone[name]["AAAA"])
               for name in case.zone[REVERSE[case.ip]]["PTR"])


PYSPF_RULES: list[Rule] = [
    ("4.6.4: a record that includes itself is none in error until the terms evaluated are too many",
     lambda case, ours, theirs: "include has trivial recursion" in theirs),
    ("4.6.4, 6.1: redirect= counts when it is followed, not where a mechanism matched",
     lambda case, ours, theirs: "Too many DNS lookups" in theirs and "redirect=" in json.dumps(case.zone)),
    ("7.3: the number of parts must not be zero", lambda case, ours, theirs: "%{d0}" in ours["reason"]),
    ("5.4: it does not say that every exchange is asked before one may match",
     lambda case, ours, theirs: theirs.startswith("temperror") and ours["mechanism"].lstrip("+-?~").startswith("mx")),
    ("5.5: a name of the client that cannot be looked up is skipped",
     lambda case, ours, theirs: theirs.startswith("temperror") and has_lost_name(case)),
]
MAIL_SPF_RULES: list[Rule] = [
    ("5: ip6 matches no client with an IPv4 address",
     lambda case, ours, theirs: ":" not in case.ip and "ip6:::" in json.dumps(case.zone)),
    ("4.6: a syntax error anywhere in the record, also in a macro that is not reached, is a permerror",
     lambda case, ours, theirs: ours["status"] == "permerror"
     and any(macro in ours["reason"] for macro in ("%{x}", "%{d0}", "%{c}"))),
    ("5.3, 7.1: a domain-spec is not empty",
     lambda case, ours, theirs: ours["status"] == "permerror" and ":/" in ours["reason"]),
]


def compare(theirs: list[str], rules: list[Rule]) -> None:
    cases = [random_case(seed) for seed in range(N_CASES)]
    ours = by_us(cases)
    assert len(theirs) == N_CASES
    assert len(Counter(found["status"] for found in ours)) == 7  # every result there is
    n_explained = 0
    for seed, (case, found, word) in enumerate(zip(cases, ours, theirs)):
        if found["status"] != word.split()[0]:
            assert any(holds(case, found, word) for _, holds in rules), f"seed {seed}: {found}, theirs {word}"
            n_explained += 1
    assert n_explained < N_CASES // 20


def test_pyspf() -> None:
    spf = pytest.importorskip("spf", reason="python3-spf is not installed: tests/install tests")
    compare([by_pyspf(spf, random_case(seed)) for seed in range(N_CASES)], PYSPF_RULES)


@pytest.mark.skipif(not Path("/usr/share/perl5/Mail/SPF.pm").exists(),
                    reason="libmail-spf-perl is not installed: tests/install tests")
def test_mail_spf() -> None:
    compare(by_mail_spf([random_case(seed) for seed in range(N_CASES)]), MAIL_SPF_RULES)
