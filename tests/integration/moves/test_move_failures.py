"""The controller away, silent, slow, unwilling; sessions killed; disks and files full: the user's command succeeds at
once, and what was taken is learned later."""

from __future__ import annotations

import signal
import socket
import threading
import time

import pytest
from conftest import MakePlace, Place, message

from servers.imap import append, move, quoted, select
from servers.learnserver import DENIED, LATER, QUEUED, REFUSED, Taught
from servers.process import LONG, wait_for

AT_ONCE = 8.0  # seconds; the command itself takes milliseconds, who waited for a greeting would do so for ten


def test_no_socket(place: Place) -> None:
    place.learn.stop()
    place.fill("INBOX", "one", "two")
    assert place.move("INBOX", "1:2", "Junk") < AT_ONCE
    assert len(place.dovecot.references(place.user)) == 2
    place.learn.start()
    with place.dovecot.session(place.user):   # the user's next session
        assert place.lessons(2) == [("s", "one"), ("s", "two")]
    place.dovecot.wait_no_references(place.user)


def test_the_same_session_tries_again(place: Place) -> None:
    place.learn.stop()
    place.fill("INBOX", "one")
    with place.dovecot.session(place.user) as session:
        move(session, "INBOX", "1", "Junk")
        time.sleep(0.5)
        place.learn.start()
        assert place.lessons(1) == [("s", "one")]


def test_one_warning_a_minute(place: Place) -> None:
    place.learn.stop()
    place.fill("INBOX", *(f"m{i}" for i in range(30)))
    begin = time.monotonic()
    with place.dovecot.session(place.user) as session:
        for uid in range(1, 31):
            move(session, "INBOX", str(uid), "Junk")
        time.sleep(2.5)   # it has tried again meanwhile
    place.ended()
    place.logged("Warning: gatepost_learn")
    minutes = 1 + int(time.monotonic() - begin) // 60
    assert len(place.dovecot.log_lines(rf"imap\({place.user}\).*Warning: gatepost_learn")) <= minutes
    assert len(place.dovecot.references(place.user)) == 30
    place.learn.start()


@pytest.mark.parametrize("mail", ["maildir", "mdbox"])
def test_a_socket_that_nobody_reads(make_place: MakePlace, mail: str) -> None:
    """A controller that is stopped: connections are accepted, or not even that, and nothing is read."""
    place = make_place(mail=mail, settings={"logout_wait_ms": "1000"})
    place.learn.stop()
    place.fill("INBOX", *(f"m{i}" for i in range(5)))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place.learn.path))
        place.learn.path.chmod(0o666)
        listener.listen(0)
        others = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for other in others:   # the queue of connections is full
            other.setblocking(False)
            try:
                other.connect(str(place.learn.path))
            except BlockingIOError:
                pass
        start = time.monotonic()
        with place.dovecot.session(place.user) as session:
            assert move(session, "INBOX", "1:5", "Junk") < AT_ONCE
            session.noop()
        assert time.monotonic() - start < AT_ONCE   # logout_wait_ms bounds the end of the session
        for other in others:
            other.close()
    assert len(place.dovecot.references(place.user)) == 5
    place.learn.start()
    with place.dovecot.session(place.user):
        assert len(place.lessons(5)) == 5


def test_a_slow_controller(place: Place) -> None:
    """It has not answered yet: the session does not feel it, nothing is lost when it ends."""
    may_answer = threading.Event()

    def late(taught: Taught) -> bytes:
        may_answer.wait(LONG)
        return QUEUED

    place.learn.status = late
    place.fill("INBOX", *(f"m{i}" for i in range(20)))
    with place.dovecot.session(place.user) as session:
        assert move(session, "INBOX", "1:*", "Junk") < AT_ONCE
        wait_for(lambda: place.learn.connections > 0, "connection")
        for _ in range(10):
            session.noop()
        assert place.taught == [] and place.learn.connections == 1
        may_answer.set()
    with place.dovecot.session(place.user):
        place.dovecot.wait_no_references(place.user)
    assert {t.subject for t in place.taught} == {f"m{i}" for i in range(20)}
    place.learn.status = lambda taught: QUEUED


def test_a_killed_controller(place: Place) -> None:
    """It dies amid the messages: those without an answer are taught again, the others are not."""
    def some(taught: object) -> bytes:
        if len(place.taught) == 7:
            place.learn.stop()
        return QUEUED

    place.fill("INBOX", *(f"m{i}" for i in range(20)))
    place.learn.status = some
    place.move("INBOX", "1:*", "Junk")
    place.ended()
    place.learn.status = lambda taught: QUEUED
    answered = {t.subject for t in place.taught[:7]}
    assert len(place.dovecot.references(place.user)) == 13
    place.learn.clear()
    place.learn.start()
    with place.dovecot.session(place.user):
        place.dovecot.wait_no_references(place.user)
    again = {t.subject for t in place.taught}
    assert again == {f"m{i}" for i in range(20)} - answered


