"""From a move over IMAP to the verdict: a user's lessons with real mail, their effect, the way back, and undo.

Messages come into folders by APPEND, which teaches nothing; then they are moved.
"""

from __future__ import annotations

import hashlib
import imaplib
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers.bayesdump import Dump, dump_lmdb, dump_redis
from servers.milter import TOP
from servers.process import wait_for
from servers.site import Site

DATA = Path(os.environ.get("GATEPOST_DATA", TOP.parent / "shared" / "data"))
MAIL = DATA / "mail" / "spamassassin"
ALICE = "alice@example.org"
LESSONS = 200  # of each class
PROBES = 60    # other messages, of each class

pytestmark = pytest.mark.skipif(not MAIL.is_dir(), reason=f"no test mail in {MAIL}; GATEPOST_DATA names another place")


def distinct(kind: str, n: int) -> list[Path]:
    """n messages of one class, in an order of their own, none twice."""
    files = sorted((p for p in (MAIL / kind).rglob("*") if p.is_file()), key=lambda p: hashlib.sha256(p.name.encode()).digest())
    seen: set[bytes] = set()
    out = []
    for file in files:
        raw = file.read_bytes()
        body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2].strip()
        if len(body) < 200 or len(raw) > 100_000 or body in seen:
            continue
        seen.add(body)
        out.append(file)
    return out[:n]


@dataclass
class School:
    """A site that learns, with Alice's lessons in her folders."""

    site: Site
    folder: Path

    @property
    def totals(self) -> tuple[int, int]:
        told = json.loads(self.site.controller.gatepost("stat", "--json"))
        return told["spam"], told["ham"]

    def dump(self) -> Dump:
        redis = self.site.redis
        return dump_redis(redis.socket) if redis else dump_lmdb(self.site.milter.folder / "store")

    def fill(self, imap: imaplib.IMAP4, mailbox: str, files: list[Path]) -> None:
        for file in files:
            raw = re.sub(rb"\r?\n", b"\r\n", file.read_bytes())
            status, why = imap.append(mailbox, None, None, raw)  # type: ignore[arg-type]
            assert status == "OK", why

    def move(self, imap: imaplib.IMAP4, source: str, target: str, want: tuple[int, int]) -> None:
        """Moves all there is and waits until it is learned."""
        imap.select(source)
        status, why = imap.uid("MOVE", "1:*", target)
        assert status == "OK", why
        imap.unselect()
        wait_for(lambda: self.totals == want, f"totals of {want}", 300, 0.2)

    def scores(self, kind: str) -> float:
        """The mean score of messages that nobody taught."""
        files = distinct(kind, LESSONS + PROBES)[LESSONS:]
        return sum(told["score"] for told in self.site.milter.scan(*files)) / len(files)


@pytest.fixture(params=["lmdb", "redis"])
def school(request: pytest.FixtureRequest, world: Path) -> Iterator[School]:
    site = Site(world, request.param, {"store_cache": "0"}, learns=True)
    site.start()
    yield School(site, world)
    site.stop()


def test_lessons(school: School) -> None:
    spam, ham = distinct("spam", LESSONS), distinct("ham", LESSONS)
    assert len(spam) == len(ham) == LESSONS
    before = {kind: school.scores(kind) for kind in ("spam", "ham")}
    with school.site.dovecot.login(ALICE) as imap:
        school.fill(imap, "INBOX", spam)
        school.fill(imap, "Junk", ham)
        imap.create("Letters")
        assert school.totals == (0, 0), "APPEND taught"
        school.move(imap, "Junk", "Letters", (0, LESSONS))
        school.move(imap, "INBOX", "Junk", (LESSONS, LESSONS))
        taught = school.dump()
        after = {kind: school.scores(kind) for kind in ("spam", "ham")}
        assert after["spam"] > before["spam"] + 2 and after["ham"] < before["ham"]

        # Everything back: each message in the other class, exactly once.
        time.sleep(1.1)  # undo knows seconds
        since = int(time.time())
        school.move(imap, "Junk", "INBOX", (0, 2 * LESSONS))
        told = json.loads(school.site.controller.gatepost("stat", "--json"))
        assert (told["spam"], told["ham"]) == (0, 2 * LESSONS)
        classes = [value for (_, what), value in school.dump().items() if what.startswith("message ")]
        assert len(classes) == 2 * LESSONS and len(set(classes)) == 1

    # Undone, all counts and tokens are as they were.
    school.site.controller.gatepost("learn", "undo", "--user", ALICE, "--since", str(since))
    assert school.dump() == taught
    school.site.controller.gatepost("learn", "undo", "--user", ALICE, "--since", "0")
    assert school.totals == (0, 0)
    assert not school.dump()
