"""`gatepost dkim`: keys made, printed, checked against a zone file, rotated; messages signed and verified."""

from __future__ import annotations

import base64
import json
import re
import stat
import subprocess
from pathlib import Path

import pytest

from test_command import run

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
