"""What mail does while milter-spam or its store is away: it waits or passes as configured, and is never lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from letters import Letter
from servers import smtp
from servers.site import Site

ALICE = "alice@example.org"


@pytest.fixture(scope="module", params=["lmdb", "redis"])
def site(request: pytest.FixtureRequest, module_world: Path) -> Iterator[Site]:
    yield from running(module_world / request.param, request.param)


@pytest.fixture
def redis_site(world: Path) -> Iterator[Site]:
    yield from running(world, "redis")


def running(folder: Path, store: str) -> Iterator[Site]:
    site = Site(folder, store)
    site.start()
    yield site
    site.stop()


def test_milter_away_tempfail(site: Site, letter: Letter) -> None:
    message, message_id = letter("ham")
    site.milter.stop()
    answer = site.send(message, "sender@example.net", [ALICE])
    assert answer.code == 451, answer
    site.milter.start()
    assert site.send(message, "sender@example.net", [ALICE]).code == 250
    assert site.mail(ALICE, message_id).headers("X-Spam-Status")


def test_milter_away_accept(site: Site, letter: Letter) -> None:
    message, message_id = letter("ham")
    site.default_action("accept")
    site.postfix.reload()
    site.milter.stop()
    try:
        assert site.send(message, "sender@example.net", [ALICE]).code == 250
        assert site.mail(ALICE, message_id).headers("X-Spam-Status") == []
    finally:
        site.milter.start()
        site.default_action("tempfail")
        site.postfix.reload()


def test_milter_stops_under_load(site: Site, letter: Letter) -> None:
    """Each message is either accepted, and then judged and delivered, or deferred: never accepted unseen."""
    letters = [letter("ham") for _ in range(60)]

    def post(item: tuple[bytes, str]) -> smtp.Answer:
        return smtp.send(site.postfix.port, item[0], "sender@example.net", [ALICE])

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(post, item) for item in letters]
        jobs[10].result()
        assert site.milter.stop() == 0
        answers = [job.result() for job in jobs]
    site.milter.start()
    assert {a.code for a in answers} <= {250, 421, 451}
    assert sum(a.code == 250 for a in answers) >= 6  # of the first eleven five may have been on their way still
    for answer, (_, message_id) in zip(answers, letters):
        if answer.code == 250:
            assert site.mail(ALICE, message_id).headers("X-Spam-Status"), answer
        else:
            assert site.dovecot.search(ALICE, message_id) == []


def test_store_away(redis_site: Site, letter: Letter) -> None:
    """Rules still judge while Redis is away; it is used again once it is back."""
    site = redis_site
    assert site.redis
    site.redis.stop()
    for name, code in (("ham", 250), ("spam", 250), ("gtube", 550)):
        message, message_id = letter(name)
        assert site.send(message, "sender@example.net", [ALICE]).code == code, name
        if name == "spam":
            assert site.mail(ALICE, message_id).folder == "Junk"
    site.redis.start()
    message, message_id = letter("ham")
    assert site.send(message, "sender@example.net", [ALICE]).code == 250
    assert site.mail(ALICE, message_id).folder == "INBOX"
