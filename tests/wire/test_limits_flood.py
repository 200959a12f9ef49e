"""Floods of keys that are new: bounded in memory, no matter for others, and gone when their window is over."""

from __future__ import annotations

import itertools
import re
import subprocess
import time
from pathlib import Path

import pytest

from conftest import StartPolicyd
from limitmail import settings
from servers.milter import merged
from servers.policyd import Policyd, request
from servers.process import wait_for
from servers.redis import Redis

KEYS = 15000
TOGETHER = 100  # requests that the client sends at once


def pour(policyd: Policyd, domain: str, account: str = "%s") -> None:
    """Requests of as many accounts, one each, or so many messages of one."""
    template = request("RCPT", sasl_username=f"{account}@{domain}", instance="%s." + domain)
    with policyd.client() as client:
        for begin in range(0, KEYS, TOGETHER):
            client.send(b"".join(template.replace(b"%s", b"a%x" % (begin + i)) for i in range(TOGETHER)))
            assert [client.answer() for _ in range(TOGETHER)] == ["DUNNO"] * TOGETHER


def own_memory(policyd: Policyd) -> int:
    status = Path(f"/proc/{policyd.process.pid}/status").read_text()
    return int(re.findall(r"RssAnon:\s+(\d+)", status)[0]) * 1024


def file_size(policyd: Policyd) -> int:
    return (policyd.folder / "store/limits/data.mdb").stat().st_size


def test_a_flood_costs_little_and_others_count_on(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(merged(settings(out={"count": "messages", "windows": ["5 per 1h"], "action": "reject"}),
                                   {"log": {"level": "error"}}), store)
    with policyd.client() as client:
        assert [client.ask("RCPT", sasl_username="joe", instance=f"j.{i}") for i in range(3)] == ["DUNNO"] * 3
        before = own_memory(policyd)
        pour(policyd, "example.org")
        assert policyd.is_sanitized or own_memory(policyd) - before < 16 << 20
        assert policyd.counted("gatepost_policy_messages") <= 50000
        assert [str(client.ask("RCPT", sasl_username="joe", instance=f"j.{i}"))[:5] for i in range(3, 7)] == [
            "DUNNO", "DUNNO", "550 5", "550 5"]
    rows, answer = policyd.order("list")
    assert answer == "OK" and rows[0]["key"] == "joe" and rows[0]["used"] == 5


@pytest.mark.parametrize("account", ["%s", "joe"])
def test_on_lmdb_the_next_flood_takes_the_room_of_the_last(start_policyd: StartPolicyd, account: str) -> None:
    """Of the keys' windows; and of the messages of one account, which are known for an hour."""
    limits = merged(settings(out={"windows": ["100000 per 1m"]}), {"log": {"level": "error"}})
    policyd = start_policyd(limits)
    pour(policyd, "0.example", account)
    size = file_size(policyd)
    for turn in range(1, 5):
        policyd.configure(merged(limits, {"policyd-ratelimit": {"clock_offset": f"{2 * turn}h"}}))
        policyd.reload_and_wait()
        pour(policyd, f"{turn}.example", account)
    assert file_size(policyd) < 1.7 * size


def redis_says(redis: Redis, *words: str) -> list[str]:
    return subprocess.run(["redis-cli", "-s", str(redis.socket), *words], stdout=subprocess.PIPE, text=True, check=True
                          ).stdout.split()


def test_redis_forgets_a_flood_when_its_window_is_over(start_policyd: StartPolicyd, world: Path) -> None:
    """The counts with the window, which message had what after an hour."""
    redis = Redis(world / "redis-flood")
    redis.start()
    try:
        policyd = start_policyd(merged(settings(out={"windows": ["1000 per 1s"]}), {"log": {"level": "error"}}), redis.url)
        pour(policyd, "example.org")
        wait_for(lambda: len(redis_says(redis, "--scan", "--pattern", "*}q*")) < 10, "the end of the counts", step=0.2)
        for _ in range(20):
            left = int(redis_says(redis, "TTL", redis_says(redis, "RANDOMKEY")[0])[0])
            assert 0 <= left <= 3601 or left == -2, "or gone by now"
    finally:
        redis.stop()


def test_a_full_store_is_used_again_when_half_of_it_is_over(start_policyd: StartPolicyd) -> None:
    """The rows of the longer window stand between those that are over, on the same pages."""
    policyd = start_policyd(merged(settings(out={"windows": ["1000 per 1s", "10000 per 1h"]}),
                                   {"log": {"level": "error"}, "store_map_max": "4M"}))
    failures = "gatepost_policy_limit_store_failures_total"
    pour(policyd, "example.org")
    assert policyd.counted(failures) > 0
    time.sleep(3)
    number = itertools.count()
    with policyd.client() as client:
        def is_counted() -> bool:
            before, i = policyd.counted(failures), next(number)
            assert client.ask("RCPT", sasl_username=f"new{i}", instance=f"n.{i}") == "DUNNO"
            return policyd.counted(failures) == before

        wait_for(is_counted, "room", step=0.1)
