"""milter-dkim outbound: who is signed, with which keys; every signature is verified by Debian's python3-dkim."""

from __future__ import annotations

import base64
import dataclasses
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import dkim
import pytest

from conftest import StartDkim
from milterclient import PLAIN_STEPS, Envelope, Result, judge
from servers.dns import Dns
from servers.milter import USER, MilterDkim, Value, build_folder
from servers.process import wait_for

ALICE = Envelope(address="198.51.100.7", sender="alice@example.org", recipients=("bob@example.net",),
                 macros={"{auth_authen}": "alice", "{auth_type}": "PLAIN"})
OWN = dataclasses.replace(ALICE, address="127.0.0.1", macros={})
STRANGER = dataclasses.replace(ALICE, macros={})
BOUNCE = dataclasses.replace(OWN, sender="")
CANONS = ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"]


class Keys:
    """Key files in a folder, made by openssl, and the records that publish them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        self.zone: dict[str, bytes] = {}

    def make(self, domain: str, selector: str, kind: str = "rsa") -> Path:
        path = self.folder / f"{selector}.{domain}.key"
        self.write(path, kind)
        self.publish(path, domain, selector, kind)
        return path

    def write(self, path: Path, kind: str = "rsa") -> None:
        options = ["-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else []
        subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", kind, *options, "-out", path], check=True,
                       stderr=subprocess.DEVNULL)
        shutil.chown(path, USER)
        path.chmod(0o600)

    def publish(self, path: Path, domain: str, selector: str, kind: str) -> None:
        der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        public = der if kind == "rsa" else der[-32:]
        self.zone[f"{selector}._domainkey.{domain}."] = f"v=DKIM1; k={kind}; p=".encode() + base64.b64encode(public)

    def find(self, name: bytes, timeout: int = 5) -> bytes | None:
        return self.zone.get(name.decode())

    def table(self, text: str) -> str:
        """A key table in which "@" before a selector's name stands for its file."""
        path = self.folder / "table"
        path.write_text(re.sub(r"@(\S+)", rf"{self.folder}/\1.key", text))
        return str(path)


@pytest.fixture
def keys(world: Path) -> Keys:
    return Keys(world / "keyfiles")


def letter(author: str, *fields: str, body: str = "Dear Bob,\n\n two  blanks, one at the end \n\n.\n\n\n") -> bytes:
    more = "".join(f"{f}\n" for f in fields)
    return (f"{more}From: {author}\nTo: bob@example.net\nSubject: =?utf-8?q?A_letter?=\n\tin two lines\n"
            f"Message-ID: <1@example.org>\nDate: Sat, 21 Nov 2026 09:00:00 +0000\n\n{body}").encode()


def run(milter: MilterDkim, message: bytes, envelope: Envelope = ALICE) -> Result:
    result = judge(str(milter.socket), message, envelope)
    assert result.reply.action in ("accept", "continue"), result.reply
    return result


def as_sent(result: Result, message: bytes) -> bytes:
    """The message as Postfix writes it after the filter."""
    body = message.split(b"\n\n", 1)[1]
    header = "".join(f"{n}:{v if v[:1] in (' ', chr(9)) else ' ' + v}\n" for n, v in result.headers).encode()
    return (header + b"\n" + body).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def signers(result: Result) -> list[str]:
    """d=:s= of the signatures, top down."""
    found = []
    for value in result.values("DKIM-Signature"):
        tags = dict(re.findall(r"(?:^|;)\s*(\w+)=([^;]*)", value))
        found.append(f"{tags['d']}:{tags['s']}")
    return found


def verify(keys: Keys, result: Result, message: bytes) -> None:
    """All signatures are good."""
    text = as_sent(result, message)
    count = len(result.values("DKIM-Signature"))
    assert count
    for index in range(count):
        assert dkim.DKIM(text).verify(idx=index, dnsfunc=keys.find), result.headers


Signing = Callable[..., MilterDkim]


@pytest.fixture
def signing(start_dkim: StartDkim, keys: Keys) -> Signing:
    """signing(TABLE, SETTINGS of sign, …) starts a milter with that key table."""
    def start(table: str, more: Mapping[str, Value] | None = None) -> MilterDkim:
        return start_dkim({"milter-dkim": {"sign": {"keys": keys.table(table), **(more or {})}}})

    return start


