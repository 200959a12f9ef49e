"""The learn socket against clients that are many, slow, silent, or speak nonsense; and workers that crash and hang."""

from __future__ import annotations

import itertools
import os
import random
import re
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from conftest import stop
from servers.learnclient import FAILED, LATER, NEW, QUEUED, SPAM, STATUS, WANT_RESULT, Closed, LearnClient, frame, lesson, text
from servers.milter import Value
from servers.process import halt, wait_for
from teaching import Place, message, place

Start = Callable[..., Place]


@pytest.fixture
def start(world: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def run(settings: Mapping[str, Value] | None = None) -> Place:
            where = place(world, None, settings)
            where.controller.start()
            stack.callback(stop, where.controller)
            return where

        yield run


def workers(where: Place, kind: int | None = None) -> list[int]:
    """Processes that read mail; of a kind: 0 teaches, 1 scans."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            name, parent = status.read_text().split("\n", 1)[0], int(re.findall(r"PPid:\s+(\d+)", status.read_text())[0])
            if (name.endswith("gatepost-worker") and f"\nPPid:\t{where.controller.process.pid}\n" in Path(f"/proc/{parent}/status").read_text()
                    and (kind is None or (status.parent / "cmdline").read_bytes().split(b"\0")[2] == b"%d" % kind)):
                found.append(int(status.parent.name))
        except (OSError, IndexError):
            continue
    return found


HELLO = frame("H", struct.pack(">H", 1) + text("x"))
BAD = {
    "no hello": frame("E"),
    "a second hello": HELLO + HELLO,
    "an unknown version": frame("H", struct.pack(">H", 0) + text("x")),
    "a frame of unknown type": HELLO + frame("Z", b"abc"),
    "a frame of impossible length": HELLO + b"\xff\xff\xff\xffL",
    "a frame of no length": HELLO + b"\0\0\0\0L",
    "a controller's frame": HELLO + frame("A", struct.pack(">IBH", 1, ord("q"), 0)),
    "data outside of a message": HELLO + frame("D", b"abc"),
    "end outside of a message": HELLO + frame("E"),
    "a message within a message": HELLO + 2 * lesson(1, SPAM, b"x")[:-5],
    "a question within a message": HELLO + lesson(1, SPAM, b"x")[:-5] + frame("Q", struct.pack(">IBqI", 1, ord("s"), 0, 0) + text("")),
    "a class that is none": HELLO + frame("L", struct.pack(">IBB", 1, ord("z"), 0) + text("") + text("")),
    "a user that does not fit": HELLO + frame("L", struct.pack(">IBBH", 1, ord("s"), 0, 9) + b"a"),
    "a name too long": HELLO + frame("L", struct.pack(">IBB", 1, ord("s"), 0) + text("a" * 256) + text("")),
}


@pytest.mark.parametrize("what", BAD)
def test_malformed_is_answered_and_closed(start: Start, what: str) -> None:
    where = start()
    with where.client(hello=False) as client:
        client.send(BAD[what])
        frames = []
        with pytest.raises((Closed, ConnectionResetError)):
            while True:
                frames.append(client.receive())
        kind, payload = frames[-1]
        assert kind == "A" and payload[:5] == b"\0\0\0\0r" and len(payload) > 7
    with where.client() as client:
        assert client.outcome(SPAM, message(1)) == NEW


def test_malformed_is_logged_once(start: Start) -> None:
    where = start()
    for _ in range(20):
        with where.client(hello=False) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises((Closed, ConnectionResetError)):
                client.receive() and client.receive()
    assert len(where.controller.lines("learn socket: a client of uid 0 sent")) == 1
    assert where.controller.counted("gatepost_controller_learn_malformed_total") == 20


def test_noise(start: Start) -> None:
    """Lessons with bytes changed, left out, doubled, cut off: whatever it makes of them, it goes on, and the next client is served."""
    where = start()
    chosen = random.Random(11)
    good = HELLO + b"".join(lesson(n, SPAM, message(n), "alice", 1, "INBOX") for n in range(4)) + frame(
        "Q", struct.pack(">IBqI", 9, ord("l"), 0, 10) + text("alice"))
    for _ in range(300):
        data = bytearray(good)
        for _ in range(chosen.randrange(1, 6)):
            at, kind = chosen.randrange(len(data)), chosen.randrange(4)
            if kind == 0:
                data[at] = chosen.randrange(256)
            elif kind == 1:
                del data[at:at + chosen.randrange(1, 40)]
            elif kind == 2:
                data[at:at] = data[max(0, at - chosen.randrange(60)):at]
            else:
                data[at:] = b""
            if not data:
                break
        with where.client(hello=False) as client:
            client.sock.settimeout(0.05)
            try:
                client.send(bytes(data))
                if chosen.randrange(2):
                    client.sock.shutdown(socket.SHUT_WR)
                client.sock.recv(1 << 16)
            except OSError:
                pass
    with where.client() as client:
        assert client.outcome(SPAM, message(999)) == NEW
        client.sync()


def test_any_cut_of_the_stream(start: Start) -> None:
    """Frames that come byte by byte, and all in one piece."""
    where = start()
    stream = lesson(1, SPAM, message(1)) + lesson(2, SPAM, message(2))
    with where.client() as client:
        for n in range(len(stream)):
            client.send(stream[n:n + 1])
        assert [client.answer().status for _ in range(2)] == [QUEUED, QUEUED]
        client.send(lesson(3, SPAM, message(3)) * 30)
        assert [client.answer().id for _ in range(30)] == [3] * 30


def test_cancel(start: Start) -> None:
    where = start()
    with where.client() as client:
        client.send(lesson(1, SPAM, message(1))[:-5] + frame("C") + lesson(2, SPAM, message(2)))
        assert client.answer().id == 2
        client.sync()
    assert where.totals() == (1, 0)


def test_client_that_does_not_read(start: Start) -> None:
    """It is held back, and others are served; when it reads at last, every answer is there."""
    where = start()
    lazy = where.client()
    lazy.sock.settimeout(0.5)
    stream = b"".join(frame("Q", struct.pack(">IBqI", n, ord("s"), 0, 0) + text("")) for n in range(40000))
    sent = 0
    with pytest.raises(OSError):
        while sent < len(stream):
            sent += lazy.sock.send(stream[sent:sent + 65536])
    with where.client() as client:
        assert client.outcome(SPAM, message(1)) == NEW
    lazy.sock.settimeout(60)
    assert [lazy.answer().id for _ in range(1000)] == list(range(1000))
    lazy.close()


def test_many_clients(start: Start) -> None:
    """Of more than controller.clients_max the rest wait; each one is served."""
    where = start({"controller": {"clients_max": 20}})
    clients = [where.client(hello=False) for _ in range(60)]
    wait_for(lambda: where.controller.counted("gatepost_controller_learn_clients") == 20, "20 clients")
    for n, client in enumerate(clients):
        client.send(HELLO + lesson(1, SPAM, message(n)))
        assert client.receive()[0] == "W"
        assert client.answer().status == QUEUED
        client.close()
    with where.client() as client:
        client.sync()
    assert where.totals() == (60, 0)


def test_idle_client_is_closed(start: Start) -> None:
    where = start({"controller": {"idle_timeout": "1s"}})
    begin = time.monotonic()
    with where.client() as client:
        with pytest.raises(Closed):
            client.receive()
        assert 0.9 < time.monotonic() - begin


def test_message_must_come_to_its_end(start: Start) -> None:
    """Who sends a message, or a frame, byte by byte is closed like one who sends nothing; who is busy is not."""
    where = start({"controller": {"idle_timeout": "3s"}})
    begin = time.monotonic()
    with where.client() as busy, where.client() as in_message, where.client() as in_frame:
        in_message.send(lesson(1, SPAM, message(1))[:-5])
        in_frame.send(lesson(1, SPAM, message(1))[:3])
        gone: set[LearnClient] = set()
        while len(gone) < 2:
            assert busy.teach(SPAM, message(random.randrange(1000))).status == QUEUED
            for client in {in_message, in_frame} - gone:
                try:
                    client.send(frame("D", b"x") if client is in_message else b"")
                    client.sock.settimeout(0.05)
                    with suppress(TimeoutError):
                        assert client.sock.recv(1), "the end"
                except (OSError, AssertionError):
                    gone.add(client)
            assert time.monotonic() - begin < 60
        assert time.monotonic() - begin > 2.9
        assert busy.teach(SPAM, message(1)).status == QUEUED


def test_much_at_once_is_put_off(start: Start) -> None:
    """Unfinished messages of all clients are bounded together; those beyond are read, thrown away, and put off."""
    where = start({"learn": {"size_max": "8M"}})
    clients = [where.client() for _ in range(30)]
    big = lesson(1, SPAM, message(1) + b"x " * (3 << 20))
    statuses = []
    for client in clients:
        client.send(big[:-5])
    for client in clients:
        client.send(big[-5:])
        statuses.append(client.answer().status)
        client.close()
    assert statuses.count(QUEUED) >= 10 and statuses.count(LATER) >= 5 and len(statuses) == 30
    with where.client() as client:
        assert client.teach(SPAM, message(2)).status == QUEUED


def test_stop_answers_what_was_sent_whole(start: Start) -> None:
    where = start()
    with where.client() as client:
        for n in range(40):
            client.send(lesson(n, SPAM, message(n)))
        answers = [client.answer().status for _ in range(10)]
        where.controller.process.send(signal.SIGTERM)
        with pytest.raises((Closed, ConnectionResetError)):
            while True:
                answers.append(client.answer().status)
    assert where.controller.process.wait() == 0
    where.controller.start()
    with where.client() as client:
        client.sync()
    assert answers.count(QUEUED) <= where.totals()[0] <= 40


def test_workers_are_confined(start: Start) -> None:
    where = start({"controller": {"workers": 1}})
    with where.client() as client:
        client.outcome(SPAM, message(1))
    (pid,) = workers(where, kind=0)
    status = Path(f"/proc/{pid}/status").read_text()
    assert re.search(r"NoNewPrivs:\s+1", status) and re.search(r"Seccomp:\s+2", status)
    links = open_files(pid)
    assert sum(link.startswith("socket:") for link in links) == 1
    assert not any(str(where.controller.folder) in link and not link.endswith(".log") for link in links)


def open_files(pid: int) -> list[str]:
    """The message may be there still: it is let go of after the answer."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return found


def test_killed_workers_are_replaced(start: Start) -> None:
    """One killed with a message in its hands costs a retry, and no lesson."""
    where = start({"controller": {"workers": 2}})
    with where.client() as client:
        for round_ in range(10):
            client.send(b"".join(lesson(n, SPAM, message(100 * round_ + n, words=300)) for n in range(30)))
            for pid in workers(where, kind=0)[:1]:
                with suppress(ProcessLookupError):  # still there from before
                    os.kill(pid, signal.SIGKILL)
            assert {client.answer().status for _ in range(30)} == {QUEUED}
            client.sync()  # else the next round may hit the same message, whose second worker is its last
        assert client.query(STATUS)[0]["waiting"] == 0
    assert where.totals() == (300, 0)
    assert where.controller.counted("gatepost_controller_workers_lost_total") > 0
    assert where.controller.counted("gatepost_controller_messages_given_up_total") == 0


def test_worker_that_hangs_is_replaced(start: Start) -> None:
    """It is killed after controller.worker_timeout, and the message is read by another one."""
    where = start({"controller": {"workers": 1, "worker_timeout": "5s"}})
    with where.client() as client:
        assert client.outcome(SPAM, message(1)) == NEW
        (pid,) = workers(where, kind=0)
        halt(pid)
        assert client.outcome(SPAM, message(2)) == NEW
    assert where.controller.lines("a worker takes too long")


def test_message_that_costs_two_workers_is_given_up(start: Start) -> None:
    """Killed while they read it: each has it in its memory then."""
    where = start({"controller": {"workers": 1, "worker_timeout": "60s"}, "learn": {"size_max": "64M"}})
    large = b"many different words, " * 1_000_000  # takes a second to be read
    killed: set[int] = set()
    with where.client() as client:
        for number in itertools.count(10):
            client.send(lesson(number, SPAM, message(number, words=100) + large, flags=WANT_RESULT))
            assert client.answer().status == QUEUED
            for pid in readers(where, client, killed):
                killed.add(pid)
                os.kill(pid, signal.SIGKILL)
            kind, payload = client.receive()
            assert kind == "R" and chr(payload[4]) in (FAILED, NEW)
            if chr(payload[4]) == FAILED:
                break  # else it was read before its second worker was found: another one
        assert client.outcome(SPAM, message(3)) == NEW
    assert where.controller.counted("gatepost_controller_workers_lost_total") == len(killed) >= 2
    assert where.controller.counted("gatepost_controller_messages_given_up_total") == 1
    assert where.controller.wait_line("reason=unreadable")


def readers(where: Place, client: LearnClient, but: set[int]) -> Iterator[int]:
    """Workers, one after the other, that have begun to read a message (they have said that they have it, and map it), until
    the client hears what became of that."""
    (spawner,) = (pid for pid in children(where.controller.process.pid) if name(pid) == "gatepost-spawn")
    while not client.has_more():
        yield from (pid for pid in children(spawner) if pid not in but and "/memfd:" in maps(pid))


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def maps(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/maps").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
