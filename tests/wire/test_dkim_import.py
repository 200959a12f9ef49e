"""gatepost dkim import: OpenDKIM and milter-dkim with the imported configuration sign the same mail with the same keys."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from milterclient import Envelope, judge
from servers.milter import USER, MilterDkim, Value, build_folder
from servers.process import Process, answers
from test_sign import Keys, letter, signers

LOCAL = Envelope(address="127.0.0.1", name="localhost", sender="x@example.org", recipients=("bob@example.net",))
DOMAINS = ("example.org", "example.com", "sub.example.org", "provider.example")
AUTHORS = ["joe@example.org", "JOE@Example.ORG", "anna@example.org", "joe@sub.example.org", "anna@a.sub.example.org",
           "root@host.example.org", "joe@example.com", "anna@example.com", "joe@mail.example.com", "list-1@example.com",
           "joe@provider.example", "joe@nowhere.example", "joe@notexample.org", "news@lists.example.com", "x@org",
           "list-2@nowhere.example"]


@dataclass(frozen=True)
class Setup:
    """An opendkim.conf and the files it names; "@" in them is the folder, KEY(domain) a key file."""

    conf: str
    files: Mapping[str, str] = field(default_factory=dict)


KEY_TABLE = "".join(f"{d} {d}:s-{d.split('.')[0]}:@/{d}.key\n" for d in DOMAINS)
SETUPS = {
    "one domain": Setup("Domain example.org\nSelector s1\nKeyFile @/example.org.key\n"),
    "subdomains": Setup("Domain example.org,example.com\nSelector s1\nKeyFile @/example.org.key\nSubDomains yes\n"),
    "domains in a file": Setup("Domain file:@/domains\nSelector s1\nKeyFile @/example.org.key\n",
                               {"domains": "example.org\n# example.com\nsub.example.org # here\n"}),
    "patterns": Setup("KeyTable refile:@/keys\nSigningTable refile:@/signing\n", {
        "keys": KEY_TABLE,
        "signing": "joe@example.org example.com\n*@example.org example.org\n*@*.sub.example.org sub.example.org\n"
                   "*@*.example.org example.org\n*@example.com example.com\n"}),
    "order of patterns": Setup("KeyTable @/keys\nSigningTable refile:@/signing\n", {
        "keys": KEY_TABLE,
        "signing": "joe@* provider.example\n*@sub.example.org sub.example.org\njoe@example.org example.org\n"
                   "*@example.org example.org\nlist-*@example.com example.com\n*@*.example.com example.com\n"
                   "anna@example.org provider.example\n*example.org example.org\n"}),
    "everything else": Setup("KeyTable @/keys\nSigningTable refile:@/signing\n", {
        "keys": "any %:s1:@/example.org.key\n" + KEY_TABLE,
        "signing": "*@example.org example.org\n* any\n"}),
    "file of all forms": Setup("KeyTable file:@/keys\nSigningTable file:@/signing\n", {
        "keys": KEY_TABLE,
        "signing": "* provider.example\n.example.org sub.example.org\nexample.org example.org\njoe@example.org example.com\n"
                   "joe@.example.org example.org\njoe@* example.com\n.sub.example.org example.com\n*@example.com example.com\n"}),
    "lists": Setup("KeyTable csl:k1=example.org:s1:@/example.org.key,k2=example.com:s2:@/example.com.key\n"
                   "SigningTable csl:example.org=k1,.example.org=k1,example.com=k2\n"),
    "key by domain": Setup("KeyTable @/keys\nSigningTable refile:@/signing\n",
                           {"keys": KEY_TABLE, "signing": "*@* %\n"}),
    "file by domain": Setup("KeyTable @/keys\nSigningTable refile:@/signing\n", {
        "keys": "any %:s1:@/%.key\n", "signing": "*@example.org any\n*@example.com any\n*@sub.example.org any\n"}),
    "several signatures": Setup("KeyTable @/keys\nSigningTable refile:@/signing\nMultipleSignatures yes\n", {
        "keys": KEY_TABLE + "second example.org:s2:@/example.com.key\n",
        "signing": "*@example.org example.org\n*@example.org second\n*@*.example.org example.org\n"
                   "joe@example.com provider.example\n*@example.com example.com\n"}),
    "the sender's domain": Setup("KeyTable @/keys\nSigningTable refile:@/signing\nSenderHeaders Sender,From\n", {
        "keys": KEY_TABLE, "signing": "*@example.org example.org\n*@example.com example.com\n"}),
}
# RequireSafeKeys: OpenDKIM takes no keys below /tmp, which others may write to.
MAIN = """
Mode s
Socket local:@/milter.sock
UMask 000
UserID %s
Canonicalization relaxed/simple
InternalHosts 127.0.0.1, ::1
OversignHeaders From
Background no
RequireSafeKeys no
""" % USER


class Imported(MilterDkim):
    """A milter-dkim that runs with a configuration as it was imported."""

    def configure(self, settings: Mapping[str, Value]) -> None:
        del settings


@pytest.fixture(scope="module")
def key_files(module_world: Path) -> Path:
    keys = Keys(module_world / "keys")
    for domain in DOMAINS:
        keys.write(keys.folder / f"{domain}.key")
    return keys.folder


@pytest.fixture
def place(key_files: Path, world: Path) -> Path:
    """A folder with the keys, for the files of OpenDKIM."""
    folder = world / "od"
    shutil.copytree(key_files, folder)
    for file in (folder, *folder.iterdir()):
        shutil.chown(file, USER)
    return folder


def write(place: Path, setup: Setup) -> Path:
    for name, text in {**setup.files, "opendkim.conf": MAIN + setup.conf}.items():
        (place / name).write_text(text.replace("@/", f"{place}/"))
    return place / "opendkim.conf"


def import_(conf: Path, output: Path) -> str:
    done = subprocess.run([build_folder() / "cli" / "gatepost", "dkim", "import", conf, "--output", output], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return (output / "gatepost.conf").read_text()


def signed_by(socket: Path) -> dict[str, list[str]]:
    """Who signs for each author, and for one with another sender."""
    found = {a: sorted(signers(judge(str(socket), letter(a), LOCAL))) for a in AUTHORS}
    with_sender = letter("joe@example.org", "Sender: anna@example.com")
    return {**found, "with a sender": sorted(signers(judge(str(socket), with_sender, LOCAL)))}


def sign_by_both(place: Path, world: Path, setup: Setup) -> tuple[dict[str, list[str]], dict[str, list[str]], str]:
    """Who signs with OpenDKIM, who with milter-dkim, and the configuration that was imported."""
    conf, socket = write(place, setup), place / "milter.sock"
    check = subprocess.run(["opendkim", "-n", "-x", conf], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr
    theirs = Process("opendkim", world / "opendkim.log")
    theirs.start(["opendkim", "-f", "-x", str(conf)], lambda: answers(str(socket)), seconds=20)
    try:
        expected = signed_by(socket)
    finally:
        theirs.kill()  # a stop takes libmilter five seconds
    socket.unlink(missing_ok=True)
    assert any(expected.values())
    text = import_(conf, world / "imported")
    ours = Imported(world / "imported", socket, "")
    ours.start()
    try:
        return expected, signed_by(socket), text
    finally:
        assert ours.stop() == 0


@pytest.mark.parametrize("name", SETUPS)
def test_same_keys_for_the_same_mail(place: Path, world: Path, name: str) -> None:
    theirs, ours, text = sign_by_both(place, world, SETUPS[name])
    assert ours == theirs, (world / "imported" / "dkim-keys").read_text()
    assert "Not carried over" not in text, text


def test_more_than_two_signatures(place: Path, world: Path) -> None:
    """OpenDKIM 2.11 takes the first and the last of the lines that match, its manual says all: we do, and say it."""
    theirs, ours, text = sign_by_both(place, world, Setup(
        "KeyTable @/keys\nSigningTable refile:@/signing\nMultipleSignatures yes\n",
        {"keys": KEY_TABLE, "signing": "*@example.org example.org\njoe@example.org example.com\n* provider.example\n"}))
    assert len(theirs["joe@example.org"]) == 2
    assert len(ours["joe@example.org"]) == 3
    assert "signing:2: " in text and "the first and the last" in text
    for author in (*AUTHORS, "with a sender"):
        assert set(theirs[author]) <= set(ours[author])
        assert theirs[author] == ours[author] or author.lower() == "joe@example.org" or author == "with a sender"


def test_debians_configuration_is_taken(world: Path) -> None:
    text = import_(Path("/etc/opendkim.conf"), world / "imported")
    assert "Not carried over" not in text
    done = subprocess.run([build_folder() / "milter-dkim" / "milter-dkim", "-c", world / "imported" / "gatepost.conf", "--check"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_what_is_lost_is_said(world: Path) -> None:
    world.chmod(0o755)
    (world / "keys").write_text("a example.org:s1:/etc/x.key\nb example.org:s1:MIIEblob\nc nonsense\n")
    (world / "signing").write_text("*@example.org a\n*@b.example missing\n*@b.example b\njoe* a\n")
    conf = world / "opendkim.conf"
    conf.write_text(f"""