def test_who_is_signed(signing: Signing, keys: Keys) -> None:
    keys.make("example.org", "s1")
    milter = signing("example.org s1=@s1.example.org\n")
    message = letter("Alice <alice@example.org>")
    for envelope in (ALICE, OWN, BOUNCE):
        result = run(milter, message, envelope)
        assert signers(result) == ["example.org:s1"]
        assert result.inserted[-1][0] == 0
        verify(keys, result, message)
    assert milter.verdict(ALICE.queue_id)["signed"] == "example.org:s1"
    result = run(milter, message, STRANGER)
    assert not signers(result)
    assert result.values("Authentication-Results")
    assert milter.counted("gatepost_dkim_signed_total") == 3


def test_without_a_key_mail_goes_unsigned(signing: Signing, keys: Keys) -> None:
    keys.make("example.org", "s1")
    milter = signing("example.org s1=@s1.example.org\n")
    for author, reason in (("alice@other.example", "no-key"), ("nobody", "no-from")):
        result = run(milter, letter(author))
        assert not signers(result)
        assert milter.verdict(ALICE.queue_id)["signed"] == reason


@pytest.mark.parametrize("canon", CANONS)
def test_both_algorithms_in_every_canonicalisation(signing: Signing, keys: Keys, canon: str) -> None:
    keys.make("example.org", "s1")
    keys.make("example.org", "e1", "ed25519")
    milter = signing("example.org s1=@s1.example.org e1=@e1.example.org\n", {"canonicalization": canon, "ttl": "7d"})
    for body in ("", "\n", "one line\n", "no end", " \t\n\n a  b \t c \n\n", "x" * 5000 + "\n"):
        message = letter("alice@example.org", "X-Odd:   spaces  \n\tand a fold \n  and one more", body=body)
        result = run(milter, message)
        assert signers(result) == ["example.org:s1", "example.org:e1"]
        assert all(f"c={canon};" in v and "x=" in v for v in result.values("DKIM-Signature"))
        verify(keys, result, message)


def test_several_domains(signing: Signing, keys: Keys) -> None:
    for domain in ("example.org", "example.com", "provider.example"):
        keys.make(domain, "s")
    milter = signing("example.org s=@s.example.org d=provider.example s=@s.provider.example\n"
                     ".example.com d=example.com s=@s.example.com\n"
                     "quiet.example.org none\n")
    expected = {
        "a@example.org": ["example.org:s", "provider.example:s"],
        "a@EXAMPLE.ORG": ["example.org:s", "provider.example:s"],
        "a@host.example.org": ["example.org:s", "provider.example:s"],
        "a@x.example.com": ["example.com:s"],
        "a@quiet.example.org": [],
        "a@example.com": [],
        "a@nowhere.example, b@example.org": ["example.org:s", "provider.example:s"],
    }
    for author, wanted in expected.items():
        message = letter(author)
        result = run(milter, message)
        assert signers(result) == wanted, author
        if wanted:
            verify(keys, result, message)


def test_keys_of_the_directory(signing: Signing, keys: Keys) -> None:
    path = keys.make("example.org", "d1")
    milter = signing("other.example s=@d1.example.org\n")
    folder = milter.folder / "keys" / "example.org"
    folder.mkdir(parents=True)
    shutil.copy(path, folder / "d1.key")
    shutil.chown(folder / "d1.key", USER)
    message = letter("alice@example.org")
    assert not signers(run(milter, message))
    milter.reload()
    milter.wait_line("reloaded")
    result = run(milter, message)
    assert signers(result) == ["example.org:d1"]
    verify(keys, result, message)
    (folder / "selectors").write_text("d1 retired 1\n")
    milter.reload()
    wait_for(lambda: not signers(run(milter, message)), "the retired key to rest")


def test_sender_map(signing: Signing, keys: Keys, world: Path) -> None:
    keys.make("example.org", "s")
    keys.make("example.com", "s")
    (world / "senders").write_text("alice  example.org\n@example.com  %a\n198.51.100.0/24 example.com\n")
    table = "example.org s=@s.example.org\nexample.com s=@s.example.com\n"
    settings: dict[str, Value] = {"senders": str(world / "senders")}
    milter = signing(table, settings)
    assert signers(run(milter, letter("any@example.org"))) == ["example.org:s"]
    assert not signers(run(milter, letter("alice@example.com")))
    assert milter.verdict(ALICE.queue_id)["signed"] == "not-allowed"
    two = letter("alice@example.org", "From: boss@example.com")
    assert not signers(run(milter, two))
    carl = dataclasses.replace(ALICE, macros={"{auth_authen}": "carl@example.com", "{auth_type}": "PLAIN"})
    assert signers(run(milter, letter("Carl@example.com"), carl)) == ["example.com:s"]
    assert not signers(run(milter, letter("dora@example.com"), carl))
    milter.stop()
    strict = signing(table, {**settings, "not_allowed": "reject"})
    result = judge(str(strict.socket), letter("dora@example.com"), carl)
    assert result.reply.code == 550
    assert "5.7.1" in result.reply.text
    assert not result.inserted


