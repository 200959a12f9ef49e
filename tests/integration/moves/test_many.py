"""Many messages at once, large ones at the end of a session, and other people's clients."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from conftest import MakePlace, Place, message

from servers.imap import PASSWORD, Dovecot, append, move, select
from servers.process import wait_for

MANY = 5000


def fill(dovecot: Dovecot, user: str, count: int) -> None:
    """Puts messages into INBOX by doveadm: APPEND of so many takes minutes."""
    source = dovecot.home(user) / "source"
    for name in ("cur", "new", "tmp"):
        (source / name).mkdir(parents=True)
    for number in range(count):
        (source / "cur" / f"{number:06}.x.y:2,").write_bytes(message(f"m{number}", size=2000))
    subprocess.run(["chown", "-R", "mail:mail", str(dovecot.home(user))], check=True)
    dovecot.command("doveadm", "import", "-u", user, f"maildir:{source}", "", "all", timeout=300)


def resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.parametrize("mail", ["maildir", "mdbox"])
def test_five_thousand(make_place: MakePlace, mail: str) -> None:
    """One move of 5,000: one connection, one process, flat memory, every message once, a session that answers."""
    place = make_place(mail=mail, extra="mail_fsync = never\n")
    fill(place.dovecot, place.user, MANY)
    with place.dovecot.session(place.user) as session:
        assert select(session, "INBOX") == MANY
        pid, = place.dovecot.processes("imap")
        move(session, "INBOX", "1:*", "Junk")
        after_move = resident_kb(pid)
        slowest = most = 0
        while (before := len(place.learn.taught)) < MANY:
            session.noop()
            slowest = max(slowest, len(place.learn.taught) - before)
            most = max(most, resident_kb(pid))
            assert place.dovecot.processes("imap") == [pid]
            time.sleep(0.02)
        place.dovecot.wait_no_references(place.user)
    assert sorted(t.subject for t in place.taught) == sorted(f"m{i}" for i in range(MANY))
    assert place.learn.open_most == 1
    assert most < after_move + 8192, (after_move, most)
    assert slowest < MANY / 10  # so many messages went before a command was answered


def test_large_messages_at_the_end_of_a_session(make_place: MakePlace) -> None:
    """The session ends amid large messages that the controller takes slowly."""
    place = make_place(settings={"logout_wait_ms": "10000"})
    place.learn.pause = 0.2
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", *(message(f"m{i}", size=2_000_000) for i in range(4)))
        move(session, "INBOX", "1:*", "Junk")
    assert place.lessons(4) == [("s", f"m{i}") for i in range(4)]
    assert all(len(t.raw) > 1_900_000 for t in place.taught)
    place.ended()
    assert place.dovecot.references(place.user) == []


MBSYNC = """\
IMAPAccount here
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account here

MaildirStore near
Path {folder}/
Inbox {folder}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns INBOX Junk
Create Near
Expunge Both
SyncState *
"""


def test_mbsync(place: Place, world: Path) -> None:
    """isync is an offline client: a message moved in its folders comes to the server as APPEND and expunge.  What it
    APPENDs to Junk is not learned unless asked for; what it deletes there teaches nothing."""
    if shutil.which("mbsync") is None:
        pytest.skip("mbsync is not installed")
    place.fill("INBOX", "one", "two")
    place.fill("Junk", "bad")
    config = world / "mbsyncrc"
    config.write_text(MBSYNC.format(port=place.dovecot.port, user=place.user, password=PASSWORD, folder=world))

    def sync() -> None:
        done = subprocess.run(["mbsync", "-c", str(config), "-a"], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "HOME": str(world)})
        assert done.returncode == 0, done.stderr

    sync()
    mail = next(p for p in (world / "INBOX" / "new").iterdir() if b"Subject: one" in p.read_bytes())
    (world / "Junk" / "new" / "moved").write_bytes(mail.read_bytes())
    mail.unlink()
    sync()
    assert (place.count("INBOX"), place.count("Junk")) == (1, 2)
    place.nothing()


def test_mbsync_with_append(make_place: MakePlace, world: Path) -> None:
    """The same client where the administrator set gatepost_learn_append."""
    if shutil.which("mbsync") is None:
        pytest.skip("mbsync is not installed")
    place = make_place(settings={"append": "spam"})
    place.fill("INBOX", "one", "two")
    config = world / "mbsyncrc"
    config.write_text(MBSYNC.format(port=place.dovecot.port, user=place.user, password=PASSWORD, folder=world))
    env = {**os.environ, "HOME": str(world)}
    subprocess.run(["mbsync", "-c", str(config), "-a"], check=True, capture_output=True, timeout=60, env=env)
    mail = next(p for p in (world / "INBOX" / "new").iterdir() if b"Subject: one" in p.read_bytes())
    (world / "Junk" / "new" / "moved").write_bytes(mail.read_bytes())
    mail.unlink()
    subprocess.run(["mbsync", "-c", str(config), "-a"], check=True, capture_output=True, timeout=60, env=env)
    assert place.lessons(1) == [("s", "one")]
    wait_for(lambda: place.count("INBOX") == 1, "expunge")
