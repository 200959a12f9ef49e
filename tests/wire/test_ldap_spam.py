"""milter-spam and a real slapd: what recipients, domains and accounts want; and a directory that is away, slow, or wrong."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apiclient import ApiController
from conftest import MARK, REJECT, StartMilter, stop
from milterclient import Envelope, Result, Session, judge
from servers.milter import MilterSpam, build_folder, merged
from servers.process import ServerError, free_port, wait_for
from servers.slapd import BASE, GATEPOST, Gate, Slapd

pytestmark = pytest.mark.skipif(not (build_folder() / "tests/probe/gp-ldap-probe").exists() or not Path("/usr/sbin/slapd").exists(),
                                reason="a build with LDAP, and slapd, are needed")
MANY = 10_000


def person(uid: str, *lines: str) -> str:
    return "\n".join((f"dn: uid={uid},{BASE}", "objectClass: inetOrgPerson", "objectClass: gatepostAccount", f"uid: {uid}",
                      f"cn: {uid}", f"sn: {uid}", *lines)) + "\n\n"


LDIF = (person("strict", "mail: strict@example.org", "gatepostSpam: add_header=0 reject=5")
        + person("lenient", "mail: lenient@example.org", "gatepostSpam: reject=100", "gatepostSpam: add_header=50 greylist=0")
        + person("friendly", "mail: friendly@example.org", "gatepostWelcome: stranger@example.net")
        + person("plain", "mail: plain@example.org", "description: reject=5", "title: 5")
        + person("member", "mail: member@example.org", f"seeAlso: uid=team,{BASE}")
        + person("head", "mail: head@example.org", f"seeAlso: uid=team,{BASE}", "gatepostSpam: add_header=50 greylist=0 reject=60")
        + person("team", "gatepostSpam: add_header=3 reject=5")
        + person("silent", "mail: silent@strict.example")
        + person("odd", "mail: odd@example.org", "gatepostSpam: reject=none colour=blue")
        + f"dn: ou=strict,{BASE}\nobjectClass: organizationalUnit\nobjectClass: domainRelatedObject\n"
          f"objectClass: gatepostAccount\nou: strict\nassociatedDomain: strict.example\ngatepostSpam: add_header=0 reject=5\n\n"
        + "".join(person(f"u{i}", f"mail: u{i}@many.example", "gatepostSpam: reject=5") for i in range(MANY)))


def query(**more: Any) -> dict[str, Any]:
    return {"base": BASE, **more}


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


def settings(slapd: Slapd, uri: str = "", ldap: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    queries = {"recipients": query(), "domains": query(), "accounts": query()}
    return {"ldap": slapd.settings(uri, **(ldap or {})), "milter-spam": {"ldap": queries, **more}}


def mark_for(milter: MilterSpam, *recipients: str, **more: Any) -> Result:
    """What becomes of a message with a score of 7: marked at the defaults 6 and 15, refused by those who are strict."""
    return judge(str(milter.socket), MARK, Envelope(**more).to(*recipients))


def outcome(result: Result) -> str:
    return "refused" if result.reply.code == 550 else "deferred" if result.reply.code // 100 == 4 else \
        "marked" if result.values("X-Spam") else "accepted"


CASES = [("strict@example.org", "refused"), ("lenient@example.org", "accepted"), ("friendly@example.org", "accepted"),
         ("nobody@example.org", "marked"), ("strict+lists@example.org", "refused"), ("STRICT@Example.ORG", "refused"),
         ("anybody@strict.example", "refused"), ("silent@strict.example", "refused"), ("plain@example.org", "marked"),
         ("odd@example.org", "marked"), ("u9999@many.example", "refused"), ("*@example.org", "marked"), ("strict", "marked")]


def test_recipients(slapd: Slapd, start: StartMilter) -> None:
    milter = start(settings(slapd))
    assert {key: outcome(mark_for(milter, key)) for key, _ in CASES} == dict(CASES)
    assert '"ldap"' in milter.http("/healthz")[1] and milter.http("/healthz")[0] == 200


def test_several_recipients(slapd: Slapd, start: StartMilter) -> None:
    """As with the map: a message is refused only if all of its recipients want that."""
    milter = start(settings(slapd))
    assert outcome(mark_for(milter, "strict@example.org", "u1@many.example")) == "refused"
    assert outcome(mark_for(milter, "strict@example.org", "lenient@example.org")) != "refused"
    mark_for(milter, *(f"u{i}@here.example" for i in range(300)))
    asked = re.compile(r'filter="\((?:mail=u\d+@here\.example|associatedDomain=here\.example)\)"')
    wait_for(lambda: len(asked.findall(slapd.asked())) >= 301, "all questions")
    found = asked.findall(slapd.asked())
    assert len(found) == len(set(found)) == 301, "one question for each recipient, and one for their domain"


def test_groups(slapd: Slapd, start: StartMilter) -> None:
    """What holds for a group holds for its members, and what they have themselves goes before it."""
    queries = {"recipients": query(follow=["seeAlso"])}
    milter = start(merged(settings(slapd), {"milter-spam": {"ldap": queries}}))
    assert outcome(mark_for(milter, "member@example.org")) == "refused"
    assert outcome(mark_for(milter, "head@example.org")) == "accepted"
    assert outcome(mark_for(start(settings(slapd)), "member@example.org")) == "marked"


def test_accounts(slapd: Slapd, start: StartMilter) -> None:
    milter = start(settings(slapd, authenticated="enforce"))
    for account, expected in (("strict", "refused"), ("strict@example.org", "refused"), ("lenient", "accepted")):
        macros = {"{auth_type}": "PLAIN", "{auth_authen}": account}
        assert outcome(mark_for(milter, "x@elsewhere.example", macros=macros)) == expected, account


def test_file_first(slapd: Slapd, start: StartMilter, world: Path) -> None:
    """Who has an entry in the file has that, and is not even asked for."""
    (world / "recipients").write_text("strict@example.org reject=100 add_header=50 greylist=0\n@strict.example\n")
    milter = start(settings(slapd, recipients=str(world / "recipients")))
    before = slapd.searches()
    assert outcome(mark_for(milter, "strict@example.org")) == "accepted"
    assert outcome(mark_for(milter, "x@strict.example")) == "marked"
    assert slapd.searches() == before
    assert outcome(mark_for(milter, "u5@many.example")) == "refused"


def test_plain_attributes(slapd: Slapd, start: StartMilter) -> None:
    """Without our schema: attributes that are there anyway, and a format that makes words of them."""
    for result in (["description"], ["title: reject=%s"]):
        milter = start(merged(settings(slapd), {"milter-spam": {"ldap": {"recipients": {"result": result}}}}))
        assert outcome(mark_for(milter, "plain@example.org")) == "refused"
        assert outcome(mark_for(milter, "strict@example.org")) == "marked"


@pytest.mark.parametrize("way", ["starttls", "ldaps", "wrong authority", "by name", "ldapi"])
def test_encrypted(slapd: Slapd, start: StartMilter, way: str) -> None:
    """From within the sandbox."""
    ca = str(slapd.client_certificate if way == "wrong authority" else slapd.certificate)
    uri = {"ldaps": slapd.ldaps_url, "ldapi": slapd.ldapi_url}.get(way, slapd.url)
    if way == "by name":
        uri = uri.replace("127.0.0.1", "localhost")
    milter = start(settings(slapd, uri, {"start_tls": way in ("starttls", "wrong authority"), "ca_file": ca, "tls_min": "1.3"}))
    assert outcome(mark_for(milter, "strict@example.org")) == ("marked" if way == "wrong authority" else "refused")


def test_cache_and_reload(slapd: Slapd, start: StartMilter) -> None:
    milter = start(settings(slapd, ldap={"cache": 1000}))

    def lookups() -> list[float]:
        return [milter.counted("gatepost_ldap_lookups_total", f'result="{result}"') for result in ("found", "absent", "cached")]

    mark_for(milter, "strict@example.org")
    wait_for(lambda: lookups() == [1, 1, 0], "the answer about the domain, which no message waits for")
    before = slapd.searches()
    assert outcome(mark_for(milter, "strict@example.org")) == "refused"
    assert lookups() == [1, 1, 2] and slapd.searches() == before
    milter.reload()
    wait_for(lambda: outcome(mark_for(milter, "strict@example.org")) == "refused" and slapd.searches() > before, "a new question")


def test_wrong_password(slapd: Slapd, start: StartMilter, world: Path) -> None:
    """Judged by the file and the defaults; said once in the log, and in /healthz; right again when the file is."""
    password = world / "password"
    password.write_text("wrong")
    milter = start(settings(slapd, ldap={"password_file": str(password), "rest": "100ms"}))
    for _ in range(3):
        assert outcome(mark_for(milter, "strict@example.org", queue_id="4wrong")) == "marked"
    assert milter.verdict("4wrong")["missing"] == "ldap"
    assert len(milter.lines("ldap: .*Invalid credentials")) == 1
    code, health = milter.http("/healthz")
    assert code == 503 and "Invalid credentials" in health
    new = world / "password.new"
    new.write_text(slapd.password_file.read_text())
    new.chmod(0o644)
    new.rename(password)
    time.sleep(0.2)
    wait_for(lambda: outcome(mark_for(milter, "strict@example.org")) == "refused", "the new password")
    assert milter.lines("ldap: back")
    assert milter.http("/healthz")[0] == 200


def test_query_that_no_server_takes(slapd: Slapd, start: StartMilter) -> None:
    """No failure of the server's: said now and then, with the way to look into it."""
    milter = start(merged(settings(slapd), {"milter-spam": {"ldap": {"recipients": {"base": "no name"}}}}))
    for _ in range(3):
        assert outcome(mark_for(milter, "strict@example.org", queue_id="4base")) == "marked"
    assert milter.verdict("4base")["missing"] == "ldap"
    assert len(milter.lines("ldap: .*Invalid DN syntax.*no name.*gatepost ldap test")) == 1
    assert len(milter.lines("Invalid DN syntax")) == 1


