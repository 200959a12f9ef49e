"""policyd-ratelimit's containment: what trips it, what contained keys get, on one host and on two."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import StartPolicyd
from servers.milter import Value
from servers.mailbox import Mailbox
from servers.policyd import ControlClient, Policyd, PolicyClient, request
from servers.process import ServerError, halt, wait_for
from servers.redis import Redis

ACCOUNT = "joe@example.org"
BURST: dict[str, Value] = {"count": "recipients", "by": ["sasl_username"], "windows": ["3 per 1h"], "action": "reject",
                           "contain": "1h"}


def containing(more: dict[str, Value] | None = None, **rule: Value) -> dict[str, Value]:
    return {"policyd-ratelimit": {"limits": {"burst": {**BURST, **rule}}, **(more or {})}}


@pytest.fixture(params=["lmdb", "redis"])
def store(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("redis").url) if request.param == "redis" else ""


def exceed(client: PolicyClient, account: str = ACCOUNT, n: int = 3) -> None:
    """Uses a limit of n recipients up, and one more."""
    for i in range(n):
        assert client.ask("RCPT", sasl_username=account, instance=f"{account}.{i}") == "DUNNO"
    assert str(client.ask("RCPT", sasl_username=account, instance=f"{account}.x")).startswith("550")


def message(client: PolicyClient, account: str = ACCOUNT, queue_id: str = "4fXw2k6c1Zz1q", **more: str) -> list[str | None]:
    """The answers to a message's RCPT, DATA and END-OF-MESSAGE."""
    given: dict[str, str | int] = {"sasl_username": account, "instance": queue_id, "sender": account, **more}
    return [client.ask("RCPT", **given), client.ask("DATA", queue_id=queue_id, recipient_count=1, **given),
            client.ask("END-OF-MESSAGE", queue_id=queue_id, recipient_count=1, size=1000, **given)]


def contained(policyd: Policyd) -> list[str]:
    return [row["key"] for row in policyd.order("list")[0] if row["type"] == "contained"]


