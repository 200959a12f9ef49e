"""Real mail, where the test data is at hand ($GATEPOST_DATA): everything gets a verdict, truncated anywhere too."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from milterclient import Envelope, Result, Session
from servers.milter import TOP, MilterSpam

DATA = Path(os.environ.get("GATEPOST_DATA", TOP.parent / "shared" / "data"))
MAIL = DATA / "mail"

pytestmark = pytest.mark.skipif(not MAIL.is_dir(), reason=f"no test mail in {MAIL}; GATEPOST_DATA names another place")


def sample(folder: Path, size: int) -> list[Path]:
    """The same files in each run."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return random.Random(1).sample(files, min(size, len(files)))


def is_verdict(result: Result) -> bool:
    return result.reply.action in ("accept", "continue") or result.reply.code in (451, 550)


@pytest.mark.parametrize("folder", ["mail/spamassassin", "mail/csdmc2010", "mime/testmsgs"])
def test_real_mail(milter: MilterSpam, folder: str) -> None:
    with Session(str(milter.socket)) as session:
        session.open(Envelope())
        for path in sample(DATA / folder, 200):
            assert is_verdict(session.transfer(path.read_bytes(), Envelope())), path


def test_truncated_mail(milter: MilterSpam) -> None:
    """50 messages, each cut at 40 places."""
    rng = random.Random(2)
    with Session(str(milter.socket)) as session:
        session.open(Envelope())
        for path in sample(MAIL / "spamassassin", 50):
            raw = path.read_bytes()
            for size in rng.sample(range(len(raw)), min(40, len(raw))):
                assert is_verdict(session.transfer(raw[:size], Envelope())), f"{path}, {size} bytes"
