"""`gatepost dkim`: keys made, printed, checked against a zone file, rotated; messages signed and verified."""

from __future__ import annotations

import base64
import json
import os
import pwd
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from test_command import program, run

SELECTOR = re.compile(r"s20\d\d[01]\d")


class Keys:
    """A configuration with a key directory, and a zone file that the test fills."""

    def __init__(self, world: Path) -> None:
        self.world = world
        self.directory = world / "keys"
        self.zone = world / "test.zone"
        self.config = world / "gatepost.conf"
        self.zone.write_text("$TTL 300\n")
        self.configure()

    def configure(self, more: str = "", sign: str = "") -> None:
        self.config.write_text(f'milter-dkim = {{ sign = {{ key_directory = "{self.directory}"; {sign} }}; {more} }};\n')

    def run(self, *args: str | Path, stdin: bytes = b"", status: int = 0) -> str:
        """gatepost dkim ARGS; what it printed, standard error behind standard output."""
        done = run("-c", self.config, "dkim", *args, stdin=stdin)
        assert done.returncode == status, done
        return done.stdout.decode() + done.stderr.decode()

    def path(self, domain: str, selector: str, kind: str = "key") -> Path:
        return self.directory / domain / f"{selector}.{kind}"

    def publish(self, text: str) -> None:
        """Adds records to the zone; what the commands print can be taken as it is."""
        with self.zone.open("a") as zone:
            zone.write(text)


@pytest.fixture
def keys(world: Path) -> Keys:
    return Keys(world)


def strings(record: str) -> list[str]:
    return re.findall(r'"([^"]*)"', record)


def public_of(path: Path) -> bytes:
    """The public half by openssl, as p= has it."""
    der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    return der[-32:] if len(der) == 44 else der


def make_pem(path: Path, *args: str) -> Path:
    subprocess.run(["openssl", args[0], "-out", path, *args[1:]], check=True, capture_output=True)
    path.chmod(0o600)
    return path


# genkey, record


@pytest.mark.parametrize(("kind", "bits", "pieces"), [("rsa", 1024, 1), ("rsa", 2048, 2), ("rsa", 4096, 3), ("ed25519", 0, 1)])
def test_genkey(keys: Keys, kind: str, bits: int, pieces: int) -> None:
    size = ("--bits", str(bits)) if bits else ()
    text = keys.run("genkey", "Example.ORG", "--selector", "s1", "--type", kind, *size)
    key = keys.path("example.org", "s1")
    record = keys.path("example.org", "s1", "txt").read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert record in text
    assert record.startswith("s1._domainkey.example.org. IN TXT ( ")
    assert len(strings(record)) == pieces
    assert all(len(s) == 255 for s in strings(record)[:-1]) and len(strings(record)[-1]) <= 255
    value = "".join(strings(record))
    assert value == f"v=DKIM1; k={kind}; p={base64.b64encode(public_of(key)).decode()}"
    assert "s1 prepared " in (keys.directory / "example.org" / "selectors").read_text()


def test_genkey_default_selectors(keys: Keys) -> None:
    """Month by month; a second one in a month gets a letter; two at once are told apart."""
    for calendar in (time.gmtime, time.localtime):
        if calendar(time.time() + 60).tm_mon != calendar().tm_mon:  # it shall not end amid this
            time.sleep(61)
    keys.run("genkey", "example.org")
    keys.run("genkey", "example.org")
    keys.run("genkey", "example.net", "--type", "both")
    first, second = sorted(p.stem for p in (keys.directory / "example.org").glob("*.key"))
    assert SELECTOR.fullmatch(first) and second == first + "b"
    assert {p.stem for p in (keys.directory / "example.net").glob("*.key")} == {first + "r", first + "e"}


def test_genkey_never_overwrites(keys: Keys) -> None:
    keys.run("genkey", "example.org", "--selector", "s1", "--type", "ed25519")
    before = keys.path("example.org", "s1").read_bytes()
    assert "already" in keys.run("genkey", "example.org", "--selector", "s1", status=65)
    assert keys.path("example.org", "s1").read_bytes() == before


