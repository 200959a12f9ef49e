"""Old and rare tokens go, in the background, also when the store is full: then learning goes on by itself."""

from __future__ import annotations

import random
import struct
import time
from contextlib import ExitStack
from pathlib import Path


from conftest import stop
from servers import bayesdump
from servers.learnclient import NEW, QUEUED, SPAM
from servers.process import wait_for
from servers.redis import Redis
from teaching import Place, message, place

BUCKETS = 65536
TODAY = int(time.time()) // 86400


def plant(ask: bayesdump.Redis, per_bucket: int, day: int) -> int:
    """So many tokens in each bucket of everybody's scope, each met in one message on that day; how many in all."""
    chance = random.Random(day)
    for bucket in range(BUCKETS):
        records = b"".join(struct.pack("<I", chance.getrandbits(32)) + b"\1\0\0\0\0\0" + struct.pack("<H", day) for _ in range(per_bucket))
        ask(b"APPEND", b"gp1{b:}%04x" % bucket, records)
    return BUCKETS * per_bucket


def held(ask: bayesdump.Redis) -> int:
    return int(ask(b"GET", b"gp1{b:}m").split()[3])  # type: ignore[attr-defined]


def start(world: Path, redis: Redis, stack: ExitStack, expire: dict[str, object]) -> Place:
    where = place(world, redis, {"bayes": {"expire": expire}})
    where.controller.start()
    stack.callback(stop, where.controller)
    return where


def test_old_tokens_go(world: Path, redis: Redis) -> None:
    ask = bayesdump.Redis(redis.socket)
    ask(b"SET", b"gp1{b:}m", b"1 50 50 %d 1" % (2 * BUCKETS))
    plant(ask, 1, TODAY - 100)
    plant(ask, 1, TODAY - 80)
    with ExitStack() as stack:
        where = start(world, redis, stack, {"interval": "1s"})
        with where.client() as client:
            assert client.outcome(SPAM, message(1)) == NEW
            where.controller.wait_line(f"expiry: forgot {BUCKETS} tokens", 60)
            assert 0 < held(ask) - BUCKETS < 500, "those of 80 days ago and of today stay"
        assert where.controller.counted("gatepost_bayes_forgotten_tokens_total") == BUCKETS


def test_too_many_tokens(world: Path, redis: Redis) -> None:
    """Above tokens_max the age is halved until it fits: 91, 45, 22 days."""
    ask = bayesdump.Redis(redis.socket)
    ask(b"SET", b"gp1{b:}m", b"1 50 50 %d 1" % (2 * BUCKETS))
    plant(ask, 1, TODAY - 30)
    plant(ask, 1, TODAY - 10)
    with ExitStack() as stack:
        start(world, redis, stack, {"interval": "1s", "tokens_max": 70000})
        wait_for(lambda: held(ask) == BUCKETS, "tokens to go", 60)


def test_learning_goes_on_after_redis_was_full(world: Path, redis: Redis) -> None:
    """maxmemory is reached and nothing is evicted: rare tokens go sooner until there is room."""
    ask = bayesdump.Redis(redis.socket)
    with ExitStack() as stack:
        where = start(world, redis, stack, {"interval": 0})
        with where.client() as client:
            assert client.outcome(SPAM, message(1)) == NEW
            tokens = plant(ask, 3, TODAY - 40)
            ask(b"SET", b"gp1{b:}m", b"1 1 0 %d 5" % (tokens + held(ask)))
            used = int(next(line for line in ask(b"INFO", b"memory").decode().split("\r\n")  # type: ignore[attr-defined]
                            if line.startswith("used_memory:")).split(":")[1])
            # By more than what it takes for its clients, which comes and goes.
            ask(b"CONFIG", b"SET", b"maxmemory", b"%d" % (used - 200_000))
            answers = client.teach_all(SPAM, (message(n, words=300) for n in range(2, 30)))
            assert {a.status for a in answers} == {QUEUED}, "what is taught waits in the queue"
            where.controller.wait_line("the store is full: forgetting tokens of at most 2 messages")
            where.controller.wait_line("expiry: the store has room again", 60)
            client.sync()
        assert where.totals()[0] == 29
        assert held(ask) < tokens
