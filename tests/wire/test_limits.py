"""Limits of policyd-ratelimit on both stores: N pass, the next gets the answer that is configured, at whatever stage."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from conftest import StartPolicyd
from servers.milter import Value
from servers.policyd import ControlClient, PolicyClient, request
from servers.redis import Redis
from servers.slapd import BASE, GATEPOST, Slapd

HOUR = "60 minutes"
message = (f"i.{n}" for n in itertools.count())


@pytest.fixture(params=["lmdb", "redis"])
def store(request: pytest.FixtureRequest, world: Path) -> Iterator[str]:
    if request.param == "lmdb":
        yield ""
        return
    redis = Redis(world / "redis")
    redis.start()
    yield redis.url
    redis.stop()


def settings(**limits: Mapping[str, Value]) -> dict[str, Value]:
    return {"policyd-ratelimit": {"limits": limits}}


def send(client: PolicyClient, account: str = "joe", n: int = 1, stages: str = "rde", size: int = 1000,
         to: list[str] | None = None) -> str | None:
    """One message to n recipients, asked about at RCPT (r), DATA (d) and END-OF-MESSAGE (e); the last answer."""
    recipients = to or [f"r{i}@example.net" for i in range(n)]
    about: dict[str, str | int] = {"instance": next(message), "sasl_username": account}
    answer: str | None = "DUNNO"
    for recipient in recipients if "r" in stages else []:
        answer = client.ask("RCPT", recipient=recipient, size=size, **about)
        if answer != "DUNNO":
            return answer
    later = {"recipient": recipients[0] if len(recipients) == 1 else "", "recipient_count": len(recipients), "size": size, **about}
    for letter, stage in (("d", "DATA"), ("e", "END-OF-MESSAGE")):
        if letter in stages and answer == "DUNNO":
            answer = client.ask(stage, **later)
    return answer


def test_the_next_one_gets_exactly_the_answer(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(settings(
        out={"count": "messages", "windows": ["10 per 1h"],
             "text": "4.7.28 {limit}: {account} has sent {used} of {max} in {window}, {retry} {{sic}}"}), store)
    expected = f"451 4.7.28 out: Joe@Example.ORG has sent 10 of 10 in 1h, {HOUR} {{sic}}"
    with policyd.client() as client:
        for _ in range(10):
            assert send(client, "joe@example.org") == "DUNNO"
        for _ in range(3):
            assert send(client, "Joe@Example.ORG") == expected, "and refused ones do not count"
        assert send(client, "ann@example.org") == "DUNNO", "others are others"
        assert client.ask(instance="x") == "DUNNO", "no account, no limit"
    line = policyd.wait_line("action=defer")
    assert " by=limit rule=out met=10/10/1h " in line
    assert policyd.counted("gatepost_policy_limit_exceeded_total", 'limit="out"') == 3
    assert policyd.counted("gatepost_policy_limit_attached", 'limit="out"') == 1


@pytest.mark.parametrize("action, answer", [
    ("defer", "451 4.7.1 Limit out reached: 2 per 1h; try again in 60 minutes"),
    ("defer_if_permit", "DEFER_IF_PERMIT 4.7.1 Limit out reached: 2 per 1h; try again in 60 minutes"),
    ("reject", "550 5.7.1 Limit out reached: 2 per 1h; try again in 60 minutes"),
    ("hold", "HOLD Limit out reached: 2 per 1h; try again in 60 minutes"),
    ("warn", "WARN Limit out reached: 2 per 1h; try again in 60 minutes"),
    ("dunno", "DUNNO")])
def test_actions(start_policyd: StartPolicyd, action: str, answer: str) -> None:
    policyd = start_policyd(settings(out={"windows": ["2 per 1h"], "action": action}))
    with policyd.client() as client:
        assert [send(client, stages="d") for _ in range(3)] == ["DUNNO", "DUNNO", answer]
    assert policyd.counted("gatepost_policy_limit_exceeded_total") == 1


def test_prepend(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd(settings(out={"windows": ["1 per 1h"], "action": "prepend", "text": "X-Limit: {limit} {key}"}))
    with policyd.client() as client:
        assert [send(client, stages="r") for _ in range(2)] == ["DUNNO", "PREPEND X-Limit: out joe"]


@pytest.mark.parametrize("stages", ["r", "d", "e", "rd", "re", "de", "rde"])
def test_stages_alone_and_together_count_the_same(start_policyd: StartPolicyd, stages: str) -> None:
    """20 recipients in messages of 1 to 5 pass, one more does not, wherever it is asked."""
    policyd = start_policyd(settings(
        messages={"count": "messages", "windows": ["100 per 1h"]},
        recipients={"count": "recipients", "windows": ["20 per 1h"], "action": "reject"}))
    with policyd.client() as client:
        for n in (1, 2, 3, 4, 5, 5):
            assert send(client, n=n, stages=stages) == "DUNNO"
        assert send(client, stages=stages) == "550 5.7.1 Limit recipients reached: 20 per 1h; try again in 60 minutes"


def test_bytes_are_counted_at_the_end_of_the_message(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(settings(volume={"count": "bytes", "windows": ["10K per 1h"], "text": "{used} of {max}, {retry}"}), store)
    with policyd.client() as client:
        assert send(client, size=4096) == "DUNNO"
        assert send(client, size=6145) == "451 4.7.1 4K of 10K, 60 minutes"
        assert send(client, size=6144) == "DUNNO"
        assert send(client, "ann", size=10241) == "451 4.7.1 0 of 10K, smaller parts"


def test_distinct_recipients(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(settings(spread={"count": "distinct_recipients", "windows": ["3 per 1h"]}), store)
    with policyd.client() as client:
        for _ in range(5):
            assert send(client, to=["a@example.net", "B@example.net"]) == "DUNNO"
            assert send(client, to=["b@EXAMPLE.net", "c@example.net"]) == "DUNNO"
        assert (send(client, to=["d@example.net"]) or "").startswith("451 ")
        assert send(client, to=["c@example.net"]) == "DUNNO"


def test_several_windows_and_limits_take_together_or_not_at_all(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(settings(
        account={"count": "recipients", "windows": ["5 per 1m", "12 per 1h"], "text": "{limit} {window}"},
        client={"by": ["client_address"], "count": "recipients", "windows": ["4 per 1h"], "text": "{limit} {window}"}), store)
    with policyd.client() as client:
        assert send(client, n=4, stages="d") == "DUNNO"
        for _ in range(20):  # refused by the client's: the account's does not move
            assert send(client, stages="d") == "451 4.7.1 client 1h"
        about = {"client_address": "2001:db8::1", "sasl_username": "joe", "recipient_count": 1}
        assert client.ask("DATA", instance="v6.1", **about) == "DUNNO"
        assert client.ask("DATA", instance="v6.2", **about) == "451 4.7.1 account 1m"
        about["sasl_username"] = "ann"
        about["client_address"] = "2001:db8::ffff:2"  # the same /64
        assert [client.ask("DATA", instance=f"v6.{i}", **about) for i in range(3, 7)] == ["DUNNO"] * 3 + ["451 4.7.1 client 1h"]


def test_a_restart_forgets_nothing_and_a_window_later_it_is_open(start_policyd: StartPolicyd, store: str) -> None:
    limits = settings(out={"windows": ["3 per 1h"]})
    policyd = start_policyd(limits, store)
    with policyd.client() as client:
        assert [send(client) for _ in range(3)] == ["DUNNO"] * 3
    assert policyd.stop() == 0
    policyd.start()
    with policyd.client() as client:
        assert (send(client) or "").startswith("451 ")
        for offset, is_open in ((3590, False), (3640, True)):
            policyd.configure({"policyd-ratelimit": {**limits["policyd-ratelimit"], "clock_offset": f"{offset}s"}})  # type: ignore[dict-item]
            policyd.reload()
            policyd.wait_line(f"reloaded|configuration", 5)
            time.sleep(0.5)
            assert [send(client) == "DUNNO" for _ in range(4)] == ([True] * 3 + [False] if is_open else [False] * 4), offset


def test_gcra_lets_a_burst_and_then_a_rate(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(settings(out={"windows": ["3600 per 1h"], "algorithm": "gcra", "burst": 5}), store)
    with policyd.client() as client:
        begun = time.monotonic()
        passed = [send(client, stages="d") == "DUNNO" for _ in range(8)]
        seconds = int(time.monotonic() - begun) + 1
        assert passed[:5] == [True] * 5 and sum(passed) <= 5 + seconds
        time.sleep(1.1)
        assert send(client, stages="d") == "DUNNO"


def test_dry_run_only_says_so(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(settings(trial={"windows": ["2 per 1h"], "dry_run": True, "action": "reject"}), store)
    with policyd.client() as client:
        assert [send(client, stages="d") for _ in range(4)] == ["DUNNO"] * 4
    policyd.wait_line("dry_run=reject by=limit rule=trial met=2/2/1h key=joe")
    assert len(policyd.lines("dry_run=reject")) == 2


def test_who_it_is_for(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd({"networks": {"exempt": ["198.51.100.1"]}, "policyd-ratelimit": {
        "exempt_networks": ["198.51.100.2"], "exempt_accounts": ["root", "*@trusted.example"], "exempt_senders": ["@ops.example.org"],
        "exempt_recipients": ["postmaster@example.org"],
        "limits": {
            "in": {"by": ["client_address"], "when": "unauthenticated", "windows": ["1 per 1h"], "text": "in"},
            "out": {"when": "authenticated", "context": ["submission"], "windows": ["1 per 1h"], "text": "out"},
            "lan": {"by": ["client_address/24"], "networks": ["10.0.0.0/8"], "windows": ["1 per 1h"], "text": "lan"}}}})
    with policyd.client() as client:
        def twice(**about: str) -> str | None:
            client.ask(instance=next(message), **about)
            return client.ask(instance=next(message), **about)
        assert twice(client_address="192.0.2.1") == "451 4.7.1 in"
        assert twice(client_address="192.0.2.1", sasl_username="joe") == "DUNNO", "another context"
        assert twice(client_address="192.0.2.1", sasl_username="joe", policy_context="submission") == "451 4.7.1 out"
        client.ask(instance=next(message), client_address="10.0.1.1", sasl_username="ann")
        assert client.ask(instance=next(message), client_address="::ffff:10.0.1.2", sasl_username="eve") == "451 4.7.1 lan"
        for about in ({"client_address": "198.51.100.1"}, {"client_address": "198.51.100.2"}, {"sasl_username": "Root", "policy_context": "submission"},
                      {"sasl_username": "x@trusted.example", "policy_context": "submission"}, {"client_address": "192.0.2.1", "sender": "x@OPS.example.org"},
                      {"client_address": "192.0.2.1", "recipient": "postmaster@example.org"}):
            assert twice(**about) == "DUNNO", about


def test_overrides_of_a_map(start_policyd: StartPolicyd, world: Path) -> None:
    overrides = world / "overrides"
    overrides.write_text("joe  2 per 1h\nann unlimited\n@big.example  out: 3 per 1h; other: 1 per 1h\n")
    overrides.chmod(0o644)
    policyd = start_policyd(settings(out={"windows": ["1 per 1h"], "overrides": str(overrides)}, other={"windows": ["50 per 1h"]}))
    with policyd.client() as client:
        def passed(account: str) -> int:
            return [send(client, account, stages="d") == "DUNNO" for _ in range(10)].index(False)
        assert [passed("eve"), passed("JOE"), passed("x@big.example")] == [1, 2, 3]
        assert [send(client, "ann") for _ in range(10)] == ["DUNNO"] * 10


def test_a_limit_in_the_wrong_place_says_so(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd(settings(
        volume={"count": "bytes", "windows": ["1M per 1h"]},
        spread={"count": "distinct_recipients", "windows": ["10 per 1h"]},
        fine={"count": "recipients", "windows": ["1000 per 1h"]}))
    with policyd.client() as client:
        assert client.ask("DATA", sasl_username="joe", recipient="", recipient_count=2, instance="w.1") == "DUNNO"
        line = policyd.wait_line('limit "spread"')
        assert "distinct_recipients" in line and "DATA" in line and "smtpd_recipient_restrictions" in line
        line = policyd.wait_line('limit "volume"')
        assert "bytes" in line and "smtpd_end_of_data_restrictions" in line
        assert policyd.counted("gatepost_policy_limit_attached", 'limit="spread"') == 0
        assert policyd.counted("gatepost_policy_limit_misplaced_total", 'limit="spread"') == 1
        assert policyd.counted("gatepost_policy_limit_attached", 'limit="fine"') == 1
        client.ask("DATA", sasl_username="joe", recipient="", recipient_count=2, instance="w.2")
        assert len(policyd.lines('limit "')) == 2, "once"


def test_what_a_later_stage_tells_is_waited_for(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd(settings(volume={"count": "bytes", "windows": ["1M per 1h"]}))
    with policyd.client() as client:
        assert send(client) == "DUNNO"
        time.sleep(6)
        assert policyd.lines("volume") == []
        assert policyd.counted("gatepost_policy_limit_attached", 'limit="volume"') == 1


def test_the_limit_that_is_there_without_any(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd()
    with policyd.client() as client:
        assert send(client, n=300, stages="d") == "DUNNO"
        assert send(client, stages="d") == "451 4.7.1 Limit account reached: 300 per 1h; try again in 60 minutes"
    policyd.stop()
    policyd.configure({"policyd-ratelimit": {"limits": {}}})
    policyd.start()
    with policyd.client() as client:
        assert send(client, stages="d") == "DUNNO"


def test_without_a_store_mail_from_outside_is_let_in_or_deferred(start_policyd: StartPolicyd, world: Path) -> None:
    redis = Redis(world / "redis")
    redis.start()
    limits: dict[str, Value] = {"client": {"by": ["client_address"], "windows": ["2 per 1h"]}}
    policyd = start_policyd({"store_timeout": "1s", "policyd-ratelimit": {"limits": limits, "on_error": "tempfail"}}, redis.url)
    with policyd.client() as client:
        assert client.ask(instance=next(message)) == "DUNNO"
        redis.stop()
        assert client.ask(instance=next(message)) == "DEFER_IF_PERMIT 4.3.0 Limits cannot be looked up now, try again later"
        policyd.wait_line("store: limits are not answered")
        policyd.configure({"store_timeout": "1s", "policyd-ratelimit": {"limits": limits}})
        policyd.reload()
        time.sleep(0.5)
        assert client.ask(instance=next(message)) == "DUNNO"
        assert policyd.counted("gatepost_policy_limit_store_failures_total") >= 2
        redis.start()
        deadline = time.monotonic() + 20
        while not policyd.lines("limits are answered again") and time.monotonic() < deadline:
            client.ask(instance=next(message))
            time.sleep(0.2)
        policyd.wait_line("limits are answered again", 1)


def test_without_a_store_our_own_mail_is_counted_and_told_later(start_policyd: StartPolicyd, world: Path) -> None:
    """Killed between two messages: the limit holds meanwhile, and afterwards the store knows."""
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd({"store_timeout": "1s", **settings(out={"windows": ["10 per 1h"]})}, redis.url)
    with policyd.client() as client:
        assert [send(client) for _ in range(4)] == ["DUNNO"] * 4
        redis.process.kill()
        assert [send(client) == "DUNNO" for _ in range(12)] == [True] * 10 + [False] * 2, "the store's four are not known here"
        assert policyd.counted("gatepost_policy_limit_memory_total") == 12
        redis.start()  # empty
        policyd.wait_line("the store was told", 30)
        assert (send(client) or "").startswith("451 "), "ten came from here"
        assert policyd.counted("gatepost_policy_limit_memory_lost_total") == 0
    assert policyd.stop() == 0


def test_a_store_killed_under_load_costs_nobody_an_answer(start_policyd: StartPolicyd, world: Path) -> None:
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd({"store_timeout": "1s", **settings(out={"windows": ["300 per 1h"]})}, redis.url)
    with policyd.client() as first, policyd.client() as second:
        for client in (first, second):
            client.send(b"".join(request("DATA", instance=next(message), sasl_username="joe", recipient_count=1) for _ in range(200)))
        answers = [first.answer() for _ in range(20)]
        redis.process.kill()
        answers += [first.answer() for _ in range(180)] + [second.answer() for _ in range(200)]
        assert None not in answers and len(answers) == 400
        passed = answers.count("DUNNO")
        assert 300 <= passed <= 400 and all((a or "").startswith("451 ") for a in answers if a != "DUNNO")
        redis.start()
        policyd.wait_line("limits are answered again|the store was told", 30)
    assert policyd.stop() == 0


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


def passed(client: PolicyClient, account: str, most: int = 12) -> int:
    return ([send(client, account, stages="d") == "DUNNO" for _ in range(most)] + [False]).index(False)


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


def test_groups_of_the_directory(start_policyd: StartPolicyd, directory: Slapd) -> None:
    policyd = start_policyd(asking(directory, {}, {"team": {"by": ["ldap_group"], "windows": ["4 per 1h"], "text": "{key}"}}))
    with policyd.client() as client:
        assert passed(client, "ann") == 4
        assert send(client, "bob", stages="d") == "451 4.7.1 staff", "one of two groups is full: the other does not move"
        assert passed(client, "eve") == 12, "in no group"


def bounce(control: ControlClient, account: str, i: int) -> tuple[list[dict[str, Any]], str]:
    return control.order("event", kind="bounce", event_id=f"{account}.{i}", sasl_username=account, sender=account,
                         client_address="192.0.2.7", recipient=f"r{i}@example.net", time=int(time.time()))


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
