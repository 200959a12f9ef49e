"""The store down, slow, restarted: a bounded wait, a verdict by what is left, and recovery without help."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import GREY, MARK, REJECT, StartMilter
from milterclient import Envelope, judge
from servers.milter import MilterSpam
from servers.process import wait_for
from servers.redis import Redis

BOUND = 10.0  # seconds that one message may take at most when the store hangs; well below the deadline of 20 s


@pytest.fixture
def redis(world: Path) -> Iterator[Redis]:
    redis = Redis(world / "redis")
    redis.start()
    yield redis
    if redis.process.is_running:
        redis.process.send(signal.SIGCONT)
    redis.stop()


def judges(milter: MilterSpam) -> bool:
    """True if rules still mark and reject, each message within the bound."""
    begin = time.monotonic()
    marked = judge(str(milter.socket), MARK).values("X-Spam") == ["Yes"]
    rejected = judge(str(milter.socket), REJECT).reply.code == 550
    return marked and rejected and time.monotonic() - begin < 2 * BOUND


def greylists(milter: MilterSpam, sender: str) -> bool:
    """Greylisting needs the store: a first try is deferred when it answers."""
    return judge(str(milter.socket), GREY, Envelope(sender=sender)).reply.text.startswith("451")


@pytest.mark.parametrize("address", ["url", "tcp_url", "tls_url"])
def test_each_way_in(start: StartMilter, redis: Redis, address: str) -> None:
    milter = start({"store_ca_file": str(redis.certificate)}, store=getattr(redis, address))
    assert greylists(milter, "one@example.net")
    assert '"status":"ok"' in milter.http("/healthz")[1]


def test_unknown_certificate(start: StartMilter, redis: Redis) -> None:
    milter = start(store=redis.tls_url)
    assert not greylists(milter, "one@example.net")
    assert judges(milter)


@pytest.mark.parametrize("is_right", [True, False])
def test_password(start: StartMilter, world: Path, is_right: bool) -> None:
    redis = Redis(world / "closed", password=True)
    redis.start()
    try:
        if not is_right:
            redis.password_file.write_text("wrong\n")
        milter = start({"store_password_file": str(redis.password_file)}, store=redis.url)
        assert greylists(milter, "one@example.net") == is_right
        assert judges(milter)
        assert not milter.lines("secret, with|wrong")
    finally:
        redis.stop()


def test_down_at_start(start: StartMilter, redis: Redis) -> None:
    redis.stop()
    milter = start(store=redis.url)
    assert judges(milter)
    status, text = milter.http("/healthz")
    assert status == 200 and '"status":"degraded"' in text and '"name":"store","ok":false' in text
    redis.start()
    wait_for(lambda: greylists(milter, f"{time.monotonic()}@example.net"), "greylisting once Redis is there", 60, 0.5)
    assert '"status":"ok"' in milter.http("/healthz")[1]


def test_dies_and_comes_back(start: StartMilter, redis: Redis) -> None:
    milter = start(store=redis.url)
    assert greylists(milter, "one@example.net")
    redis.stop()
    assert judges(milter)
    redis.start()
    wait_for(lambda: greylists(milter, f"{time.monotonic()}@example.net"), "greylisting once Redis is back", 60, 0.5)


def test_hangs(start: StartMilter, redis: Redis) -> None:
    """A stopped process takes connections and never answers: the worst kind of slow."""
    milter = start(store=redis.url)
    assert greylists(milter, "one@example.net")
    redis.process.send(signal.SIGSTOP)
    assert judges(milter)
    begin = time.monotonic()
    for _ in range(20):
        judge(str(milter.socket), MARK)
    assert time.monotonic() - begin < BOUND, "the circuit breaker does not wait again and again"
    redis.process.send(signal.SIGCONT)
    wait_for(lambda: greylists(milter, f"{time.monotonic()}@example.net"), "greylisting once Redis answers", 60, 0.5)


def test_tempfail_when_so_configured(start: StartMilter, redis: Redis) -> None:
    milter = start({"milter-spam": {"on_store_error": "tempfail"}}, store=redis.url)
    redis.stop()
    assert judge(str(milter.socket), MARK).reply.text.startswith("4")


def test_marked_as_incomplete_when_so_configured(start: StartMilter, redis: Redis) -> None:
    milter = start({"milter-spam": {"on_store_error": "accept-and-mark"}}, store=redis.url)
    redis.stop()
    result = judge(str(milter.socket), GREY)
    assert result.reply.action in ("accept", "continue")
    assert result.value("X-Spam-Check").startswith("incomplete")