@pytest.mark.parametrize("on_error, expected", [("accept", "marked"), ("tempfail", "deferred"), ("accept-and-mark", "marked")])
def test_down_at_start(slapd: Slapd, start: StartMilter, on_error: str, expected: str) -> None:
    milter = start(settings(slapd, f"ldap://127.0.0.1:{free_port()}", on_ldap_error=on_error))
    results = [mark_for(milter, "strict@example.org", queue_id="4down") for _ in range(5)]
    assert {outcome(r) for r in results} == {expected}
    assert judge(str(milter.socket), REJECT, Envelope()).reply.code == 550, "bad enough without the directory"
    assert len(milter.lines("ldap: .*going on without")) == 1
    if on_error == "accept-and-mark":
        assert any("incomplete (ldap)" in value for _, value in results[0].headers)


def test_restarted_under_load(module_world: Path, start: StartMilter) -> None:
    server = Slapd(module_world / "own", person("strict", "mail: strict@example.org", "gatepostSpam: reject=5"), GATEPOST)
    server.start()
    milter = start(settings(server, ldap={"rest": "200ms"}))
    assert outcome(mark_for(milter, "strict@example.org")) == "refused"
    server.stop()
    outcomes = [outcome(mark_for(milter, "strict@example.org")) for _ in range(10)]
    assert set(outcomes) == {"marked"}
    server.start()
    wait_for(lambda: outcome(mark_for(milter, "strict@example.org")) == "refused", "the directory")
    server.stop()
    server.start()
    assert outcome(mark_for(milter, "strict@example.org")) == "refused", "a restart between two messages is no failure"
    server.stop()