def test_not_now(place: Place) -> None:
    """"Later" keeps the reference, and the order: nothing overtakes on the next attempt."""
    first: list[int] = []      # the attempt that is put off
    waiting: list[int] = []    # references at the next one

    def put_off_once(taught: Taught) -> bytes:
        first[:] = first or [place.learn.connections]
        if place.learn.connections == first[0]:
            return LATER
        waiting.append(len(place.dovecot.references(place.user)))
        return QUEUED

    place.learn.status = put_off_once
    place.fill("INBOX", "one", "two")
    with place.dovecot.session(place.user) as session:
        move(session, "INBOX", "1:2", "Junk")
        assert place.lessons(2) == [("s", "one"), ("s", "two")]
        place.dovecot.wait_no_references(place.user)
    assert waiting[0] == 2
    place.logged("not now")
    place.learn.status = lambda taught: QUEUED


def test_denied(place: Place) -> None:
    """The administrator forgot to trust Dovecot's user: it says so, and forgets nothing."""
    place.learn.status = lambda taught: DENIED
    place.fill("INBOX", "one")
    place.move("INBOX", "1", "Junk")
    place.logged("denied")
    place.ended()
    assert len(place.dovecot.references(place.user)) == 1
    place.learn.status = lambda taught: QUEUED
    with place.dovecot.session(place.user):
        assert place.lessons(1) == [("s", "one")]


def test_refused(place: Place) -> None:
    place.learn.status = lambda taught: REFUSED
    place.fill("INBOX", "one")
    place.move("INBOX", "1", "Junk")
    place.dovecot.wait_no_references(place.user)
    assert len(place.learn.seen) == 1
    place.logged("refused=1")
    place.learn.status = lambda taught: QUEUED


@pytest.mark.parametrize("after", [0.0, 0.01, 0.05, 0.2])
def test_a_killed_session(place: Place, after: float) -> None:
    """kill -9 of imap after the command was answered: nothing that was moved is forgotten, nothing is lost."""
    place.fill("INBOX", *(f"m{i}" for i in range(100)))
    place.learn.pause = 0.005
    session = place.dovecot.login(place.user)
    move(session, "INBOX", "1:*", "Junk")
    time.sleep(after)
    assert place.dovecot.kill_imap() >= 1
    with pytest.raises((OSError, Exception)):
        session.noop()
        session.noop()
    place.learn.pause = 0.0
    with place.dovecot.session(place.user):
        place.dovecot.wait_no_references(place.user)
    assert {t.subject for t in place.taught} == {f"m{i}" for i in range(100)}
    assert len(place.taught) <= 100 + 64   # at most a window of them twice


def test_doveadm(place: Place) -> None:
    """The administrator hands over what sessions left."""
    place.learn.stop()
    place.fill("INBOX", "one", "two")
    place.move("INBOX", "1:2", "Junk")
    failed = place.dovecot.command("doveadm", "gatepost-learn", "-u", place.user, check=False)
    assert failed.returncode == 75 and "waiting=yes" in failed.stdout, failed
    place.learn.start()
    done = place.dovecot.command("doveadm", "gatepost-learn", "-u", place.user)
    assert f"{place.user} spam=2 ham=0 unlearned=0 dropped=0 waiting=no" in done.stdout
    assert place.lessons(2) == [("s", "one"), ("s", "two")]
    assert place.dovecot.references(place.user) == []


def test_doveadm_moves_teach_nothing(place: Place) -> None:
    place.fill("INBOX", "one")
    place.fill("Junk", "two")
    place.dovecot.command("doveadm", "move", "-u", place.user, "Junk", "mailbox", "INBOX", "subject", "one")
    place.dovecot.command("doveadm", "move", "-u", place.user, "INBOX", "mailbox", "Junk", "subject", "two")
    assert place.count("Junk") == 1
    place.nothing()


def test_stopped_file(place: Place) -> None:
    """Another process holds the lock of the file and is stopped: the move succeeds, and is remembered as soon as
    the lock is free."""
    import fcntl

    place.learn.stop()
    place.fill("INBOX", "one", "two")
    place.move("INBOX", "1", "Junk")
    file = next(place.dovecot.home(place.user).rglob("dovecot-gatepost-learn"))
    with place.dovecot.session(place.user) as session, file.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert move(session, "INBOX", "2", "Junk") < AT_ONCE
        assert len(place.dovecot.references(place.user)) == 1
        fcntl.flock(held, fcntl.LOCK_UN)
        wait_for(lambda: len(place.dovecot.references(place.user)) == 2, "second reference")
    place.learn.start()
    with place.dovecot.session(place.user):
        assert place.lessons(2) == [("s", "one"), ("s", "two")]


