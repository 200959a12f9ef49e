"""DKIM verification against the messages of three public projects in $GATEPOST_DATA/dkim.

Where a message's key record is among the data, its signatures must come out as they should. Where it is not (mail of real
senders, whose keys were in the DNS once), a key of ours stands in for it: then the signature cannot verify, but that the
body hash does still says that the real signer and we agree on the canonical body.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from probe import DATA, run_probe, zone_text

DKIM = DATA / "dkim"
NOW = 1667900000  # when the signature with an expiry in mail-auth was new

pytestmark = pytest.mark.skipif(not DKIM.exists(), reason=f"no {DKIM}: set GATEPOST_DATA")

# RSA of 2048 bits, made for this; its private half is gone.
OTHERS_KEY = ("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvf+HFmNdq8Qk1rt39K9ykJE/3HEY9hhr+Fxtg7KSgC02se7puOPLy5Grmm8C"
              "O0TIkOBCbi4K/bdzPFh+84xZt+n/HMd4v0FvRuaWanKMlOAK4pG1TDycGpIy8jW/O2++FvV+qJHulrbJj7apHmcZR98Q5vrKH3tWOyy6"
              "dxCu190N4a7F8YgjeQC5ZHNK1A2kAj3xuiGrQixNKvY3OmyeQI8lQOblcCIjEcoUsU9cl5hpHUGsR9eoA7WxIIj5O+oVpVvkiy4vvwll"
              "YZ/c/MsQu7nDB5/tMP8C5daF3CPtUIXhNFwohoEUne/+w/ZfwxJaIrUnGXmwlEp1Bs8E4X00OwIDAQAB")
PASS = ("pass", "")
NO_KEY = ("permerror", "key not found")
BODY_ONLY = ("fail", "signature did not verify")

# Real mail, and how many signatures each has; the ARC suite of mailauth among it.
REAL_MAIL = {
    "mailauth/arc-fail.eml": 2, "mailauth/arc-fail2.eml": 2, "mailauth/arc-fail3.eml": 1, "mailauth/arc-pass.eml": 1,
    "mailauth/arc-pass2.eml": 2, "mailauth/authtest.eml": 1, "mailauth/bimi.eml": 2, "mailauth/message1.eml": 0,
    "mailauth/message2.eml": 1, "mailauth/message3.eml": 2, "mailauth/message4.eml": 1, "mailauth/zbimi.eml": 1,
    "mailauth/zproov.eml": 1, "dkimpy/message.mbox": 1, "dkimpy/test2.message": 1,
}

# dkimpy's records for the key test.private, and what a signature by it comes to with them.
RECORDS = {
    "test.txt": PASS,
    "test2.txt": PASS,  # no k=
    "test_bad.txt": ("permerror", "key record: p= is no rsa key"),  # cut short
    "badversion.txt": ("permerror", "key record is of another version"),  # "v=DKIM1: g=*"
    "badk.txt": ("permerror", "key record: unknown k="),
    "test_tlsrpt.txt": ("permerror", "key is not for mail"),  # s=tlsrpt
}


def zone(records: dict[str, str]) -> str:
    return "\n".join(f"{name} TXT {zone_text(record.encode())}" for name, record in records.items()) or "# empty"


def verify(message: bytes, records: dict[str, str], chunk: int = 0) -> dict[str, Any]:
    case = {"mode": "dkim-verify", "message": base64.b64encode(message).decode(), "zone": zone(records), "now": NOW,
            "chunk": chunk}
    return run_probe([case])[0]


def sign(message: bytes, **how: str) -> bytes:
    """The message with a signature by s of example.com on top."""
    case = {"mode": "dkim-sign", "message": base64.b64encode(message).decode(), "domain": "example.com", "selector": "s",
            "now": NOW, **how}
    value = run_probe([case])[0]["value"]
    return f"DKIM-Signature: {value}\n".encode() + message


def outcomes(message: bytes, records: dict[str, str], chunk: int = 0) -> list[tuple[str, str]]:
    return [(r["status"], r["reason"]) for r in verify(message, records, chunk)["results"]]


def with_record_lines(path: Path) -> tuple[bytes, dict[str, str]]:
    """A file whose first lines, up to an empty one, are "NAME RECORD"."""
    head, _, message = path.read_bytes().partition(b"\n\n")
    return message, dict(line.split(" ", 1) for line in head.decode().splitlines())


@pytest.mark.parametrize("chunk", [0, 1, 77])
@pytest.mark.parametrize("name", ["001", "002", "003", "004", "005", "006"])
def test_mail_auth(name: str, chunk: int) -> None:
    """RFC 8463's example (001), RFC 6376's signed anew (002), mail of IETF, Facebook, Topicbox and GitHub."""
    message, records = with_record_lines(DKIM / "mail-auth" / f"{name}.txt")
    assert set(outcomes(message, records, chunk)) == {PASS}


@pytest.mark.parametrize("chunk", [0, 1, 77])
def test_mailauth(chunk: int) -> None:
    """RFC 8463's example with records in a file; without the records there is no key."""
    message = (DKIM / "mailauth" / "signed.eml").read_bytes()
    names = json.loads((DKIM / "mailauth" / "dns.json").read_text())
    records = {name: "".join(data["TXT"][0]) for name, data in names.items() if "_domainkey" in name}
    assert outcomes(message, records, chunk) == [PASS, PASS]
    assert outcomes(message, {}, chunk) == [NO_KEY, NO_KEY]


@pytest.mark.parametrize("name", REAL_MAIL)
def test_body_hashes_of_real_mail(name: str) -> None:
    message = (DKIM / name).read_bytes()
    found = verify(message, {})
    assert found["seen"] == REAL_MAIL[name]
    assert {(r["status"], r["reason"]) for r in found["results"]} <= {NO_KEY}
    names = {f"{r['selector']}._domainkey.{r['domain']}": f"p={OTHERS_KEY}" for r in found["results"]}
    for chunk in (0, 1, 1000):
        assert set(outcomes(message, names, chunk)) <= {BODY_ONLY}


@pytest.mark.parametrize("canon", ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("record", RECORDS)
def test_dkimpy_records(record: str, canon: str) -> None:
    message = sign((DKIM / "dkimpy" / "test.message").read_bytes(), canon=canon,
                   key=(DKIM / "dkimpy" / "test.private").read_text())
    text = (DKIM / "dkimpy" / record).read_text().strip()
    assert outcomes(message, {"s._domainkey.example.com": text}) == [RECORDS[record]]


def test_dkimpy_signed() -> None:
    """RFC 6376's message with two signatures of RFC 8463's keys, folded with spaces at the ends of lines."""
    message = (DKIM / "dkimpy" / "rfc6376.signed.msg").read_bytes()
    _, records = with_record_lines(DKIM / "mail-auth" / "001.txt")
    assert outcomes(message, records) == [PASS, PASS]


def test_exim_signed() -> None:
    """Exim's first Ed25519 signatures."""
    message = (DKIM / "dkimpy" / "ed25519test2.msg").read_bytes()
    record = (DKIM / "dkimpy" / "eximtest.dns").read_text().strip()
    assert outcomes(message, {"sed._domainkey.test.ex": record}) == [PASS]


def test_nothing_is_signed_without_from() -> None:
    with pytest.raises(AssertionError, match="no From field"):
        sign((DKIM / "dkimpy" / "test_nofrom.message").read_bytes(), canon="simple/simple",
             key=(DKIM / "dkimpy" / "test.private").read_text())