@pytest.mark.alone
def test_killed_under_load(module_world: Path, start: StartMilter, world: Path) -> None:
    """Eight clients at once while the server is killed and comes back: every message gets its verdict in time, those that
    the file knows as ever, and the verdicts of the directory are back when it is."""
    (world / "recipients").write_text("filed@example.org reject=5\n")
    server = Slapd(module_world / "loaded", person("strict", "mail: strict@example.org", "gatepostSpam: reject=5"), GATEPOST)
    server.start()
    milter = start(settings(server, ldap={"rest": "300ms", "timeout": "15s"}, recipients=str(world / "recipients")))
    ending = threading.Event()
    seen: list[tuple[str, str, float]] = []

    def send(recipient: str) -> None:
        while not ending.is_set():
            began = time.monotonic()
            seen.append((recipient, outcome(mark_for(milter, recipient)), time.monotonic() - began))

    senders = [threading.Thread(target=send, args=(recipient,)) for recipient in ("filed@example.org", "strict@example.org") * 4]
    for sender in senders:
        sender.start()

    def seen_since(before: int, wanted: str) -> bool:
        return (wanted in [o for r, o, _ in seen[before:] if r.startswith("strict")]
                and any(r.startswith("filed") for r, _, _ in seen[before:]))

    wait_for(lambda: seen_since(0, "refused"), "verdicts")
    server.process.send(signal.SIGKILL)
    server.process.wait()
    wait_for(lambda: seen_since(0, "marked"), "verdicts without the directory")
    before = len(seen)
    server.start()
    wait_for(lambda: seen_since(before, "refused"), "verdicts with the directory that is back")
    ending.set()
    for sender in senders:
        sender.join()
    server.stop()
    assert {o for r, o, _ in seen if r.startswith("filed")} == {"refused"}
    assert {o for r, o, _ in seen if r.startswith("strict")} == {"refused", "marked"}
    assert max(t for _, _, t in seen) < 15, "ldap.timeout: what is dead is not waited for"
    assert milter.counted("gatepost_ldap_lookups_total", 'result="failed"') > 0
    assert milter.counted("gatepost_ldap_up") == 1


