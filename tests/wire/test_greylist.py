"""Greylisting: only what scores between the thresholds, deferred once, let through when it comes back."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import GREY, HAM, StartMilter
from milterclient import Envelope, Result, Session, judge
from servers.milter import MilterSpam
from servers.redis import Redis

DELAY = 1.0  # seconds, the shortest that can be set
TOO_EARLY = 5.0  # a delay within which there is time for a second try
SETTINGS = {"milter-spam": {"greylist": {"delay": "1s"}}}


def send(milter: MilterSpam, envelope: Envelope, message: bytes = GREY) -> Result:
    return judge(str(milter.socket), message, envelope)


def is_deferred(result: Result) -> bool:
    return result.reply.text.startswith("451 4.7.1 ")


def is_accepted(result: Result) -> bool:
    return result.reply.action in ("accept", "continue")


@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_first_early_and_late_try(start: StartMilter, world: Path, kind: str) -> None:
    redis = Redis(world / "redis")
    if kind == "redis":
        redis.start()
    try:
        milter = start({"milter-spam": {"greylist": {"delay": f"{TOO_EARLY:g}s"}}}, store=redis.url if kind == "redis" else "")
        for try_ in itertools.count():
            begun = time.monotonic()
            envelope = Envelope(queue_id="4GREY1", sender=f"{try_}@example.net")
            assert is_deferred(send(milter, envelope))
            assert milter.verdict("4GREY1")["action"] == "greylist"
            again = send(milter, replace(envelope, queue_id="4GREY2"))
            if time.monotonic() - begun < TOO_EARLY:
                break  # else it may have been late
        assert is_deferred(again), "too early"
        time.sleep(TOO_EARLY + 0.1)
        assert is_accepted(send(milter, replace(envelope, queue_id="4GREY3")))
        assert is_accepted(send(milter, replace(envelope, queue_id="4GREY4"))), "who came back is known"
        assert milter.lines("qid=4GREY3.*greylist") != [], "the repeated try is logged"
        assert milter.stop() == 0
    finally:
        redis.stop()


def test_ham_is_not_greylisted(start: StartMilter) -> None:
    assert is_accepted(send(start(SETTINGS), Envelope(), HAM))


def test_what_makes_a_try_the_same(start: StartMilter) -> None:
    """The client's /24, the sender and the recipient; another of any of them begins anew."""
    milter = start(SETTINGS)
    first = Envelope(address="198.51.100.7")
    assert is_deferred(send(milter, first))
    time.sleep(DELAY + 0.1)
    assert is_deferred(send(milter, replace(first, address="192.0.2.7")))
    assert is_deferred(send(milter, replace(first, sender="other@example.net")))
    assert is_deferred(send(milter, first.to("bob@example.org")))
    assert is_accepted(send(milter, replace(first, address="198.51.100.99", name="mail2.example.net")))


def test_ipv6_network(start: StartMilter) -> None:
    milter = start(SETTINGS)
    assert is_deferred(send(milter, Envelope(address="2001:db8:1:2::7")))
    time.sleep(DELAY + 0.1)
    assert is_deferred(send(milter, Envelope(address="2001:db8:1:3::7")))
    assert is_accepted(send(milter, Envelope(address="2001:db8:1:2:ffff::9")))


def test_state_survives_a_restart(start: StartMilter) -> None:
    milter = start(SETTINGS)
    assert is_deferred(send(milter, Envelope()))
    time.sleep(DELAY + 0.1)
    assert milter.stop() == 0
    milter.start()
    assert is_accepted(send(milter, Envelope()))


def test_own_mail_is_not_greylisted(start: StartMilter) -> None:
    milter = start(SETTINGS)
    assert is_accepted(send(milter, Envelope(address="127.0.0.1", name="localhost")))
    assert is_accepted(send(milter, Envelope(macros={"{auth_authen}": "alice@example.org"})))


def test_a_slow_sender_is_greylisted(start: StartMilter) -> None:
    """The deadline counts from end of data: who takes longer than it to send does not slip through."""
    milter = start({"milter-spam": {"greylist": {"delay": "1s"}, "deadline": "5s"}})
    envelope = Envelope(queue_id="4SLOW1")
    with Session(str(milter.socket)) as session:
        session.open(envelope)
        assert session.begin(GREY, envelope) is None
        time.sleep(5.2)
        assert is_deferred(session.end_of_message(envelope, Result()))
    assert "missing" not in milter.verdict("4SLOW1")


def test_switched_off(start: StartMilter) -> None:
    assert is_accepted(send(start({"milter-spam": {"greylist": {"enabled": False}}}), Envelope()))
