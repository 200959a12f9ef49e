"""`gatepost auth`: all four methods over a message, with the answers of a zone file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from test_command import run
from test_dkim_command import MESSAGE, Keys, make_key, make_pem, sign

ZONE = """\
$ORIGIN example.org.
@           TXT "v=spf1 ip4:192.0.2.0/24 -all"
mx          TXT "v=spf1 a -all"
mx          A   192.0.2.7
_dmarc      TXT "v=DMARC1; p=reject; rua=mailto:d@example.org"
loop        TXT "v=spf1 include:loop.example.org -all"
$ORIGIN .
"""
OURS = ("--ip", "192.0.2.7", "--helo", "mx.example.org", "--from", "joe@example.org")
STRANGERS = ("--ip", "203.0.113.9", "--helo", "mx.example.org", "--from", "<joe@example.org>")


@pytest.fixture(scope="module")
def keys(module_world: Path) -> Keys:
    keys = Keys(module_world)
    keys.publish(ZONE)
    make_key(keys)
    return keys


@pytest.fixture(scope="module")
def signed(keys: Keys) -> bytes:
    return sign(keys, MESSAGE)


def text_of(keys: Keys, message: bytes, *args: str, status: int = 0) -> str:
    done = run("-c", keys.config, "auth", "--zone", keys.zone, *args, "-", stdin=message)
    assert done.returncode == status, done
    assert done.stderr == b""
    return done.stdout.decode()


def told_of(keys: Keys, message: bytes, *args: str, status: int = 0) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(text_of(keys, message, "--json", *args, status=status))
    return told


def results(told: dict[str, Any]) -> dict[str, str]:
    return {"mailfrom": told["spf"]["mailfrom"]["result"], "helo": told["spf"]["helo"]["result"],
            "dkim": " ".join(s["result"] for s in told["dkim"]["signatures"]), "arc": told["arc"]["result"],
            "dmarc": told["dmarc"]["result"]}


def test_all_pass(keys: Keys, signed: bytes) -> None:
    told = told_of(keys, signed, *OURS)
    assert results(told) == {"mailfrom": "pass", "helo": "pass", "dkim": "pass", "arc": "none", "dmarc": "pass"}
    spf, dmarc = told["spf"]["mailfrom"], told["dmarc"]
    assert spf["domain"] == "example.org" and spf["record"] == "v=spf1 ip4:192.0.2.0/24 -all"
    assert spf["mechanism"] == "ip4:192.0.2.0/24" and "ip4:192.0.2.0/24" in spf["reason"]
    assert dmarc["from"] == "example.org" and dmarc["record_domain"] == "example.org" and dmarc["published"] == "reject"
    assert dmarc["spf"] == {"domain": "example.org", "aligned": True, "strict": False}
    assert dmarc["dkim"] == {"domain": "example.org", "aligned": True, "strict": False}
    asked = {(d["name"], d["type"]): d for d in told["dns"]}
    assert asked["example.org", "TXT"]["data"] == ["v=spf1 ip4:192.0.2.0/24 -all"]
    assert asked["mx.example.org", "A"]["data"] == ["192.0.2.7"]
    assert ("s1._domainkey.example.org", "TXT") in asked and ("_dmarc.example.org", "TXT") in asked
    field = told["authentication_results"]
    assert "spf=pass" in field and "dkim=pass" in field and "dmarc=pass" in field


def test_names_of_the_object(keys: Keys, signed: bytes) -> None:
    """What programs may rely on."""
    told = told_of(keys, signed, *OURS)
    assert set(told) == {"file", "spf", "dkim", "arc", "dmarc", "dns", "authentication_results"}
    assert set(told["spf"]["helo"]) == {"result", "domain", "sender", "reason", "record", "mechanism", "explanation", "lookups"}
    assert set(told["arc"]) == {"result", "reason", "sets", "overrides"}
    assert set(told["dmarc"]) == {"result", "reason", "from", "organisational_domain", "record", "record_domain", "spf", "dkim",
                                  "published", "policy", "testing", "pct", "reports", "nonexistent"}
    assert set(told["dns"][0]) == {"name", "type", "result", "security", "ttl", "data"}


def test_stranger_with_a_forged_author(keys: Keys) -> None:
    told = told_of(keys, MESSAGE, *STRANGERS)
    assert results(told) == {"mailfrom": "fail", "helo": "fail", "dkim": "", "arc": "none", "dmarc": "fail"}
    assert told["dmarc"]["policy"] == "reject" and told["spf"]["mailfrom"]["mechanism"] == "-all"


def test_forwarded(keys: Keys, signed: bytes) -> None:
    """SPF fails, the signature saves it."""
    told = told_of(keys, signed, *STRANGERS)
    assert results(told)["mailfrom"] == "fail" and results(told)["dmarc"] == "pass"
    assert told["dmarc"]["spf"]["aligned"] is False and told["dmarc"]["dkim"]["aligned"] is True


def test_without_a_client_spf_is_left_out(keys: Keys, signed: bytes) -> None:
    told = told_of(keys, signed)
    assert "spf" not in told and told["dmarc"]["result"] == "pass"
    assert "not checked: give --ip" in text_of(keys, signed)


def test_bounce(keys: Keys, signed: bytes) -> None:
    told = told_of(keys, signed, "--ip", "192.0.2.7", "--helo", "mx.example.org", "--from", "<>")
    assert told["spf"]["mailfrom"]["domain"] == "mx.example.org" and told["spf"]["mailfrom"]["result"] == "pass"


def test_arc(keys: Keys, signed: bytes) -> None:
    """A message that a list changed and sealed; its sealer is trusted or not."""
    dkim = pytest.importorskip("dkim")
    key = make_pem(keys.world / "arc.pem", "genrsa", "-traditional", "2048")
    keys.publish(keys.run("record", key, "--domain", "lists.example", "--selector", "a"))
    result = b"Authentication-Results: lists.example; dkim=pass header.d=example.org; dmarc=pass header.from=example.org\r\n"
    changed = result + signed + b"-- \r\nthe list\r\n"
    sealed = b"".join(dkim.arc_sign(changed, b"a", b"lists.example", key.read_bytes(), b"lists.example")) + changed
    told = told_of(keys, sealed, *STRANGERS)
    assert results(told) == {"mailfrom": "fail", "helo": "fail", "dkim": "fail", "arc": "pass", "dmarc": "fail"}
    only = told["arc"]["sets"][0]
    assert (only["instance"], only["domain"], only["selector"]) == (1, "lists.example", "a") and "dkim=pass" in only["results"]
    assert told["arc"]["overrides"] is None
    text = text_of(keys, sealed, *STRANGERS)
    assert re.search(r"^  ARC            pass ", text, re.M) and re.search(r"^ +set 1 +lists\.example, selector a: .*dkim=pass", text, re.M)
    trusting = keys.world / "trusting.conf"
    trusting.write_text('milter-dkim = { arc = { trusted = [ "lists.example" ]; }; };\n')
    done = run("-c", trusting, "auth", "--json", "--zone", keys.zone, *STRANGERS, "-", stdin=sealed)
    assert json.loads(done.stdout)["arc"]["overrides"] == 1
    assert results(told_of(keys, sealed.replace(b"the list", b"the lost"), *STRANGERS))["arc"] == "fail"


def test_broken_record(keys: Keys) -> None:
    told = told_of(keys, MESSAGE, "--ip", "192.0.2.7", "--helo", "x", "--from", "a@loop.example.org")
    assert told["spf"]["mailfrom"]["result"] == "permerror" and told["spf"]["mailfrom"]["reason"]


def test_for_people(keys: Keys, signed: bytes) -> None:
    text = text_of(keys, signed, *OURS)
    assert re.search(r"^  SPF MAIL FROM  pass +example\.org: .*ip4:192\.0\.2\.0/24", text, re.M)
    assert re.search(r"^  SPF HELO       pass +mx\.example\.org", text, re.M)
    assert re.search(r"^  DKIM           pass +example\.org", text, re.M)
    assert re.search(r"^  ARC            none", text, re.M)
    assert re.search(r"^  DMARC          pass +example\.org", text, re.M)
    assert re.search(r"^ +policy +reject$", text, re.M)
    assert "    _dmarc.example.org TXT (" in text and "\033" not in text
    assert re.search(r"^  Authentication-Results\n    .*dmarc=pass", text, re.M | re.S)


def test_strangers_cannot_command_a_terminal(keys: Keys) -> None:
    message = "From: \x1b[2J <x@ex\x1b]0;boo\x07ample.org>\nDKIM-Signature: v=1; d=\u202egro.elpmaxe; s=\x1b\n\nb\n".encode()
    keys.publish('evil.example. TXT "v=spf1 exists:\\027[2J%{z} \\255 -all"\n')
    args = ("--ip", "192.0.2.7", "--helo", "\x1b[2J", "--from", "a\x1b@evil.example")
    text = text_of(keys, message, *args)
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
    told_of(keys, message, *args)


def test_dns_down(keys: Keys, signed: bytes) -> None:
    config = keys.world / "down.conf"
    config.write_text('dns = { servers = [ "127.0.0.1@9" ]; timeout = "1s"; };\n')
    done = run("-c", config, "auth", "--json", *OURS, "-", stdin=signed)
    assert done.returncode == 75
    told = json.loads(done.stdout)
    assert results(told)["mailfrom"] == "temperror" and results(told)["dkim"] == "temperror"
    assert {d["result"] for d in told["dns"]} == {"temporary failure"}


@pytest.mark.parametrize(("line", "status", "says"), [
    ("", 64, "name one message"),
    ("a b", 64, "name one message"),
    ("--ip 1.2.3 --from a@b -", 64, '"1.2.3" is not an IP address'),
    ("--from a@example.org -", 64, "need --ip"),
    ("--ip 192.0.2.1 -", 64, "--ip needs --from or --helo"),
    ("--zone /nonexistent.zone -", 66, "/nonexistent.zone"),
    ("/nonexistent.eml", 66, "/nonexistent.eml: No such file"),
])
def test_mistakes_are_named(keys: Keys, line: str, status: int, says: str) -> None:
    done = run("-c", keys.config, "auth", *line.split(), stdin=MESSAGE)
    assert done.returncode == status and says in done.stderr.decode() and done.stdout == b""


def test_empty_message(keys: Keys) -> None:
    told = told_of(keys, b"")
    assert told["dkim"] == {"seen": 0, "signatures": []} and told["dmarc"]["result"] in ("none", "permerror")
