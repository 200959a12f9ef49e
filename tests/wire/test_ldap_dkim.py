"""milter-dkim and a real slapd: signing domains of authors, senders of accounts; and a directory that is away or slow."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import StartDkim
from milterclient import Envelope, Result, Session, judge
from servers.milter import MilterDkim, build_folder, merged
from servers.process import free_port, wait_for
from servers.slapd import BASE, GATEPOST, Gate, Slapd
from test_sign import ALICE, OWN, Keys, letter

pytestmark = pytest.mark.skipif(not (build_folder() / "tests/probe/gp-ldap-probe").exists() or not Path("/usr/sbin/slapd").exists(),
                                reason="a build with LDAP, and slapd, are needed")


def domain(name: str, *lines: str) -> str:
    unit = name.split(".")[0]
    return "\n".join((f"dn: ou={unit},{BASE}", "objectClass: organizationalUnit", "objectClass: domainRelatedObject",
                      "objectClass: gatepostAccount", f"ou: {unit}", f"associatedDomain: {name}", *lines)) + "\n\n"


def account(uid: str, *lines: str) -> str:
    return "\n".join((f"dn: uid={uid},{BASE}", "objectClass: inetOrgPerson", "objectClass: gatepostAccount", f"uid: {uid}",
                      f"cn: {uid}", f"sn: {uid}", *lines)) + "\n\n"


LDIF = (domain("hosted.example", "gatepostSigningDomain: provider.example")
        + domain("two.example", "gatepostSigningDomain: provider.example", "gatepostSigningSelector: p2")
        + domain("quiet.example", "gatepostSigningDomain: none")
        + domain("broken.example", "gatepostSigningDomain: nowhere.example")
        + domain("filed.example", "gatepostSigningDomain: none")
        + domain("empty.example")
        + account("alice", "mail: alice@hosted.example", "gatepostSender: sales@two.example")
        + account("bob", "mail: bob@quiet.example", "gatepostSender: hosted.example")
        + account("carol"))


@pytest.fixture(scope="module")
def slapd(module_world: Path) -> Iterator[Slapd]:
    server = Slapd(module_world / "slapd", LDIF, GATEPOST)
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def nobody_asks_yet(slapd: Slapd) -> None:
    """Searches are counted."""
    slapd.wait_alone()


@pytest.fixture
def table(world: Path) -> str:
    keys = Keys(world / "keyfiles")
    for name, selector in (("provider.example", "p1"), ("provider.example", "p2"), ("filed.example", "f")):
        keys.make(name, selector)
    return keys.table("provider.example p1=@p1.provider.example p2=@p2.provider.example\nfiled.example f=@f.filed.example\n")


def settings(slapd: Slapd, table: str, *uses: str, uri: str = "", **sign: Any) -> dict[str, Any]:
    queries = {use: {"base": BASE} for use in uses or ("keys", "senders")}
    return {"ldap": slapd.settings(uri), "milter-dkim": {"sign": {"keys": table, "ldap": queries, **sign}}}


def as_account(name: str) -> Envelope:
    return dataclasses.replace(ALICE, macros={"{auth_authen}": name, "{auth_type}": "PLAIN"})


def signed(milter: MilterDkim, author: str, envelope: Envelope = OWN) -> str:
    """The log's word for how it was signed; and the header agrees."""
    envelope = dataclasses.replace(envelope, queue_id=f"4{time.monotonic_ns():x}")
    result = judge(str(milter.socket), letter(author), envelope)
    said = milter.verdict(envelope.queue_id)["signed"]
    assert len(result.values("DKIM-Signature")) == (len(said.split(",")) if ":" in said else 0)
    return said


def test_keys(slapd: Slapd, table: str, start_dkim: StartDkim) -> None:
    milter = start_dkim(settings(slapd, table, "keys"))
    assert {author: signed(milter, f"x@{author}") for author in
            ("hosted.example", "two.example", "quiet.example", "empty.example", "elsewhere.example", "provider.example")} == {
        "hosted.example": "provider.example:p1,provider.example:p2", "two.example": "provider.example:p2",
        "quiet.example": "none", "empty.example": "no-key", "elsewhere.example": "no-key",
        "provider.example": "provider.example:p1,provider.example:p2"}
    before = slapd.searches()
    assert signed(milter, "x@filed.example") == "filed.example:f", "the file first"
    assert slapd.searches() == before


