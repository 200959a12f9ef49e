"""milter-virus where the same attachment comes over many connections at the same moment: one worker scans, the others wait."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from conftest import StartVirus
from milterclient import Envelope, Result, judge
from servers.milter import MilterVirus
from servers.process import halt, wait_for
from servers.virusmail import MARK, letter, zipped

PEOPLE = [f"user{i}@example.org" for i in range(32)]
MISSES, WAITS = "gatepost_virus_cache_misses_total", "gatepost_virus_verdict_waits_total"


def long(size_mb: int, tail: bytes = b"") -> bytes:
    """An attachment that nobody has seen before, and that takes about a second for each 100 MB."""
    return zipped(os.urandom(1 << 20) + bytes(size_mb << 20) + tail)


def numbered(message: bytes, n: int) -> bytes:
    return message.replace(b"<bad@", b"<%d@" % n)


class Sending:
    """Messages that are sent at the same moment, each over a connection of its own; the n-th is 4Share<n>.

    In turn: each is sent when a worker has the one before. (With workers that are stopped it must be so: a thread of libmilter
    that is waited for by two connections keeps the second waiting until any thread has ended with its message.)"""

    def __init__(self, milter: MilterVirus, messages: Sequence[bytes], first: int = 0, in_turn: bool = False) -> None:
        self._milter, self._messages, self._first = milter, messages, first
        self._together = threading.Barrier(1 if in_turn else len(messages))
        self._answers: list[Future[Result]] = []
        pool = ThreadPoolExecutor(len(messages))
        for n in range(len(messages)):
            self._answers.append(pool.submit(self._send, n))
            if in_turn:
                milter.wait_status(lambda s: s["busy"] == n + 1)
        pool.shutdown(wait=False)

    def _send(self, n: int) -> Result:
        self._together.wait(60)
        return judge(str(self._milter.socket), self._messages[n], Envelope(queue_id=f"4Share{self._first + n}xx").to(*PEOPLE))

    def is_answered(self) -> bool:
        return any(answer.done() for answer in self._answers)

    def verdicts(self) -> list[dict[str, str]]:
        return [self._milter.verdict(f"4Share{self._first + n}xx") for n in range(len(self._messages))]

    def results(self) -> list[Result]:
        return [answer.result(120) for answer in self._answers]


def waits(milter: MilterVirus, ended: str) -> float:
    return milter.counted(WAITS, f'ended="{ended}"')


def one_waits(milter: MilterVirus) -> tuple[Sending, int, int]:
    """Two infected messages with the same attachment, the worker that scans it, stopped in the middle of that, and the one that
    waits for its verdict."""
    scanning, waiting = milter.settled_workers()
    for n in range(0, 40, 2):  # once more where the first one was too quick for us
        halt(scanning, waiting)
        message = letter(long(30, MARK))
        sending = Sending(milter, [numbered(message, n + i) for i in range(2)], n, in_turn=True)
        before = milter.counted(MISSES)
        os.kill(scanning, signal.SIGCONT)
        wait_for(lambda: milter.counted(MISSES) >= before + 2, "questions about the message and the attachment")
        halt(scanning)
        os.kill(waiting, signal.SIGCONT)
        wait_for(lambda: milter.status()["sharing"] == 1 or sending.is_answered(), "a wait")
        if not sending.is_answered():
            return sending, scanning, waiting
        os.kill(scanning, signal.SIGCONT)
        sending.results()
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("evil", [False, True], ids=["clean", "infected"])
def test_many_at_the_same_moment(start_virus: StartVirus, evil: bool) -> None:
    """512 people, 16 connections: each message is scanned, and the attachment (with what is in it) once."""
    milter = start_virus({"milter-virus": {"workers": 4, "deadline": "2m"}})
    message = letter(long(60, MARK if evil else b""))
    sending = Sending(milter, [numbered(message, n) for n in range(16)])
    results = sending.results()
    assert [r.reply.code for r in results] == [550 if evil else 0] * 16
    assert all("Test.Mark" in r.reply.text if evil else r.value("X-Virus-Status") == "Clean" for r in results)
    assert milter.counted(MISSES) == 16 + 2
    assert milter.counted("gatepost_virus_cache_hits_total") == 15
    assert waits(milter, "unknown") == waits(milter, "late") == 0
    assert milter.counted("gatepost_virus_verdict_wait_seconds_count") == waits(milter, "known")
    assert milter.status()["sharing"] == milter.counted("gatepost_virus_verdict_waiting") == 0
    lines = sending.verdicts()
    assert sum("shared_ms" in line for line in lines) == waits(milter, "known")
    assert sum("known" not in line for line in lines) == 1


def test_without_a_memory_nobody_waits(start_virus: StartVirus) -> None:
    milter = start_virus({"milter-virus": {"workers": 2, "cache_size": 0, "deadline": "2m"}})
    message = letter(long(10))
    sending = Sending(milter, [numbered(message, n) for n in range(4)])
    results = sending.results()
    assert [r.value("X-Virus-Status") for r in results] == ["Clean"] * 4
    assert milter.counted(WAITS) == 0
    assert all("shared_ms" not in line for line in sending.verdicts())


def test_who_scans_is_killed(start_virus: StartVirus) -> None:
    """What it would have said is nobody's: both are scanned, by others, and found; who waited has cost nothing."""
    milter = start_virus({"milter-virus": {"workers": 2, "deadline": "2m"}})
    sending, scanning, _ = one_waits(milter)
    assert "0 idle, 1 scanning, 1 waiting for another's verdict" in milter.gatepost("virus", "status")
    os.kill(scanning, signal.SIGKILL)
    assert [r.reply.code for r in sending.results()] == [550, 550]
    assert waits(milter, "unknown") == 1 and waits(milter, "late") == 0
    lines = {line.get("tries", "1"): line for line in sending.verdicts()}
    assert set(lines) == {"1", "2"} and "shared_ms" in lines["1"]


