"""Mail of our own: authenticated users, own networks, local programs, bounces. It is seen, and gets no headers."""

from __future__ import annotations

import re
import uuid

from letters import Letter
from servers import dovecot, smtp
from servers.dovecot import Mail
from servers.process import wait_for
from servers.site import Site

ALICE, BOB = "alice@example.org", "bob@example.org"


def assert_unmarked(mail: Mail) -> None:
    assert mail.folder == "INBOX"
    assert not re.search(rb"(?mi)^x-spam", mail.raw.split(b"\r\n\r\n")[0])


def test_authenticated_user(site: Site, letter: Letter) -> None:
    message, message_id = letter("spam")
    answer = smtp.send(site.postfix.submission_port, message, ALICE, [BOB], client=None, login=(ALICE, dovecot.PASSWORD))
    assert answer.code == 250, answer
    assert_unmarked(site.mail(BOB, message_id))
    assert site.milter.verdict(answer.queue_id)["action"] == "accept"


def test_authenticated_user_from_elsewhere(site: Site, letter: Letter) -> None:
    message, message_id = letter("spam")
    answer = smtp.send(site.postfix.submission_port, message, ALICE, [BOB], login=(ALICE, dovecot.PASSWORD))
    assert answer.code == 250, answer
    assert_unmarked(site.mail(BOB, message_id))


def test_submission_wants_a_login(site: Site, letter: Letter) -> None:
    answer = smtp.send(site.postfix.submission_port, letter("ham")[0], ALICE, [BOB])
    assert answer.code == 554, answer


def test_own_network(site: Site, letter: Letter) -> None:
    message, message_id = letter("spam")
    assert site.send(message, "cron@example.org", [ALICE], client=None).code == 250
    assert_unmarked(site.mail(ALICE, message_id))


def test_local_program(site: Site, letter: Letter) -> None:
    message, message_id = letter("ham")
    site.postfix.sendmail(message, "root@example.org", [ALICE])
    assert_unmarked(site.mail(ALICE, message_id))
    line = site.postfix.wait_log(rf"cleanup\[\d+\]: (\w+): message-id={re.escape(message_id)}")
    assert site.milter.verdict(line.rsplit(": ", 2)[1])["action"] == "accept"


def test_bounce(site: Site, letter: Letter) -> None:
    user = f"{uuid.uuid4()}@example.org"
    message, message_id = letter("ham")
    site.postfix.sendmail(message, user, ["nobody@elsewhere.example.net"])  # smtpd would refuse it at once
    line = site.postfix.wait_log(rf"cleanup\[\d+\]: (\w+): message-id={re.escape(message_id)}")
    queue_id = line.rsplit(": ", 2)[1]
    line = site.postfix.wait_log(rf"{queue_id}: sender non-delivery notification: \w+")
    bounce_id = line.rsplit(" ", 1)[1]
    site.postfix.wait_delivered(bounce_id)
    assert site.milter.verdict(bounce_id)["action"] == "accept"
    (message_id,) = re.findall(rf"cleanup\[\d+\]: {bounce_id}: message-id=(\S+)", site.postfix.log_text())
    wait_for(lambda: bool(site.dovecot.search(user, message_id)), "bounce")
    assert_unmarked(site.mail(user, message_id))
