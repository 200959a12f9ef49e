"""Mail of strangers: from Postfix's port 25 through milter-spam into the right folder, or refused."""

from __future__ import annotations

import pytest

from letters import Letter
from servers import smtp
from servers.site import Site

ALICE, BOB, CAROL = (f"{name}@example.org" for name in ("alice", "bob", "carol"))
DIALUP = smtp.Client("203.0.113.45", "", "friend")


@pytest.mark.parametrize("name", ["ham", "newsletter"])
def test_ham_goes_to_the_inbox(site: Site, letter: Letter, name: str) -> None:
    message, message_id = letter(name)
    assert site.send(message, "sender@example.net", [ALICE]).code == 250
    mail = site.mail(ALICE, message_id)
    assert mail.folder == "INBOX"
    assert mail.headers("X-Spam") == []
    assert mail.headers("X-Spam-Status")[0].startswith("No, score=")
    assert float(mail.headers("X-Spam-Score")[0]) < 4


def test_spam_goes_to_junk(site: Site, letter: Letter) -> None:
    message, message_id = letter("spam")
    assert site.send(message, "winner@promo.example.com", [ALICE], DIALUP).code == 250
    mail = site.mail(ALICE, message_id)
    assert mail.folder == "Junk"
    assert mail.headers("X-Spam") == ["Yes"]
    assert mail.headers("X-Spam-Status")[0].startswith("Yes, score=")
    assert 6 <= float(mail.headers("X-Spam-Score")[0]) < 15


def test_gtube_is_refused_at_smtp_time(site: Site, letter: Letter) -> None:
    message, message_id = letter("gtube")
    answer = site.send(message, "tester@example.net", [ALICE])
    assert answer.code == 550
    assert answer.text.startswith("5.7.1 ")
    assert site.dovecot.search(ALICE, message_id) == []
    assert site.postfix.queue_ids() == []


def test_every_recipient_gets_a_copy(site: Site, letter: Letter) -> None:
    message, message_id = letter("spam")
    assert site.send(message, "winner@promo.example.com", [ALICE, BOB, CAROL], DIALUP).code == 250
    for user in (ALICE, BOB, CAROL):
        mail = site.mail(user, message_id)
        assert mail.folder == "Junk"
        assert mail.headers("X-Spam") == ["Yes"]


def test_forged_headers_do_not_count(site: Site, letter: Letter) -> None:
    message, message_id = letter("ham")
    forged = b"X-Spam: Yes\nx-spam-flag: YES\nX-Spam-Status: Yes, score=99\nX-Spam-Score: 99\n"
    assert site.send(forged + message, "sender@example.net", [ALICE]).code == 250
    mail = site.mail(ALICE, message_id)
    assert mail.folder == "INBOX"
    assert mail.headers("X-Spam") == []
    assert len(mail.headers("X-Spam-Status")) == 1
    assert b"99" not in b"".join(line for line in mail.raw.splitlines() if line.lower().startswith(b"x-spam"))


def test_smtputf8(site: Site, letter: Letter) -> None:
    message, message_id = letter("ham")
    message = "Subject: Größe und Preis\nX-Sender: jörg@bücher.example\n".encode() + message.replace(b"Subject: Re: ", b"X-Was: ")
    answer = smtp.send(site.postfix.port, message, "jörg@bücher.example", ["anna@local.example.org"], options=["SMTPUTF8"])
    assert answer.code == 250, answer
    site.postfix.wait_delivered(answer.queue_id)
    (copy,) = [p.read_bytes() for p in site.postfix.maildir.glob("new/*") if message_id.encode() in p.read_bytes()]
    assert b"X-Spam-Status: No" in copy
    assert "Subject: Größe und Preis".encode() in copy
    assert site.milter.verdict(answer.queue_id)["action"] == "accept"


def test_null_sender(site: Site, letter: Letter) -> None:
    message, message_id = letter("ham")
    assert site.send(message, "", [ALICE]).code == 250
    assert site.mail(ALICE, message_id).folder == "INBOX"
