"""milter-dkim: data for DMARC aggregate reports is in the store after a stop, and never in the way of mail."""

from __future__ import annotations

import dataclasses
import time

import lmdb
import pytest

from conftest import StartDkim
from dkimmail import LETTER, SENDER, SENDER_ZONE
from milterclient import Envelope, Result, judge
from servers.dns import Dns
from servers.milter import MilterDkim, Value

ZONE = SENDER_ZONE.replace("p=reject", "p=reject; sp=quarantine; t=y; rua=mailto:reports@example.net")
STRANGER = dataclasses.replace(SENDER, address="198.51.100.66", helo="host.bad.example")
DAY = 86400


def run(milter: MilterDkim, envelope: Envelope = SENDER, message: bytes = LETTER) -> Result:
    return judge(str(milter.socket), message, envelope)


def rows(milter: MilterDkim) -> list[dict[str, str]]:
    """What is in the rings of its environment."""
    folder = milter.folder / "store" / "dkim"
    if not folder.exists():
        return []
    with lmdb.open(str(folder), readonly=True, lock=False, max_dbs=4) as env, env.begin() as txn:
        items = [bytes(item) for key, item in txn.cursor(env.open_db(b"rings", txn=txn, create=False))
                 if bytes(key).startswith(b"dkim-dmarc")]
    return [dict(pair.split("=", 1) for pair in item.decode().split()) for item in items]


def test_rows_are_stored_at_a_stop(start_dkim: StartDkim, dns: Dns) -> None:
    dns.add(ZONE)
    milter = start_dkim({"milter-dkim": {"dmarc": {"reject": "quarantine"}}})
    before = int(time.time())
    for envelope in (SENDER, SENDER, SENDER, STRANGER):
        run(milter, envelope)
    assert not rows(milter)  # once a minute, or at a stop
    milter.stop()
    alike, alone = sorted(rows(milter), key=lambda row: row["ip"])
    assert alike["id"] != alone["id"]
    if before // DAY == int(time.time()) // DAY:
        assert alike["n"] == "3"
    assert before <= int(alike["begin"]) <= int(alike["end"]) <= int(time.time())
    policy = {"domain": "example.net", "method": "treewalk", "p": "reject", "sp": "quarantine", "np": "quarantine", "adkim": "r",
              "aspf": "r", "t": "y", "fo": "0", "rua": "mailto:reports@example.net", "from": "example.net", "env": "example.net",
              "sd": "example.net", "dkim": "fail"}
    passed = policy | {"ip": "192.0.2.10", "dmarc": "pass", "do": "none", "spf": "pass", "why": "", "sr": "pass"}
    failed = policy | {"ip": "198.51.100.66", "dmarc": "fail", "spf": "fail", "sr": "fail"}
    assert alike.items() >= passed.items()
    assert alone.items() >= failed.items()


@pytest.mark.parametrize(("zone", "settings"), [
    (SENDER_ZONE, {}),  # no rua=
    (ZONE, {"dmarc": {"reports": False}}),
    (ZONE, {"dmarc": {"enabled": False}}),
])
def test_nothing_is_kept_unasked(start_dkim: StartDkim, dns: Dns, zone: str, settings: dict[str, Value]) -> None:
    dns.add(zone)
    milter = start_dkim({"milter-dkim": settings})
    run(milter)
    milter.stop()
    assert not rows(milter)


def test_mail_goes_on_without_a_store(start_dkim: StartDkim, dns: Dns) -> None:
    dns.add(ZONE)
    milter = start_dkim({"store": "lmdb:/proc/nowhere"})
    milter.wait_line("DMARC report data and history are not recorded: ")
    assert "dmarc=pass" in run(milter).value("Authentication-Results")


def test_redis_that_is_down_holds_nothing_up(start_dkim: StartDkim, dns: Dns) -> None:
    dns.add(ZONE)
    milter = start_dkim({"store": "redis+unix:///nonexistent/redis.sock", "store_timeout": "1s"})
    assert "dmarc=pass" in run(milter).value("Authentication-Results")
    assert milter.stop() == 0
    assert milter.lines("DMARC report data waits for the store: ")