def test_genkey_output(keys: Keys) -> None:
    """Into any directory, without any configuration; what it prints for the key table works."""
    folder = keys.world / "out"
    folder.mkdir()
    text = run("dkim", "genkey", "example.org", "--selector", "a", "--output", folder).stdout.decode()
    key = folder / "example.org.a.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (folder / "example.org.a.txt").read_text() in text
    before = key.read_bytes()
    again = run("dkim", "genkey", "example.org", "--selector", "a", "--output", folder)
    assert again.returncode == 65 and b"is not overwritten" in again.stderr
    assert key.read_bytes() == before and sorted(p.name for p in folder.iterdir()) == ["example.org.a.key", "example.org.a.txt"]
    line = re.search(r"^;   (example\.org a=.*)$", text, re.M)
    assert line
    table = keys.world / "table"
    table.write_text(line[1] + "\n")
    keys.configure(sign=f'keys = "{table}";')
    assert keys.run("record", "example.org") == (folder / "example.org.a.txt").read_text()


@pytest.mark.parametrize(("line", "status", "says"), [
    ("genkey", 64, "name one domain"),
    ("genkey a.example b.example", 64, "name one domain"),
    ("genkey exa..mple", 64, "not a domain name"),
    ("genkey ../etc", 64, "not a domain name"),
    ("genkey example.org --selector ../x", 64, "not a selector"),
    ("genkey example.org --selector .", 64, "not a selector"),
    ("genkey example.org --type dsa", 64, '"dsa" is not rsa'),
    ("genkey example.org --bits 512", 64, "1024 to 8192"),
    ("genkey example.org --bits 2048 --type ed25519", 64, "one size"),
    ("genkey example.org --output /nonexistent", 66, "/nonexistent: No such file"),
    ("record example.org", 65, "dkim genkey example.org"),
    ("record /nonexistent/key", 65, "/nonexistent/key"),
    ("record --selector a/b", 64, "not a selector"),
])
def test_mistakes_are_named(keys: Keys, line: str, status: int, says: str) -> None:
    text = keys.run(*line.split(), status=status)
    assert says in text
    assert not keys.directory.exists()


def test_record_of_files(keys: Keys) -> None:
    key = make_pem(keys.world / "rsa.pem", "genrsa", "2048")
    value = f"v=DKIM1; k=rsa; p={base64.b64encode(public_of(key)).decode()}"
    assert keys.run("record", key) == value + "\n"
    named = keys.run("record", key, "--domain", "example.org", "--selector", "s1")
    assert named.startswith("s1._domainkey.example.org. IN TXT ( ") and "".join(strings(named)) == value
    assert "give both" in keys.run("record", key, "--selector", "s1", status=64)
    told = json.loads(keys.run("record", key, "--json"))
    assert told["value"] == value and told["bits"] == 2048 and told["name"] is None


def test_record_of_configured_keys(keys: Keys) -> None:
    keys.run("genkey", "example.org", "--selector", "a", "--type", "ed25519", "--activate")
    keys.run("genkey", "example.org", "--selector", "b", "--type", "ed25519")
    keys.run("genkey", "example.net", "--selector", "c", "--type", "ed25519", "--activate")
    told = [json.loads(line) for line in keys.run("record", "--json").splitlines()]
    assert {(t["name"], t["state"], t["type"], t["bits"]) for t in told} == {
        ("a._domainkey.example.org", "active", "ed25519", 256), ("b._domainkey.example.org", "prepared", "ed25519", 256),
        ("c._domainkey.example.net", "active", "ed25519", 256)}
    assert "example.net" not in keys.run("record", "EXAMPLE.org")
    assert keys.run("record", "--selector", "b").startswith("; prepared\nb._domainkey.example.org. ")


@pytest.mark.parametrize(("make", "says"), [
    (("genrsa", "512"), "has 512 bits; use 2048"),
    (("genrsa", "768"), "has 768 bits; use 2048"),
    (("genpkey", "-algorithm", "x25519"), "DKIM knows RSA and Ed25519"),
    (("genrsa", "-aes128", "-passout", "pass:x", "2048"), "encrypt"),
])
def test_unfit_keys_are_refused(keys: Keys, make: tuple[str, ...], says: str) -> None:
    key = make_pem(keys.world / "bad.pem", *make)
    text = keys.run("record", key, status=65)
    assert str(key) in text and re.search(says, text), text


