"""A site whose recipients, accounts and signing domains stand in a directory: a real slapd behind real Postfix and Dovecot."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import smtp
from servers.dovecot import PASSWORD
from servers.milter import USER, Value, build_folder
from servers.process import wait_for
from servers.site import Site
from servers.slapd import BASE, GATEPOST, Slapd

pytestmark = pytest.mark.skipif(not (build_folder() / "tests/probe/gp-ldap-probe").exists() or not Path("/usr/sbin/slapd").exists(),
                                reason="a build with LDAP, and slapd, are needed")
ALICE, BOB, STRICT = "alice@example.org", "bob@example.org", "strict@example.org"
ACCOUNT = "objectClass: inetOrgPerson\nobjectClass: gatepostAccount\n"
LDIF = (f"dn: uid=strict,{BASE}\n{ACCOUNT}uid: strict\ncn: x\nsn: x\nmail: {STRICT}\ngatepostSpam: reject=5\n\n"
        f"dn: uid=alice,{BASE}\n{ACCOUNT}uid: alice\ncn: x\nsn: x\nmail: {ALICE}\ngatepostSender: hosted.example\n\n"
        f"dn: ou=hosted,{BASE}\nobjectClass: organizationalUnit\nobjectClass: domainRelatedObject\nobjectClass: gatepostAccount\n"
        "ou: hosted\nassociatedDomain: hosted.example\ngatepostSigningDomain: provider.example\n\n")
RULES = "body T_MARK /word-for-mark/\ndescribe T_MARK Test rule\nscore T_MARK 7\n"


def key_table(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o755)
    key, table = folder / "provider.key", folder / "table"
    subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "ed25519", "-out", key], check=True)
    shutil.chown(key, USER)
    key.chmod(0o600)
    table.write_text(f"provider.example p={key}\n")
    return table


@pytest.fixture(scope="module")
def slapd(module_world: Path) -> Iterator[Slapd]:
    server = Slapd(module_world / "slapd", LDIF, GATEPOST)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def site(module_world: Path, slapd: Slapd) -> Iterator[Site]:
    query: dict[str, Value] = {"base": BASE}
    settings: dict[str, Value] = {
        "ldap": slapd.settings(start_tls=True, ca_file=str(slapd.certificate), rest="200ms"),
        "milter-spam": {"ldap": {"recipients": query}},
        "milter-dkim": {"sign": {"keys": str(key_table(module_world / "keyfiles")), "ldap": {"keys": query, "senders": query}}}}
    site = Site(module_world / "site", settings=settings, rules=RULES, zone="")
    site.start()
    yield site
    site.stop()


def letter(author: str, word: str = "harmless") -> tuple[bytes, str]:
    message_id = f"<{uuid.uuid4()}@example.net>"
    return (f"From: {author}\r\nTo: someone@example.org\r\nSubject: A letter\r\nMessage-ID: {message_id}\r\n"
            f"Date: Sat, 21 Nov 2026 09:00:00 +0000\r\n\r\n{word}\r\n").encode(), message_id


def from_outside(site: Site, recipient: str) -> smtp.Answer:
    return site.send(letter("stranger@example.net", "word-for-mark")[0], "stranger@example.net", [recipient])


def from_account(site: Site, account: str, author: str) -> tuple[smtp.Answer, str]:
    message, message_id = letter(author)
    answer = smtp.send(site.postfix.submission_port, message, account, [BOB], None, (account, PASSWORD))
    return answer, message_id


def is_signed(site: Site, account: str, author: str) -> bool:
    answer, message_id = from_account(site, account, author)
    assert answer.code == 250, answer
    return b"d=provider.example" in site.mail(BOB, message_id).raw.split(b"\r\n\r\n")[0]


def test_thresholds(site: Site) -> None:
    assert from_outside(site, STRICT).code == 550
    assert from_outside(site, BOB).code == 250


def test_signing(site: Site) -> None:
    assert is_signed(site, ALICE, "x@hosted.example")
    assert not is_signed(site, BOB, "x@hosted.example"), "nobody gave Bob that domain"
    assert not is_signed(site, ALICE, "x@elsewhere.example")


def test_away_and_back(site: Site, slapd: Slapd) -> None:
    """Nobody's mail is refused or lost for it: strangers' is judged as everybody's, ours waits to be signed."""
    slapd.stop()
    assert from_outside(site, STRICT).code == 250
    assert from_account(site, ALICE, "x@hosted.example")[0].code // 100 == 4
    slapd.start()
    wait_for(lambda: from_outside(site, STRICT).code == 550, "the directory")
    wait_for(lambda: from_account(site, ALICE, "x@hosted.example")[0].code == 250, "the directory")
    assert is_signed(site, ALICE, "x@hosted.example")
