"""Limits when something ends, changes or fails: restarts, reloads, several daemons, a store that is away."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from conftest import StartPolicyd
from limitmail import message, passed, send, settings
from servers.milter import Value
from servers.policyd import Policyd, request
from servers.process import halt, wait_for
from servers.redis import Redis


def test_a_restart_forgets_nothing_and_a_window_later_it_is_open(start_policyd: StartPolicyd, store: str) -> None:
    limits = settings(out={"windows": ["3 per 1h"]})
    policyd = start_policyd(limits, store)
    with policyd.client() as client:
        assert [send(client) for _ in range(3)] == ["DUNNO"] * 3
    assert policyd.stop() == 0
    policyd.start()
    with policyd.client() as client:
        assert (send(client) or "").startswith("451 ")
        for offset, is_open in ((3300, False), (3640, True)):  # the clock goes on meanwhile
            policyd.configure({"policyd-ratelimit": {**limits["policyd-ratelimit"], "clock_offset": f"{offset}s"}})  # type: ignore[dict-item]
            policyd.reload_and_wait()
            assert [send(client) == "DUNNO" for _ in range(4)] == ([True] * 3 + [False] if is_open else [False] * 4), offset


def test_without_a_store_mail_from_outside_is_let_in_or_deferred(start_policyd: StartPolicyd, world: Path) -> None:
    redis = Redis(world / "redis")
    redis.start()
    limits: dict[str, Value] = {"client": {"by": ["client_address"], "windows": ["2 per 1h"]}}
    policyd = start_policyd({"policyd-ratelimit": {"limits": limits, "on_error": "tempfail"}}, redis.url)
    with policyd.client() as client:
        assert client.ask(instance=next(message)) == "DUNNO"
        redis.stop()
        assert client.ask(instance=next(message)) == "DEFER_IF_PERMIT 4.3.0 Limits cannot be looked up now, try again later"
        policyd.wait_line("store: limits are not answered")
        policyd.configure({"policyd-ratelimit": {"limits": limits}})
        policyd.reload_and_wait()
        assert client.ask(instance=next(message)) == "DUNNO"
        assert policyd.counted("gatepost_policy_limit_store_failures_total") >= 2
        redis.start()
        wait_for(lambda: bool(client.ask(instance=next(message)) and policyd.lines("limits are answered again")), "the store", step=0.2)


def test_without_a_store_our_own_mail_is_counted_and_told_later(start_policyd: StartPolicyd, world: Path) -> None:
    """Killed between two messages: the limit holds meanwhile, and afterwards the store knows."""
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd(settings(out={"windows": ["10 per 1h"]}), redis.url)
    with policyd.client() as client:
        assert [send(client) for _ in range(4)] == ["DUNNO"] * 4
        redis.process.kill()
        assert [send(client) == "DUNNO" for _ in range(12)] == [True] * 10 + [False] * 2, "the store's four are not known here"
        assert policyd.counted("gatepost_policy_limit_memory_total") == 12
        redis.start()  # empty
        policyd.wait_line("the store was told")
        assert (send(client) or "").startswith("451 "), "ten came from here"
        assert policyd.counted("gatepost_policy_limit_memory_lost_total") == 0
    assert policyd.stop() == 0


def test_a_store_killed_under_load_costs_nobody_an_answer(start_policyd: StartPolicyd, world: Path) -> None:
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd(settings(out={"windows": ["300 per 1h"]}), redis.url)
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
        policyd.wait_line("limits are answered again|the store was told")
    assert policyd.stop() == 0


def test_a_store_that_fails_now_and_then_is_said_once(start_policyd: StartPolicyd, world: Path) -> None:
    """A full one: what changes a row of the same size passes, what makes a new one does not."""
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd(settings(out={"windows": ["100 per 1h"]}), redis.url)
    with policyd.client() as client, socket.socket(socket.AF_UNIX) as command:
        command.connect(str(redis.socket))  # quicker than redis-cli: "now and then" is within five seconds
        for i in range(12):
            command.sendall(b"CONFIG SET maxmemory %d\r\n" % (1 - i % 2))
            assert command.recv(100) == b"+OK\r\n"
            assert send(client, stages="d") == "DUNNO"
        assert policyd.counted("gatepost_policy_limit_store_failures_total") >= 2
        assert len(policyd.lines("limits are not answered")) == 1 and not policyd.lines("limits are answered again")
        wait_for(lambda: bool(send(client, stages="d") and policyd.lines("limits are answered again")), "end of the outage")
    assert policyd.stop() == 0


COUNTED: dict[str, Mapping[str, Value]] = {
    "messages": {"count": "messages", "windows": ["100 per 1h", "1000 per 1d"]},
    "recipients": {"count": "recipients", "windows": ["100 per 1h", "1000 per 1d"]},
    "distinct": {"count": "distinct_recipients", "windows": ["100 per 1h"]},
    "bytes": {"count": "bytes", "windows": ["1M per 1h"]},
    "rate": {"count": "recipients", "algorithm": "gcra", "burst": 50, "windows": ["1000000 per 30d"]},
    "held": {"count": "recipients", "windows": ["100 per 1h"], "action": "hold"},
    "tried": {"count": "recipients", "windows": ["100 per 1h"], "dry_run": True}}


def used(policyd: Policyd) -> dict[str, int]:
    """What the store says was used of each limit; windows of one agree."""
    sums: dict[str, int] = {}
    for row in policyd.order("list")[0]:
        assert sums.setdefault(row["limit"], row["used"]) == row["used"], row
    return sums


@pytest.mark.parametrize("ends", ["stop", "kill"])
@pytest.mark.parametrize("after", range(6))
def test_a_restart_amid_a_message_counts_nothing_twice(start_policyd: StartPolicyd, store: str, ends: str, after: int) -> None:
    """Wherever it comes, and also where the request before it was counted, but its answer never arrived."""
    policyd = start_policyd(settings(**COUNTED), store)
    about: dict[str, str | int] = {"instance": "r.1.2.3", "sasl_username": "joe", "size": 4321, "client_port": 4711}
    one, two, three = (request("RCPT", recipient=f"{who}@example.net", **about) for who in ("a", "B", "c"))
    last = [request(stage, recipient="", recipient_count=3, **about) for stage in ("DATA", "END-OF-MESSAGE")]
    asked = [one, two, two.replace(b"B@", b"b@"), three, *last]
    for number, piece in enumerate((asked[:after + 1], asked[after:])):
        if number > 0 and ends == "kill":
            policyd.process.kill()
        elif number > 0:
            assert policyd.stop() == 0
        if number > 0:
            policyd.start()
        with policyd.client() as client:
            for each in piece:
                client.send(each)
                assert client.answer() == "DUNNO"
    assert used(policyd) == {"messages": 1, "recipients": 3, "distinct": 3, "bytes": 4321, "rate": 3, "held": 3, "tried": 3}


def test_a_message_that_goes_on_at_another_daemon_counts_once(start_policyd: StartPolicyd, world: Path) -> None:
    """Postfix connects anew when one of two daemons behind an address is gone."""
    redis = Redis(world / "redis")
    redis.start()
    policyds = [start_policyd(settings(**COUNTED), redis.url) for _ in range(2)]
    about: dict[str, str | int] = {"instance": "m.1", "sasl_username": "joe", "size": 100}
    with policyds[0].client() as first, policyds[1].client() as second:
        assert first.ask("RCPT", recipient="a@example.net", **about) == "DUNNO"
        assert second.ask("RCPT", recipient="b@example.net", **about) == "DUNNO"
        assert first.ask("DATA", recipient="", recipient_count=2, **about) == "DUNNO"
        assert second.ask("END-OF-MESSAGE", recipient="", recipient_count=2, **about) == "DUNNO"
    assert used(policyds[0]) == {"messages": 1, "recipients": 2, "distinct": 2, "bytes": 100, "rate": 2, "held": 2, "tried": 2}


def test_what_passed_passes_again_when_it_is_asked_again(start_policyd: StartPolicyd, store: str) -> None:
    """The last that had room, and the first above a limit that only holds."""
    policyd = start_policyd(settings(out={"windows": ["3 per 1h"], "action": "reject"},
                                     held={"by": ["client_address"], "windows": ["2 per 1h"], "action": "hold"}), store)
    messages = [{"instance": f"p.{n}", "sasl_username": "joe"} for n in range(4)]
    wanted = ["DUNNO", "DUNNO", "HOLD", "550"]
    for _ in range(2):
        with policyd.client() as client:
            assert [str(client.ask("DATA", recipient_count=1, **m)).split()[0] for m in messages][2:] == wanted[2:]
        policyd.process.kill()
        policyd.start()
    assert used(policyd) == {"out": 3, "held": 3}


def test_a_store_that_stalls_counts_each_message_once(start_policyd: StartPolicyd, world: Path) -> None:
    """It has what it did not answer in time, counts that when it goes on, and is told of it again."""
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd({"store_timeout": "1s", **settings(out={"windows": ["100000 per 1h", "200000 per 1d"]})}, redis.url)
    passes = 0
    with ExitStack() as stack:
        clients = [stack.enter_context(policyd.client()) for _ in range(16)]
        for stop in range(3):
            for client in clients:
                client.send(b"".join(request("DATA", instance=next(message), sasl_username="joe", recipient_count=1)
                                     for _ in range(100)))
            answers = [client.answer() for client in clients for _ in range(20)]
            halt(redis.process.pid)
            for client in clients:  # the others may be answered by now; these it cannot answer
                client.send(request("DATA", instance=next(message), sasl_username="joe", recipient_count=1))
            answers += [client.answer() for client in clients for _ in range(81)]
            os.kill(redis.process.pid, signal.SIGCONT)
            assert answers == ["DUNNO"] * 1616
            passes += len(answers)
            wait_for(lambda: len(policyd.lines("the store was told")) > stop and send(clients[0]) == "DUNNO", "the store")
            passes += 1
            time.sleep(1)
    wait_for(lambda: used(policyd) == {"out": passes}, f"all {passes} and no more")
    assert policyd.counted("gatepost_policy_limit_memory_total") >= 3
    assert policyd.counted("gatepost_policy_limit_memory_lost_total") == 0
    assert policyd.stop() == 0


def test_a_store_that_stalls_loses_nothing(start_policyd: StartPolicyd, world: Path) -> None:
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd({"store_timeout": "1s", **settings(out={"windows": ["1000 per 1h"]})}, redis.url)
    with policyd.client() as client, policyd.client() as other:
        assert [send(client) for _ in range(5)] == ["DUNNO"] * 5
        halt(redis.process.pid)
        for one in (client, other):
            one.send(request("DATA", instance=next(message), sasl_username="joe", recipient_count=1))
        assert [client.answer(), other.answer()] == ["DUNNO"] * 2
        assert [send(client) for _ in range(3)] == ["DUNNO"] * 3
        os.kill(redis.process.pid, signal.SIGCONT)
        policyd.wait_line("the store was told")
        wait_for(lambda: used(policyd) == {"out": 10}, "all ten in the store")
        assert send(client) == "DUNNO"
        wait_for(lambda: used(policyd) == {"out": 11}, "one more, and none twice")
        assert policyd.counted("gatepost_policy_limit_memory_lost_total") == 0
    assert policyd.stop() == 0


@pytest.mark.parametrize("what", ["limits/data.mdb", "limits"])
def test_a_store_that_is_deleted_is_begun_anew(start_policyd: StartPolicyd, what: str) -> None:
    """Under the daemon, which says so: it does not go on with a file that nobody else finds."""
    policyd = start_policyd(settings(out={"windows": ["3 per 1h"]}))
    with policyd.client() as client:
        assert passed(client, "joe") == 3
        gone = policyd.folder / "store" / what
        if gone.is_dir():
            shutil.rmtree(gone)
        else:
            gone.unlink()
        time.sleep(1.1)  # it looks once a second
        assert passed(client, "joe") == 3
        policyd.wait_line("data.mdb was taken away while it was in use: goes on with an empty one")
        assert policyd.stop() == 0
        policyd.start()
    with policyd.client() as client:
        assert passed(client, "joe") == 0


def test_two_daemons_on_one_store_count_together(start_policyd: StartPolicyd, store: str, world: Path) -> None:
    """Not one more and not one less, with eight clients at both at once."""
    shared = store or f"lmdb:{world}/policyd0/store"
    policyds = [start_policyd(settings(out={"windows": ["700 per 1h"]}), shared) for _ in range(2)]
    asked = b"".join(request("DATA", instance=next(message), sasl_username="joe", recipient_count=1) for _ in range(200))
    with ExitStack() as stack:
        clients = [stack.enter_context(policyds[i % 2].client()) for i in range(8)]
        for client in clients:
            client.send(asked.replace(b"instance=i.", f"instance={id(client)}.".encode()))
        answers = [client.answer() for client in clients for _ in range(200)]
    assert answers.count("DUNNO") == 700
    assert all((a or "").startswith("451 4.7.1 Limit out reached: 700 per 1h") for a in answers if a != "DUNNO")


def test_a_reload_keeps_what_was_counted_and_changes_the_limit(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(settings(out={"windows": ["3 per 1h"]}), store)
    with policyd.client() as client:
        assert passed(client, "joe") == 3
        policyd.configure(settings(out={"windows": ["5 per 1h", "100 per 1d"]}))
        policyd.reload()
        wait_for(lambda: send(client, "joe", stages="d") == "DUNNO", "reload")
        assert passed(client, "joe") == 1
        policyd.configure(settings(out={"windows": ["five per 1h"]}))
        policyd.reload()
        policyd.wait_line('policyd-ratelimit.limits.out: windows: "five" is not a number')
        assert (send(client, "joe") or "").startswith("451 "), "the old settings stay"