def test_bounces(signing: Signing, keys: Keys) -> None:
    keys.make("example.org", "s")
    table = "example.org s=@s.example.org\n"
    message = letter("MAILER-DAEMON@mx.example.org (Mail Delivery System)")
    result = run(signing(table), message, BOUNCE)
    assert signers(result) == ["example.org:s"]
    assert "i=@mx.example.org;" in result.value("DKIM-Signature")
    verify(keys, result, message)
    assert not signers(run(signing(table, {"bounces": False}), message, BOUNCE))
    assert not signers(run(signing(table, {"subdomains": False}), message, BOUNCE))


def test_other_addresses_choose(signing: Signing, keys: Keys) -> None:
    keys.make("example.org", "s")
    keys.make("list.example", "s")
    table = "example.org s=@s.example.org\nlist.example s=@s.list.example\n"
    message = letter("alice@example.org", "Sender: owner@list.example")
    by_list = dataclasses.replace(OWN, sender="bounces@list.example")
    assert signers(run(signing(table), message, by_list)) == ["example.org:s"]
    for choice, envelope in (("sender", OWN), ("envelope", by_list)):
        result = run(signing(table, {"domain_from": choice}), message, envelope)
        assert signers(result) == ["list.example:s"]
        verify(keys, result, message)


def test_what_is_signed_already(signing: Signing, keys: Keys) -> None:
    keys.make("example.org", "s")
    table = "example.org s=@s.example.org\n"
    message = letter("alice@example.org", "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=old; h=from; bh=x; b=y")
    assert signers(run(signing(table), message)) == ["example.org:s", "example.org:old"]
    assert signers(run(signing(table, {"resign": False}), message)) == ["example.org:old"]
    result = run(signing(table, {"remove_old": True}), message)
    assert signers(result) == ["example.org:s"]
    verify(keys, result, message)


def test_nothing_can_be_added(signing: Signing, keys: Keys) -> None:
    """Oversigning: a second From, Subject … breaks the signature; a field that is not listed does not."""
    keys.make("example.org", "s")
    message = letter("alice@example.org")
    result = run(signing("example.org s=@s.example.org\n"), message)
    text = as_sent(result, message)
    for field in ("From: x@evil.example", "Subject: buy", "Reply-To: x@evil.example", "Cc: y@z.example",
                  "Content-Type: text/html"):
        assert not dkim.verify(field.encode() + b"\r\n" + text, dnsfunc=keys.find), field
    assert dkim.verify(b"X-Spam: no\r\nReceived: by x\r\n" + text, dnsfunc=keys.find)


def test_long_lines_are_said(signing: Signing, keys: Keys) -> None:
    keys.make("example.org", "s")
    milter = signing("example.org s=@s.example.org\n")
    run(milter, letter("alice@example.org", body="x" * 998 + "\n"))
    assert "longline" not in milter.verdict(ALICE.queue_id)
    run(milter, letter("alice@example.org", body="y\n" + "x" * 1500 + "\n"), dataclasses.replace(ALICE, queue_id="4LongLine1"))
    assert milter.verdict("4LongLine1")["longline"] == "1500"
    run(milter, letter("alice@example.org", "X-Long: " + "x" * 990, "X-Folded: " + "x\n " * 999), dataclasses.replace(ALICE, queue_id="4LongLine2"))
    assert "longline" not in milter.verdict("4LongLine2")
    run(milter, letter("alice@example.org", "X-Long: a\n " + "x" * 998), dataclasses.replace(ALICE, queue_id="4LongLine3"))
    assert milter.verdict("4LongLine3")["longline"] == "999"


def test_reload_takes_a_new_key(signing: Signing, keys: Keys) -> None:
    keys.make("example.org", "s1")
    keys.make("example.org", "s2")
    milter = signing("example.org s1=@s1.example.org\n")
    message = letter("alice@example.org")
    assert signers(run(milter, message)) == ["example.org:s1"]
    keys.table("example.org s2=@s2.example.org\n")
    milter.reload()
    milter.wait_line("reloaded")
    result = run(milter, message)
    assert signers(result) == ["example.org:s2"]
    verify(keys, result, message)


