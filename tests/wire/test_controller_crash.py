"""Killed at any moment, disk full, store gone: nothing that was answered is lost, and nothing is learned twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conftest import stop
from servers.bayesdump import difference
from servers.learnclient import HAM, LATER, LOG, QUEUED, SPAM, STATUS, UNDO, UNLEARN, Closed, LearnClient, lesson
from servers.process import halt, wait_for
from servers.redis import Redis
from teaching import Place, message, place

KILLS = 25
LESSONS = 600


def plan() -> list[tuple[str, bytes]]:
    """Lessons over 200 messages, each taught several times, the other way and unlearned in between."""
    chosen = random.Random(5)
    return [(chosen.choice((SPAM, HAM, HAM, SPAM, UNLEARN)), message(chosen.randrange(200), hop=f"hop{chosen.randrange(3)}.example"))
            for _ in range(LESSONS)]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def open_redis(world: Path, kind: str, stack: ExitStack) -> Redis | None:
    if kind == "lmdb":
        return None
    redis = Redis(world / "redis")
    redis.start()
    stack.callback(redis.stop)
    return redis


def teach_through(where: Place, lessons: list[tuple[str, bytes]], stopping: threading.Event) -> None:
    """Teaches them in order, each again until it is answered, whatever happens to the controller."""
    done = 0
    while done < len(lessons) and not stopping.is_set():
        try:
            with where.client(timeout=20) as client:
                while done < len(lessons):
                    group = lessons[done:done + 8]
                    client.send(b"".join(lesson(n, c, m, "alice") for n, (c, m) in enumerate(group)))
                    for _ in group:
                        assert client.answer().status == QUEUED
                        done += 1
        except (Closed, OSError):
            time.sleep(0.01)


@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_killed_again_and_again(world: Path, stack: ExitStack, kind: str) -> None:
    """What is known in the end is what one uninterrupted run knows."""
    lessons = plan()
    reference = place(world / "a", open_redis(world / "ra", kind, stack))
    reference.controller.start()
    stack.callback(stop, reference.controller)
    teach_through(reference, lessons, threading.Event())
    with reference.client() as client:
        client.sync()

    where = place(world / "b", open_redis(world / "rb", kind, stack))
    where.controller.start()
    stack.callback(where.controller.process.kill)
    stopping = threading.Event()
    teacher = threading.Thread(target=teach_through, args=(where, lessons, stopping))
    teacher.start()
    stack.callback(stopping.set)
    chosen = random.Random(7)
    for _ in range(KILLS):
        time.sleep(chosen.uniform(0.01, 0.25))
        os.kill(where.controller.process.pid, signal.SIGKILL)
        where.controller.process.wait()
        where.controller.start()
    teacher.join(300)
    assert not teacher.is_alive()
    with where.client() as client:
        client.sync()
        assert difference(reference.dump(), where.dump()) == []
        client.query(UNDO, "alice")
        assert where.dump() == {}, "the log knows of everything, too"
    stop(where.controller)


@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_killed_while_it_undoes(world: Path, stack: ExitStack, kind: str) -> None:
    where = place(world, open_redis(world, kind, stack))
    where.controller.start()
    stack.callback(where.controller.process.kill)
    with where.client() as client:
        client.teach_all(SPAM, (message(n) for n in range(100)), "bob")
        client.sync()
        before = where.dump()
        client.teach_all(HAM, (message(n, hop="b.example") for n in range(300)), "alice")
        client.sync()
    asker = where.client()
    asker.send(b"\0\0\0\x14Q" + b"\0\0\0\1u" + b"\0" * 12 + b"\0\5alice"[:7])
    chosen = random.Random(3)
    for _ in range(8):
        time.sleep(chosen.uniform(0.005, 0.04))
        os.kill(where.controller.process.pid, signal.SIGKILL)
        where.controller.process.wait()
        where.controller.start()
    with where.client() as client:
        client.query(UNDO, "alice")  # in case that the first was not on disk yet
        assert difference(before, where.dump()) == []
    stop(where.controller)


def test_torn_tail_is_nobodys(world: Path, stack: ExitStack) -> None:
    """A record that a crash cut off was not answered; what is before it is learned, what comes after it too."""
    where = place(world, None)
    where.controller.start()
    with where.client() as client:
        client.outcome(SPAM, message(1))
    os.kill(where.controller.process.pid, signal.SIGKILL)
    where.controller.process.wait()
    (where.controller.queue / "position").unlink()
    for name in ("queue", "log"):
        file = next(where.controller.queue.glob(f"{name}-*"))
        whole = file.read_bytes()
        file.write_bytes(whole + whole[:len(whole) // 2])
    where.controller.start()
    stack.callback(stop, where.controller)
    where.controller.wait_line("are nobody's")
    with where.client() as client:
        assert client.outcome(HAM, message(2)) == "n"
        assert where.totals() == (1, 1)
        assert len(client.query(LOG)) == 2


def test_files_are_private(world: Path, stack: ExitStack) -> None:
    where = place(world, None)
    where.controller.queue.rmdir()
    where.controller.folder.chmod(0o777)
    where.controller.start()
    stack.callback(stop, where.controller)
    with where.client() as client:
        client.outcome(SPAM, message(1))
    assert where.controller.queue.stat().st_mode & 0o7777 & ~0o2000 == 0o700
    files = list(where.controller.queue.iterdir())
    assert len(files) == 3 and all(file.stat().st_mode & 0o7777 == 0o600 for file in files)


def test_disk_full(world: Path, stack: ExitStack) -> None:
    """Messages are put off; those that were taken are learned when there is room again."""
    folder = world / "controller" / "learn"
    folder.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    stack.callback(subprocess.run, ["umount", "-l", folder], check=True)
    where = place(world, None)
    where.controller.start()
    stack.callback(stop, where.controller)
    with where.client() as client:
        statuses = [client.teach(SPAM, message(n) + b"x" * 60000).status for n in range(40)]
        assert statuses[0] == QUEUED and statuses[-1] == LATER
        assert len(where.controller.lines("put off")) == 1, "said once, not for every message"
        assert where.controller.counted("gatepost_controller_put_off_total", "disk") > 0
        assert subprocess.run(["mount", "-o", "remount,size=64m", folder], check=False).returncode == 0
        client.sync()
        assert where.totals() == (statuses.count(QUEUED), 0)
        assert client.teach(SPAM, message(99)).status == QUEUED


def test_queue_full(world: Path, stack: ExitStack) -> None:
    """With the store gone the queue fills up to its bound; then it is learned."""
    redis = Redis(world / "redis")
    where = place(world, redis, {"learn": {"queue_size": "1M"}, "store_timeout": "500ms"})
    where.controller.start()
    stack.callback(stop, where.controller)
    with where.client() as client:
        statuses = [client.teach(SPAM, message(n) + b"x " * 20000).status for n in range(40)]
        kept = statuses.count(QUEUED)
        assert 20 < kept < 30 and statuses[kept:] == [LATER] * (40 - kept)
        where.controller.wait_line("learning waits: ")
        status = client.query(STATUS)[0]
        assert status["waiting"] == kept and status["held"]
        assert where.controller.http("/healthz")[0] == 503
        redis.start()
        stack.callback(redis.stop)
        wait_for(lambda: where.totals() == (kept, 0), "learning", 60)
        client.sync()
        assert len(where.controller.lines("learning waits: ")) <= 2


def test_redis_dies_while_learning(world: Path, stack: ExitStack) -> None:
    """A store that loses its answers: every message is known exactly once in the end."""
    redis = Redis(world / "redis")
    redis.start()
    stack.callback(redis.stop)
    where = place(world, redis, {"store_timeout": "300ms"})
    where.controller.start()
    stack.callback(stop, where.controller)
    with where.client() as client:
        for at in range(0, 400, 50):
            client.teach_all(SPAM, (message(n) for n in range(at, at + 50)), "alice")
            halt(redis.process.pid)
            time.sleep(0.4)
            redis.process.send(signal.SIGCONT)
        wait_for(lambda: where.totals() == (400, 0), "learning", 90)
        client.sync()
        client.query(UNDO, "alice")
    assert where.dump() == {}


def test_map_full(world: Path, stack: ExitStack) -> None:
    """LMDB at its bound: what does not fit waits."""
    where = place(world, None, {"store_map_max": "1M"})
    where.controller.start()
    with where.client() as client:
        client.teach_all(SPAM, (message(n, words=400) for n in range(300)), "alice")
        where.controller.wait_line("learning waits: ")
        assert client.query(STATUS)[0]["held"]
    stop(where.controller)
    where.controller.configure({"learn": {"directory": str(where.controller.queue), "trusted_uids": ["0"]}})
    where.controller.start()
    stack.callback(stop, where.controller)
    with where.client() as client:
        client.sync()
    assert where.totals() == (300, 0)
