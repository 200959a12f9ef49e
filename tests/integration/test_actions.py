"""What Postfix does with each answer of milter-spam: hold, throw away, defer, refuse for the size."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from letters import Letter
from servers.milter import Value
from servers.site import Site

ALICE = "alice@example.org"
RULES = "".join(f"""\
body     T_{word}  /word-for-{word}/i
describe T_{word}  Test rule
score    T_{word}  {score}
""" for word, score in (("GREY", 4.5), ("HOLD", 10), ("DISCARD", 40), ("REJECT", 20)))
SETTINGS: dict[str, Value] = {"thresholds": {"quarantine": 9.0, "discard": 30.0}, "greylist": {"delay": "1s"}, "reject_text": "100% spam",
            "size_max": "64K", "oversize": "reject"}


@pytest.fixture(scope="module")
def site(module_world: Path) -> Iterator[Site]:
    site = Site(module_world, settings={"milter-spam": SETTINGS}, rules=RULES)
    site.start()
    yield site
    site.stop()


def with_word(letter: Letter, word: str) -> tuple[bytes, str]:
    message, message_id = letter("gtube")  # whose own rule is not loaded here
    return message + f"word-for-{word}\n".encode(), message_id


def test_quarantine_holds(site: Site, letter: Letter) -> None:
    message, message_id = with_word(letter, "hold")
    site.submit(message, "sender@example.net", [ALICE])
    (queue_id,) = site.postfix.queue_ids()
    site.postfix.release(queue_id)
    site.postfix.wait_delivered(queue_id)
    mail = site.mail(ALICE, message_id)
    assert mail.folder == "Junk" and mail.headers("X-Spam") == ["Yes"]


def test_discard(site: Site, letter: Letter) -> None:
    message, message_id = with_word(letter, "discard")
    answer = site.submit(message, "sender@example.net", [ALICE])
    assert answer.code == 250
    assert site.milter.verdict(answer.queue_id)["action"] == "discard"
    assert site.postfix.queue_ids() == [] and site.dovecot.search(ALICE, message_id) == []


def test_greylist(site: Site, letter: Letter) -> None:
    message, message_id = with_word(letter, "grey")
    answer = site.send(message, "sender@example.net", [ALICE])
    assert (answer.code, answer.text[:5]) == (451, "4.7.1")
    time.sleep(1.1)
    assert site.send(message, "sender@example.net", [ALICE]).code == 250
    assert site.mail(ALICE, message_id).folder == "INBOX"


def test_percent_in_a_reply(site: Site, letter: Letter) -> None:
    answer = site.send(with_word(letter, "reject")[0], "sender@example.net", [ALICE])
    assert str(answer) == "550 5.7.1 100% spam"


def test_oversize(site: Site, letter: Letter) -> None:
    answer = site.send(letter("ham")[0] + b"more of the same\n" * 10_000, "sender@example.net", [ALICE])
    assert (answer.code, answer.text[:5]) == (552, "5.3.4")
