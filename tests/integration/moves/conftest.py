"""Dovecot of both versions and of several mail formats, with our plugin and a learn socket of the test's own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers import trixie
from servers.debian import Unavailable
from servers.imap import Dovecot, Edition, Setup, append, move, select, why_no_namespace
from servers.learnserver import LearnServer, Taught
from servers.milter import build_folder
from servers.process import wait_for

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session", params=["2.3", "2.4"])
def edition(request: pytest.FixtureRequest) -> Edition:
    """A version of Dovecot with our modules for it."""
    why_not = why_no_namespace()
    if why_not:
        pytest.skip(f"Dovecot {request.param}: {why_not}")
    if request.param == "2.3":
        found = Edition("2.3", "", build_folder())
        assert (found.built / "dovecot-sieve-learn" / "lib95_gatepost_learn_plugin.so").exists(), "the plugin is not built"
        return found
    try:
        return trixie.edition()
    except Unavailable as why:
        pytest.skip(f"Dovecot 2.4: {why}")


@dataclass
class Place:
    """A running Dovecot, the learn socket it hands over to, and a user nobody used before."""

    dovecot: Dovecot
    learn: LearnServer
    user: str

    def fill(self, folder: str, *subjects: str) -> None:
        """Appends a small message per subject."""
        with self.dovecot.session(self.user) as session:
            append(session, folder, *(message(s) for s in subjects))

    def move(self, source: str, uids: str, target: str) -> float:
        with self.dovecot.session(self.user) as session:
            return move(session, source, uids, target)

    def count(self, folder: str) -> int:
        with self.dovecot.session(self.user) as session:
            return select(session, folder)

    @property
    def taught(self) -> list[Taught]:
        """What this user taught."""
        return [t for t in self.learn.taught if t.user == self.user]

    def lessons(self, count: int) -> list[tuple[str, str]]:
        """Waits for so many messages, and a moment for more; their classes and subjects as they came."""
        wait_for(lambda: len(self.taught) >= count, f"{count} taught messages")
        time.sleep(0.15)
        return [(t.class_code, t.subject) for t in self.taught]

    def ended(self) -> None:
        """Waits until no session is left: some hand over while they end."""
        wait_for(lambda: not self.dovecot.processes("imap"), "end of all sessions")

    def logged(self, pattern: str) -> None:
        wait_for(lambda: bool(self.dovecot.log_lines(rf"imap\({self.user}\).*{pattern}")), f"log line {pattern}")

    def nothing(self) -> None:
        """Nothing was taught and nothing waits: whatever was to come has come, as a later lesson shows."""
        self.fill("INBOX", "afterwards")
        with self.dovecot.session(self.user) as session:
            select(session, "INBOX")
            uid = session.uid("SEARCH", "SUBJECT", "afterwards")[1][0].decode().split()[-1]
            move(session, "INBOX", uid, "Junk")
            assert self.lessons(1) == [("s", "afterwards")]
        self.dovecot.wait_no_references(self.user)


def message(subject: str, body: str = "Buy.\r\n", size: int = 0) -> bytes:
    head = f"From: a@example.net\r\nTo: b@example.org\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.net>\r\n"
    return (head + "\r\n" + body + ("x" * 70 + "\r\n") * (size // 72)).encode()


def run_place(folder: Path, edition: Edition, setup: Setup) -> Iterator[tuple[Dovecot, LearnServer]]:
    # The end of a session waits for a controller that is busy as long as may be, if the test does not want it otherwise.
    setup.settings = {"logout_wait_ms": "10000", **setup.settings}
    dovecot = Dovecot(folder, edition, setup)
    learn = LearnServer(dovecot.socket)
    learn.start()
    dovecot.start()
    try:
        yield dovecot, learn
    finally:
        dovecot.stop()
        learn.stop()
    assert dovecot.log_lines(r"Panic|leak|signal 11|signal 6|Error: gatepost") == []


@pytest.fixture(scope="module", params=["maildir", "mdbox"])
def shared(request: pytest.FixtureRequest, edition: Edition, module_world: Path) -> Iterator[tuple[Dovecot, LearnServer]]:
    """One instance for the tests of a module, per version and format; each test has a user of its own."""
    folder = module_world / f"{edition.name}-{request.param}"
    folder.mkdir()
    yield from run_place(folder, edition, Setup(mail=request.param, settings=getattr(request.module, "SETTINGS", {})))


@pytest.fixture
def place(shared: tuple[Dovecot, LearnServer]) -> Place:
    dovecot, learn = shared
    learn.clear()
    return Place(dovecot, learn, f"user{next(NUMBERS)}")


MakePlace = Callable[..., Place]


@pytest.fixture
def make_place(edition: Edition, world: Path) -> Iterator[MakePlace]:
    """make_place(mail=…, settings=…): an instance of the test's own, of which it wants something."""
    running = []

    def make(**wishes: object) -> Place:
        folder = world / str(len(running))
        folder.mkdir()
        run = run_place(folder, edition, Setup(**wishes))  # type: ignore[arg-type]
        running.append(run)
        return Place(*next(run), f"user{next(NUMBERS)}")

    yield make
    for run in running:
        run.close()
