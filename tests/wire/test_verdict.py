"""What a message gets: the action by its score, the headers, the log line."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import pytest

from conftest import HAM, MARK, REJECT, StartMilter
from milterclient import ALL_STEPS, PLAIN_STEPS, Envelope, Result, Session, judge
from servers.milter import MilterSpam

Judged = Callable[..., Result]
SPAM_HEADER = re.compile(r"(?i)x-spam")


def spam_headers(result: Result) -> list[str]:
    return [name for name, _ in result.headers if SPAM_HEADER.match(name)]


@pytest.mark.parametrize("steps", [ALL_STEPS, PLAIN_STEPS], ids=["no replies", "old MTA"])
def test_ham_is_accepted(judged: Judged, steps: int) -> None:
    result = judged(HAM, steps=steps)
    assert result.reply.action in ("accept", "continue")
    assert result.values("X-Spam") == []
    assert result.values("X-Spam-Flag") in ([], ["NO"])
    assert result.value("X-Spam-Status").startswith("No, score=")
    assert float(result.value("X-Spam-Score")) < 4


@pytest.mark.parametrize("steps", [ALL_STEPS, PLAIN_STEPS], ids=["no replies", "old MTA"])
def test_spam_is_marked(judged: Judged, steps: int) -> None:
    result = judged(MARK, steps=steps)
    assert result.reply.action in ("accept", "continue")
    assert result.value("X-Spam") == "Yes"
    assert result.value("X-Spam-Flag") == "YES"
    assert float(result.value("X-Spam-Score")) == pytest.approx(7, abs=0.01)
    assert result.value("X-Spam-Level") == "*" * 7
    status = re.fullmatch(r"Yes, score=7\.0 required=6\.0\s+tests=(\S+)\s.*", result.value("X-Spam-Status"))
    assert status and "T_MARK" in status[1].split(",")


@pytest.mark.parametrize("steps", [ALL_STEPS, PLAIN_STEPS], ids=["no replies", "old MTA"])
def test_spam_is_rejected(judged: Judged, steps: int) -> None:
    result = judged(REJECT, steps=steps)
    assert result.reply.action == "reply"
    assert re.match(r"550 5\.7\.1 ", result.reply.text)
    assert spam_headers(result) == []


def test_shipped_rules_reject_gtube(start: StartMilter) -> None:
    body = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\n"
    assert judge(str(start(rules=None).socket), HAM + body).reply.code == 550


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_chunks_do_not_matter(judged: Judged, chunk: int) -> None:
    assert judged(MARK, chunk=chunk).values("X-Spam-Status") == judged(MARK).values("X-Spam-Status")


def test_forged_headers_go(judged: Judged) -> None:
    names = ("X-Spam", "X-Spam", "X-Spam-Flag", "x-spam-level", "X-SPAM-SCORE", "X-Spam-Status", "X-Spam-Report")
    forged = "".join(f"{name}: forged\n" for name in names).encode()
    result = judged(forged + HAM + b"")
    assert all("forged" not in value for name, value in result.headers if SPAM_HEADER.match(name))
    assert sorted(map(str.lower, spam_headers(result))) == sorted(map(str.lower, spam_headers(judged(HAM))))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_own_network_gets_no_headers(judged: Judged, address: str) -> None:
    result = judged(MARK, Envelope(address=address, name="localhost"))
    assert result.reply.action in ("accept", "continue")
    assert spam_headers(result) == []


def test_authenticated_user_gets_no_headers(judged: Judged) -> None:
    macros = {"{auth_type}": "PLAIN", "{auth_authen}": "alice@example.org"}
    result = judged(MARK, Envelope(macros=macros))
    assert result.reply.action in ("accept", "continue")
    assert spam_headers(result) == []


def test_log_line(judged: Judged, milter: MilterSpam) -> None:
    envelope = Envelope(queue_id="4LOGline01", sender="odd\"sender=x qid=forged@example.net")
    judged(MARK, envelope)
    line = milter.verdict(envelope.queue_id)
    assert line["action"] == "add_header"
    assert float(line["score"]) == pytest.approx(7, abs=0.01)
    assert "T_MARK" in line["symbols"]
    assert len(milter.lines("4LOGline01")) == 1
    assert line["qid"] == envelope.queue_id and line["rcpts"] == "1", "nothing was forged by the sender's address"


def test_several_messages_in_a_session(judged: Judged, milter: MilterSpam) -> None:
    from milterclient import Session
    envelope = Envelope()
    with Session(str(milter.socket)) as session:
        session.open(envelope)
        for number, (message, mark) in enumerate([(MARK, ["Yes"]), (HAM, []), (MARK, ["Yes"])]):
            result = session.transfer(message, dataclasses.replace(envelope, queue_id=f"4SEVERAL{number}"))
            assert result.values("X-Spam") == mark
        session.mail(envelope)
        session.abort()
        assert session.transfer(HAM, envelope).values("X-Spam") == []