def test_readable_keys_are_refused(keys: Keys) -> None:
    key = make_pem(keys.world / "open.pem", "genrsa", "2048")
    key.chmod(0o644)
    text = keys.run("record", key, status=65)
    assert str(key) in text and "chmod" in text


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_no_keys_are_refused(keys: Keys, content: bytes) -> None:
    key = keys.world / "no.pem"
    key.write_bytes(content)
    key.chmod(0o600)
    assert str(key) in keys.run("record", key, status=65)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_keys_belong_to_the_filter(keys: Keys) -> None:
    """Made by root, they get the directory's owner; a directory of another one is warned of."""
    nobody = pwd.getpwnam("nobody").pw_uid
    keys.configure('user = "nobody";')
    text = keys.run("genkey", "example.org", "--selector", "s1", "--type", "ed25519")
    assert f"{keys.directory} does not belong to nobody" in text and "chown" in text
    os.chown(keys.directory, nobody, -1)
    assert "belong" not in keys.run("genkey", "example.net", "--selector", "s1", "--type", "ed25519")
    assert keys.path("example.net", "s1").stat().st_uid == nobody
    assert "belong" not in keys.run("rotate", "example.com", status=75)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be led astray")
def test_no_link_of_the_filter_leads_root_elsewhere(keys: Keys) -> None:
    """The directory is the filter's: root does no more in it than the filter could."""
    elsewhere = keys.world / "etc"
    elsewhere.mkdir(mode=0o755)
    (elsewhere / "s1.key").write_text("a secret of root\n")
    keys.configure('user = "nobody";')
    keys.directory.mkdir()
    shutil.chown(keys.directory, "nobody")
    (keys.directory / "example.org").symlink_to(elsewhere)
    (keys.directory / "example.net").mkdir()
    shutil.chown(keys.directory / "example.net", "nobody")
    assert "Permission denied" in keys.run("genkey", "example.org", "--selector", "s2", "--type", "ed25519", status=65)
    assert [p.name for p in elsewhere.iterdir()] == ["s1.key"] and (elsewhere / "s1.key").stat().st_uid == 0
    keys.run("genkey", "example.net", "--selector", "s2", "--type", "ed25519")
    assert keys.path("example.net", "s2").stat().st_mode & 0o777 == 0o600


# sign, verify

MESSAGE = (b"From: Joe <joe@example.org>\r\nTo: alice@example.net\r\nSubject: a  long\r\n\tway home\r\n"
           b"Date: Sat, 21 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHello  Alice,\r\n\r\n.dot \r\n\r\n\r\n")


def make_key(keys: Keys, domain: str = "example.org", selector: str = "s1", kind: str = "rsa") -> Path:
    """A key that signs and is published."""
    keys.publish(keys.run("genkey", domain, "--selector", selector, "--type", kind, "--activate"))
    return keys.path(domain, selector)


def sign(keys: Keys, message: bytes, *args: str | Path) -> bytes:
    done = run("-c", keys.config, "dkim", "sign", *args, "-", stdin=message)
    assert done.returncode == 0, done
    return done.stdout