def test_who_waits_is_killed(start_virus: StartVirus) -> None:
    """It did nothing: its message is scanned by another, and is not taken for one that kills workers."""
    milter = start_virus({"milter-virus": {"workers": 2, "deadline": "2m"}})
    sending, scanning, waiting = one_waits(milter)
    os.kill(waiting, signal.SIGKILL)
    milter.wait_line("died while it waited for the verdict of another one")
    os.kill(scanning, signal.SIGCONT)
    assert [r.reply.code for r in sending.results()] == [550, 550]
    assert milter.counted("gatepost_virus_workers_lost_total", 'while="sharing"') == 1
    assert milter.counted("gatepost_virus_workers_lost_total", 'while="scanning"') == 0
    assert waits(milter, "unknown") == waits(milter, "late") == 0


def test_who_scans_hangs(start_virus: StartVirus) -> None:
    """Until its deadline; then the time of who waited begins, also by libclamav's own clock."""
    milter = start_virus({"milter-virus": {"workers": 2, "deadline": "20s"}})
    sending, _, _ = one_waits(milter)
    results = sorted(sending.results(), key=lambda r: r.reply.code)
    assert [r.reply.code for r in results] == [451, 550]
    assert results[1].progress >= 1
    lines = {line["outcome"]: line for line in sending.verdicts()}
    assert set(lines) == {"deadline", "found"}
    assert float(lines["found"]["shared_ms"]) > 5000 and "tries" not in lines["found"]
    assert waits(milter, "unknown") == 1


def test_each_has_what_the_other_needs(start_virus: StartVirus) -> None:
    """[P, Q] and [Q, P] at the same moment: nobody stands still."""
    milter = start_virus({"milter-virus": {"workers": 2, "deadline": "1m"}})
    for n in range(0, 6, 2):
        one, other = letter(long(12)), letter(long(12))
        sending = Sending(milter, [numbered(joined(one, other), n), numbered(joined(other, one), n + 1)], n)
        assert [r.value("X-Virus-Status") for r in sending.results()] == ["Clean"] * 2
        assert all(float(line.get("shared_ms", "0")) < 30000 for line in sending.verdicts())
    assert milter.counted("gatepost_virus_workers_lost_total") == 0


def joined(first: bytes, second: bytes) -> bytes:
    """A letter with the attachments of both."""
    head, middle, rest = (b"\n--frontier\nContent-Type: application/octet-stream", *second.split(b"\n--frontier\nContent-Type: application/octet-stream"))
    return first.replace(b"\n--frontier--\n", head + rest)