def test_the_file_is_bounded(make_place: MakePlace) -> None:
    place = make_place(settings={"queue_max": "10", "logout_wait_ms": "1000"})
    place.learn.reads = False  # one that is away would be warned of first, and there is one warning a minute
    place.fill("INBOX", *(f"m{i}" for i in range(30)))
    with place.dovecot.session(place.user) as session:
        for first in (1, 11, 21):
            assert move(session, "INBOX", f"{first}:{first + 9}", "Junk") < AT_ONCE
    file = next(place.dovecot.home(place.user).rglob("dovecot-gatepost-learn"))
    assert file.stat().st_size == 10 * 64
    place.logged("is full, 10 messages are not learned")
    place.learn.stop()
    place.learn.reads = True
    place.learn.start()
    with place.dovecot.session(place.user):
        assert len(place.lessons(10)) == 10


def test_index_folder_that_cannot_be_written(make_place: MakePlace) -> None:
    """No reference can be kept: the move succeeds, and the log says what is not learned."""
    place = make_place()
    place.fill("INBOX", "one")
    folder = place.dovecot.home(place.user) / "Maildir"
    (folder / "dovecot-gatepost-learn").mkdir()
    with place.dovecot.session(place.user) as session:
        assert move(session, "INBOX", "1", "Junk") < AT_ONCE
    assert place.count("Junk") == 1
    place.logged("cannot be written, 1 messages are not learned")


def test_too_large(make_place: MakePlace) -> None:
    place = make_place(settings={"size_max": "10k"})
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("large", size=20_000), message("small"))
        move(session, "INBOX", "1:2", "Junk")
        assert place.lessons(1) == [("s", "small")]
    place.dovecot.wait_no_references(place.user)
    place.logged("too_large=1")


def test_a_rate(make_place: MakePlace) -> None:
    """A minute's worth goes at once, the rest as the minutes pass; a session that ends leaves it in the file."""
    place = make_place(settings={"rate": "2", "logout_wait_ms": "1000"})  # the third comes after half a minute
    place.fill("INBOX", *(f"m{i}" for i in range(5)))
    place.move("INBOX", "1:*", "Junk")
    assert len(place.lessons(2)) == 2
    place.ended()
    assert len(place.dovecot.references(place.user)) == 3


def quota(place_settings: str, is_24: bool) -> str:
    if is_24:
        return 'quota "User quota" {\n  driver = count\n  quota_storage_size = 20k\n}\n'
    return "plugin {\n  quota = count:User quota\n  quota_vsizes = yes\n  quota_rule = *:storage=20k\n  quota_grace = 0\n}\n"


def test_quota_full(make_place: MakePlace, edition) -> None:
    """A COPY that does not fit fails, and teaches nothing; a MOVE fits."""
    place = make_place(plugins=("quota",), extra=quota("", edition.is_24))
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("one", size=12_000))
        select(session, "INBOX")
        answer, text = session.uid("COPY", "1", quoted("Junk"))
        assert answer == "NO" and b"OVERQUOTA" in text[0]
        assert place.dovecot.references(place.user) == []
        move(session, "INBOX", "1", "Junk")
        assert place.lessons(1) == [("s", "one")]
    assert len(place.taught) == 1


def test_hibernated(make_place: MakePlace) -> None:
    """A session that sleeps in imap-hibernate has handed over before, or does when it wakes."""
    place = make_place(hibernate=True)
    place.fill("INBOX", "one", "two")
    with place.dovecot.session(place.user) as session:
        move(session, "INBOX", "1", "Junk")
        session.send(b"x IDLE\r\n")
        assert session.readline().startswith(b"+")
        wait_for(lambda: not place.dovecot.processes("imap"), "hibernated session")
        assert place.lessons(1) == [("s", "one")]
        session.send(b"DONE\r\n")
        while not session.readline().startswith(b"x OK"):
            pass
        move(session, "INBOX", "2", "Junk")
        assert place.lessons(2)[1] == ("s", "two")


def test_terminated_service(place: Place) -> None:
    """Dovecot is told to stop amid the work: what is left is learned after its restart."""
    place.learn.pause = 0.05
    place.fill("INBOX", *(f"m{i}" for i in range(50)))
    session = place.dovecot.login(place.user)
    move(session, "INBOX", "1:*", "Junk")
    place.dovecot.kill_imap(signal.SIGTERM)
    wait_for(lambda: not place.dovecot.processes("imap"), "end of the session")
    place.learn.pause = 0.0
    with place.dovecot.session(place.user):
        place.dovecot.wait_no_references(place.user)
    assert {t.subject for t in place.taught} == {f"m{i}" for i in range(50)}


def test_rollback(place: Place) -> None:
    """A COPY of which one message is gone fails as a whole: what was copied is taken back, and teaches nothing."""
    if place.dovecot.setup.mail != "maildir":
        pytest.skip("files are removed under Dovecot's feet only in a Maildir")
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("one"), message("two"), message("three"))
        select(session, "INBOX")
        files = [p for name in ("new", "cur") for p in (place.dovecot.home(place.user) / "Maildir" / name).iterdir()]
        next(p for p in files if b"Subject: two" in p.read_bytes()).unlink()
        session.uid("COPY", "1:3", "Junk")
        copied = place.count("Junk")
    place.dovecot.wait_no_references(place.user)
    assert len(place.taught) == copied
