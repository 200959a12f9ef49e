"""What is counted in memory while the store is away, when the daemon ends before the store is back."""

from __future__ import annotations

import os
import shutil
import signal
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from conftest import StartPolicyd
from limitmail import passed, send, settings
from servers.milter import Value
from servers.policyd import Policyd
from servers.process import halt, wait_for
from servers.redis import Redis

LIMITS: dict[str, Mapping[str, Value]] = {
    "messages": {"count": "messages", "windows": ["10 per 1h", "1000 per 1d"]},
    "recipients": {"count": "recipients", "windows": ["1000 per 1h"]},
    "distinct": {"count": "distinct_recipients", "windows": ["1000 per 1h"]},
    "bytes": {"count": "bytes", "windows": ["1M per 1h"]}}


def used(policyd: Policyd) -> dict[str, int]:
    return {f"{row['limit']} {row['window']}": row["used"] for row in policyd.order("list")[0]}


def end(policyd: Policyd, how: str) -> None:
    if how == "kill":
        policyd.process.kill()
    else:
        assert policyd.stop() == 0


def kept_file(policyd: Policyd) -> Path:
    return policyd.folder / "store" / "outage"


@pytest.mark.parametrize("ends", ["stop", "kill"])
def test_what_was_counted_is_told_after_a_restart(start_policyd: StartPolicyd, redis: Redis, ends: str) -> None:
    """Of all kinds, over two restarts; the limit holds meanwhile too."""
    policyd = start_policyd(settings(**LIMITS), redis.url)
    redis.process.kill()
    for _ in range(2):
        with policyd.client() as client:
            assert [send(client, n=3, size=5000) for _ in range(3)] == ["DUNNO"] * 3
        end(policyd, ends)
        policyd.start()
        assert policyd.lines("requests that the store was not told of")
    with policyd.client() as client:
        assert passed(client, "joe") == 4, "six were before"
    redis.start()
    policyd.wait_line("the store was told")
    assert used(policyd) == {"messages 1h": 10, "messages 1d": 10, "recipients 1h": 22, "distinct 1h": 3, "bytes 1h": 30000}
    assert kept_file(policyd).stat().st_size == 0
    end(policyd, ends)
    policyd.start()
    assert used(policyd)["messages 1h"] == 10


def test_what_the_store_has_is_not_counted_again(start_policyd: StartPolicyd, redis: Redis) -> None:
    """It was asked, did not answer in time, and counts when it goes on; the daemon was killed meanwhile."""
    policyd = start_policyd({"store_timeout": "1s", **settings(**LIMITS)}, redis.url)
    with policyd.client() as client:
        assert send(client, stages="d") == "DUNNO"
        halt(redis.process.pid)
        assert [send(client, stages="d") for _ in range(4)] == ["DUNNO"] * 4
    policyd.process.kill()
    os.kill(redis.process.pid, signal.SIGCONT)
    policyd.start()
    policyd.wait_line("the store was told")
    wait_for(lambda: used(policyd).get("messages 1h") == 5, "all five in the store")
    with policyd.client() as client:
        assert send(client, stages="d") == "DUNNO"
    wait_for(lambda: used(policyd)["messages 1h"] == 6, "one more, and none twice")


@pytest.mark.parametrize("damage", ["half", "middle", "other", "foreign", "link", "folder"])
def test_a_file_that_is_broken_or_not_ours(start_policyd: StartPolicyd, redis: Redis, damage: str) -> None:
    """One line in the log, what is whole counts, and the daemon serves."""
    policyd = start_policyd(settings(**LIMITS), redis.url)
    path = kept_file(policyd)
    redis.process.kill()
    with policyd.client() as client:
        assert [send(client, stages="d") for _ in range(4)] == ["DUNNO"] * 4
    assert policyd.stop() == 0
    text = path.read_bytes()
    if damage == "half":
        path.write_bytes(text[:-5])
    elif damage == "middle":
        at = text.index(b"\n") + 1
        for _ in range(2):  # behind two whole ones
            at += 16 + struct.unpack_from("=Q", text, at)[0]
        path.write_bytes(text[:at + 20] + bytes([text[at + 20] ^ 1]) + text[at + 21:])
    elif damage == "other":
        path.write_bytes(b"something else entirely")
    elif damage == "foreign":
        shutil.chown(path, "root")
        path.chmod(0o644)
    elif damage == "link":
        path.rename(path.with_name("elsewhere"))
        path.symlink_to("elsewhere")
    else:
        path.unlink()
        path.mkdir()
    policyd.start()
    assert len(policyd.lines(rf"{path}: ")) == 1
    redis.start()
    with policyd.client() as client:
        assert send(client, stages="d") == "DUNNO"
    wanted = {"half": 3, "middle": 2}.get(damage, 0) + 1
    wait_for(lambda: used(policyd).get("messages 1h") == wanted, "what is whole, and one more")
    assert policyd.stop() == 0


def test_a_second_daemon_leaves_the_file_alone(start_policyd: StartPolicyd, redis: Redis) -> None:
    first = start_policyd(settings(**LIMITS), redis.url)
    redis.process.kill()
    with first.client() as client:
        assert send(client, stages="d") == "DUNNO"
    second = start_policyd({"policyd-ratelimit": {"limits": LIMITS, "outage_file": str(kept_file(first))}}, redis.url)
    second.wait_line("is another's")
    assert not second.lines("requests that the store was not told of")
    redis.start()
    first.wait_line("the store was told")
    assert used(first)["messages 1h"] == 1


def test_without_a_file_it_is_lost_and_said(start_policyd: StartPolicyd, redis: Redis) -> None:
    limits = {"policyd-ratelimit": {"limits": LIMITS, "outage_file": ""}}
    policyd = start_policyd(limits, redis.url)
    redis.process.kill()
    with policyd.client() as client:
        assert send(client, stages="d") == "DUNNO"
    assert policyd.stop() == 0
    policyd.wait_line("counted without the store is lost")