@pytest.mark.parametrize("damage", ["gone", "open", "empty", "encrypted", "public", "garbage", "unreadable", "elliptic"])
def test_a_bad_key_at_reload_keeps_the_old(signing: Signing, keys: Keys, damage: str) -> None:
    path = keys.make("example.org", "s1")
    milter = signing("# the keys\nexample.org s1=@s1.example.org\n")
    pem = path.read_text()
    if damage == "gone":
        path.unlink()
    elif damage == "open":
        path.chmod(0o644)
    elif damage == "unreadable":
        os.chown(path, 0, 0)
    elif damage == "elliptic":
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path], check=True, stderr=subprocess.DEVNULL)
    else:
        text = {"empty": "", "garbage": pem[:200], "public": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                "encrypted": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"}[damage]
        path.write_text(text)
    milter.reload()
    line = milter.wait_line(r"table:2: .*s1\.example\.org\.key")
    assert "error" in line.lower()
    message = letter("alice@example.org")
    result = run(milter, message)
    assert signers(result) == ["example.org:s1"]
    verify(keys, result, message)


def test_every_bad_key_is_said_at_start(signing: Signing, keys: Keys, world: Path) -> None:
    keys.make("example.org", "s1").chmod(0o644)
    (keys.folder / "empty.key").write_text("")
    (keys.folder / "empty.key").chmod(0o600)
    milter = MilterDkim(world / "dkim", world / "dkim.sock", "127.0.0.1@9",
                        {"milter-dkim": {"sign": {"keys": keys.table("a.example s=@s1.example.org\nb.example s=@empty\n"
                                                                     "c.example s=@missing\n")}}})
    done = subprocess.run([build_folder() / "milter-dkim" / "milter-dkim", "-c", milter.config, "--check"], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 78
    for line, word in ((1, "chmod"), (2, "empty"), (3, "genkey")):
        assert re.search(rf"table:{line}: .*{word}", done.stderr), done.stderr


def test_an_ancient_mta(signing: Signing, keys: Keys) -> None:
    """Without the leading space of header values on the wire the signature is the same."""
    keys.make("example.org", "s")
    milter = signing("example.org s=@s.example.org\n", {"canonicalization": "simple/simple"})
    message = letter("alice@example.org")
    result = judge(str(milter.socket), message, ALICE, PLAIN_STEPS)
    verify(keys, result, message)


@pytest.mark.parametrize("types", [["rsa"], ["rsa", "ed25519"]])
def test_keys_are_made_and_sign_once_published(start_dkim: StartDkim, keys: Keys, dns: Dns, types: list[str]) -> None:
    settings: Mapping[str, Value] = {
        "domains": {"own": ["example.org", "other.example"]},
        "milter-dkim": {"sign": {"generate": True, "generate_types": list(types), "generate_interval": "200ms"}}}
    milter = MilterDkim(keys.folder / "milter", keys.folder / "milter" / "dkim.sock", dns.address, settings)
    (milter.folder / "keys").mkdir()
    shutil.chown(milter.folder / "keys", USER)
    milter.start()
    try:
        line = milter.wait_line(r"example\.org: a key was made.*TXT")
        assert "v=DKIM1; k=" in line
        wait_for(lambda: len(milter.lines("a key was made")) == 2 * len(types), "all keys")
        message = letter("alice@example.org")
        assert not signers(run(milter, message))
        folder = milter.folder / "keys" / "example.org"
        files = sorted(folder.glob("*.key"))
        assert len(files) == len(types)
        assert all(f.stat().st_mode & 0o777 == 0o600 for f in files)
        for file in files:
            record = "".join(re.findall(r'"([^"]*)"', file.with_suffix(".txt").read_text()))
            name = f"{file.stem}._domainkey.example.org"
            assert file.with_suffix(".txt").read_text().startswith(f"{name}. IN TXT (")
            keys.zone[f"{name}."] = record.encode()
            assert not signers(run(milter, message))  # not before all are there
            dns.add(f"{name} TXT {record}")
        wait_for(lambda: len(signers(run(milter, message))) == len(types), "signatures")
        verify(keys, run(milter, message), message)
        assert not signers(run(milter, letter("bob@other.example")))
        assert len(milter.lines("a key was made")) == 2 * len(types)  # and no more of them
        assert milter.gatepost("dkim", "check", "example.org")
    finally:
        assert milter.stop() == 0


def test_keys_that_cannot_be_made_are_said(start_dkim: StartDkim, keys: Keys, world: Path) -> None:
    (world / "locked").mkdir(mode=0o755)
    milter = start_dkim({"milter-dkim": {"sign": {"generate": True, "key_directory": f"{world}/locked"}}})
    milter.wait_line(r"example\.org: no key could be made: .*locked")
    assert not signers(run(milter, letter("alice@example.org")))
