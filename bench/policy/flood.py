"""A flood of keys at policyd-ratelimit: what a million accounts that nobody has seen before cost, and what is left of them.

While they come, over as many connections as in the other runs, one client more asks for fifty accounts of its own.  The
limits have one window, of a minute; then it is waited until that is over (Redis: what each message used is known there for an
hour), or the test clock is put forward two hours (LMDB), and as many come for another limit, thus with other keys, to see
whether they take the room of the first.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import threading
import time
from pathlib import Path

from servers.milter import Value
from servers.policyd import Policyd
from servers.redis import Redis

WINDOW_S = 60


def settings(limit: str, offset_s: int = 0) -> dict[str, Value]:
    return {"log": {"level": "warning"}, "policyd-ratelimit": {"clock_offset": f"{offset_s}s", "limits": {limit: {
        "count": "messages", "by": ["sasl_username"], "windows": [f"100000 per {WINDOW_S}s"]}}}}


class Others:
    """One client that asks for accounts of its own all the while."""

    def __init__(self, policyd: Policyd) -> None:
        self._policyd = policyd
        self._seconds: list[float] = []
        self._is_over = False
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        count = 0
        with self._policyd.client() as client:
            while not self._is_over:
                count += 1
                begun = time.perf_counter()
                answer = client.ask("RCPT", sasl_username=f"other{count % 50}@example.org", instance=f"o.{count}")
                self._seconds.append(time.perf_counter() - begun)
                assert answer == "DUNNO", answer
                time.sleep(0.002)

    def take(self) -> str:
        """What it waited since the last time."""
        seconds, self._seconds = sorted(self._seconds), []
        at = [seconds[int(len(seconds) * share)] * 1000 for share in (0.5, 0.99)]
        return f"{at[0]:6.2f} / {at[1]:6.2f}"

    def stop(self) -> None:
        self._is_over = True
        self._thread.join()


def memory_of(policyd: Policyd) -> float:
    """MB of the daemon's own; pages of LMDB's file are the kernel's to take back."""
    status = Path(f"/proc/{policyd.process.pid}/status").read_text()
    return int(re.findall(r"RssAnon:\s+(\d+)", status)[0]) / 1024


def redis_says(redis: Redis, *words: str) -> str:
    return subprocess.run(["redis-cli", "-s", str(redis.socket), *words], stdout=subprocess.PIPE, text=True, check=True).stdout


def size_of(policyd: Policyd, redis: Redis | None) -> float:
    if redis:
        return int(re.findall(r"used_memory:(\d+)", redis_says(redis, "INFO", "memory"))[0]) / 2**20
    return sum(path.stat().st_blocks * 512 for path in (policyd.folder / "store").rglob("*.mdb")) / 2**20


def pour(loader: Path, policyd: Policyd, options: argparse.Namespace) -> float:
    """As many new keys as asked for; requests a second."""
    argv = [str(loader), "-J", "-c", str(options.connections), "-n", str(options.flood), "-u", str(options.flood),
            f"unix:{policyd.socket}"]
    row = json.loads(subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout)
    assert row["errors"] == 0, row
    rate: float = row["rate"]
    return rate


def pass_window(policyd: Policyd, redis: Redis | None) -> None:
    if redis:
        time.sleep(WINDOW_S + 15)
    policyd.configure(settings("others", 0 if redis else 7200))
    policyd.reload()
    time.sleep(1)


def flood(folder: Path, loader: Path, options: argparse.Namespace, redis: Redis | None) -> None:
    policyd = Policyd(folder / "flooded", folder / "flooded.sock", redis.url if redis else "", settings("accounts"))
    policyd.start()
    others = Others(policyd)
    try:
        def show(when: str, rate: float = 0.0) -> None:
            print(f"{when:28}{rate or '':8.6}{memory_of(policyd):10.1f}{size_of(policyd, redis):10.1f}"
                  f"    {others.take()}", flush=True)

        print(f"\n{'redis' if redis else 'lmdb':28}{'req/s':>8}{'RSS MB':>10}{'store MB':>10}    others' p50 / p99 ms")
        time.sleep(3)
        show("before")
        show(f"{options.flood} keys", pour(loader, policyd, options))
        begun = time.monotonic()
        rows, answer = policyd.order("list")
        print(f"  list: {len(rows)} rows, {answer or 'OK'}, {time.monotonic() - begun:.1f} s")
        others.take()
        pass_window(policyd, redis)
        show("a minute later" if redis else "two hours later")
        show("as many again", pour(loader, policyd, options))
    finally:
        others.stop()
        policyd.stop()


def measure_flood(folder: Path, loader: Path, options: argparse.Namespace) -> None:
    redis = Redis(folder / "redis-flood")
    redis.start()
    try:
        flood(folder / "lmdb", loader, options, None)
        flood(folder / "onredis", loader, options, redis)
    finally:
        redis.stop()
