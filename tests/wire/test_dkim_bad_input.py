"""milter-dkim and what strangers may send or publish: a result that is no pass, in bounded time, and the program goes on."""

from __future__ import annotations

import re

import pytest

from conftest import StartDkim
from dkimmail import LETTER, SENDER, SENDER_ZONE, make_key, signed
from milterclient import Envelope, judge
from servers.dns import Dns

BROKEN = {
    "nothing": "",
    "only blanks": " \t ",
    "no b": " v=1; a=rsa-sha256; d=example.net; s=s1; h=from; bh=AAAA",
    "no bh": " v=1; a=rsa-sha256; d=example.net; s=s1; h=from; b=AAAA",
    "broken base64": " v=1; a=rsa-sha256; d=example.net; s=s1; h=from; bh=!!!; b=%%%",
    "tag twice": " v=1; a=rsa-sha256; a=rsa-sha256; d=example.net; s=s1; h=from; bh=AAAA; b=AAAA",
    "long tag": " v=1; a=rsa-sha256; d=example.net; s=s1; h=from; bh=AAAA; b=" + "A" * 65000,
    "many tags": " v=1; " + "".join(f"x{i}=y; " for i in range(5000)),
    "many fields": " v=1; a=rsa-sha256; d=example.net; s=s1; bh=AAAA; b=AAAA; h=from" + ":x" * 20000,
    "no from": " v=1; a=rsa-sha256; d=example.net; s=s1; h=to; bh=AAAA; b=AAAA",
    "huge length": " v=1; a=rsa-sha256; d=example.net; s=s1; h=from; l=99999999999999999999; bh=AAAA; b=AAAA",
    "negative time": " v=1; a=rsa-sha256; d=example.net; s=s1; h=from; t=-5; x=-6; bh=AAAA; b=AAAA",
    "sha1": " v=1; a=rsa-sha1; d=example.net; s=s1; h=from; bh=AAAA; b=AAAA",
    "version": " v=99; a=rsa-sha256; d=example.net; s=s1; h=from; bh=AAAA; b=AAAA",
    "hostile domain": " v=1; a=rsa-sha256; d=../../etc\\000.example; s=s1; h=from; bh=AAAA; b=AAAA",
    "long domain": f" v=1; a=rsa-sha256; d={'a.' * 2000}example; s=s1; h=from; bh=AAAA; b=AAAA",
    "8 bit": " v=1; a=rsa-sha256; d=exämple.net; s=\udcff\udcfe; h=from; bh=AAAA; b=AAAA",
}
RECORDS = {
    "empty": "", "no key": "v=DKIM1; k=rsa", "revoked": "v=DKIM1; p=", "base64": "v=DKIM1; p=!!!!", "not a key": "v=DKIM1; p=AAAA",
    "other type": "v=DKIM1; k=dsa; p=AAAA", "other version": "v=DKIM9; p=AAAA", "tag twice": "v=DKIM1; p=AAAA; p=AAAA",
    "long": "v=DKIM1; n=" + "x" * 50000 + "; p=AAAA", "binary": "v=DKIM1; p=\x00\xff\x01", "semicolons": ";" * 3000,
}


def results(milter_socket: object, message: bytes, envelope: Envelope = SENDER) -> str:
    return judge(str(milter_socket), message, envelope).value("Authentication-Results")


def test_broken_signatures(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim()
    dns.add(SENDER_ZONE)
    for what, value in BROKEN.items():
        field = f"DKIM-Signature:{value}\n".encode("utf-8", "surrogateescape")
        said = results(milter.socket, field + LETTER)
        assert "dkim=" in said and "dkim=pass" not in said, what
        assert "dmarc=pass" in said, what  # by SPF
    for name in ("ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"):
        for what, value in BROKEN.items():
            field = f"{name}: i=1;{value}\n".encode("utf-8", "surrogateescape")
            assert not re.search(r"\barc=pass", results(milter.socket, field * 3 + LETTER)), (name, what)


@pytest.mark.parametrize("what", RECORDS)
def test_hostile_key_records(start_dkim: StartDkim, dns: Dns, what: str) -> None:
    milter = start_dkim()
    pem, _ = make_key(milter.folder)
    dns.add(SENDER_ZONE)
    dns.put("s1._domainkey.example.net", "TXT", RECORDS[what])
    said = results(milter.socket, signed(pem))
    assert "dkim=" in said and "dkim=pass" not in said
    assert "spf=pass" in said


@pytest.mark.parametrize(("name", "kind", "data"), [
    ("example.net", "TXT", "v=spf1 " + "include:example.net " * 50),
    ("example.net", "TXT", "v=spf1 exists:%{ir}.%{l1r-}.%{d999999999999}.example.net -all"),
    ("example.net", "TXT", "v=spf1 " + "a " * 5000 + "-all"),
    ("example.net", "TXT", "v=spf1 ip4:999.999.999.999/77 ip6:::::/129 -all"),
    ("_dmarc.example.net", "TXT", "v=DMARC1; " + "p=reject; " * 500),
    ("_dmarc.example.net", "TXT", "v=DMARC1; p=\x00\xff; rua=mailto:" + "x" * 30000),
    ("_dmarc.example.net", "CNAME", "_dmarc.example.net"),
    ("example.net", "CNAME", "example.net"),
    ("example.net", "MX", "0 example.net"),
])
def test_hostile_policies(start_dkim: StartDkim, dns: Dns, name: str, kind: str, data: str) -> None:
    milter = start_dkim()
    dns.put(name, kind, data)
    said = results(milter.socket, LETTER)
    assert "spf=pass" not in said and "dmarc=pass" not in said
    assert len(dns.asked) < 400


def test_header_beyond_what_is_kept(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim()
    pem, record = make_key(milter.folder)
    dns.add(SENDER_ZONE + f"s1._domainkey.example.net TXT {record}")
    junk = b"".join(b"X-%d: %s\n" % (i, b"x" * 60000) for i in range(30))
    said = results(milter.socket, signed(pem).replace(b"From:", junk + b"From:"))
    assert "dkim=pass" not in said
    forged = judge(str(milter.socket), junk + LETTER, Envelope(address="192.0.2.66", helo="x.example", name="x", sender="x@x.example"))
    assert "dmarc=fail" in forged.value("Authentication-Results")  # junk hides no author
    assert "dkim=pass" in results(milter.socket, signed(pem))
