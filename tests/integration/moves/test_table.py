"""What moves teach: every row of the table, however the client moves."""

from __future__ import annotations

import imaplib
import threading
import time

import pytest
from conftest import Place, message

from servers.imap import append, command, move, quoted, select
from servers.process import wait_for

SPAM, HAM = "s", "h"
IF_NEW = 2


def by_move(session: imaplib.IMAP4, source: str, uids: str, target: str) -> None:
    move(session, source, uids, target)


def by_copy(session: imaplib.IMAP4, source: str, uids: str, target: str) -> None:
    select(session, source)
    command(session, "COPY", uids, quoted(target))
    command(session, "STORE", uids, "+FLAGS.SILENT", "(\\Deleted)")
    session.expunge()


def by_copy_alone(session: imaplib.IMAP4, source: str, uids: str, target: str) -> None:
    select(session, source)
    command(session, "COPY", uids, quoted(target))


WAYS = pytest.mark.parametrize("by", [by_move, by_copy, by_copy_alone])


@WAYS
@pytest.mark.parametrize(("source", "target", "lesson"), [
    ("INBOX", "Junk", SPAM),
    ("Archive", "Junk", SPAM),
    ("Junk", "INBOX", HAM),
    ("Junk", "Archive", HAM),
    ("Trash", "Junk", SPAM),
])
def test_teaches(place: Place, by, source: str, target: str, lesson: str) -> None:
    with place.dovecot.session(place.user) as session:
        session.create("Archive")
        append(session, source, message("one"), message("two"))
        by(session, source, "1:2", target)
        assert place.lessons(2) == [(lesson, "one"), (lesson, "two")]
    assert {t.user for t in place.taught} == {place.user}
    assert {t.flags for t in place.taught} == {IF_NEW if source == "Trash" else 0}
    place.dovecot.wait_no_references(place.user)


@WAYS
@pytest.mark.parametrize(("source", "target"), [
    ("Junk", "Trash"), ("INBOX", "Trash"), ("Trash", "INBOX"), ("INBOX", "Archive"), ("Junk", "Junk/2026"),
])
def test_teaches_nothing(place: Place, by, source: str, target: str) -> None:
    with place.dovecot.session(place.user) as session:
        session.create(quoted(target))
        append(session, source, message("one"))
        by(session, source, "1", target)
    place.nothing()


def test_the_bytes_of_the_message(place: Place) -> None:
    raw = message("bytes", "Zeilen\r\nund €.\r\n", size=200_000)
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", raw)
        move(session, "INBOX", "1", "Junk")
        place.lessons(1)
    taught = place.taught[0]
    assert taught.raw.replace(b"\r\n", b"\n") == raw.replace(b"\r\n", b"\n")
    assert taught.origin == "Junk/1"


def test_append_and_expunge_teach_nothing(place: Place) -> None:
    with place.dovecot.session(place.user) as session:
        append(session, "Junk", message("imported"), message("deleted"))
        append(session, "INBOX", message("draft"))
        select(session, "Junk")
        command(session, "STORE", "2", "+FLAGS.SILENT", "(\\Deleted)")
        session.expunge()
    place.nothing()


def test_replace_teaches_nothing(place: Place) -> None:
    with place.dovecot.session(place.user) as session:
        if "REPLACE" not in session.capabilities:
            pytest.skip(f"Dovecot {place.dovecot.edition.name} has no REPLACE")
        append(session, "INBOX", message("old"))
        select(session, "INBOX")
        session.literal = message("new")
        imaplib.Commands["REPLACE"] = ("SELECTED",)
        command(session, "REPLACE", "1", '"Junk"')
    place.nothing()


def test_undo(place: Place) -> None:
    """Into Junk, learned, and back: the filter hears of both, in that order."""
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("oops"))
        move(session, "INBOX", "1", "Junk")
        place.lessons(1)
        move(session, "Junk", "1", "INBOX")
        assert place.lessons(2) == [(SPAM, "oops"), (HAM, "oops")]


def test_several_folders_at_once(place: Place) -> None:
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", *(message(f"m{i}") for i in range(6)))
        move(session, "INBOX", "1:3", "Junk")
        move(session, "Junk", "1", "INBOX")
        move(session, "INBOX", "4:6", "Junk")
        seen = dict[str, str]()
        wait_for(lambda: not place.dovecot.references(place.user), "no references")
        place.lessons(6)
        for taught in place.taught:
            seen[taught.subject] = taught.class_code
    assert seen == {"m0": HAM, **{f"m{i}": SPAM for i in range(1, 6)}}


def test_an_idle_client_is_not_woken(place: Place) -> None:
    """One client idles in Junk while another moves a message there: it hears of the message, at once."""
    place.fill("INBOX", "one")
    with place.dovecot.session(place.user) as idle, place.dovecot.session(place.user) as other:
        select(idle, "Junk")
        idle.send(b"x IDLE\r\n")
        assert idle.readline().startswith(b"+")
        move(other, "INBOX", "1", "Junk")
        assert idle.readline() == b"* 1 EXISTS\r\n"
        place.lessons(1)
        idle.send(b"DONE\r\n")
        while not (line := idle.readline()).startswith(b"x OK"):
            assert line, "the session ended"


def test_an_idle_session_hands_over(place: Place) -> None:
    """The moving client goes into IDLE right after the move: what it moved is learned meanwhile."""
    place.fill("INBOX", "one")
    with place.dovecot.session(place.user) as session:
        move(session, "INBOX", "1", "Junk")
        session.send(b"x IDLE\r\n")
        assert session.readline().startswith(b"+")
        assert place.lessons(1) == [(SPAM, "one")]
        session.send(b"DONE\r\n")
        while not session.readline().startswith(b"x OK"):
            pass