@pytest.mark.parametrize(("author", "expected"), [
    ("x@hosted.example", (0, "provider.example:p1,provider.example:p2")), ("x@two.example", (0, "provider.example:p2")),
    ("x@filed.example", (0, "filed.example:f")), ("x@provider.example", (0, "provider.example:p1,provider.example:p2")),
    ("x@quiet.example", (65, "says that it is not signed")), ("x@empty.example", (65, "no key signs for empty.example")),
    ("x@broken.example", (65, "key of nowhere.example")),
])
def test_the_command_signs_so_too(slapd: Slapd, table: str, world: Path, author: str, expected: tuple[int, str]) -> None:
    milter = MilterDkim(world / "dkim", world / "dkim.sock", "127.0.0.1@1", settings(slapd, table, "keys"))
    done = subprocess.run([build_folder() / "cli" / "gatepost", "-c", milter.config, "dkim", "sign", "-"], capture_output=True, text=True,
                          input=f"From: {author}\nSubject: x\n\nx\n")
    signatures = done.stdout.split("DKIM-Signature:")[1:]
    said = ",".join(":".join(match[1] for match in (re.search(rf"\s{tag}=([^;\s]+);", text) for tag in "ds") if match)
                    for text in signatures)
    assert (done.returncode, said or expected[1]) == expected, (done.stdout, done.stderr)
    assert said or expected[1] in done.stderr


def test_the_command_without_the_directory(slapd: Slapd, table: str, world: Path) -> None:
    milter = MilterDkim(world / "dkim", world / "dkim.sock", "127.0.0.1@1", settings(slapd, table, "keys", uri=f"ldap://127.0.0.1:{free_port()}"))
    for author, status in (("x@filed.example", 0), ("x@hosted.example", 75)):
        done = subprocess.run([build_folder() / "cli" / "gatepost", "-c", milter.config, "dkim", "sign", "-"], capture_output=True, text=True,
                              input=f"From: {author}\nSubject: x\n\nx\n")
        assert done.returncode == status, (author, done.stderr)


def test_entry_without_a_key(slapd: Slapd, table: str, start_dkim: StartDkim) -> None:
    """The directory wants a domain's keys that are not here: not sent out unsigned behind anybody's back."""
    milter = start_dkim(settings(slapd, table, "keys"))
    assert judge(str(milter.socket), letter("x@broken.example"), OWN).reply.code // 100 == 4
    assert milter.wait_line("not signed: ldap: x@broken.example: .*key of nowhere.example")


SENDERS = [("alice", "alice@hosted.example", True), ("alice", "sales@two.example", True), ("alice", "x@hosted.example", False),
           ("alice", "x@two.example", False), ("bob", "anybody@hosted.example", True), ("carol", "carol@hosted.example", False),
           ("nobody", "alice@hosted.example", False), ("alice@hosted.example", "alice@hosted.example", True),
           ("*", "alice@hosted.example", False)]


def test_senders(slapd: Slapd, table: str, start_dkim: StartDkim) -> None:
    milter = start_dkim(settings(slapd, table))
    for name, author, is_allowed in SENDERS:
        assert (":" in signed(milter, author, as_account(name))) == is_allowed, (name, author)
    assert signed(milter, "alice@hosted.example", OWN) != "not-allowed", "no account, nobody to ask for"


def test_senders_file_first(slapd: Slapd, table: str, start_dkim: StartDkim, world: Path) -> None:
    (world / "senders").write_text("alice two.example\n")
    milter = start_dkim(settings(slapd, table, senders=str(world / "senders"), not_allowed="reject"))
    assert signed(milter, "x@two.example", as_account("alice")) == "provider.example:p2"
    assert judge(str(milter.socket), letter("alice@hosted.example"), as_account("alice")).reply.code == 550
    assert ":" in signed(milter, "x@hosted.example", as_account("bob"))


