"""What a stranger may send: capped, logged, judged; the daemon stays up and its memory bounded."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import HAM, MARK, StartMilter
from milterclient import Envelope, MilterError, Result, Session, final, judge
from servers.milter import TOP, MilterSpam

MIB = 1024 * 1024
Judged = Callable[..., Result]


def resident(milter: MilterSpam) -> int:
    """The memory of the daemon in bytes."""
    text = Path(f"/proc/{milter.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmRSS:"))


def mime(*parts: bytes) -> bytes:
    head = b"From: a@example.net\nSubject: parts\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    return head + b"".join(b"--b\n\n" + part + b"\n" for part in parts) + b"--b--\n"


def nested(depth: int) -> bytes:
    out = b"From: a@example.net\nSubject: nested\nMIME-Version: 1.0\n"
    for level in range(depth):
        out += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
    return out + b"\nword-for-mark\n" + b"".join(b"--b%d--\n" % level for level in reversed(range(depth)))


MESSAGES = {
    "empty": b"\n",
    "no headers": b"\nword only\n",
    "no body": b"Subject: x\n",
    "NUL bytes": HAM.replace(b"Nothing", b"No\0thing"),
    "bare CR": HAM.replace(b"new.", b"new.\rbare\r\r"),
    "8-bit everywhere": b"Subject: \xff\xfe\x80\nFrom: \xe9\xe8 <\xe0@\xff>\n\n" + bytes(range(128, 256)) * 20,
    "unknown charset": b"Content-Type: text/plain; charset=no-such-charset-\xff\nContent-Transfer-Encoding: what\n\nx\n",
    "bad encoded words": b"Subject: =?utf-8?b?!!!?= =?x?q?=ZZ?= =?utf-8?q?" + b"=" * 5000 + b"?=\n\nx\n",
    "bad base64": b"Content-Transfer-Encoding: base64\n\n" + b"=A=B=C%%%" * 1000,
    "100000 parts": mime(*[b"x"] * 100_000),
    "1000 levels": nested(1000),
    "one long line": b"Subject: x\n\n" + b"a" * (4 * MIB),
    "100000 links": b"Content-Type: text/html\n\n" + b"<a href=http://h%d.example.com/>x</a>" % 7 * 100_000,
    "deep HTML": b"Content-Type: text/html\n\n" + b"<div>" * 200_000 + b"x",
    "long names": b"A" * 900 + b": x\n" + b"B" * 900 + b": y\n\nx\n",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_odd_message(judged: Judged, milter: MilterSpam, name: str) -> None:
    envelope = Envelope(queue_id="4ODD" + "".join(c for c in name if c.isalnum()))
    result = judged(MESSAGES[name], envelope)
    assert result.reply.action in ("accept", "continue", "reply")
    assert milter.verdict(envelope.queue_id)["action"]
    assert judged(MARK).value("X-Spam") == "Yes"


def test_envelope_oddities(judged: Judged) -> None:
    for sender in ("", "no-at-sign", "a@" + "b" * 5000, "a\x01\x7f@example.net", "ü@bücher.example", "\"quoted @\"@example.net"):
        assert judged(MARK, Envelope(sender=sender)).value("X-Spam") == "Yes"
    for address, name in (("2001:db8::1", "mail.example.net"), ("203.0.113.9", "")):
        assert judged(MARK, Envelope(address=address, name=name)).value("X-Spam") == "Yes"
    assert judged(MARK, Envelope(helo="x" * 5000)).value("X-Spam") == "Yes"
    assert judged(MARK, Envelope().to(*[f"r{i}@example.org" for i in range(2000)])).value("X-Spam") == "Yes"


def test_every_truncation(judged: Judged, milter: MilterSpam) -> None:
    """Each prefix of the shipped messages, sampled by a fixed seed, gets a verdict."""
    rng = random.Random(7)
    with Session(str(milter.socket)) as session:
        session.open(Envelope())
        for path in sorted((TOP / "tests" / "data" / "mail").glob("*.eml")):
            raw = path.read_bytes()
            for size in sorted(rng.sample(range(len(raw)), min(60, len(raw)))):
                assert session.transfer(raw[:size], Envelope()).reply.action in ("accept", "continue", "reply", "tempfail")


def test_client_vanishes_at_each_step(milter: MilterSpam) -> None:
    envelope = Envelope()
    steps: list[Callable[[Session], object]] = [
        lambda s: None, lambda s: s.connect(envelope), lambda s: s.helo(envelope), lambda s: s.mail(envelope),
        lambda s: s.rcpt(envelope, "alice@example.org"), lambda s: s.data(envelope),
        lambda s: s.header("Subject", " x"), lambda s: s.end_of_headers(), lambda s: s.body(b"word-for-mark\r\n")]
    for last in range(1, len(steps) + 1):
        session = Session(str(milter.socket))
        for step in steps[:last]:
            step(session)
        session.cut()
    assert judge(str(milter.socket), MARK).value("X-Spam") == "Yes"


def test_endless_headers(start: StartMilter) -> None:
    """A gigabyte of headers: held to the caps, answered, and the memory given back to the bound."""
    milter = start()
    judge(str(milter.socket), HAM)
    before = resident(milter)
    envelope = Envelope(queue_id="4ENDLESS")
    value = " " + "x" * 60_000
    with Session(str(milter.socket)) as session:
        session.open(envelope)
        session.mail(envelope)
        session.rcpt(envelope, "alice@example.org")
        session.data(envelope)
        try:
            for number in range(1024 * MIB // len(value)):
                if final(session.header(f"X-Endless-{number}", value)):
                    break
            else:
                session.end_of_headers()
                session.body(b"word-for-mark\r\n")
                session.end_of_message(envelope, Result())
        except MilterError as e:
            pytest.fail(f"the daemon ended the session: {e}")
        assert resident(milter) < before + 200 * MIB
    assert judge(str(milter.socket), MARK).value("X-Spam") == "Yes"


def test_big_body_is_bounded(start: StartMilter) -> None:
    """50 MB of body, incompressible: memory grows by less than the bound of one message."""
    milter = start()
    judge(str(milter.socket), HAM)
    before = resident(milter)
    body = os.urandom(50 * MIB).replace(b"\n", b"\r\n")
    assert judge(str(milter.socket), HAM + body).reply.action in ("accept", "continue")
    assert resident(milter) < before + 400 * MIB


def test_a_flood_of_headers_to_remove_is_refused(start: StartMilter) -> None:
    """Each removal is a walk through the message for Postfix: nobody may order a hundred thousand."""
    milter = start()
    some = judge(str(milter.socket), b"X-Spam-Flag: NO\n" * 400 + HAM)
    assert some.reply.action in ("accept", "continue")
    assert sum(1 for name, value in some.headers if name == "X-Spam-Flag" and "NO" in value) == 0
    flood = judge(str(milter.socket), b"X-Spam-Flag: NO\n" * 5000 + HAM, Envelope(queue_id="4FLOOD"))
    assert flood.reply.code == 550 and "Too many" in flood.reply.text
    assert milter.verdict("4FLOOD")["action"] == "reject"
