"""Floods of keys that are new: bounded in memory, no matter for others, and gone when their window is over."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

from conftest import StartPolicyd
from limitmail import settings
from servers.milter import merged
from servers.policyd import Policyd, request
from servers.redis import Redis

KEYS = 15000
TOGETHER = 100  # requests that the client sends at once


def pour(policyd: Policyd, domain: str) -> None:
    """Requests of as many accounts, one each."""
    template = request("RCPT", sasl_username=f"%s@{domain}", instance="%s." + domain)
    with policyd.client() as client:
        for begin in range(0, KEYS, TOGETHER):
            client.send(b"".join(template.replace(b"%s", b"a%x" % (begin + i)) for i in range(TOGETHER)))
            assert [client.answer() for _ in range(TOGETHER)] == ["DUNNO"] * TOGETHER


def own_memory(policyd: Policyd) -> int:
    status = Path(f"/proc/{policyd.process.pid}/status").read_text()
    return int(re.findall(r"RssAnon:\s+(\d+)", status)[0]) * 1024


def file_size(policyd: Policyd) -> int:
    return (policyd.folder / "store/limits/data.mdb").stat().st_size


def is_sanitized(policyd: Policyd) -> bool:
    return "libasan" in Path(f"/proc/{policyd.process.pid}/maps").read_text()


def test_a_flood_costs_little_and_others_count_on(start_policyd: StartPolicyd, store: str) -> None:
    policyd = start_policyd(merged(settings(out={"count": "messages", "windows": ["5 per 1h"], "action": "reject"}),
                                   {"log": {"level": "error"}}), store)
    with policyd.client() as client:
        assert [client.ask("RCPT", sasl_username="joe", instance=f"j.{i}") for i in range(3)] == ["DUNNO"] * 3
        before = own_memory(policyd)
        pour(policyd, "example.org")
        assert is_sanitized(policyd) or own_memory(policyd) - before < 16 << 20
        assert policyd.counted("gatepost_policy_messages") <= 50000
        assert [str(client.ask("RCPT", sasl_username="joe", instance=f"j.{i}"))[:5] for i in range(3, 7)] == [
            "DUNNO", "DUNNO", "550 5", "550 5"]
    rows, answer = policyd.order("list")
    assert answer == "OK" and rows[0]["key"] == "joe" and rows[0]["used"] == 5


def test_on_lmdb_the_next_flood_takes_the_room_of_the_last(start_policyd: StartPolicyd) -> None:
    limits = merged(settings(out={"windows": ["1000 per 1m"]}), {"log": {"level": "error"}})
    policyd = start_policyd(limits)
    pour(policyd, "one.example")
    size = file_size(policyd)
    for turn in range(1, 4):
        policyd.configure(merged(limits, {"policyd-ratelimit": {"clock_offset": f"{3 * turn}m"}}))
        policyd.reload()
        time.sleep(0.5)
        pour(policyd, f"{turn}.example")
    assert file_size(policyd) < 1.5 * size


def test_redis_forgets_a_flood_when_its_window_is_over(start_policyd: StartPolicyd, world: Path) -> None:
    redis = Redis(world / "redis-flood")
    redis.start()
    try:
        policyd = start_policyd(merged(settings(out={"windows": ["1000 per 1s"]}), {"log": {"level": "error"}}), redis.url)
        pour(policyd, "example.org")
        for _ in range(100):
            left = int(subprocess.run(["redis-cli", "-s", str(redis.socket), "DBSIZE"], stdout=subprocess.PIPE, check=True).stdout)
            if left < 10:
                break
            time.sleep(0.2)
        assert left < 10
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
    with policyd.client() as client:
        for i in range(100):
            before = policyd.counted(failures)
            assert client.ask("RCPT", sasl_username=f"new{i}", instance=f"n.{i}") == "DUNNO"
            if policyd.counted(failures) == before:
                return
            time.sleep(0.1)
    raise AssertionError("still full")