def verify(keys: Keys, message: bytes, status: int = 0) -> dict[str, Any]:
    done = run("-c", keys.config, "dkim", "verify", "--json", "--zone", keys.zone, "-", stdin=message)
    assert done.returncode == status, done
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
@pytest.mark.parametrize("how", ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed", "relaxed"])
@pytest.mark.parametrize("ends", [b"\r\n", b"\n"])
def test_sign_and_verify(keys: Keys, kind: str, how: str, ends: bytes) -> None:
    make_key(keys, kind=kind)
    message = MESSAGE.replace(b"\r\n", ends)
    signed = sign(keys, message, "--canonicalization", how)
    assert signed.endswith(message)
    field = signed[:-len(message)]
    assert field.startswith(b"DKIM-Signature: v=1;") and field.endswith(ends)
    assert field.count(b"\n") == field.count(ends), "the field has the message's line ends"
    told = verify(keys, signed)
    assert [(s["result"], s["domain"], s["selector"]) for s in told["dkim"]["signatures"]] == [("pass", "example.org", "s1")]


def test_others_verify(keys: Keys) -> None:
    dkim = pytest.importorskip("dkim")
    make_key(keys)
    signed = sign(keys, MESSAGE)
    value = "".join(strings(keys.path("example.org", "s1", "txt").read_text()))

    def answer(name: bytes, timeout: int = 5) -> bytes:
        assert name == b"s1._domainkey.example.org."
        return value.encode()

    assert dkim.verify(signed, dnsfunc=answer)
    assert not dkim.verify(signed.replace(b"Alice,", b"Alicf,"), dnsfunc=answer)


def test_sign_with_two_keys_at_once(keys: Keys) -> None:
    keys.publish(keys.run("genkey", "example.org", "--selector", "s1", "--type", "both", "--activate"))
    told = verify(keys, sign(keys, MESSAGE))
    assert {(s["result"], s["selector"], s["algorithm"], s["key_bits"]) for s in told["dkim"]["signatures"]} == {
        ("pass", "s1r", "rsa-sha256", 2048), ("pass", "s1e", "ed25519-sha256", 256)}
    told = verify(keys, sign(keys, MESSAGE, "--selector", "s1e"))
    assert [s["selector"] for s in told["dkim"]["signatures"]] == ["s1e"]


def test_sign_for_a_subdomain(keys: Keys) -> None:
    """By the parent's key, as milter-dkim does, unless the settings forbid it."""
    make_key(keys, kind="ed25519")
    message = MESSAGE.replace(b"joe@example.org", b"root@host.example.org")
    signature = verify(keys, sign(keys, message))["dkim"]["signatures"][0]
    assert (signature["result"], signature["domain"], signature["identity"]) == ("pass", "example.org", "@host.example.org")
    keys.configure(sign="subdomains = false;")
    assert "no key signs for host.example.org" in keys.run("sign", "-", stdin=message, status=65)


def test_sign_with_a_key_file(keys: Keys) -> None:
    key = make_pem(keys.world / "k.pem", "genpkey", "-algorithm", "ed25519")
    keys.publish(keys.run("record", key, "--domain", "example.com", "--selector", "x"))
    signed = sign(keys, MESSAGE, "--key", key, "--selector", "x", "--domain", "Example.COM", "--headers", "to:subject,from",
                  "--oversign", "From", "--expire", "1d")
    field = signed[:-len(MESSAGE)].replace(b"\r\n\t", b" ")
    assert re.search(rb"h=[^;]*from", field, re.I) and not re.search(rb"h=[^;]*Date", field, re.I)
    signature = verify(keys, signed)["dkim"]["signatures"][0]
    assert (signature["result"], signature["domain"]) == ("pass", "example.com")
    assert signature["expires_at"] - signature["signed_at"] == 86400


def test_sign_keeps_every_byte(keys: Keys) -> None:
    """An mbox's first line stays first; NUL, bare CR, 8-bit and a missing last line end stay as they are."""
    make_key(keys)
    message = b"From joe Sat Nov 21 09:00:00 2026\nFrom: joe@example.org\nSubject: \xff\x00\n\na\rb\0\xe4\nlast"
    signed = sign(keys, message)
    first, rest = message.split(b"\n", 1)
    assert signed.startswith(first + b"\nDKIM-Signature: ") and signed.endswith(b"\n" + rest)
    assert len(re.sub(rb"DKIM-Signature:.*?\n(?![\t ])", b"", signed, flags=re.S)) == len(message)
    verify(keys, signed)


def test_big_message(keys: Keys) -> None:
    make_key(keys, kind="ed25519")
    message = MESSAGE + (b"x" * 76 + b"\r\n") * 400_000
    signed = sign(keys, message)
    assert signed.endswith(message)
    file = keys.world / "big.eml"
    file.write_bytes(signed)
    assert "pass" in keys.run("verify", file, "--zone", keys.zone)
    file.write_bytes(signed[:-3] + b"y\r\n")
    assert "fail" in keys.run("verify", file, "--zone", keys.zone, status=1)


@pytest.mark.parametrize(("line", "status", "says"), [
    ("sign", 64, "name one message"),
    ("sign --key k -", 64, "--key needs --selector"),
    ("sign --key /nonexistent.pem --selector s -", 65, "/nonexistent.pem"),
    ("sign --canonicalization loose -", 64, '"loose" is not'),
    ("sign --headers a;b -", 64, "not a list of field names"),
    ("sign --expire soon -", 64, "not a duration"),
    ("sign --domain example.com -", 65, "no key signs for example.com"),
    ("sign --selector other -", 65, "with selector other"),
    ("sign /nonexistent.eml", 66, "/nonexistent.eml: No such file"),
    ("verify", 64, "name one message"),
    ("verify /nonexistent.eml", 66, "/nonexistent.eml: No such file"),
    ("verify --zone /nonexistent.zone -", 66, "/nonexistent.zone"),
])
def test_signing_mistakes_are_named(keys: Keys, line: str, status: int, says: str) -> None:
    make_key(keys, kind="ed25519")
    assert says in keys.run(*line.split(), stdin=MESSAGE, status=status)


def test_zone_errors_have_a_line(keys: Keys) -> None:
    keys.publish('a.example. IN TXT "ok"\nb.example. IN TXT "open\n')
    assert f"{keys.zone}:3: " in keys.run("verify", "-", "--zone", keys.zone, stdin=MESSAGE, status=66)


def test_no_author(keys: Keys) -> None:
    assert "no From" in keys.run("sign", "-", stdin=b"Subject: x\n\nbody\n", status=65)


def test_open_key_signs_nothing(keys: Keys) -> None:
    key = make_key(keys)
    key.chmod(0o644)
    done = run("-c", keys.config, "dkim", "sign", "-", stdin=MESSAGE)
    assert done.returncode == 78 and str(key).encode() in done.stderr and b"chmod" in done.stderr
    assert done.stdout == b""
    done = run("dkim", "sign", "--key", key, "--selector", "s1", "-", stdin=MESSAGE)
    assert done.returncode == 65 and str(key).encode() in done.stderr and done.stdout == b""


def test_verify_says_why(keys: Keys) -> None:
    make_key(keys)
    signed = sign(keys, MESSAGE)
    text = keys.run("verify", "-", "--zone", keys.zone, stdin=signed)
    assert re.search(r"^  DKIM +pass +example\.org", text, re.M) and "2048 bits, the author's domain" in text
    assert "s1._domainkey.example.org TXT" in text and "\033" not in text
    text = keys.run("verify", "-", "--zone", keys.zone, stdin=signed.replace(b"Hello", b"Hullo"), status=1)
    assert re.search(r"^  DKIM +fail +example\.org: .*body", text, re.M)
    assert "no signature" in keys.run("verify", "-", "--zone", keys.zone, stdin=MESSAGE, status=2)
    keys.zone.write_text("")
    text = keys.run("verify", "-", "--zone", keys.zone, stdin=signed, status=1)
    assert re.search(r"^  DKIM +permerror", text, re.M) and "no such name" in text
    keys.config.write_text('dns = { servers = [ "127.0.0.1@9" ]; timeout = "1s"; };\n')
    assert re.search(r"^  DKIM +temperror", keys.run("verify", "-", stdin=signed, status=75), re.M)


def test_json_is_utf8(keys: Keys) -> None:
    """Whatever is in the message, the output is JSON, and text does not command a terminal."""
    message = b"DKIM-Signature: v=1; a=rsa-sha256; d=ex\xff\x1b[2Jample; s=\xc3\x28\x00; b=AA; bh=AA; h=from\nFrom: x\n\nb\n"
    told = verify(keys, message, status=1)
    assert set(told) == {"file", "dkim", "dns"} and set(told["dkim"]) == {"seen", "signatures"}
    assert set(told["dkim"]["signatures"][0]) == {
        "result", "reason", "domain", "selector", "identity", "algorithm", "b", "record", "key_bits", "testing", "author_domain",
        "unsigned_bytes", "signed_at", "expires_at", "header"}
    text = keys.run("verify", "-", "--zone", keys.zone, stdin=message, status=1)
    assert "\033" not in text


# check


def check(keys: Keys, *args: str, status: int = 0) -> list[dict[str, Any]]:
    return [json.loads(line) for line in keys.run("check", "--json", "--zone", keys.zone, *args, status=status).splitlines()]


def codes(told: dict[str, Any]) -> set[str]:
    return {p["code"] for p in told["problems"]}


def record_of(keys: Keys, domain: str = "example.org", selector: str = "s1") -> str:
    return "".join(strings(keys.path(domain, selector, "txt").read_text()))


def test_check_good(keys: Keys) -> None:
    make_key(keys)
    make_key(keys, "example.net", kind="ed25519")
    told = check(keys)
    assert [(t["domain"], t["good"], t["problems"], t["state"]) for t in told] == [
        ("example.net", True, [], "active"), ("example.org", True, [], "active")]
    assert told[1]["record"] == record_of(keys)
    assert set(told[0]) == {"domain", "selector", "name", "type", "bits", "state", "good", "problems", "record", "spf_record",
                            "dmarc_record"}
    text = keys.run("check", "example.org", "--zone", keys.zone)
    assert text.startswith("good  s1._domainkey.example.org (rsa, 2048 bits, active)\n") and "example.net" not in text
    assert "hint: example.org has no SPF record" in text and "hint: example.org has no DMARC record" in text
    keys.publish('example.org. TXT "v=spf1 -all"\n_dmarc.example.org. TXT "v=DMARC1; p=none"\n')
    assert "hint" not in keys.run("check", "example.org", "--zone", keys.zone)


@pytest.mark.parametrize(("change", "code", "status"), [
    (lambda r: None, "no-name", 1),
    (lambda r: "", "malformed", 1),
    (lambda r: r.replace("k=rsa", "k=dsa"), "malformed", 1),
    (lambda r: r[:60], "malformed", 1),
    (lambda r: re.sub("p=.*", "p=", r), "revoked", 1),
    (lambda r: r.replace("k=rsa", "k=rsa; s=tlsrpt"), "no-email", 1),
    (lambda r: r.replace("k=rsa", "k=rsa; h=sha1"), "no-sha256", 1),
    (lambda r: r.replace("k=rsa", "k=rsa; t=y"), "testing", 0),
])
def test_check_finds(keys: Keys, change: Callable[[str], str | None], code: str, status: int) -> None:
    keys.run("genkey", "example.org", "--selector", "s1", "--activate")
    text = change(record_of(keys))
    if text is not None:
        pieces = " ".join(f'"{text[i:i + 200]}"' for i in range(0, max(len(text), 1), 200))
        keys.publish(f"s1._domainkey.example.org. TXT {pieces}\n")
    told = check(keys, status=status)[0]
    assert code in codes(told) and told["good"] == (status == 0)


def test_check_finds_another_key(keys: Keys) -> None:
    make_key(keys, selector="s1")
    keys.run("genkey", "example.org", "--selector", "s2", "--activate")
    keys.publish("s2._domainkey.example.org. TXT " + " ".join(f'"{s}"' for s in strings(
        keys.path("example.org", "s1", "txt").read_text())) + "\n")
    told = {t["selector"]: codes(t) for t in check(keys, status=1)}
    assert told == {"s1": set(), "s2": {"other-key"}}


def test_check_finds_several_and_short(keys: Keys) -> None:
    keys.publish(keys.run("genkey", "example.org", "--selector", "s1", "--bits", "1024", "--activate"))
    assert codes(check(keys)[0]) == {"short"}
    keys.publish('s1._domainkey.example.org. TXT "something else"\n')
    assert "several" in codes(check(keys, status=1)[0])


def test_check_no_record(keys: Keys) -> None:
    keys.run("genkey", "example.org", "--selector", "s1", "--activate")
    keys.publish("s1._domainkey.example.org. A 192.0.2.1\n")
    assert codes(check(keys, status=1)[0]) == {"no-record"}


def test_check_without_dns_or_keys(keys: Keys) -> None:
    assert "no keys are configured" in keys.run("check", status=65)
    make_key(keys, kind="ed25519")
    assert "no key is configured" in keys.run("check", "example.com", status=65)
    with keys.config.open("a") as config:
        config.write('dns = { servers = [ "127.0.0.1@9" ]; timeout = "1s"; };\n')
    told = json.loads(keys.run("check", "--json", status=75))
    assert codes(told) == {"no-answer"} and told["spf_record"] is None


def test_key_table_errors_have_a_line(keys: Keys) -> None:
    table = keys.world / "table"
    table.write_text(f"# keys\nexample.org s1={keys.world}/gone.key\nexample.net\n")
    keys.configure(sign=f'keys = "{table}";')
    for command in (("check",), ("dkim", "check"), ("dkim", "record")):
        done = run("-c", keys.config, *command)
        assert done.returncode == 78
        assert f"{table}:2: {keys.world}/gone.key: ".encode() in done.stderr and f"{table}:3: ".encode() in done.stderr


def test_check_of_the_configuration(keys: Keys) -> None:
    """`gatepost check` finds what would keep milter-dkim from starting, with file and line."""
    for setting, says in (('arc = { seal_as = "example.com"; };', 'milter-dkim.arc.seal_as: there is no key of "example.com"'),
                          ('dmarc = { organizational_domain = "psl"; psl_file = "/nonexistent.dat"; };', "/nonexistent.dat")):
        keys.configure(more=setting)
        done = run("-c", keys.config, "check")
        assert done.returncode == 78
        assert re.search(re.escape(f"{keys.config}:1: ") + ".*" + re.escape(says), done.stderr.decode()), done


# rotate


def states(keys: Keys, domain: str = "example.org") -> dict[str, str]:
    file = keys.directory / domain / "selectors"
    lines = file.read_text().splitlines() if file.exists() else []
    return {line.split()[0]: line.split()[1] for line in lines if not line.startswith("#")}


def rotate(keys: Keys, *args: str, status: int = 0) -> str:
    return keys.run("rotate", "example.org", "--zone", keys.zone, *args, status=status)


def signers(keys: Keys, message: bytes) -> list[str]:
    return [s["selector"] for s in verify(keys, message)["dkim"]["signatures"]]


def test_rotation(keys: Keys) -> None:
    """From no key at all to the second one, the first one cleaned up; mail can be verified all the time."""
    text = rotate(keys, "--selector", "s1", status=75)
    assert states(keys) == {"s1": "prepared"}
    assert "no key signs" in keys.run("sign", "-", stdin=MESSAGE, status=65)
    assert "does not exist: publish" in rotate(keys, status=75), "not published yet"
    keys.publish(text)
    assert "systemctl reload milter-dkim" in rotate(keys)
    assert states(keys) == {"s1": "active"}
    first = sign(keys, MESSAGE)

    text = rotate(keys, "--selector", "s2", status=75)
    assert states(keys) == {"s1": "active", "s2": "prepared"}
    assert signers(keys, sign(keys, MESSAGE)) == ["s1"]
    assert "s2._domainkey.example.org: " in rotate(keys, status=75)
    before = keys.zone.read_text()
    keys.publish(text)
    rotate(keys)
    assert states(keys) == {"s1": "retired", "s2": "active"}
    second = sign(keys, MESSAGE)
    assert signers(keys, first) == ["s1"] and signers(keys, second) == ["s2"]
    assert {(t["selector"], t["state"], t["good"]) for t in check(keys)} == {("s2", "active", True), ("s1", "retired", True)}

    assert "the record of s1 has to stay until" in rotate(keys)
    assert "Remove this from the DNS" in rotate(keys, "--keep", "0")
    assert states(keys) == {"s1": "retired", "s2": "active"} and keys.path("example.org", "s1").exists()
    keys.zone.write_text(keys.zone.read_text().replace(before, ""))
    assert "s1 is gone from the DNS" in rotate(keys, "--keep", "0")
    assert states(keys) == {"s2": "active"}
    assert not keys.path("example.org", "s1").exists() and not keys.path("example.org", "s1", "txt").exists()
    assert "nothing to do yet" in rotate(keys, "--min-age", "90d")
    assert states(keys) == {"s2": "active"}


def test_rotation_waits_for_the_dns(keys: Keys) -> None:
    make_key(keys)
    rotate(keys, "--selector", "s2", "--type", "ed25519", status=75)
    child = subprocess.Popen([program(), "-c", keys.config, "dkim", "rotate", "example.org", "--zone", keys.zone, "--wait", "1m"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(0.5)
    assert child.poll() is None and states(keys) == {"s1": "active", "s2": "prepared"}
    keys.publish(keys.path("example.org", "s2", "txt").read_text())
    out, error = child.communicate(timeout=120)
    assert child.returncode == 0 and error == b"" and b"switched" in out
    assert states(keys) == {"s1": "retired", "s2": "active"}


def test_rotation_gives_up_waiting(keys: Keys) -> None:
    assert "Not switched" in rotate(keys, "--selector", "s1", "--wait", "1s", status=75)
    assert states(keys) == {"s1": "prepared"}


def test_rotation_does_not_take_a_wrong_record(keys: Keys) -> None:
    make_key(keys)
    text = rotate(keys, "--selector", "s2", "--type", "ed25519", status=75)
    keys.publish(re.sub("p=...", "p=AAA", text))
    assert "another key" in rotate(keys, status=75)
    assert states(keys) == {"s1": "active", "s2": "prepared"}


def test_rotation_keeps_the_types(keys: Keys) -> None:
    """What is in use is prepared anew; what an interruption left out is made up for."""
    keys.publish(keys.run("genkey", "example.org", "--selector", "a", "--type", "both", "--activate"))
    keys.publish(rotate(keys, "--selector", "b", status=75))
    assert states(keys) == {"ar": "active", "ae": "active", "br": "prepared", "be": "prepared"}
    rotate(keys)
    assert states(keys) == {"ar": "retired", "ae": "retired", "br": "active", "be": "active"}
    keys.publish(keys.run("genkey", "example.net", "--selector", "a", "--type", "both", "--activate"))
    keys.run("genkey", "example.net", "--selector", "br")
    keys.run("rotate", "example.net", "--selector", "b", "--zone", keys.zone, status=75)
    assert states(keys, "example.net") == {"ar": "active", "ae": "active", "br": "prepared", "be": "prepared"}


def test_rotation_out_of_the_key_table(keys: Keys) -> None:
    """The table's line comes before the directory, which is said as long as it is there."""
    key = make_pem(keys.world / "old.pem", "genpkey", "-algorithm", "ed25519")
    table = keys.world / "table"
    table.write_text(f"example.org old={key}\nexample.net none\n")
    keys.configure(sign=f'keys = "{table}";')
    warning = f"{table} has a line for example.org"
    text = rotate(keys, "--selector", "new", "--type", "ed25519", status=75)
    assert warning in text
    keys.publish(keys.path("example.org", "new", "txt").read_text())
    assert warning in rotate(keys)
    assert b"s=old;" in sign(keys, MESSAGE)
    table.write_text("example.net none\n")
    assert b"s=new;" in sign(keys, MESSAGE)
    assert f"{table} has a line for example.net" in keys.run("genkey", "example.net")
    assert "warning" not in keys.run("genkey", "example.com")


def test_rotation_survives_being_killed(keys: Keys) -> None:
    """Killed again and again at any moment, what is there can always be read, and what signs is published."""
    make_key(keys, kind="ed25519")
    for round_ in range(30):
        child = subprocess.Popen([program(), "-c", keys.config, "dkim", "rotate", "example.org", "--zone", keys.zone, "--keep", "0"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.002 * (round_ % 15))
        child.kill()
        child.wait(timeout=60)
        verify(keys, sign(keys, MESSAGE))
        if round_ % 3 == 0:
            keys.zone.write_text(keys.run("record"))
    keys.zone.write_text(keys.run("record"))
    for _ in range(4):
        done = run("-c", keys.config, "dkim", "rotate", "example.org", "--zone", keys.zone, "--keep", "0")
        assert done.returncode in (0, 75), done
        keys.zone.write_text(keys.run("record"))
    assert all(t["good"] for t in check(keys))


@pytest.mark.parametrize(("line", "status", "says"), [
    ("rotate", 64, "name one domain"),
    ("rotate exa..mple", 64, "not a domain name"),
    ("rotate example.org --wait soon", 64, '--wait: "soon" is not a duration'),
    ("rotate example.org --keep never", 64, '--keep: "never" is not a duration'),
    ("rotate example.org --type dsa", 64, '"dsa" is not rsa'),
    ("rotate example.org --bits 100", 64, "1024 to 8192"),
    ("rotate example.org --selector ..", 64, "not a selector"),
])
def test_rotation_mistakes_are_named(keys: Keys, line: str, status: int, says: str) -> None:
    assert says in keys.run(*line.split(), status=status)
    assert not keys.directory.exists()
