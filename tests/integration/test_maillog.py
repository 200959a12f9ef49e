"""What a real Postfix logs of bounces and wrong passwords becomes events at the control socket; with its own logrotate."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from letters import Letter
from servers import smtp
from servers.dovecot import PASSWORD
from servers.eventserver import EventServer
from servers.process import wait_for
from servers.site import Site

ALICE = "alice@example.org"


@pytest.fixture(scope="module")
def events(module_world: Path) -> Iterator[EventServer]:
    server = EventServer(module_world / "control.sock")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def site(module_world: Path, events: EventServer) -> Iterator[Site]:
    log = module_world / "postfix" / "mail.log"
    site = Site(module_world, learns=True, settings={"controller": {
        "maillog": {"source": str(log), "socket": f"unix:{events.path}"}}})
    # What goes out fails when it is delivered, and not before it is accepted as with transport "error".
    site.postfix.configure({"default_transport": "nowhere:",
                            "virtual_alias_maps": "inline:{ forwarded@example.org=away@example.net }"},
                           more="nowhere unix - n n - - pipe user=nobody argv=/bin/false\n")
    site.postfix.log.touch()
    site.postfix.log.chmod(0o644)  # maillog_file_permissions came with Postfix 3.9
    site.start()
    yield site
    site.stop()


def refused_login(site: Site, user: str, password: str) -> None:
    """One attempt; login() would try all mechanisms."""
    with smtplib.SMTP("127.0.0.1", site.postfix.submission_port) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.ehlo()
        client.user, client.password = user, password
        client.auth("PLAIN", client.auth_plain)


def test_bounces(site: Site, events: EventServer, letter: Letter) -> None:
    """Each recipient who does not exist is one event of the account's; those who do are none."""
    first = len(events.counted)
    message, _ = letter("own")
    answer = site.submit_as(ALICE, message, ["bob@example.org", "away@example.net", "gone@example.com"])
    events.wait(first + 2)
    told = {e["recipient"]: e for e in events.counted[first:]}
    assert set(told) == {"away@example.net", "gone@example.com"}
    for event in told.values():
        assert event["kind"] == "bounce"
        assert event["sasl_username"] == ALICE
        assert event["sender"] == ALICE
        assert event["client_address"] == "127.0.0.1"
        assert event["queue_id"] == answer.queue_id


def test_wrong_password(site: Site, events: EventServer) -> None:
    first = len(events.counted)
    refused_login(site, ALICE, "wrong")
    events.wait(first + 1)
    event = events.counted[first]
    assert event["kind"] == "auth_failure"
    assert event["client_address"] == "127.0.0.1"
    assert event["sasl_username"] in ("", ALICE)  # Postfix 3.7.8 and 3.8.3 are the first that tell it
    with smtplib.SMTP("127.0.0.1", site.postfix.submission_port) as client:
        client.login(ALICE, PASSWORD)
    assert len(events.counted) == first + 1


def test_mail_of_strangers(site: Site, events: EventServer, letter: Letter) -> None:
    """What bounces of mail that came in is nobody's event."""
    assert site.controller
    first = len(events.counted)
    before = site.controller.counted("gatepost_controller_maillog_unmatched_bounces_total")
    message, _ = letter("own")
    stranger = smtp.Client(address="198.51.100.77")
    site.send(message, "stranger@example.net", ["forwarded@example.org"], stranger)
    wait_for(lambda: bool(site.controller and site.controller.counted(
        "gatepost_controller_maillog_unmatched_bounces_total") > before), "a bounce that is not matched")
    assert len(events.counted) == first


def test_postfix_logrotate(site: Site, events: EventServer, letter: Letter) -> None:
    """`postfix logrotate` renames the log and packs it at once: what was written before and after comes."""
    first = len(events.counted)
    for n in range(5):
        refused_login(site, ALICE, "wrong")
        site.postfix.wait_log("authentication failed")  # what comes after the log was packed is lost
        site.postfix.rotate_log()
        message, _ = letter("own")
        site.submit_as(ALICE, message, [f"away{n}@example.net"])
        site.postfix.log.chmod(0o644)
    events.wait(first + 10)
    told = events.counted[first:]
    assert [e["kind"] for e in told].count("auth_failure") == 5
    assert {e["recipient"] for e in told if e["kind"] == "bounce"} == {f"away{n}@example.net" for n in range(5)}
    assert list(site.postfix.folder.glob("mail.log.*.gz"))