KeyTable {world}/keys
SigningTable refile:{world}/signing
InternalHosts 192.0.2.0/24, mx.example.org, !192.0.2.7
FinalPolicyScript /etc/x.lua
On-BadSignature discard
DontSignMailTo dsn:mysql://x
Include {world}/more.conf
NoSuchThing 1
SignatureAlgorithm rsa-sha1
PeerList ldap://ldap.example.org/x
SignatureTTL soon
""")
    text = import_(conf, world / "imported")
    lost = text.split("# Different:")[0]
    for line, what in [(5, "FinalPolicyScript"), (7, "DontSignMailTo"), (8, "Include"), (9, "NoSuchThing"), (11, "PeerList"),
                       (12, "SignatureTTL"), (4, '"mx.example.org"'), (4, '"!192.0.2.7"')]:
        assert f"opendkim.conf:{line}: " in lost and what in lost, (what, lost)
    for place_, what in [("keys:2", "the key itself"), ("keys:3", "DOMAIN:SELECTOR:PATH"), ("signing:2", '"missing"'),
                         ("signing:4", "local part")]:
        assert any(place_ in x and what in x for x in lost.splitlines()), (place_, lost)
    assert "SignatureAlgorithm" in text and "/etc/x.key: is not there" in text
    assert 'own = [ "192.0.2.0/24" ]' in text
    assert (world / "imported" / "dkim-keys").read_text() == "example.org s1=/etc/x.key\n"


def test_standard_output_is_a_configuration(place: Path, world: Path) -> None:
    conf = write(place, SETUPS["patterns"])
    done = subprocess.run([build_folder() / "cli" / "gatepost", "dkim", "import", conf, "--table", place / "table"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "d=example.com" in done.stdout
    lines = [x[4:] for x in done.stdout.split("The key table")[1].splitlines()[2:]]
    (place / "table").write_text("\n".join(lines) + "\n")
    (world / "gatepost.conf").write_text(done.stdout)
    check = subprocess.run([build_folder() / "milter-dkim" / "milter-dkim", "-c", world / "gatepost.conf", "--check"],
                           capture_output=True, text=True, timeout=60)
    assert check.returncode == 0, check.stderr
    missing = subprocess.run([build_folder() / "cli" / "gatepost", "dkim", "import", world / "none"], capture_output=True)
    assert missing.returncode == 66
