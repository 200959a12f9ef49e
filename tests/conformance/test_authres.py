"""What we write as Authentication-Results is read by python3-authres, and by us, and says the same there."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from probe import run_probe

authres = pytest.importorskip("authres", reason="python3-authres is not installed")

SENDERS = ("joe@example.org", "SRS0=HHH=TT=example.org=joe@forward.example", "\"a b\"@example.org", "x\"y\\z@example.org",
           "postmaster@mx.example", "a\r\nBcc: eve@example.net", "\u00e4@example.org", "bounce_1@a_b.example")
REASONS = ("", "matched ip4:192.0.2.0/24", "a (b) c) \\", "x\r\n y", "; dmarc=pass")
SIGNATURES = ("dGVzdA==", "abc/d+e=", "plain")


def cases() -> list[dict[str, Any]]:
    return [{"mode": "authres", "id": name, "plain": plain, "spf": spf, "sender": sender, "spf_reason": reason,
             "dkim": "pass", "domain": "example.org", "identity": sender, "selector": "s1", "b": b,
             "arc": "fail", "dmarc": "fail", "from": "news.example.org", "record_domain": "example.org"}
            for name, plain, spf, sender, reason, b in itertools.product(
                ("mx.example.net", "mx_2"), (False, True), ("pass", "softfail"), SENDERS, REASONS, SIGNATURES)]


def properties(result: Any) -> dict[str, str]:
    """It leaves the backslashes of quoted strings in."""
    return {f"{p.type}.{p.name}": re.sub(r"\\(.)", r"\1", p.value) for p in result.properties}


def test_others_read_it() -> None:
    asked = cases()
    for case, found in zip(asked, run_probe(asked)):
        assert found["diag"] == ""
        header = authres.AuthenticationResultsHeader.parse_value(found["value"].replace("\n\t", "\r\n\t"))
        assert header.authserv_id == case["id"]
        assert [(r.method, r.result) for r in header.results] == [
            ("spf", case["spf"]), ("dkim", "pass"), ("arc", "fail"), ("dmarc", "fail")]
        spf, dkim, _, dmarc = map(properties, header.results)
        plain = case["sender"].isascii() and case["sender"].isprintable()
        assert spf["smtp.mailfrom"] == (case["sender"] if plain else "envelope.example")
        assert (dkim["header.d"], dkim["header.s"], dkim["header.b"]) == ("example.org", "s1", case["b"])
        # It passes over a quoted string that another property follows.
        is_bare = re.fullmatch(r"[\w.+-]+@[a-z0-9.-]+", case["sender"], re.ASCII)
        assert dkim.get("header.i") == (case["sender"] if is_bare else None)
        assert dmarc == {"header.from": "news.example.org", "policy.dmarc": "reject"}  # polrec is younger than it
        assert "polrec.domain=example.org" in found["value"]
