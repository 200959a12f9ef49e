"""policyd-ratelimit's sender checks: the account's own address, the map, the directory, and a directory that is away."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import StartPolicyd
from servers.milter import Value, build_folder
from servers.policyd import Policyd, PolicyClient
from servers.process import wait_for
from servers.slapd import BASE, READER, Slapd

REFUSED = "550 5.7.1 This account may not send as that address"
MAP = "joe@example.org  lists.example.net *.example.com\nnewsletter  news@example.org\n192.0.2.0/24  example.org\n"


def checking(**settings: Value) -> dict[str, Value]:
    return {"policyd-ratelimit": {"sender": {"check": True, **settings}}}


@pytest.fixture
def senders(world: Path, start_policyd: StartPolicyd) -> Iterator[PolicyClient]:
    (world / "senders").write_text(MAP)
    policyd = start_policyd(checking(map=str(world / "senders"), own_domains=True))
    with policyd.client() as client:
        yield client


@pytest.mark.parametrize(("account", "sender", "answer"), [
    ("joe@example.org", "joe@example.org", "DUNNO"),
    ("joe@example.org", "JOE@Example.ORG", "DUNNO"),
    ("joe@example.org", "joe+shop@example.org", "DUNNO"),
    ("joe@example.org", "joes@example.org", REFUSED),
    ("joe@example.org", "anybody@lists.example.net", "DUNNO"),
    ("joe@example.org", "joe@www.example.com", "DUNNO"),
    ("joe@example.org", "ann@example.org", REFUSED),
    ("joe@example.org", "joe@example.org@example.net", REFUSED),
    ("joe@example.org", "joe", REFUSED),
    ("joe@example.org", "", "DUNNO"),
    ("newsletter", "news@example.org", "DUNNO"),
    ("newsletter", "newsletter@example.org", "DUNNO"),  # own_domains
    ("newsletter", "newsletter@example.net", REFUSED),
    ("unknown@example.net", "unknown@example.net", "DUNNO"),
    ("unknown@example.net", "unknown@example.org", "DUNNO"),  # own_domains
    ("unknown@example.net", "other@example.net", REFUSED),
    ("", "ann@example.org", "DUNNO"),  # the network's domain
    ("", "ann@example.net", REFUSED),
])
def test_who_may_use_what(senders: PolicyClient, account: str, sender: str, answer: str) -> None:
    for stage in ("MAIL", "RCPT", "DATA", "END-OF-MESSAGE"):
        assert senders.ask(stage, sasl_username=account, sender=sender) == answer
    for stage in ("CONNECT", "EHLO", "HELO", "VRFY"):
        assert senders.ask(stage, sasl_username=account, sender=sender) == "DUNNO"


def test_mail_from_elsewhere_is_nobodys(senders: PolicyClient) -> None:
    assert senders.ask(client_address="198.51.100.1", sender="ann@example.net") == "DUNNO"


def test_the_empty_sender_and_the_action_are_settings(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd(checking(null_sender=False, action="hold", text="{key} is not {account}'s"))
    with policyd.client() as client:
        assert client.ask(sasl_username="joe@example.org", sender="") == "HOLD  is not joe@example.org's"
        assert client.ask(sasl_username="joe@example.org", sender="a@b.example") == "HOLD a@b.example is not joe@example.org's"
        assert client.ask(sender="") == "DUNNO"
    assert policyd.wait_line("action=hold by=sender.* user=joe@example.org")


def person(uid: str, *addresses: str) -> str:
    lines = (f"dn: uid={uid},{BASE}", "objectClass: inetOrgPerson", f"uid: {uid}", f"cn: {uid}", f"sn: {uid}")
    return "\n".join((*lines, *(f"mail: {address}" for address in addresses))) + "\n\n"


@pytest.fixture
def slapd(world: Path) -> Iterator[Slapd]:
    if not Path("/usr/sbin/slapd").exists():
        pytest.skip("slapd is not installed")
    server = Slapd(world / "slapd", person("ann", "ann@example.org", "sales@example.org") + person("bob"))
    server.start()
    yield server
    server.stop()


def with_directory(start_policyd: StartPolicyd, slapd: Slapd, base: str = BASE, **settings: Value) -> Policyd:
    query: dict[str, Value] = {"base": base, "filter": "(|(mail=%s)(uid=%s))"}
    return start_policyd({**checking(ldap=query, **settings),
                          "ldap": {"servers": [slapd.url], "bind": "simple", "bind_dn": READER, "rest": "1s",
                                   "password_file": str(slapd.password_file), "timeout": "60s", "ttl": "0s"}})


def test_the_directory_and_the_map_before_it(start_policyd: StartPolicyd, slapd: Slapd, world: Path) -> None:
    (world / "first").write_text("sales@example.org  example.net\n")
    policyd = with_directory(start_policyd, slapd, map=str(world / "first"))
    with policyd.client() as client:
        assert client.ask(sasl_username="ann@example.org", sender="sales@example.org") == "DUNNO"
        assert client.ask(sasl_username="ann", sender="sales@example.org") == "DUNNO"
        assert client.ask(sasl_username="ann@example.org", sender="bob@example.org") == REFUSED
        assert client.ask(sasl_username="bob", sender="bob@example.org") == REFUSED  # an entry that allows nothing
        assert client.ask(sasl_username="eve*)(uid=ann", sender="ann@example.org") == REFUSED
        # The map has this account, so that the directory's words do not matter.
        assert client.ask(sasl_username="sales@example.org", sender="x@example.net") == "DUNNO"
        assert client.ask(sasl_username="sales@example.org", sender="ann@example.org") == REFUSED


def test_a_directory_that_is_away(start_policyd: StartPolicyd, slapd: Slapd) -> None:
    slapd.stop()
    closed, opened = with_directory(start_policyd, slapd), with_directory(start_policyd, slapd, on_error="accept")
    with closed.client() as client, opened.client() as other:
        assert client.ask(sasl_username="ann", sender="ann@example.org") == "451 4.3.0 Senders can't be checked now"
        assert client.ask(sasl_username="ann@example.org", sender="ann@example.org") == "DUNNO"
        assert other.ask(sasl_username="ann", sender="ann@example.org") == "DUNNO"
        slapd.start()
        wait_for(lambda: client.ask(sasl_username="ann", sender="ann@example.org") == "DUNNO", "the directory that is back", step=0.1)
        assert client.ask(sasl_username="ann", sender="eve@example.org") == REFUSED


def test_a_base_that_is_not_there_refuses_nobody(start_policyd: StartPolicyd, slapd: Slapd) -> None:
    closed, opened, by_domain = (
        with_directory(start_policyd, slapd, base="dc=elsewhere"),
        with_directory(start_policyd, slapd, base="dc=elsewhere", on_error="accept"),
        with_directory(start_policyd, slapd, base=f"dc=%d,{BASE}"))
    with closed.client() as client, opened.client() as other, by_domain.client() as third:
        assert client.ask(sasl_username="ann@example.org", sender="bob@example.org") == "451 4.3.0 Senders can't be checked now"
        assert other.ask(sasl_username="ann@example.org", sender="bob@example.org") == "DUNNO"
        assert third.ask(sasl_username="ann@example.org", sender="bob@example.org") == REFUSED
    assert closed.wait_line("ldap: .*No such object.*dc=elsewhere.*: this query always fails")
    assert not by_domain.lines("this query always fails")


@pytest.mark.parametrize(("settings", "complaint"), [
    ({"own_address": False}, "no account may send"),
    ({"ldap": {"base": BASE}}, "ldap.servers"),
    ({"text": "{sender}"}, "sender.text"),
    ({"text": "4.7.1 no"}, "sender.text: begins with the status code 4.7.1"),
    ({"text": "5.7.1 ", "action": "reject"}, "sender.text: \"5.7.1\" is a status code alone"),
])
def test_settings_that_make_no_sense(world: Path, settings: dict[str, Value], complaint: str) -> None:
    policyd = Policyd(world / "wrong", world / "wrong.sock", settings=checking(**settings))
    program = build_folder() / "policyd-ratelimit" / "policyd-ratelimit"
    done = subprocess.run([program, "-c", policyd.config, "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 78 and complaint in done.stderr