TIMEOUT_S = 5


@pytest.mark.alone
def test_stalled(slapd: Slapd, start: StartMilter, world: Path) -> None:
    """A directory that says nothing more: who needs it waits ldap.timeout at most, and after three failures not at all;
    who does not need it never waits."""
    (world / "recipients").write_text("filed@example.org reject=5\n")
    gate = Gate(slapd.port)
    milter = start(settings(slapd, gate.url, {"timeout": f"{TIMEOUT_S}s", "rest": "10m"}, recipients=str(world / "recipients")))
    assert outcome(mark_for(milter, "strict@example.org")) == "refused"
    gate.shut()
    waited = []
    for number in range(8):
        began = time.monotonic()
        assert outcome(mark_for(milter, "strict@example.org", queue_id=f"4STALL{number}")) == "marked"
        waited.append(time.monotonic() - began)
        began = time.monotonic()
        assert outcome(mark_for(milter, "filed@example.org")) == "refused"
        assert time.monotonic() - began < TIMEOUT_S, "delayed by a directory that it does not need"
    assert max(waited) < 2 * TIMEOUT_S and max(waited[4:]) < TIMEOUT_S, waited
    assert milter.verdict("4STALL0")["missing"] == "ldap"
    gate.close()


def test_slow_is_hidden(slapd: Slapd, start: StartMilter) -> None:
    """Asked at RCPT: an answer that takes its time is there at end of message if that takes as long."""
    gate = Gate(slapd.port)
    milter = start(settings(slapd, gate.url))
    before = slapd.searches()
    mark_for(milter, "strict@example.org")
    wait_for(lambda: slapd.searches() == before + 2, "the question about the domain, which no message waits for")
    gate.shut()
    envelope = Envelope().to("strict@example.org")
    with Session(str(milter.socket)) as session:
        session.open(envelope)
        session.begin(MARK, envelope)
        assert slapd.searches() == before + 2
        gate.reopen()
        wait_for(lambda: slapd.searches() == before + 4, "the same two questions, before the end of the message")
        assert session.end_of_message(envelope, Result()).reply.code == 550
        assert slapd.searches() == before + 4
    gate.close()