def test_a_key_that_exceeds_its_limit_is_held_at_data(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(containing(), store)
    with policyd.client() as client:
        assert client.ask("DATA", sasl_username="ann@example.org") == "DUNNO"
        exceed(client)
        # At RCPT the queue file is still to be made, and the limit is not asked any more.
        assert message(client) == ["DUNNO"] + ["HOLD contained: more than 3 recipients in 1h"] * 2
        assert message(client, "ann@example.org") == ["DUNNO"] * 3
    assert policyd.wait_line(f"contained=sasl_username key={ACCOUNT} rule=burst action=hold")
    rows, answer = policyd.order("show", key=ACCOUNT)
    assert answer == "OK"
    kinds = [row["type"] for row in rows]
    assert kinds.count("contained") == 1 and kinds.count("limit") == 1 and kinds.count("held") == 1
    assert [row for row in rows if row["type"] == "held"][0]["queue_id"] == "4fXw2k6c1Zz1q"
    assert [row["what"] for row in rows if row["type"] == "change"] == ["contained"]


@pytest.mark.parametrize(("action", "start"), [("reject", "550 5.7.1 "), ("defer", "451 4.7.1 ")])
def test_other_actions_answer_from_mail_on(start_policyd: StartPolicyd, action: str, start: str) -> None:
    policyd = start_policyd(containing({"contain_text": "No more from you"}, contain_action=action))
    with policyd.client() as client:
        exceed(client)
        for stage in ("MAIL", "RCPT", "DATA", "END-OF-MESSAGE"):
            assert client.ask(stage, sasl_username=ACCOUNT) == start + "No more from you"
        for stage in ("CONNECT", "EHLO", "VRFY"):
            assert client.ask(stage, sasl_username=ACCOUNT) == "DUNNO"


def test_where_only_rcpt_is_asked_it_is_held_there(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd(containing())
    with policyd.client() as client:
        exceed(client)
        assert str(client.ask("RCPT", sasl_username=ACCOUNT)).startswith("HOLD contained")


def test_distinct_recipients_contain(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(containing(count="distinct_recipients"), store)
    with policyd.client() as client:
        for i in range(12):  # the same three again and again are no address list
            assert client.ask("RCPT", sasl_username=ACCOUNT, instance=f"d.{i}", recipient=f"r{i % 3}@example.net") == "DUNNO"
        assert contained(policyd) == []
        assert str(client.ask("RCPT", sasl_username=ACCOUNT, instance="d.x", recipient="r4@example.net")).startswith("550")
        assert message(client)[1:] == ["HOLD contained: more than 3 distinct recipients in 1h"] * 2


def test_a_share_of_bounces_contains(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(containing(count="bounces", ratio=50.0, ratio_min=4), store)
    event: dict[str, str | int] = {"kind": "bounce", "sasl_username": ACCOUNT, "time": int(time.time())}
    with policyd.client() as client, ControlClient(policyd.control) as control:
        for i in range(10):
            assert client.ask("DATA", sasl_username=ACCOUNT, instance=f"b.{i}", recipient_count=1) == "DUNNO"
        for i in range(5):
            assert control.order("event", event_id=f"e{i}", **event) == ([], "OK")
        assert contained(policyd) == [], "5 of 10 are not more than half"
        assert control.order("event", event_id="e4", **event) == ([], "OK")
        assert contained(policyd) == [], "told again"
        assert control.order("event", event_id="e5", **event) == ([], "OK")
        assert contained(policyd) == [ACCOUNT]


def test_a_dry_run_contains_nobody(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd(containing(dry_run=True))
    with policyd.client() as client:
        for i in range(6):
            assert client.ask("RCPT", sasl_username=ACCOUNT, instance=f"t.{i}") == "DUNNO"
        assert contained(policyd) == []
    assert len(policyd.lines("dry_run=reject")) == 3


def test_it_is_held_where_rcpt_is_all_though_others_ask_at_data(start_policyd: StartPolicyd) -> None:
    """Submission may be attached elsewhere than port 25."""
    policyd = start_policyd(containing())
    with policyd.client() as client:
        assert client.ask("DATA", server_port=25, sender="x@example.net") == "DUNNO"
        assert client.ask("DATA", server_port=587, policy_context="lists", sender="x@example.net") == "DUNNO"
        exceed(client)
        assert str(client.ask("RCPT", sasl_username=ACCOUNT, server_port=587)).startswith("HOLD contained")
        assert client.ask("RCPT", sasl_username=ACCOUNT, server_port=25) == "DUNNO"
        assert client.ask("RCPT", sasl_username=ACCOUNT, server_port=587, policy_context="lists") == "DUNNO"


@pytest.mark.parametrize("key", ["recipient:bob@example.net", "recipient_domain:example.net"])
def test_a_contained_recipient_is_held_among_others(start_policyd: StartPolicyd, key: str) -> None:
    """At DATA nobody says who they are; the id is noted where it is known."""
    policyd = start_policyd()
    assert policyd.order("block", key=key, action="hold")[1] == "OK"
    about: dict[str, str | int] = {"instance": "b.1", "sender": "x@example.com"}
    with policyd.client() as client:
        assert client.ask("DATA", sender="x@example.com", instance="b.0") == "DUNNO"  # so it is asked late, too
        assert client.ask("RCPT", recipient="ann@example.com", **about) == "DUNNO"
        assert str(client.ask("RCPT", recipient="bob@example.net", **about)).startswith("HOLD")
        assert client.ask("RCPT", recipient="cid@example.com", queue_id="", **about) == "DUNNO"
        assert client.ask("DATA", recipient="", recipient_count=3, queue_id="4bQ", **about) == "DUNNO"
        assert client.ask("DATA", recipient="", recipient_count=2, queue_id="4cQ", instance="b.2", sender="x@example.com") == "DUNNO"
    rows, answer = policyd.order("release", key=key)
    assert answer == "OK" and [row["queue_id"] for row in rows if row["type"] == "held"] == ["4bQ"]


def test_a_restart_amid_a_message_that_is_held(start_policyd: StartPolicyd, store: str) -> None:
    """Before it, nothing is said at RCPT, as DATA comes; after it, nobody knows that: each way the id is noted."""
    policyd = start_policyd(containing(), store)
    with policyd.client() as client:
        exceed(client)
        message(client, queue_id="4a")
        assert client.ask("RCPT", sasl_username=ACCOUNT, instance="4b") == "DUNNO"
    for instance in ("4b", "4c"):
        assert policyd.stop() == 0
        policyd.start()
        with policyd.client() as client:
            if instance == "4c":
                assert str(client.ask("RCPT", sasl_username=ACCOUNT, instance="4c")).startswith("HOLD")
            assert str(client.ask("DATA", sasl_username=ACCOUNT, instance=instance, queue_id=instance)).startswith("HOLD")
            wait_for(lambda: {r["queue_id"] for r in policyd.order("show", key=ACCOUNT)[0] if r["type"] == "held"} >= {instance},
                     "the note")


def test_strangers_leave_room_for_accounts(start_policyd: StartPolicyd, world: Path) -> None:
    """A botnet that guesses passwords: some of its addresses are not contained any more, an account still is, and told of."""
    script, seen = alert_script(world)
    policyd = start_policyd({"log": {"level": "error"}, "policyd-ratelimit": {"alert_command": script, "limits": {
        "guessing": {"count": "auth_failures", "by": ["client_address"], "windows": ["1 per 1h"], "contain": "1h"},
        "burst": BURST}}})
    with ControlClient(policyd.control) as control:
        for begin in range(0, 4200, 100):
            for i in range(begin, begin + 100):
                for k in range(2):
                    control.tell("event", kind="auth_failure", event_id=f"{i}.{k}", time=int(time.time()),
                                 client_address=f"198.18.{i >> 8}.{i & 255}")
            assert [control.answer() for _ in range(200)] == [([], "OK")] * 200
    policyd.wait_line("are contained: further ones are not")
    with policyd.client() as client:
        exceed(client)
        assert str(message(client)[1]).startswith("HOLD")
        wait_for(lambda: ACCOUNT in [alert["key"] for alert in seen()], "alert", 60)


def test_networks_and_domains_are_contained(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd()
    assert policyd.order("block", key="client:198.51.100.0/24", action="reject")[1] == "OK"
    assert policyd.order("block", key="2001:db8::1", action="reject")[1] == "OK"
    assert policyd.order("block", key="domain:Example.NET", action="defer")[1] == "OK"
    with policyd.client() as client:
        clean = {"sender": "a@example.com"}
        assert str(client.ask("MAIL", client_address="198.51.100.77", **clean)).startswith("550")
        assert client.ask("MAIL", client_address="198.51.101.77", **clean) == "DUNNO"
        assert str(client.ask("MAIL", client_address="2001:db8::1", **clean)).startswith("550")
        assert client.ask("MAIL", client_address="2001:db8::2", **clean) == "DUNNO"
        assert str(client.ask("MAIL", sender="x@EXAMPLE.net")).startswith("451")


def test_release_reset_and_block(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(containing(), store)
    with policyd.client() as client:
        exceed(client)
        message(client, queue_id="A1")
        message(client, queue_id="A2")
        rows, answer = policyd.order("release", key=ACCOUNT, reset=1)
        assert answer == "OK"
        assert {row["queue_id"] for row in rows if row["type"] == "held"} == {"A1", "A2"}
        assert contained(policyd) == []
        assert message(client, queue_id="A3") == ["DUNNO"] * 3  # and its counts are forgotten
        assert policyd.order("release", key=ACCOUNT)[1] == "ERROR it is not contained"
        assert policyd.order("block", key=f"sasl_username:{ACCOUNT.upper()}", reason="called me", **{"for": 60})[1] == "OK"
        assert message(client, queue_id="A4")[1] == "HOLD contained: called me"
        assert contained(policyd) == [ACCOUNT]
        assert policyd.order("release", key=ACCOUNT)[1] == "OK"
    changes = [row["what"] for row in policyd.order("show", key=ACCOUNT)[0] if row["type"] == "change"]
    assert changes == ["released", "blocked", "reset", "released", "contained"]
    assert policyd.order("reset", key="nobody@example.org") == ([{"type": "reset", "counts": 0}], "OK")


def test_it_ends_by_itself(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd(containing(contain="20s", windows=["3 per 15s"]))
    with policyd.client() as client:
        exceed(client)
        assert contained(policyd) == [ACCOUNT]
        wait_for(lambda: contained(policyd) == [], "change", 60)
        assert message(client) == ["DUNNO"] * 3


def test_a_clock_put_back_contains_nobody_longer(start_policyd: StartPolicyd, store: str) -> None:
    """A day, here: noticed while the clock was wrong, and again after a restart."""
    def at(offset: int) -> dict[str, Value]:
        return {"policyd-ratelimit": {"clock_offset": f"{offset}s", "limits": {
            "burst": {"windows": ["3 per 1m"], "action": "reject", "contain": "30m", "contain_action": "reject"}}}}

    def seconds_left() -> list[int]:
        return [row["until"] - int(time.time()) for row in policyd.order("list")[0] if row["type"] == "contained"]

    policyd = start_policyd(at(86400), store)
    with policyd.client() as client:
        exceed(client)
        wait_for(lambda: [left > 86400 for left in seconds_left()] == [True], "change")
    policyd.configure(at(0))
    policyd.reload()
    wait_for(lambda: [left <= 1800 for left in seconds_left()] == [True], "change")
    assert policyd.stop() == 0
    policyd.start()
    wait_for(lambda: [left <= 1800 for left in seconds_left()] == [True], "change")
    policyd.configure(at(1900))
    policyd.reload()
    wait_for(lambda: seconds_left() == [], "change")


def test_a_restart_forgets_nothing(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(containing(), store)
    with policyd.client() as client:
        exceed(client)
    policyd.stop()
    policyd.start()
    assert contained(policyd) == [ACCOUNT]
    with policyd.client() as client:
        assert str(client.ask("DATA", sasl_username=ACCOUNT)).startswith("HOLD")


def alert_script(world: Path) -> tuple[str, Callable[[], list[dict[str, Any]]]]:
    """A program that writes down what it is given, and what was written."""
    folder = world / "alerts"
    folder.mkdir(mode=0o777, exist_ok=True)
    folder.chmod(0o777)
    script = world / "alert"
    script.write_text(f'#!/bin/sh\nf=$(mktemp {folder}/XXXXXX.part)\n'
                      f'{{ printf "%s|%s|%s|%s\\n" "$GATEPOST_KIND" "$GATEPOST_KEY" "$GATEPOST_RULE" "$HOME"; cat; }} >$f\n'
                      f'mv $f $f.done\n')
    script.chmod(0o755)

    def seen() -> list[dict[str, Any]]:
        found = []
        for file in folder.glob("*.done"):
            first, second = file.read_text().splitlines()
            found.append({"environment": first.split("|"), **json.loads(second)})
        return found

    return str(script), seen


@pytest.mark.alone
def test_two_hosts_contain_together_and_one_alerts(start_policyd: StartPolicyd, redis: Redis, world: Path) -> None:
    script, seen = alert_script(world)
    mailbox = Mailbox()
    settings = containing({"alert_command": script, "alert_mail": ["postmaster@example.org"], "alert_smtp": mailbox.address})
    hosts = [start_policyd(settings, redis.url) for _ in range(2)]
    with hosts[0].client() as one, hosts[1].client() as other:
        exceed(one)
        wait_for(lambda: str(other.ask("DATA", sasl_username=ACCOUNT)).startswith("HOLD"), "change")
        # The other host notices a key of its own at the same time as this one.
        threads = [threading.Thread(target=lambda c=c: [c.ask("RCPT", sasl_username="ann@example.org", instance=f"{id(c)}{i}")
                                                        for i in range(6)]) for c in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: len(seen()) >= 2 and len(mailbox.messages) >= 2, "change")
        time.sleep(2)  # for a third
        assert sorted(alert["key"] for alert in seen()) == ["ann@example.org", ACCOUNT]
        assert len(mailbox.messages) == 2
        joe = [alert for alert in seen() if alert["key"] == ACCOUNT][0]
        assert joe["environment"] == ["sasl_username", ACCOUNT, "burst", ""]
        assert joe["action"] == "hold" and joe["max"] == 3 and joe["window"] == 3600
        letter = [text for text in mailbox.messages if "joe" in text][0]
        assert f"Subject: contained: {ACCOUNT}\r\n" in letter and f"release 'sasl_username:{ACCOUNT}'" in letter
        # Released on one, it is released on both.
        assert hosts[1].order("release", key=ACCOUNT, reset=1)[1] == "OK"
        wait_for(lambda: one.ask("DATA", sasl_username=ACCOUNT) == "DUNNO", "change")


def test_an_alert_that_fails_is_tried_again(start_policyd: StartPolicyd, world: Path) -> None:
    mailbox = Mailbox()
    mailbox.refuses = True
    policyd = start_policyd(containing({"alert_mail": ["postmaster@example.org"], "alert_smtp": mailbox.address}))
    with policyd.client() as client:
        exceed(client)
    assert policyd.wait_line(f"alert about {ACCOUNT}: mail server: greeting: 421 later; again in 10 s")
    mailbox.refuses = False
    wait_for(lambda: len(mailbox.messages) == 1, "change", 60)
    wait_for(lambda: policyd.counted("gatepost_policy_alerts_total", 'result="sent"') == 1, "change")
    assert policyd.counted("gatepost_policy_alerts_total", 'result="retried"') == 1


@pytest.mark.parametrize("ends", ["stop", "kill"])
def test_an_alert_that_waits_is_sent_after_a_restart(start_policyd: StartPolicyd, store: str, world: Path, ends: str) -> None:
    """Once: not again after the next one."""
    mailbox = Mailbox()
    mailbox.refuses = True
    policyd = start_policyd(containing({"alert_mail": ["postmaster@example.org"], "alert_smtp": mailbox.address}), store)
    with policyd.client() as client:
        exceed(client)
    assert policyd.wait_line(f"alert about {ACCOUNT}: mail server: greeting: 421 later; again in 10 s")
    if ends == "kill":
        policyd.process.kill()
    else:
        assert policyd.stop() == 0
        policyd.wait_line("1 alerts wait for the next start")
    mailbox.refuses = False
    for _ in range(2):
        policyd.start()
        wait_for(lambda: len(mailbox.messages) == 1, "the mail")
        wait_for(lambda: policyd.counted("gatepost_policy_alerts_waiting") == 0, "the end of it")
        time.sleep(1.5)  # for another one
        assert policyd.stop() == 0
    assert len(mailbox.messages) == 1 and f"Subject: contained: {ACCOUNT}\r\n" in mailbox.messages[0]
    assert "3 of 3 in 1h" in mailbox.messages[0] or "burst" in mailbox.messages[0]


def test_of_daemons_with_one_name_one_sends_what_waits(start_policyd: StartPolicyd, redis: Redis) -> None:
    """Beside the one that tries it; and when that is gone, started together, one of them."""
    mailbox = Mailbox()
    mailbox.refuses = True
    waiting = containing({"alert_mail": ["postmaster@example.org"], "alert_smtp": mailbox.address})
    first = start_policyd(waiting, redis.url)
    accounts = [f"user{i}@example.org" for i in range(8)]
    with first.client() as client:
        for account in accounts:
            exceed(client, account)
    wait_for(lambda: all(first.lines(f"alert about {account}: .*; again in") for account in accounts), "eight attempts")
    others = [start_policyd(waiting, redis.url) for _ in range(3)]
    time.sleep(5)  # longer than from one look to the next
    assert [other.counted("gatepost_policy_alerts_waiting") for other in others] == [0] * 3
    for other in others:
        assert other.stop() == 0
    assert first.stop() == 0
    mailbox.refuses = False
    for other in others:
        other.start()
    wait_for(lambda: len(mailbox.messages) >= 8, "the mails")
    wait_for(lambda: sum(other.counted("gatepost_policy_alerts_waiting") for other in others) == 0, "the end of them")
    time.sleep(4)
    assert sorted(text.split("Subject: contained: ")[1].split("\r\n")[0] for text in mailbox.messages) == accounts


def test_an_alert_command_can_be_ended(start_policyd: StartPolicyd, world: Path) -> None:
    """What the process that starts it ignores (SIGTERM, …) it does not: timeout(1) would do nothing there. Nor what the
    daemon was started with, by a shell in the background."""
    script, folder = world / "alert", world / "alerts"
    folder.mkdir()
    folder.chmod(0o777)
    script.write_text(f"#!/bin/sh\ngrep SigIgn /proc/self/status > {folder}/part && mv {folder}/part {folder}/done\n")
    script.chmod(0o755)
    policyd = start_policyd(containing({"alert_command": str(script)}))
    assert policyd.stop() == 0
    policyd.under = ["env", "--ignore-signal=QUIT,USR2"]
    policyd.start()
    with policyd.client() as client:
        exceed(client)
    wait_for((folder / "done").exists, "the command")
    assert int((folder / "done").read_text().split()[1], 16) == 0


def test_without_the_store_what_is_contained_stays_so(start_policyd: StartPolicyd, redis: Redis, world: Path) -> None:
    script, seen = alert_script(world)
    hosts = [start_policyd(containing({"alert_command": script}), redis.url) for _ in range(2)]
    with hosts[0].client() as one, hosts[1].client() as other:
        exceed(one)
        wait_for(lambda: contained(hosts[1]) == [ACCOUNT] and len(seen()) == 1, "change, and the alert")
        redis.stop()
        assert hosts[0].wait_line("what is contained is not shared for now")
        for client in (one, other):
            assert str(client.ask("DATA", sasl_username=ACCOUNT)).startswith("HOLD")
        rows, answer = hosts[0].order("block", key="ann@example.org")
        assert answer.startswith("LATER done on this host only until the store is back")
        assert [row["key"] for row in rows] == ["ann@example.org"]
        assert str(one.ask("DATA", sasl_username="ann@example.org")).startswith("HOLD")
        redis.start()
        wait_for(lambda: "ann@example.org" in contained(hosts[1]), "change", 60)
        assert ACCOUNT in contained(hosts[1])  # this Redis keeps nothing: the hosts do
        assert len(seen()) == 1


@pytest.mark.parametrize("loss", ["restart", "flush"])
def test_a_store_that_comes_back_empty_frees_nobody(start_policyd: StartPolicyd, redis: Redis, world: Path, loss: str) -> None:
    """Every host that knows puts it back, with the time that is left; what is released afterwards stays so."""
    script, seen = alert_script(world)
    hosts = [start_policyd(containing({"alert_command": script}), redis.url) for _ in range(2)]
    with hosts[0].client() as client:
        exceed(client)
        exceed(client, "ann@example.org")
    both = sorted([ACCOUNT, "ann@example.org"])
    wait_for(lambda: all(sorted(contained(host)) == both for host in hosts), "contained on both hosts")
    wait_for(lambda: len(seen()) == 2, "alerts")
    before = {row["key"]: row for row in hosts[0].order("list")[0] if row["type"] == "contained"}
    if loss == "restart":
        redis.process.kill()
        redis.start()
    else:
        subprocess.run(["redis-cli", "-s", str(redis.socket), "flushall"], check=True, capture_output=True)
    wait_for(lambda: bool([line for host in hosts for line in host.lines("contained or released last: 2 keys are contained again, 0")]),
             "line of what is put back")
    third = start_policyd(containing(), redis.url)  # knows what the store says
    wait_for(lambda: sorted(contained(third)) == both, "all of it in the store again")
    assert {row["key"]: row for row in third.order("list")[0] if row["type"] == "contained"} == before
    assert hosts[1].order("release", key=ACCOUNT)[1].startswith("OK")
    for host in (*hosts, third):
        wait_for(lambda: contained(host) == ["ann@example.org"], "release")
    time.sleep(2.5)
    assert [contained(host) for host in (*hosts, third)] == [["ann@example.org"]] * 3
    assert len(seen()) == 2


# The control socket itself.

def test_events_are_counted_before_they_are_answered(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd({"policyd-ratelimit": {"limits": {"bounces": {
        "count": "bounces", "by": ["sasl_username"], "windows": ["5 per 1h"], "contain": "1h"}}}}, store)
    with ControlClient(policyd.control) as control, policyd.client() as client:
        client.ask("DATA")
        event = {"kind": "bounce", "sasl_username": ACCOUNT, "client_address": "192.0.2.7", "sender": ACCOUNT,
                 "recipient": "x@example.net", "queue_id": "Q", "time": int(time.time())}
        for i in range(5):  # pipelined
            control.tell("event", event_id=f"e{i}", **event)
        control.tell("event", event_id="e4", **event)  # told again: counts once
        assert [control.answer() for _ in range(6)] == [([], "OK")] * 6
        assert [row["used"] for row in policyd.order("list")[0]] == [5]
        assert message(client)[1] == "DUNNO"
        assert control.order("event", event_id="e5", **event) == ([], "OK")
        assert str(message(client)[1]).startswith("HOLD")
        assert control.order("event", event_id="e6", **{**event, "kind": "unknown"})[1].startswith("ERROR")
    assert [row["what"] for row in policyd.order("show", key=ACCOUNT)[0] if row["type"] == "event"] == ["bounce"] * 7


def test_many_events_at_once_are_all_answered(start_policyd: StartPolicyd) -> None:
    counting = start_policyd({"policyd-ratelimit": {"limits": {"bounces": {
        "count": "bounces", "by": ["sasl_username"], "windows": ["5000 per 1h"]}}}})
    for policyd in (start_policyd(), counting):  # where nothing counts they are answered at once
        with ControlClient(policyd.control) as control:
            for i in range(2000):
                control.tell("event", kind="bounce", event_id=f"e{i}", sasl_username=ACCOUNT, time=int(time.time()))
            assert [control.answer() for _ in range(2000)] == [([], "OK")] * 2000
    assert [row["used"] for row in counting.order("list")[0]] == [2000]


def test_events_are_put_off_without_the_store(start_policyd: StartPolicyd, redis: Redis) -> None:
    policyd = start_policyd({"policyd-ratelimit": {"limits": {"bounces": {
        "count": "bounces", "by": ["sasl_username"], "windows": ["5 per 1h"]}}}}, redis.url)
    redis.stop()
    event: dict[str, str | int] = {"kind": "bounce", "event_id": "e", "sasl_username": ACCOUNT, "time": int(time.time())}
    for _ in range(3):
        assert policyd.order("event", **event)[1].startswith("LATER")
    redis.start()
    wait_for(lambda: policyd.order("event", **event)[1] == "OK", "change")
    rows = policyd.order("show", key=ACCOUNT)[0]
    assert [row["used"] for row in rows if row["type"] == "limit"] == [1]
    assert len([row for row in rows if row["type"] == "event"]) == 1, "it is noted when it is counted"


def test_events_told_late_count_from_when_they_were(start_policyd: StartPolicyd, store: str) -> None:
    """After the controller was away a day, yesterday's bounces are not today's."""
    policyd = start_policyd({"policyd-ratelimit": {"limits": {"bounces": {
        "count": "bounces", "by": ["sasl_username"], "windows": ["5 per 1h", "50 per 1d"], "contain": "1h"}}}}, store)
    for i in range(20):
        event = {"kind": "bounce", "sasl_username": ACCOUNT, "event_id": f"e{i}", "time": int(time.time()) - 7200}
        assert policyd.order("event", **event) == ([], "OK")
    assert policyd.order("event", kind="bounce", sasl_username=ACCOUNT, event_id="x", time=1) == ([], "OK")
    assert [(row["window"], row["used"]) for row in policyd.order("list")[0]] == [("1d", 20)]
    assert contained(policyd) == []


@pytest.mark.parametrize("frame", [b"nonsense\n\n", b"key=x\n\n", b"x" * 9000,
                                   b"request=list\n" + b"a=" + b"x" * 9000 + b"\n\n", b"\n"])
def test_what_is_no_frame_closes_the_connection(start_policyd: StartPolicyd, frame: bytes) -> None:
    policyd = start_policyd()
    with ControlClient(policyd.control) as control:
        control.send(frame)
        assert control.answer() is None
    assert policyd.order("list") == ([], "OK")
    assert policyd.counted("gatepost_policy_control_malformed_total") == 1


@pytest.mark.parametrize(("order", "answer"), [
    ({"request": "dance"}, "ERROR an unknown request"),
    ({"request": "show"}, "ERROR no key, or none that there could be"),
    ({"request": "block", "key": "300.1.2.3/99"}, "ERROR this looks like an address or network and is none (of a network the bits "
     "behind its length are 0); an account of this name is account:NAME"),
    ({"request": "block", "key": "client:nonsense"}, "ERROR no key, or none that there could be"),
    ({"request": "block", "key": "x", "for": "-1"}, "ERROR a time that is none"),
    ({"request": "list", "max": "1000000"}, "ERROR a number that is none"),
    ({"request": "list", "max": "many"}, "ERROR a number that is none"),
])
def test_wrong_commands_are_answered(start_policyd: StartPolicyd, order: dict[str, str], answer: str) -> None:
    policyd = start_policyd()
    assert policyd.order(**order) == ([], answer)


@pytest.mark.parametrize(("settings", "said"), [
    ({"control_socket": "inet:1@127.0.0.1"}, 'is no "unix:/path"'),
    ({"alert_command": "/etc/passwd"}, "alert_command: /etc/passwd cannot be executed"),
    ({"alert_mail": ["ann@example.org", "Joe <joe@example.org>"]}, 'alert_mail: "Joe <joe@example.org>" is no bare address'),
    ({"alert_from": "x y"}, 'alert_from: "x y" is no bare address'),
])
def test_what_would_fail_when_it_is_needed_is_an_error(start_policyd: StartPolicyd, settings: dict[str, Value],
                                                       said: str) -> None:
    policyd = start_policyd()
    policyd.configure({"policyd-ratelimit": settings})
    with pytest.raises(ServerError) as failed:
        policyd.gatepost("check")
    assert said in str(failed.value)


def test_the_socket_is_for_the_group(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd()
    assert policyd.control.stat().st_mode & 0o777 == 0o660


@pytest.mark.alone
def test_a_store_that_hangs_delays_nobody(start_policyd: StartPolicyd, redis: Redis) -> None:
    policyd = start_policyd({**containing(), "store_timeout": "4s"}, redis.url)
    with policyd.client() as client:
        exceed(client)
        halt(redis.process.pid)
        try:
            begun = time.monotonic()
            for _ in range(100):
                assert str(client.ask("DATA", sasl_username=ACCOUNT)).startswith("HOLD")
            assert time.monotonic() - begun < 4, "nobody waits for the store"
            assert policyd.order("list")[1].startswith("LATER")  # what there is to see of limits is not there
            assert policyd.order("block", key="ann@example.org")[1].startswith("LATER done on this host only")
            assert str(client.ask("DATA", sasl_username="ann@example.org")).startswith("HOLD")
        finally:
            redis.process.send(signal.SIGCONT)
        wait_for(lambda: policyd.order("list")[1] == "OK", "store", 60)
        policyd.stop()
        policyd.start()
        assert sorted(contained(policyd)) == ["ann@example.org", ACCOUNT]
