"""The Sieve extension in IMAPSieve scripts, deliveries by Sieve, and spamtest over our headers; with real Pigeonhole."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import MakePlace, Place, message

from servers.imap import Edition, append, move
from servers.milter import TOP
from servers.process import wait_for

SCRIPTS = TOP / "dovecot-sieve-learn" / "sieve"
IMAPSIEVE_23 = """\
  sieve_plugins = sieve_imapsieve sieve_gatepost_learn
  sieve_global_extensions = +vnd.gatepost.learn
  imapsieve_mailbox1_name = Junk
  imapsieve_mailbox1_causes = COPY
  imapsieve_mailbox1_before = file:{folder}/sieve/into-junk.sieve
  imapsieve_mailbox2_name = *
  imapsieve_mailbox2_from = Junk
  imapsieve_mailbox2_causes = COPY
  imapsieve_mailbox2_before = file:{folder}/sieve/out-of-junk.sieve
"""
IMAPSIEVE_24 = """\
sieve_plugins {{
  sieve_imapsieve = yes
  sieve_gatepost_learn = yes
}}
sieve_global_extensions {{
  vnd.gatepost.learn = yes
}}
mailbox Junk {{
  sieve_script into-junk {{
    type = before
    cause = copy
    path = {folder}/sieve/into-junk.sieve
  }}
}}
imapsieve_from Junk {{
  sieve_script out-of-junk {{
    type = before
    cause = copy
    path = {folder}/sieve/out-of-junk.sieve
  }}
}}
"""
SPAMTEST_23 = """\
plugin {
  sieve_extensions = +spamtest +spamtestplus +virustest
  sieve_spamtest_status_type = score
  sieve_spamtest_status_header = X-Spam-Status: [[:alpha:]]+, score=(-?[[:digit:]]+\\.[[:digit:]])
  sieve_spamtest_max_header = X-Spam-Status: [[:alpha:]]+, score=-?[[:digit:]]+\\.[[:digit:]] required=([[:digit:]]+\\.[[:digit:]])
  sieve_virustest_status_type = text
  sieve_virustest_status_header = X-Virus-Status: ([[:alpha:]]+)
  sieve_virustest_text_value1 = Clean
  sieve_virustest_text_value5 = Infected
}
"""
SPAMTEST_24 = """\
sieve_extensions {
  spamtest = yes
  spamtestplus = yes
  virustest = yes
}
sieve_spamtest_status_type = score
sieve_spamtest_status_header = X-Spam-Status: [[:alpha:]]+, score=(-?[[:digit:]]+\\.[[:digit:]])
sieve_spamtest_score_max_header = X-Spam-Status: [[:alpha:]]+, score=-?[[:digit:]]+\\.[[:digit:]] required=([[:digit:]]+\\.[[:digit:]])
sieve_virustest_status_type = text
sieve_virustest_status_header = X-Virus-Status: ([[:alpha:]]+)
sieve_virustest_text_value {
  1 = Clean
  5 = Infected
}
"""


@pytest.fixture
def sieve_place(make_place: MakePlace, edition: Edition, world: Path) -> Place:
    """IMAPSieve with the scripts that we document, instead of the mail plugin."""
    text = (IMAPSIEVE_24 if edition.is_24 else IMAPSIEVE_23).format(folder=world / "0")
    place = make_place(mail_plugin=False, imapsieve=text)
    for name in ("into-junk", "out-of-junk"):
        place.dovecot.script(name, (SCRIPTS / f"{name}.sieve").read_text())
    return place


def test_scripts(sieve_place: Place) -> None:
    place = sieve_place
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", *(message(f"m{i}") for i in range(5)))
        append(session, "Junk", message("appended"))
        move(session, "INBOX", "1:5", "Junk")
        assert place.lessons(5) == [("s", f"m{i}") for i in range(5)]
        move(session, "Junk", "2", "INBOX")
        assert place.lessons(6)[5] == ("h", "m0")
        move(session, "Junk", "3", "Trash")
        session.create("Junk/old")
        move(session, "Junk", "4", "Junk/old")
        move(session, "Trash", "1", "Junk")
        assert place.lessons(7)[6] == ("s", "m1")
    place.dovecot.wait_no_references(place.user)
    assert len(place.taught) == 7


def test_unlearn_and_the_first_word_counts(sieve_place: Place) -> None:
    place = sieve_place
    place.dovecot.script("into-junk", 'require ["vnd.gatepost.learn"];\nunlearn;\nlearn "spam";\nunlearn;\n')
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("one"))
        move(session, "INBOX", "1", "Junk")
        assert place.lessons(1) == [("u", "one")]


def test_scripts_with_the_socket_down(sieve_place: Place) -> None:
    place = sieve_place
    place.learn.stop()
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("one"))
        move(session, "INBOX", "1", "Junk")
        assert len(place.dovecot.references(place.user)) == 1
    place.ended()
    place.learn.start()
    place.dovecot.command("doveadm", "gatepost-learn", "-u", place.user)
    assert place.lessons(1) == [("s", "one")]


@pytest.mark.parametrize("text", ['learn "junk";', "learn;", 'learn "spam" "ham";', 'unlearn "spam";',
                                  'learn text:\nspam\n.\n;'])
def test_nonsense_does_not_compile(sieve_place: Place, text: str) -> None:
    path = sieve_place.dovecot.folder / "sieve" / "wrong.sieve"
    path.write_text(f'require "vnd.gatepost.learn";\n{text}\n')
    done = sieve_place.dovecot.command("sievec", str(path), check=False)
    assert done.returncode != 0 and "error" in done.stderr


def test_at_delivery_it_only_warns(sieve_place: Place) -> None:
    """A script that is run by LMTP says learn: the mail is delivered, nothing is learned."""
    place = sieve_place
    before = place.dovecot.script("delivery", 'require ["vnd.gatepost.learn"];\nlearn "spam";\n')
    extra = (f"sieve_script all {{\n  type = before\n  path = {before}\n}}\n" if place.dovecot.edition.is_24
             else f"plugin {{\n  sieve_before = {before}\n}}\n")
    place.dovecot.config.write_text(place.dovecot.config.read_text() + extra)
    place.dovecot.stop()
    place.dovecot.start()
    place.dovecot.deliver(place.user, message("delivered"))
    wait_for(lambda: place.count("INBOX") == 1, "delivery")
    wait_for(lambda: bool(place.dovecot.log_lines("only what a user moves is learned")), "its warning")
    place.ended()
    assert place.taught == []


def test_delivery_into_junk_teaches_nothing(place: Place) -> None:
    """Sieve files a delivered message into Junk: no user judged it."""
    home = place.dovecot.home(place.user)
    script = home / ".dovecot.sieve"
    script.write_text('require "fileinto";\nif header :contains "subject" "spam" { fileinto "Junk"; }\n')
    place.dovecot.deliver(place.user, message("spam of today"))
    place.dovecot.deliver(place.user, message("friendly"))
    wait_for(lambda: place.count("Junk") == 1 and place.count("INBOX") == 1, "deliveries")
    place.ended()
    assert place.taught == [] and place.dovecot.references(place.user) == []


@pytest.mark.parametrize(("header", "folder"), [
    ("X-Spam-Status: Yes, score=7.5 required=5.0\r\n\ttests=X", "Junk"),
    ("X-Spam-Status: Yes, score=5.0 required=5.0\r\n\ttests=X", "Junk"),
    ("X-Spam-Status: No, score=4.9 required=5.0\r\n\ttests=X", "INBOX"),
    ("X-Spam-Status: No, score=-2.1 required=5.0\r\n\ttests=none", "INBOX"),
    ("X-Virus-Status: Infected (Eicar)", "Junk"),
    ("X-Virus-Status: Clean", "INBOX"),
    ("X-Other: none of ours", "INBOX"),
])
def test_spamtest(spamtest_place: Place, header: str, folder: str) -> None:
    """The documented configuration makes a user's spamtest and virustest see our verdict."""
    place = spamtest_place
    place.user = f"s{abs(hash(header))}"
    (place.dovecot.home(place.user) / ".dovecot.sieve").write_text((SCRIPTS / "spamtest.sieve").read_text())
    place.dovecot.deliver(place.user, header.encode() + b"\r\n" + message("m"))
    wait_for(lambda: place.count("Junk") + place.count("INBOX") == 1, "delivery")
    assert place.count(folder) == 1


@pytest.fixture
def spamtest_place(make_place: MakePlace, edition: Edition) -> Place:
    return make_place(extra=SPAMTEST_24 if edition.is_24 else SPAMTEST_23)