def test_slow_client(slapd: Slapd, start: StartMilter) -> None:
    """A recipient that is named long after the first is asked for in time all the same."""
    milter = start(settings(slapd, ldap={"timeout": "10s"}))
    envelope = Envelope(queue_id="4SLOW").to("u1@many.example", "strict@example.org")
    with Session(str(milter.socket)) as session:
        session.open(envelope)
        session.mail(envelope)
        session.rcpt(envelope, "u1@many.example")
        time.sleep(10.2)
        session.rcpt(envelope, "strict@example.org")
        session.data(envelope)
        session.header("Subject", " word")
        session.end_of_headers()
        session.body(b"word-for-mark\r\n")
        assert session.end_of_message(envelope, Result()).reply.code == 550
    assert "missing" not in milter.verdict("4SLOW")


def test_scan_says_the_same(slapd: Slapd, start: StartMilter, world: Path) -> None:
    milter = start(settings(slapd))
    (world / "m").write_bytes(MARK)
    actions = {"accepted": "accept", "marked": "add_header", "refused": "reject"}
    for key, expected in CASES[:6]:
        told = milter.scan("--from", "stranger@example.net", "--rcpt", key, world / "m")[0]
        assert told["action"].replace(" ", "_") == actions[expected], key
    milter.configure(settings(slapd, f"ldap://127.0.0.1:{free_port()}"))
    told = milter.scan("--rcpt", "strict@example.org", world / "m")[0]
    assert told["action"].replace(" ", "_") == "add_header" and "contact" in told["missing_directory"]


def test_api_says_the_same(slapd: Slapd, start: StartMilter, world: Path) -> None:
    """Also after a reload, in its sandbox; and what is in the file goes before here too."""
    (world / "recipients").write_text("filed@example.org reject=5\n")
    milter = start(settings(slapd, recipients=str(world / "recipients")))
    api = ApiController(world / "controller", settings(slapd, recipients=str(world / "recipients")), rules=milter.rules)
    api.start()
    actions = {"accepted": ("no action",), "marked": ("add header",), "refused": ("reject",)}
    cases = [*CASES, ("filed@example.org", "refused")]
    for _ in range(2):
        for key, expected in cases:
            told = api.post("/checkv2", MARK, Rcpt=key, From="stranger@example.net").json
            assert told["action"] in actions[expected] and outcome(mark_for(milter, key)) == expected, key
        assert api.post("/checkv2", MARK, User="strict").json["action"] == "no action", "observed only"
        api.reload()
    assert '"ldap"' in api.http("/healthz")[1]
    api.configure(settings(slapd, f"ldap://127.0.0.1:{free_port()}"))
    assert api.stop() == 0
    api.start()
    told = api.post("/checkv2", MARK, Rcpt="strict@example.org").json
    assert told["action"] == "add header" and "contact" in told["missing_directory"]
    assert api.http("/healthz")[0] == 503
    stop(api)


def test_nothing_configured(start: StartMilter) -> None:
    milter = start()
    assert outcome(mark_for(milter, "strict@example.org")) == "marked"
    assert '"ldap"' not in milter.http("/healthz")[1]


@pytest.mark.parametrize("more, said", [
    ({}, "milter-spam.ldap.recipients.base: needs ldap.servers"),
    ({"ldap": {"servers": ["ldap://127.0.0.1"]}, "milter-spam": {"ldap": {"recipients": {"filter": "(mail=%s"}}}},
     "ends too early"),
    ({"ldap": {"servers": ["ldap://127.0.0.1"]}, "milter-spam": {"ldap": {"recipients": {"result": ["no name"]}}}},
     "no name of an attribute"),
    ({"ldap": {"servers": ["ftp://127.0.0.1"]}}, "ldaps://"),
])
def test_mistakes_are_named(start: StartMilter, more: dict[str, Any], said: str) -> None:
    milter = start()
    milter.configure(merged({"milter-spam": {"ldap": {"recipients": query()}}}, more))
    with pytest.raises(ServerError, match=re.escape(said)):
        milter.gatepost("check")