def test_logout_at_once(place: Place) -> None:
    """A client that moves and leaves: the session hands over before it ends, after its answer."""
    place.fill("INBOX", *(f"m{i}" for i in range(20)))
    place.move("INBOX", "1:*", "Junk")
    assert place.lessons(20) == [(SPAM, f"m{i}") for i in range(20)]
    place.dovecot.wait_no_references(place.user)


def test_recent_and_seen_stay(place: Place) -> None:
    """Reading a message to teach it changes nothing of it."""
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("one"))
        move(session, "INBOX", "1", "Junk")
        place.lessons(1)
    with place.dovecot.session(place.user) as session:
        select(session, "Junk")
        answer = session.fetch("1", "(FLAGS)")[1][0]
        assert b"\\Seen" not in answer
        assert b"Junk" not in answer


def test_names_in_utf8(place: Place) -> None:
    """Folder names beyond ASCII, in modified UTF-7 as clients send them."""
    with place.dovecot.session(place.user) as session:
        session.create('"Gr&APwA3w-e"')  # Grüße
        append(session, "Junk", message("one"))
        move(session, "Junk", "1", "Gr&APwA3w-e")
        assert place.lessons(1) == [(HAM, "one")]
        assert place.taught[0].origin == "Grüße/1"
        session.create('"Junk/&BCEEPwQwBDw-"')
        move(session, "Gr&APwA3w-e", "1", "Junk/&BCEEPwQwBDw-")  # Junk/Спам
        assert place.lessons(2)[1] == (SPAM, "one")
        assert place.taught[1].origin == "Junk/Спам/1"


def test_nested_junk(place: Place) -> None:
    with place.dovecot.session(place.user) as session:
        session.create("Junk/2025/old")
        append(session, "INBOX", message("one"))
        move(session, "INBOX", "1", "Junk/2025/old")
        assert place.lessons(1) == [(SPAM, "one")]
        move(session, "Junk/2025/old", "1", "INBOX")
        assert place.lessons(2)[1] == (HAM, "one")


def test_expunged_before_it_was_learned(place: Place) -> None:
    place.learn.stop()
    place.fill("INBOX", "stays", "goes")
    with place.dovecot.session(place.user) as session:
        move(session, "INBOX", "1:2", "Junk")
        select(session, "Junk")
        command(session, "STORE", "2", "+FLAGS.SILENT", "(\\Deleted)")
        session.expunge()
        assert len(place.dovecot.references(place.user)) == 2
        place.learn.start()
        assert place.lessons(1) == [(SPAM, "stays")]
        place.dovecot.wait_no_references(place.user)
    place.logged("spam=1 .*gone=1 ")


def test_there_and_back_before_it_was_learned(place: Place) -> None:
    """Two moves of one message collapse into the last."""
    place.learn.stop()
    place.fill("INBOX", "one", "two")
    with place.dovecot.session(place.user) as session:
        move(session, "INBOX", "1:2", "Junk")
        move(session, "Junk", "1:2", "INBOX")
        move(session, "INBOX", "3", "Junk")
        assert len(place.dovecot.references(place.user)) == 2
        place.learn.start()
        assert sorted(place.lessons(2)) == [(HAM, "two"), (SPAM, "one")]


def test_thrown_away_before_it_was_learned(place: Place) -> None:
    """Into Junk and on to Trash: it is learned from where it is."""
    place.learn.stop()
    place.fill("INBOX", "one")
    with place.dovecot.session(place.user) as session:
        move(session, "INBOX", "1", "Junk")
        move(session, "Junk", "1", "Trash")
        assert len(place.dovecot.references(place.user)) == 1
        place.learn.start()
        assert place.lessons(1) == [(SPAM, "one")]
    assert place.taught[0].origin == "Trash/1"


def test_renamed_before_it_was_learned(place: Place) -> None:
    place.learn.stop()
    with place.dovecot.session(place.user) as session:
        session.create("Later")
        append(session, "Junk", message("one"))
        move(session, "Junk", "1", "Later")
        select(session, "INBOX")
        session.rename("Later", '"Some day"')
        place.learn.start()
        assert place.lessons(1) == [(HAM, "one")]
    assert place.taught[0].origin == "Some day/1"


def test_folder_deleted_before_it_was_learned(place: Place) -> None:
    place.learn.stop()
    with place.dovecot.session(place.user) as session:
        session.create("Later")
        append(session, "Junk", message("one"), message("two"))
        move(session, "Junk", "1", "Later")
        move(session, "Junk", "2", "INBOX")
        session.delete("Later")
        place.learn.start()
        assert place.lessons(1) == [(HAM, "two")]
        place.dovecot.wait_no_references(place.user)


def test_two_sessions_share_the_file(place: Place) -> None:
    """Several sessions of a user move at the same time: each message is taught once."""
    place.fill("INBOX", *(f"m{i}" for i in range(60)))

    def some(first: int) -> None:
        with place.dovecot.session(place.user) as session:
            for uid in range(first, first + 20):
                move(session, "INBOX", str(uid), "Junk")

    threads = [threading.Thread(target=some, args=(1 + 20 * i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if place.dovecot.references(place.user):   # the last one left while another was at it
        with place.dovecot.session(place.user):
            place.dovecot.wait_no_references(place.user)
    time.sleep(0.2)
    assert sorted(t.subject for t in place.taught) == sorted(f"m{i}" for i in range(60))
