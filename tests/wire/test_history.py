"""The history: what each program did with a message and why, found by `gatepost history` and `gatepost why`."""

from __future__ import annotations

import dataclasses
import json
import resource
import struct
import time
from pathlib import Path
from typing import Any

import lmdb
import pytest

from conftest import GREY, HAM, MARK, REJECT, StartDkim, StartMilter
from dkimmail import LETTER, SENDER, SENDER_ZONE
from milterclient import Envelope, judge
from servers.dns import Dns
from servers.milter import Milter
from servers.process import wait_for
from servers.redis import Redis


def items(milter: Milter, *args: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in milter.gatepost("history", "-n", "0", "--json", *args).splitlines()]


def wait_items(milter: Milter, count: int) -> list[dict[str, Any]]:
    wait_for(lambda: len(items(milter)) == count, f"{count} items in the history", 60)
    return items(milter)


@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_what_is_kept_of_a_verdict(start: StartMilter, world: Path, kind: str) -> None:
    redis = Redis(world / "redis")
    if kind == "redis":
        redis.start()
    try:
        milter = start(store=redis.url if kind == "redis" else "")
        before = time.time()
        for number, letter in enumerate((HAM, GREY, MARK, REJECT)):
            judge(str(milter.socket), letter, Envelope(queue_id=f"4HIST{number}").to("alice@example.org", "bob@example.org"))
        ham, grey, mark, reject = wait_items(milter, 4)
        assert [i["action"] for i in (ham, grey, mark, reject)] == ["accept", "greylist", "add header", "reject"]
        assert [i["score"] for i in (ham, grey, mark, reject)] == [0, 4.5, 7, 20]
        known = {"v": 1, "program": "milter-spam", "qid": "4HIST2", "from": "stranger@example.net", "rcpts": 2,
                 "to": ["alice@example.org", "bob@example.org"], "client": "198.51.100.7", "helo": "mail.example.net",
                 "origin": "inbound", "msgid": "<word-for-mark@example.net>",
                 "thresholds": {"greylist": 4, "add_header": 6, "reject": 15},
                 "symbols": [{"name": "T_MARK", "score": 7, "text": "Test rule for marking", "evidence": "word-for-mark"}]}
        assert mark.items() >= known.items()
        assert before <= mark["time"] <= time.time() and {"receive", "patterns", "lookups", "headers"} <= mark["stages"].keys()
        assert grey["greylist"] == "first"
        assert "subject" not in mark
        text = milter.gatepost("why", "4HIST2")
        for words in ("milter-spam: add header, score 7.00", "T_MARK", "Test rule for marking", '"word-for-mark"',
                      "from <stranger@example.net> to <alice@example.org>, <bob@example.org>", "reject 15"):
            assert words in text
        assert json.loads(milter.gatepost("why", "--json", "4HIST2")) == mark
    finally:
        redis.stop()


def test_what_is_asked_for_is_found(start: StartMilter) -> None:
    milter = start()
    for number, letter in enumerate((HAM, MARK, REJECT)):
        judge(str(milter.socket), letter,
              Envelope(queue_id=f"4FIND{number}", sender=f"s{number}@example.net").to(f"r{number}@example.org"))
    wait_items(milter, 3)

    def found(*args: str) -> list[str]:
        return [i["qid"][-1] for i in items(milter, *args)]

    assert found() == ["0", "1", "2"] and found("-n", "2") == ["1", "2"]
    assert found("--from", "S1@*") == ["1"] and found("--to", "r2@example.org") == ["2"] and found("--to", "x*") == []
    assert found("--action", "add_header") == ["1"] == found("--action", "add header")
    assert found("--min-score", "7") == ["1", "2"]
    assert found("--since", "1h") == ["0", "1", "2"] and found("--since", "2099-01-01") == []
    assert found("--program", "milter-dkim") == []
    rows = milter.gatepost("history").splitlines()
    assert len(rows) == 3 and "reject" in rows[2] and "T_REJECT" in rows[2] and "<s2@example.net> -> <r2@example.org>" in rows[2]
    with pytest.raises(Exception, match="no program remembers"):
        milter.gatepost("why", "4NOTHING")


def test_the_ring_is_bounded_and_off_is_off(start: StartMilter) -> None:
    milter = start({"history": {"size": 5}})
    for number in range(12):
        judge(str(milter.socket), HAM, Envelope(queue_id=f"4RING{number:02}"))
    milter.stop()
    assert [i["qid"] for i in items(milter)] == [f"4RING{n:02}" for n in range(7, 12)], "a stop writes what is left"
    silent = start({"history": {"size": 0}})
    judge(str(silent.socket), HAM, Envelope())
    silent.stop()
    assert items(silent) == []


