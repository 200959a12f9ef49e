"""Who may more or less: overrides of a map and of a directory, groups; and bounces as a share of the recipients."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import StartPolicyd
from limitmail import passed, send, settings
from servers.milter import Value
from servers.policyd import ControlClient
from servers.slapd import BASE, GATEPOST, Slapd


def entry(uid: str, *lines: str) -> str:
    head = (f"dn: uid={uid},{BASE}", "objectClass: inetOrgPerson", "objectClass: gatepostAccount", f"uid: {uid}", f"cn: {uid}", f"sn: {uid}", f"mail: {uid}@example.org")
    return "\n".join((*head, *lines)) + "\n\n"


def group(name: str, *members: str) -> str:
    lines = (f"dn: cn={name},{BASE}", "objectClass: posixGroup", f"cn: {name}", "gidNumber: 1")
    return "\n".join((*lines, *(f"memberUid: {member}" for member in members))) + "\n\n"


@pytest.fixture
def directory(world: Path) -> Iterator[Slapd]:
    if not Path("/usr/sbin/slapd").exists():
        pytest.skip("slapd is not installed")
    ldif = "".join((
        entry("ann", "gatepostLimit: out: 3 per 1h", "gatepostLimit: back: unlimited"),
        entry("bob", "gatepostLimit: 2 per 1h", "employeeNumber: 5"), entry("eve"),
        group("Staff", "ann", "bob"), group("club", "bob")))
    server = Slapd(world / "slapd", ldif, GATEPOST)
    server.start()
    yield server
    server.stop()


def asking(directory: Slapd, query: dict[str, Value], limits: dict[str, Value]) -> dict[str, Value]:
    return {"ldap": directory.settings(),
            "policyd-ratelimit": {"ldap": {"limits": {"base": BASE, **query}, "groups": {"base": BASE}}, "limits": limits}}


def bounce(control: ControlClient, account: str, i: int) -> tuple[list[dict[str, Any]], str]:
    return control.order("event", kind="bounce", event_id=f"{account}.{i}", sasl_username=account, sender=account,
                         client_address="192.0.2.7", recipient=f"r{i}@example.net", time=int(time.time()))


@pytest.mark.parametrize("query, why", [
    ({"base": "no name"}, "Invalid DN syntax"), ({"base": "dc=elsewhere"}, "No such object")])
def test_query_that_is_wrong_is_told(start_policyd: StartPolicyd, directory: Slapd, query: dict[str, Value], why: str) -> None:
    policyd = start_policyd(asking(directory, query, {"out": {"windows": ["1 per 1h"]}}))
    with policyd.client() as client:
        assert passed(client, "ann") == 1  # not what the directory has of her
    assert len(policyd.lines(f"ldap: .*{why}.*: this query always fails")) == 1


def test_value_that_is_wrong_is_told(start_policyd: StartPolicyd, directory: Slapd) -> None:
    policyd = start_policyd(asking(directory, {"filter": "(uid=%u)", "result": ["cn"]}, {"out": {"windows": ["1 per 1h"]}}))
    with policyd.client() as client:
        assert passed(client, "ann") == 1
    assert len(policyd.lines('ldap: what ann may in limit "out" cannot be used: .*is not of the form')) == 1


def test_no_account_is_anybody(start_policyd: StartPolicyd, directory: Slapd) -> None:
    """As in ldap_table(5), a name without a local part is not looked up by it."""
    policyd = start_policyd(asking(directory, {"filter": "(uid=%u*)"}, {"out": {"windows": ["1 per 1h"]}}))
    with policyd.client() as client:
        assert (passed(client, "ann@example.org"), passed(client, "@example.org")) == (3, 1)
    assert "(uid=*)" not in directory.asked()


def test_overrides_of_a_map(start_policyd: StartPolicyd, world: Path) -> None:
    overrides = world / "overrides"
    overrides.write_text("joe  2 per 1h\nann unlimited\n@big.example  out: 3 per 1h; other: 1 per 1h\n")
    overrides.chmod(0o644)
    policyd = start_policyd(settings(out={"windows": ["1 per 1h"], "overrides": str(overrides)}, other={"windows": ["50 per 1h"]}))
    with policyd.client() as client:
        assert [passed(client, who) for who in ("eve", "JOE", "x@big.example")] == [1, 2, 3]
        assert [send(client, "ann") for _ in range(10)] == ["DUNNO"] * 10


def test_some_may_send_nothing(start_policyd: StartPolicyd, world: Path) -> None:
    """What is refused so counts nowhere; in a limit that holds each message is held, in a dry run it is logged."""
    overrides = world / "overrides"
    overrides.write_text("joe  all: 0 per 1d; out: 5 per 1h\nann out: 9 per 1m, 0 per 1h\nbob held: 0 per 1h\neve tried: 0 per 1h\n"
                         "max volume: 0 per 1h\nflo free: 0 per 1h\n")
    overrides.chmod(0o644)
    of: dict[str, Value] = {"windows": ["3 per 1h"], "overrides": str(overrides)}
    limits = {"all": {**of, "windows": ["100 per 1h"]}, "out": {**of, "action": "reject"}, "held": {**of, "action": "hold"},
              "tried": {**of, "dry_run": True}, "volume": {**of, "count": "bytes", "windows": ["1M per 1h"]},
              "free": {**of, "count": "recipients"}}
    policyd = start_policyd({"policyd-ratelimit": {"limits": limits, "exempt_recipients": ["postmaster@example.org"]}})
    with policyd.client() as client:
        assert send(client, "joe") == "451 4.7.1 Limit all reached: 0 per 1d; try again in 24 hours"
        assert send(client, "ann") == "550 5.7.1 Limit out reached: 0 per 1h; try again in 60 minutes"
        assert [send(client, "bob") for _ in range(2)] == ["HOLD Limit held reached: 0 per 1h; try again in 60 minutes"] * 2
        assert send(client, "eve") == "DUNNO"
        assert send(client, "max", stages="rd") == "DUNNO"
        assert (send(client, "max", stages="e") or "").startswith("451 4.7.1 Limit volume reached: 0 per 1h")
        assert send(client, "flo", to=["postmaster@example.org"], stages="r") == "DUNNO"
        assert (send(client, "flo", to=["a@example.org"], stages="r") or "").startswith("451 4.7.1 Limit free reached")
        assert send(client, "nobody") == "DUNNO"
    assert "met=0/0/1h key=eve" in policyd.wait_line("dry_run=defer")
    assert not [row for row in policyd.order("list")[0] if row["limit"] == "out" and row["key"] in ("joe", "ann")]


def test_nothing_is_no_limit_of_what_happened(start_policyd: StartPolicyd, world: Path) -> None:
    """Nor is it what a limit itself is."""
    overrides = world / "overrides"
    overrides.write_text("joe  9 per 1h\n")
    overrides.chmod(0o644)
    policyd = start_policyd(settings(back={"count": "bounces", "windows": ["3 per 1h"], "overrides": str(overrides)}))
    overrides.write_text("joe  0 per 1h\n")
    policyd.reload()
    policyd.wait_line('overrides:1: 0 is for limits of what is sent, and "back" counts bounces')
    policyd.configure(settings(out={"windows": ["0 per 1h"]}))
    policyd.reload()
    policyd.wait_line("0 .nothing at all. is for overrides alone")


def test_the_directory_may_allow_nothing(start_policyd: StartPolicyd, directory: Slapd) -> None:
    policyd = start_policyd(asking(directory, {"result": ["employeeNumber: 0 per 1h"]}, {
        "out": {"windows": ["1 per 1h"]}, "back": {"count": "bounces", "windows": ["2 per 1h"]}}))
    with policyd.client() as client, ControlClient(policyd.control) as control:
        assert (send(client, "bob@example.org") or "").startswith("451 4.7.1 Limit out reached: 0 per 1h")
        assert send(client, "ann@example.org") == "DUNNO"
        assert [bounce(control, "bob@example.org", i)[1] for i in range(2)] == ["OK"] * 2
    assert [row["used"] for row in policyd.order("list")[0] if row["limit"] == "back"] == [2]


def test_overrides_of_the_directory(start_policyd: StartPolicyd, directory: Slapd, world: Path) -> None:
    (world / "first").write_text("eve@example.org  4 per 1h\n")
    (world / "first").chmod(0o644)
    policyd = start_policyd(asking(directory, {}, {
        "out": {"windows": ["1 per 1h"], "overrides": str(world / "first")}, "other": {"windows": ["10 per 1h"]}}))
    with policyd.client() as client:
        assert [passed(client, f"{who}@example.org") for who in ("ann", "bob", "eve", "nobody")] == [3, 2, 4, 1]
    plain = start_policyd(asking(directory, {"result": ["employeeNumber: out: %s per 1d"]}, {"out": {"windows": ["1 per 1h"]}}))
    with plain.client() as client:
        assert passed(client, "bob@example.org") == 5
        directory.stop()
        assert passed(client, "ann@example.org") == 1, "without a directory what is configured counts"


def test_the_file_goes_first_and_the_directory_has_what_it_does_not_say(start_policyd: StartPolicyd, directory: Slapd,
                                                                        world: Path) -> None:
    """For each limit on its own, also where the file names the account for another one."""
    (world / "first").write_text("ann@example.org  other: 2 per 1h\nbob@example.org  out: 4 per 1h\n")
    (world / "first").chmod(0o644)
    policyd = start_policyd(asking(directory, {}, {
        "out": {"windows": ["1 per 1h"], "overrides": str(world / "first"), "text": "out"},
        "other": {"windows": ["3 per 1h"], "overrides": str(world / "first"), "text": "other"}}))
    with policyd.client() as client:
        for who, n, limit in (("ann", 2, "other"), ("bob", 2, "other"), ("eve", 1, "out")):
            assert passed(client, f"{who}@example.org") == n
            assert send(client, f"{who}@example.org", stages="d") == f"451 4.7.1 {limit}", who


def test_groups_of_the_directory(start_policyd: StartPolicyd, directory: Slapd) -> None:
    policyd = start_policyd(asking(directory, {}, {"team": {"by": ["ldap_group"], "windows": ["4 per 1h"], "text": "{key}"}}))
    with policyd.client() as client:
        assert passed(client, "ann") == 4
        assert send(client, "bob", stages="d") == "451 4.7.1 staff", "one of two groups is full: the other does not move"
        assert passed(client, "eve") == 12, "in no group"


def test_bounces_as_a_share_of_the_recipients(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(settings(back={"count": "bounces", "windows": ["5 per 1h"], "ratio": 20.0, "ratio_min": 40,
                                           "action": "reject", "text": "{used} of your messages came back"}), store)
    with policyd.client() as client, ControlClient(policyd.control) as control:
        for i in range(10):
            assert send(client, "joe", n=3) == send(client, "ann", n=20) == "DUNNO"
            for account in ("joe", "ann"):
                assert bounce(control, account, i) == bounce(control, account, i) == ([], "OK")
        assert policyd.lines("event=bounces") == [], "30 recipients are too few, and of 200 ten are not too many"
        assert send(client, "joe", n=9) == "DUNNO", "39 are one too few"
        assert send(client, "joe") == "550 5.7.1 10 of your messages came back"
        assert send(client, "ann") == "DUNNO"
        assert bounce(control, "joe", 10) == ([], "OK")
    assert " rule=back met=11/5/1h key=joe user=joe" in policyd.wait_line("event=bounces")


def test_an_event_asks_the_directory_too(start_policyd: StartPolicyd, directory: Slapd) -> None:
    policyd = start_policyd(asking(directory, {}, {"back": {"count": "bounces", "windows": ["2 per 1h"], "contain": "1h"}}))
    with ControlClient(policyd.control) as control:
        for i in range(4):
            assert bounce(control, "ann@example.org", i) == bounce(control, "eve@example.org", i) == ([], "OK")
    assert [row["key"] for row in policyd.order("list")[0] if row["type"] == "contained"] == ["eve@example.org"]


def test_a_directory_that_hangs_leaves_time_for_the_store(start_policyd: StartPolicyd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        policyd = start_policyd({
            "ldap": {"servers": [f"ldap://127.0.0.1:{mute.getsockname()[1]}"], "timeout": "60s"},
            "policyd-ratelimit": {"deadline": "12s", "ldap": {"limits": {"base": BASE}}, "limits": {"out": {"windows": ["1 per 1h"]}}}})
        with policyd.client() as client:
            begun = time.monotonic()
            assert passed(client, "joe", 2) == 1
            assert 5.9 < time.monotonic() - begun < 60
        assert policyd.counted("gatepost_policy_limit_memory_total") == 0
