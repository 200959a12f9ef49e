"""Mail for the tests of milter-dkim: messages, signatures by Debian's python3-dkim, keys, and the seal computed anew."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import subprocess
from pathlib import Path

import dkim

from milterclient import Envelope
from servers.milter import MilterDkim

LETTER = (b"From: Author <author@example.net>\nTo: alice@example.org\nSubject: A letter\nMessage-ID: <1@example.net>\n"
          b"Date: Sat, 21 Nov 2026 09:00:00 +0000\n\nDear Alice,\n\nnothing is new.\n\nYours\n")
OUR_ID = "mx.example.org"  # {j} of the tests' MTA
SENDER = Envelope(address="192.0.2.10", helo="mail.example.net", name="mail.example.net", sender="author@example.net")
# What the sender publishes: SPF for its host; DMARC that wants failures refused.
SENDER_ZONE = """
example.net TXT v=spf1 ip4:192.0.2.10 -all
example.net MX 10 mail.example.net
mail.example.net A 192.0.2.10
_dmarc.example.net TXT v=DMARC1; p=reject
"""


def with_fields(*fields: str, message: bytes = LETTER) -> bytes:
    return "".join(f"{f}\n" for f in fields).encode() + message


def make_key(folder: Path) -> tuple[bytes, str]:
    """An RSA key (PEM) and its record."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rsa.pem"
    subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path],
                   check=True, stderr=subprocess.DEVNULL)
    public = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    return path.read_bytes(), f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def signed(pem: bytes, message: bytes = LETTER, domain: str = "example.net", selector: str = "s1") -> bytes:
    text = message.replace(b"\n", b"\r\n")
    field = dkim.sign(text, selector.encode(), domain.encode(), pem, canonicalize=(b"relaxed", b"relaxed"))
    return (field + text).replace(b"\r\n", b"\n")


def seal_of(milter: MilterDkim, queue_id: str, value: str) -> str:
    """What X-Gatepost-Seal has to be for an Authentication-Results of that message."""
    key = (milter.folder / "store" / "seal.key").read_bytes()
    packed = re.sub(r"\s", "", value)
    return "v=1; " + hmac.new(key, queue_id.encode() + b"\0" + packed.encode(), hashlib.sha256).hexdigest()


def forwarded(pem: bytes, message: bytes, results: str, domain: str = "list.example", selector: str = "l1") -> bytes:
    """The message with an ARC set of a forwarder that found `results`."""
    text = f"Authentication-Results: {domain}; {results}\r\n".encode() + message.replace(b"\n", b"\r\n")
    fields = dkim.arc_sign(text, selector.encode(), domain.encode(), pem, domain.encode())
    return (b"".join(fields) + text[text.index(b"\r\n") + 2:]).replace(b"\r\n", b"\n")
