"""What `gatepost learn` teaches counts for the next message that Postfix brings, without a restart."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import smtp
from servers.process import wait_for
from servers.site import Site

ALICE = "alice@example.org"
SPAM_WORDS = "turbine voltage catalogue wholesale consignment freight pallet container tariff quotation discount bulk".split()
HAM_WORDS = "choir rehearsal soprano organ harvest supper minutes parish lantern procession verse candle".split()
COMMON = "the and of with this for next from our week please about there some when".split()
LEARNED = 20


def text(words: list[str], seed: int) -> tuple[bytes, str]:
    """A message of 80 words, a third of them typical of its class, and its Message-ID."""
    rng = random.Random(seed)
    body = " ".join(rng.choice(words if rng.random() < 0.35 else COMMON) for _ in range(80))
    message_id = f"<{uuid.UUID(int=rng.getrandbits(128))}@example.net>"
    raw = f"From: sender{seed}@example.net\nTo: {ALICE}\nSubject: Letter {seed}\n\n{body}\n".encode()
    return smtp.stamped(raw, message_id), message_id


@pytest.fixture(scope="module", params=["lmdb", "redis"])
def site(request: pytest.FixtureRequest, module_world: Path) -> Iterator[Site]:
    folder = module_world / request.param
    site = Site(folder, request.param, {"bayes": {"min_spam": LEARNED, "min_ham": LEARNED}})
    site.start()
    yield site
    site.stop()


def symbols(site: Site, words: list[str], seed: int) -> str:
    message, _ = text(words, seed)
    answer = site.send(message, "someone@example.net", [ALICE])
    assert answer.code == 250, answer
    return site.milter.verdict(answer.queue_id)["symbols"]


def test_learned_mail_counts(site: Site, world: Path) -> None:
    assert "BAYES" not in symbols(site, SPAM_WORDS, 1), "nothing learned, nothing said"
    for kind, words in (("spam", SPAM_WORDS), ("ham", HAM_WORDS)):
        (world / kind).mkdir()
        for number in range(LEARNED):
            (world / kind / str(number)).write_bytes(text(words, 1000 + number)[0])
        site.milter.gatepost("learn", kind, world / kind)
    wait_for(lambda: "BAYES_9" in symbols(site, SPAM_WORDS, 2), "learned spam", step=0.2)
    assert "BAYES_0" in symbols(site, HAM_WORDS, 3)
    for path in (world / "ham").iterdir():
        site.milter.gatepost("unlearn", path)
    wait_for(lambda: "BAYES" not in symbols(site, SPAM_WORDS, 4), "unlearning: too little ham is left", step=0.2)