def outcome(result: Result) -> str:
    return "deferred" if result.reply.code // 100 == 4 else "signed" if result.values("DKIM-Signature") else "unsigned"


@pytest.mark.parametrize("on_error, expected", [("tempfail", "deferred"), ("accept", "unsigned")])
def test_down_at_start(slapd: Slapd, table: str, start_dkim: StartDkim, on_error: str, expected: str) -> None:
    """What the file says holds; what only the directory could say is by sign.on_error; strangers' mail is not concerned."""
    milter = start_dkim(settings(slapd, table, uri=f"ldap://127.0.0.1:{free_port()}", on_error=on_error))
    path = str(milter.socket)
    assert outcome(judge(path, letter("x@filed.example"), OWN)) == "signed"
    assert outcome(judge(path, letter("x@hosted.example"), OWN)) == expected
    assert outcome(judge(path, letter("x@filed.example"), as_account("alice"))) == expected
    assert outcome(judge(path, letter("x@hosted.example"), Envelope())) == "unsigned"
    assert len(milter.lines("ldap: .*going on without")) == 1
    assert milter.http("/healthz")[0] == 503


def test_comes_back(module_world: Path, table: str, start_dkim: StartDkim) -> None:
    server = Slapd(module_world / "own", LDIF, GATEPOST)
    milter = start_dkim(merged(settings(server, table, "keys"), {"ldap": {"rest": "200ms"}}))
    path = str(milter.socket)
    assert [outcome(judge(path, letter("x@hosted.example"), OWN)) for _ in range(5)] == ["deferred"] * 5
    server.start()
    wait_for(lambda: outcome(judge(path, letter("x@hosted.example"), OWN)) == "signed", "the directory")
    assert milter.lines("ldap: back") and milter.http("/healthz")[0] == 200
    server.stop()
    assert outcome(judge(path, letter("x@hosted.example"), OWN)) == "deferred"


def test_slow_client(slapd: Slapd, table: str, start_dkim: StartDkim) -> None:
    """A client that takes longer than ldap.timeout from MAIL to its header costs nobody the directory's answer."""
    milter = start_dkim(merged(settings(slapd, table), {"ldap": {"timeout": "10s"}}))
    envelope = as_account("alice")
    with Session(str(milter.socket)) as session:
        session.open(envelope)
        session.mail(envelope)
        session.rcpt(envelope, envelope.recipients[0])
        time.sleep(10.2)
        session.data(envelope)
        for name in ("From", "To"):
            session.header(name, " alice@hosted.example")
        session.end_of_headers()
        assert session.end_of_message(envelope, Result()).values("DKIM-Signature") or milter.verdict(envelope.queue_id)["signed"] == (
            "provider.example:p1,provider.example:p2")


TIMEOUT_S = 5


@pytest.mark.alone
def test_stalled(slapd: Slapd, table: str, start_dkim: StartDkim) -> None:
    gate = Gate(slapd.port)
    milter = start_dkim(merged(settings(slapd, table, uri=gate.url), {"ldap": {"timeout": f"{TIMEOUT_S}s", "rest": "10m"}}))
    path = str(milter.socket)
    assert outcome(judge(path, letter("alice@hosted.example"), as_account("alice"))) == "signed"
    gate.shut()
    waited = []
    for _ in range(6):
        began = time.monotonic()
        assert outcome(judge(path, letter("alice@hosted.example"), as_account("alice"))) == "deferred"
        waited.append(time.monotonic() - began)
        began = time.monotonic()
        assert outcome(judge(path, letter("x@filed.example"), OWN)) == "signed"
        assert outcome(judge(path, letter("x@hosted.example"), Envelope())) == "unsigned"
        assert time.monotonic() - began < TIMEOUT_S, "delayed by a directory that it does not need"
    assert max(waited) < 2.5 * TIMEOUT_S and max(waited[4:]) < TIMEOUT_S, waited
    gate.close()
