"""What rules keep of senders (AWL, TxRep) in the running milter-spam: each message counts once, on either store; `gatepost scan` only looks;
without the store mail goes on, without the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from conftest import StartMilter
from milterclient import Envelope, Session, judge
from servers.milter import MilterSpam, Value
from servers.process import wait_for
from servers.redis import Redis

LOAD = "loadplugin Mail::SpamAssassin::Plugin::AWL\n"
RULES = """\
header   AWL       eval:check_from_in_auto_welcomelist()
describe AWL       What the sender sent before
tflags   AWL       userconf noautolearn
priority AWL       1000
body     T_ONE     /word-for-one/
score    T_ONE     1
body     T_THREE   /word-for-three/
score    T_THREE   3
clear_headers
add_header all Sender _AWLCOUNT_ _TESTSSCORES_
"""
ONE, THREE = (f"From: joe@example.net\nTo: alice@example.org\nSubject: A letter\nDate: Sat, 21 Nov 2026 09:00:00 +0000\n\n{word}\n".encode()
              for word in ("word-for-one", "word-for-three"))
SETTINGS: Mapping[str, Value] = {"milter-spam": {"greylist": {"enabled": False}, "headers": {"from_rules": True}}, "bayes": {"enabled": False}}


def sender(milter: MilterSpam, message: bytes, envelope: Envelope = Envelope()) -> str:
    result = judge(str(milter.socket), message, envelope)
    assert result.reply.action in ("accept", "continue")
    return result.value("X-Spam-Sender")


def test_a_message_counts_once(start: StartMilter, store: str) -> None:
    """However many receive it, and in however many messages of one connection."""
    milter = start(SETTINGS, store=store, rules=LOAD + RULES)
    many = Envelope().to(*(f"{n}@example.org" for n in range(5)))
    assert sender(milter, ONE, many) == "T_ONE=1"
    assert sender(milter, THREE, many) == "1.0 AWL=-1.000,T_THREE=3"
    with Session(str(milter.socket)) as session:
        session.open(Envelope())
        values = [session.transfer(message, Envelope()).value("X-Spam-Sender") for message in (THREE, ONE)]
    assert values == ["2.0 AWL=-0.500,T_THREE=3", "3.0 AWL=0.667,T_ONE=1"]


def test_it_outlives_the_program(start: StartMilter, world: Path, store: str) -> None:
    store = store or f"lmdb:{world}/kept"
    (world / "kept").mkdir(mode=0o777)
    (world / "kept").chmod(0o777)
    first = start(SETTINGS, store=store, rules=LOAD + RULES)
    assert sender(first, ONE) == "T_ONE=1"
    assert first.stop() == 0
    assert sender(start(SETTINGS, store=store, rules=LOAD + RULES), THREE) == "1.0 AWL=-1.000,T_THREE=3"


def test_scan_only_looks(start: StartMilter, store: str, tmp_path: Path) -> None:
    milter = start(SETTINGS, store=store, rules=LOAD + RULES)
    assert sender(milter, ONE, Envelope(address="10.1.2.3")) == "T_ONE=1"
    file = tmp_path / "three.eml"
    file.write_bytes(THREE)
    for _ in range(3):
        found = {symbol["name"]: symbol["score"] for symbol in milter.scan(file)[0]["symbols"]}
        assert found == {"T_THREE": 3, "AWL": -1}


def test_reputation(start: StartMilter, store: str) -> None:
    """TxRep: a message that comes again counts no more."""
    rules = RULES.replace("AWL ", "TXREP ").replace("check_from_in_auto_welcomelist", "check_senders_reputation").replace("_AWLCOUNT_", "_TXREPIPCOUNT_")
    milter = start(SETTINGS, store=store, rules=f"loadplugin Mail::SpamAssassin::Plugin::TxRep\nuse_txrep 1\n{rules}score T_THREE -3\n")
    many = Envelope().to(*(f"{n}@example.org" for n in range(5)))
    assert [sender(milter, ONE, many) for _ in range(3)] == ["0.0 T_ONE=1", "_TXREPIPCOUNT_ T_ONE=1", "_TXREPIPCOUNT_ T_ONE=1"]
    assert sender(milter, THREE, many) == "1.0 TXREP=1.000,T_THREE=-3"


def test_not_loaded(start: StartMilter) -> None:
    milter = start(SETTINGS, rules=RULES)
    assert [sender(milter, message) for message in (ONE, THREE)] == ["T_ONE=1", "T_THREE=3"]
    assert "it wants a loadplugin of its own" in milter.gatepost("rules", "status")


def test_the_store_goes_and_comes(start: StartMilter, redis: Redis) -> None:
    milter = start(SETTINGS, store=redis.url, rules=LOAD + RULES)
    assert sender(milter, ONE) == "T_ONE=1"
    redis.stop()
    assert sender(milter, THREE, Envelope(queue_id="4Sender1")) == "T_THREE=3"
    assert milter.verdict("4Sender1")["missing"] == "senders"
    assert len(milter.lines("warning: store: .*judging without it")) == 1
    redis.start()  # empty, for it keeps nothing
    wait_for(lambda: "AWL" in sender(milter, ONE) + sender(milter, THREE), "what it keeps of senders once Redis is there")


def test_tempfail_when_so_configured(start: StartMilter, redis: Redis) -> None:
    milter = start({**SETTINGS, "milter-spam": {"on_store_error": "tempfail", "greylist": {"enabled": False}}}, store=redis.url, rules=LOAD + RULES)
    redis.stop()
    assert judge(str(milter.socket), ONE).reply.text.startswith("4")
