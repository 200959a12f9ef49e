"""What we sign dkimpy verifies, and the other way round: every algorithm and canonicalisation over real mail.

The sample is fixed: every n-th message of $GATEPOST_DATA/mail that dkimpy can read at all (it gives up on a header
line that is none).
"""

from __future__ import annotations

import base64
import subprocess
import time
from functools import cache
from typing import Any

import pytest

from probe import DATA, run_probe, zone_text

dkim = pytest.importorskip("dkim", reason="no python3-dkim")
pytest.importorskip("nacl", reason="no python3-nacl")

MAIL = DATA / "mail"
SAMPLE = 300
DOMAIN, SELECTOR = "example.com", "s"
KEY_NAME = f"{SELECTOR}._domainkey.{DOMAIN}"
CANONS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed")
ALGORITHMS = ("rsa-sha256", "ed25519-sha256")

pytestmark = pytest.mark.skipif(not MAIL.exists(), reason=f"no {MAIL}: set GATEPOST_DATA")


def openssl(*args: str, text: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *args], input=text, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


@cache
def key(algorithm: str) -> tuple[bytes, bytes, str]:
    """A new private key as PEM and as dkimpy wants it, and its record. RSA of 1024 bits: dkimpy's is slow."""
    if algorithm == "rsa-sha256":
        pem = openssl("genrsa", "1024")
        public = openssl("pkey", "-pubout", "-outform", "der", text=pem)
        return pem, pem, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    pem = openssl("genpkey", "-algorithm", "ed25519")
    seed = openssl("pkey", "-outform", "der", text=pem)[-32:]
    public = openssl("pkey", "-pubout", "-outform", "der", text=pem)[-32:]
    return pem, base64.b64encode(seed), f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"


def is_readable(message: bytes) -> bool:
    try:
        headers, _ = dkim.rfc822_parse(message)
    except (dkim.MessageFormatError, IndexError):
        return False
    return any(name.lower() == b"from" for name, _ in headers)


@cache
def sample() -> tuple[bytes, ...]:
    """Messages with CRLF, as they are on the wire."""
    files = sorted(path for path in MAIL.rglob("*") if path.is_file() and path.suffix != ".tsv")
    messages = []
    for path in files[::len(files) // (SAMPLE + SAMPLE // 10)]:
        message = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if is_readable(message):
            messages.append(message)
    assert len(messages) >= SAMPLE
    return tuple(messages[:SAMPLE])


def case(mode: str, message: bytes, **more: Any) -> dict[str, Any]:
    return {"mode": mode, "message": base64.b64encode(message).decode(), "now": int(time.time()), **more}


@pytest.mark.parametrize("canon", CANONS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_dkimpy_verifies_ours(algorithm: str, canon: str) -> None:
    pem, _, record = key(algorithm)
    answers = run_probe(case("dkim-sign", message, canon=canon, domain=DOMAIN, selector=SELECTOR, key=pem.decode(), chunk=100)
                        for message in sample())
    failed = []
    for number, (message, answer) in enumerate(zip(sample(), answers)):
        field = ("DKIM-Signature: " + answer["value"] + "\n").replace("\n", "\r\n").encode()
        if not dkim.verify(field + message, dnsfunc=lambda name, timeout=5: record.encode()):
            failed.append(number)
    assert not failed


@pytest.mark.parametrize("canon", CANONS)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_we_verify_dkimpys(algorithm: str, canon: str) -> None:
    _, private, record = key(algorithm)
    header, body = canon.encode().split(b"/")
    cases = []
    for message in sample():
        field = dkim.sign(message, SELECTOR.encode(), DOMAIN.encode(), private, canonicalize=(header, body),
                          signature_algorithm=algorithm.encode())
        cases.append(case("dkim-verify", field + message, zone=f"{KEY_NAME} TXT {zone_text(record.encode())}", chunk=100))
    failed = {number: answer["results"][0]["reason"] for number, answer in enumerate(run_probe(cases))
              if answer["results"][0]["status"] != "pass"}
    assert not failed