def test_words_are_kept_only_if_wanted(start: StartMilter, world: Path) -> None:
    milter = start({"history": {"words": True}, "bayes": {"min_spam": 1, "min_ham": 1}})
    milter.stop()
    for kind, letter in (("spam", MARK), ("ham", HAM)):
        (world / kind).mkdir()
        for n in range(4):
            (world / kind / str(n)).write_bytes(letter.replace(b"Message-ID: <", b"Message-ID: <%d" % n))
        milter.gatepost("learn", kind, world / kind)
    milter.start()
    judge(str(milter.socket), MARK, Envelope(queue_id="4WORDS"))
    (item,) = wait_items(milter, 1)
    assert item["subject"] == "A letter" and item["bayes"]["spam"] == 4 and item["bayes"]["tokens"]
    assert "Bayes 0." in milter.gatepost("why", "4WORDS") or "Bayes 1." in milter.gatepost("why", "4WORDS")
    milter.configure({"history": {"words": False, "evidence": False}, "bayes": {"min_spam": 1, "min_ham": 1}})
    milter.reload_and_wait()
    judge(str(milter.socket), MARK, Envelope(queue_id="4SILENT"))
    item = wait_items(milter, 2)[1]
    assert "subject" not in item and "tokens" not in item["bayes"]
    assert all("evidence" not in s for s in item["symbols"])


def test_bytes_of_strangers_stay_text(start: StartMilter) -> None:
    milter = start({"history": {"words": True}})
    letter = HAM.replace(b"Subject: A letter", b"Subject: \xff\x1b[31mred\xe2\x80\xae \"quoted\\ word-for-subject")
    judge(str(milter.socket), letter, Envelope(queue_id="4BYTES", sender="a\x07\"b@example.net", helo="x" * 600))
    wait_items(milter, 1)
    for text in (milter.gatepost("history"), milter.gatepost("why", "4BYTES"), milter.gatepost("why", "--json", "4BYTES")):
        assert not any(ord(c) < 32 and c != "\n" or 0x7f <= ord(c) < 0xa0 or ord(c) == 0x202e for c in text)
    json.loads(milter.gatepost("why", "--json", "4BYTES"))


@pytest.mark.alone
def test_a_dead_store_costs_the_mail_nothing(start: StartMilter, world: Path) -> None:
    """Items wait for Redis to come back; mail does not: it would take at least the time of the store."""
    redis = Redis(world / "redis")
    redis.start()
    try:
        milter = start({"bayes": {"enabled": False}, "store_timeout": "5s"}, store=redis.url)
        judge(str(milter.socket), HAM, Envelope(queue_id="4DEAD0"))
        wait_items(milter, 1)
        redis.stop()
        for number in range(1, 9):
            begun = time.monotonic()
            judge(str(milter.socket), HAM, Envelope(queue_id=f"4DEAD{number}"))
            assert time.monotonic() - begun < 5
        milter.wait_line("history waits for the store", 60)
        redis.start()
        milter.wait_line("history: the store is back, 0 messages are missing", 60)
        assert {f"4DEAD{n}" for n in range(1, 9)} <= {i["qid"] for i in items(milter)}
        assert milter.counted("gatepost_history_dropped_total") == 0
    finally:
        redis.stop()


def test_what_milter_dkim_found(start_dkim: StartDkim, dns: Dns) -> None:
    dns.add(SENDER_ZONE)
    milter = start_dkim({"milter-dkim": {"dmarc": {"reject": "reject"}}})
    judge(str(milter.socket), LETTER, dataclasses.replace(SENDER, queue_id="4DKIM1"))
    stranger = dataclasses.replace(SENDER, address="198.51.100.66", helo="host.bad.example", queue_id="4DKIM2")
    judge(str(milter.socket), LETTER, stranger)
    passed, failed = wait_items(milter, 2)
    assert passed["program"] == "milter-dkim" and passed["action"] == "accept" and passed["score"] == 0
    assert passed["spf"]["result"] == "pass" and passed["spf"]["domain"] == "example.net" and passed["dkim"] == []
    assert passed["spf"]["record"] == "v=spf1 ip4:192.0.2.10 -all"
    assert passed["dmarc"].items() >= {"result": "pass", "from": "example.net", "policy": "reject"}.items()
    assert failed["action"] == "reject" and failed["method"] == "dmarc" and failed["spf"]["result"] == "fail"
    text = milter.gatepost("why", "4DKIM2")
    assert "milter-dkim: reject" in text and "by dmarc" in text and "v=DMARC1; p=reject" in text


@pytest.mark.alone
def test_ten_thousand_items_are_read_in_a_second(start: StartMilter) -> None:
    """Of the size of real ones, through the whole command."""
    milter = start()
    judge(str(milter.socket), MARK, Envelope(queue_id="4TENK"))
    item = wait_items(milter, 1)[0]
    milter.stop()
    item["symbols"] = [{"name": f"RULE_{n}", "score": 0.1, "text": "x" * 60, "evidence": "y" * 40} for n in range(15)]
    with lmdb.open(str(milter.folder / "store" / "spam"), max_dbs=4, map_size=1 << 28) as env, env.begin(write=True) as txn:
        rings = env.open_db(b"rings", txn=txn, create=False)
        for n in range(10000):
            text = json.dumps(item | {"qid": f"4T{n}", "time": item["time"] + n / 1000})
            txn.put(b"spam-history\0" + struct.pack(">Q", n + 2), text.encode(), db=rings)
    for args in (("why", "4T17"), ("why", "4T9999"), ("history", "--min-score", "5", "-n", "20")):
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        milter.gatepost(*args)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime < 1.0, args
