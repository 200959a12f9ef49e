"""Spam scores of own mail: milter-spam tells them through the store, policyd-ratelimit counts them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import HAM, REJECT, StartMilter, StartPolicyd
from milterclient import Envelope, judge
from servers.milter import GROUP, USER, Value
from servers.policyd import Policyd
from servers.process import wait_for
from servers.redis import Redis

SPAM_LIMIT: dict[str, Value] = {"policyd-ratelimit": {"limits": {"spam": {
    "count": "spam", "score": 6.0, "by": ["sasl_username"], "windows": ["2 per 1h"], "contain": "1h"}}}}
JOE = "joe@example.org"


def used(policyd: Policyd) -> list[int]:
    return [row["used"] for row in policyd.order("list")[0] if row["type"] == "limit"]


def contained(policyd: Policyd) -> list[str]:
    return [row["key"] for row in policyd.order("list")[0] if row["type"] == "contained"]


@pytest.fixture(params=["lmdb", "redis"])
def store(request: pytest.FixtureRequest, world: Path) -> str:
    if request.param == "redis":
        return str(request.getfixturevalue("redis").url)
    folder = world / "shared"
    folder.mkdir()
    shutil.chown(folder, USER, GROUP)
    folder.chmod(0o2770)
    return f"lmdb:{folder}"


Send = Callable[..., None]


@pytest.fixture
def send(start: StartMilter, store: str) -> Send:
    milter = start({"milter-spam": {"authenticated": "observe"}}, store)

    def send(queue_id: str, account: str = JOE, message: bytes = REJECT) -> None:
        macros = {"{auth_type}": "PLAIN", "{auth_authen}": account} if account else {}
        judge(str(milter.socket), message, Envelope(sender=JOE, queue_id=queue_id, macros=macros))

    return send


def test_an_account_that_sends_spam_is_contained(start_policyd: StartPolicyd, send: Send, store: str) -> None:
    policyd = start_policyd(SPAM_LIMIT, store)
    with policyd.client() as client:
        client.ask("DATA", sasl_username=JOE)
        for i in range(3):
            send(f"HAM{i}", message=HAM)
            send(f"IN{i}", account="")
        send("S1")
        send("S2")
        wait_for(lambda: used(policyd) == [2], "count of two")
        assert contained(policyd) == []
        assert client.ask("DATA", sasl_username=JOE, queue_id="Q") == "DUNNO"
        send("S3")
        wait_for(lambda: contained(policyd) == [JOE], "containment")
        assert str(client.ask("DATA", sasl_username=JOE, queue_id="Q")).startswith("HOLD")
    events = [row for row in policyd.order("show", key=JOE)[0] if row["type"] == "event"]
    assert {row["queue_id"] for row in events} == {"S1", "S2", "S3"} and events[0]["score"] == 20


def test_a_score_counts_once_whoever_reads_it(start_policyd: StartPolicyd, start: StartMilter, redis: Redis) -> None:
    milter = start({"milter-spam": {"authenticated": "observe"}}, redis.url)
    hosts = [start_policyd(SPAM_LIMIT, redis.url) for _ in range(2)]
    macros = {"{auth_type}": "PLAIN", "{auth_authen}": JOE}
    judge(str(milter.socket), REJECT, Envelope(sender=JOE, queue_id="S1", macros=macros))
    wait_for(lambda: used(hosts[0]) == [1], "count of one")
    hosts[0].stop()
    hosts[0].start()  # reads the ring from its beginning
    judge(str(milter.socket), REJECT, Envelope(sender=JOE, queue_id="S2", macros=macros))
    wait_for(lambda: used(hosts[0]) == [2], "count of two")
    assert contained(hosts[1]) == []
