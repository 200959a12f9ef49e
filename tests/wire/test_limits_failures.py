"""Limits when something ends, changes or fails: restarts, reloads, several daemons, a store that is away."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from conftest import StartPolicyd
from limitmail import message, passed, send, settings
from servers.milter import Value
from servers.policyd import request
from servers.process import wait_for
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
        for offset, is_open in ((3590, False), (3640, True)):
            policyd.configure({"policyd-ratelimit": {**limits["policyd-ratelimit"], "clock_offset": f"{offset}s"}})  # type: ignore[dict-item]
            policyd.reload()
            time.sleep(0.5)
            assert [send(client) == "DUNNO" for _ in range(4)] == ([True] * 3 + [False] if is_open else [False] * 4), offset


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


def test_a_store_that_fails_now_and_then_is_said_once(start_policyd: StartPolicyd, world: Path) -> None:
    """A full one: what changes a row of the same size passes, what makes a new one does not."""
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd({"store_timeout": "1s", **settings(out={"windows": ["100 per 1h"]})}, redis.url)
    with policyd.client() as client:
        for i in range(12):
            full = ["redis-cli", "-s", str(redis.socket), "config", "set", "maxmemory", "0" if i % 2 else "1"]
            subprocess.run(full, check=True, capture_output=True)
            assert send(client, stages="d") == "DUNNO"
        assert policyd.counted("gatepost_policy_limit_store_failures_total") >= 2
        assert len(policyd.lines("limits are not answered")) == 1 and not policyd.lines("limits are answered again")
        wait_for(lambda: bool(send(client, stages="d") and policyd.lines("limits are answered again")), "end of the outage", 20)
    assert policyd.stop() == 0


def test_a_store_that_stalls_loses_nothing(start_policyd: StartPolicyd, world: Path) -> None:
    """Nobody knows whether it counted what it did not answer: that may count twice, and nothing else."""
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd({"store_timeout": "1s", **settings(out={"windows": ["1000 per 1h"]})}, redis.url)
    with policyd.client() as client, policyd.client() as other:
        assert [send(client) for _ in range(5)] == ["DUNNO"] * 5
        os.kill(redis.process.pid, signal.SIGSTOP)
        for one in (client, other):
            one.send(request("DATA", instance=next(message), sasl_username="joe", recipient_count=1))
        assert [client.answer(), other.answer()] == ["DUNNO"] * 2
        assert [send(client) for _ in range(3)] == ["DUNNO"] * 3
        os.kill(redis.process.pid, signal.SIGCONT)
        policyd.wait_line("the store was told", 30)
        rows, _ = policyd.order("list")
        assert 10 <= rows[0]["used"] <= 12 and policyd.counted("gatepost_policy_limit_memory_lost_total") == 0
    assert policyd.stop() == 0


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
