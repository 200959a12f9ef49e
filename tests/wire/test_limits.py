"""Limits of policyd-ratelimit on both stores: N pass, the next gets the answer that is configured, at whatever stage."""

from __future__ import annotations

import time

import pytest

from conftest import StartPolicyd
from limitmail import message, send, settings
from servers.milter import log_fields

HOUR = "60 minutes"


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


def test_a_header_line_at_the_end_of_the_message_is_said(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd(settings(out={"windows": ["1 per 1h"], "count": "messages", "action": "prepend", "text": "X-Limit: {key}"}))
    with policyd.client() as client:
        assert [send(client, stages="e") for _ in range(3)] == ["DUNNO"] * 3
        line = policyd.wait_line('limit "out" counts nothing')
        assert "END-OF-MESSAGE, where Postfix takes no" in line and "smtpd_end_of_data" not in line
        assert policyd.counted("gatepost_policy_limit_attached", 'limit="out"') == 0


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


def test_a_dry_run_says_so_once_of_a_message(start_policyd: StartPolicyd, store: str) -> None:
    """What is refused at RCPT is not asked about at DATA; what would have been, is."""
    policyd = start_policyd(settings(trial={"count": "recipients", "windows": ["3 per 1h"], "dry_run": True}), store)
    with policyd.client() as client:
        assert [send(client, n=2) for _ in range(3)] == ["DUNNO"] * 3
    assert [log_fields(line)["stage"] for line in policyd.lines("dry_run=")] == ["RCPT"] * 3
    assert policyd.counted("gatepost_policy_limit_exceeded_total", 'limit="trial"') == 3


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


def test_messages_to_one_do_not_hide_that_others_are_not_counted(start_policyd: StartPolicyd) -> None:
    """At DATA the recipient is told where it is the only one, as it is of most messages."""
    policyd = start_policyd(settings(
        spread={"count": "distinct_recipients", "windows": ["2 per 1h"]},
        each={"count": "messages", "by": ["recipient_domain"], "windows": ["10 per 1h"]}))
    with policyd.client() as client:
        for i in range(3):
            answer = client.ask("DATA", sasl_username="joe", recipient=f"r{i}@example.net", recipient_count=1, instance=f"o.{i}")
        assert str(answer).startswith("451 "), "it is counted where it can be"
        assert policyd.lines('limit "') == [] and policyd.counted("gatepost_policy_limit_attached", 'limit="spread"') == 0
        assert client.ask("DATA", sasl_username="joe", recipient="", recipient_count=2, instance="o.4") == "DUNNO"
        for name in ("spread", "each"):
            assert "smtpd_recipient_restrictions" in policyd.wait_line(f'limit "{name}"')
            assert policyd.counted("gatepost_policy_limit_attached", f'limit="{name}"') == 0


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


def test_numbers_that_no_message_has(start_policyd: StartPolicyd, store: str) -> None:
    """More than any limit allows, and no trouble of the store."""
    policyd = start_policyd(settings(rcpts={"count": "recipients", "windows": ["10 per 1h"]}, size={"count": "bytes", "windows": ["1M per 1h"]}), store)
    with policyd.client() as client:
        for instance, numbers in enumerate(({"recipient_count": 2**63 - 1}, {"recipient_count": 1, "size": 2**63 - 1})):
            answer = client.ask("END-OF-MESSAGE", instance=f"n{instance}", sasl_username="joe", **numbers)
            assert (answer or "").startswith("451 4.7.1 Limit "), answer
    assert policyd.counted("gatepost_policy_limit_store_failures_total") == 0


def test_a_long_key_leaves_room_for_the_text(start_policyd: StartPolicyd) -> None:
    """The key is a stranger's: what is said does not vanish behind it, and says where it was cut."""
    policyd = start_policyd(settings(out={"by": ["sender"], "windows": ["1 per 1h"], "text": "{key} had its {max}; {account}: {retry}"}))
    with policyd.client() as client:
        for length in (100, 5000, 60000):
            about: dict[str, str | int] = {"sender": "x" * length + "@example.net", "sasl_username": "y" * 200, "recipient_count": 1}
            key = "x" * 100 + "@example.net" if length == 100 else "x" * 157 + "..."
            assert [client.ask("DATA", instance=f"{length}.{i}", **about) for i in range(2)] == [
                "DUNNO", f"451 4.7.1 {key} had its 1; {'y' * 157}...: 60 minutes"]
