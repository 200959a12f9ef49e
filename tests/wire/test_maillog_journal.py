"""The controller follows systemd's journal as it follows a log file (test_maillog.py): nothing is lost and nothing counted twice,
whatever happens to the journal, to the program, and to who takes the events."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from conftest import stop
from loglines import Writer, bounce, failure, mail, only_what_was_under_way_came_twice, queue_id, removed
from servers.controller import Controller
from servers.eventserver import MARK, EventServer
from servers.journal import REMOTE, Journal
from servers.milter import Value, build_folder
from servers.process import wait_for

HAS_JOURNAL = "#define GP_HAVE_JOURNAL 1" in (build_folder() / "config.h").read_text()
pytestmark = [pytest.mark.skipif(REMOTE is None, reason="systemd-journal-remote is not installed"),
              pytest.mark.skipif(not HAS_JOURNAL, reason="built without libsystemd")]


class Place:
    """A journal, a controller that follows it, and a control socket."""

    def __init__(self, world: Path, more: Mapping[str, Value] | None = None) -> None:
        self.journal = Journal(world / "journal")
        self.events = EventServer(world / "control.sock")
        maillog: dict[str, Value] = {"source": f"journal:{self.journal.folder}", "socket": f"unix:{self.events.path}", **(more or {})}
        self.controller = Controller(world / "controller", world / "controller" / "learn.sock", "",
                                     {"controller": {"maillog": maillog, "workers": 1}, "networks": {"own": ["10.0.0.0/8"]}})

    def begin(self) -> None:
        self.journal.start()
        self.events.start()
        self.controller.start()

    def wait_read(self) -> None:
        account = f"mark{len(self.events.marks)}@example.org"
        self.journal.write(failure(MARK, account))  # which comes behind all that
        wait_for(lambda: account in self.events.marks, "the end of the journal")

    def clients(self, n: int) -> list[str]:
        return [e["client_address"] for e in self.events.wait(n)]

    def losses(self) -> float:
        return self.controller.counted("gatepost_controller_maillog_losses_total")


@pytest.fixture
def place(world: Path) -> Iterator[Place]:
    """Everything is there, and nothing runs."""
    place = Place(world)
    yield place
    stop(place.controller)
    place.events.stop()
    place.journal.stop()


def test_what_it_tells(place: Place) -> None:
    place.begin()
    before = int(time.time())
    place.journal.write(mail(1, "u@example.org") + bounce(1) + removed(1))
    place.journal.write(mail(2, client="10.1.2.3") + bounce(2) + removed(2))
    place.journal.write(mail(3) + bounce(3) + removed(3) + failure())
    first, own, failed = place.events.wait(3)
    place.wait_read()
    assert len(place.events.counted) == 3
    assert first == {"request": "event", "kind": "bounce", "event_id": first["event_id"], "sasl_username": "u@example.org",
                     "client_address": "192.0.2.7", "sender": "u@example.org", "recipient": "nobody@example.net",
                     "queue_id": queue_id(1), "time": first["time"]}
    assert before - 1 <= int(first["time"]) <= time.time()
    assert own["client_address"] == "10.1.2.3"
    assert (failed["kind"], failed["client_address"]) == ("auth_failure", "192.0.2.9")
    wait_for(lambda: "0 seconds behind" in place.controller.http("/healthz")[1], "health")


def test_whose_entries(place: Place) -> None:
    """A name can be forged, a unit cannot."""
    place.begin()
    place.journal.write(failure("192.0.2.1"), unit="user@1000.service")
    place.journal.write(failure("192.0.2.2"), unit="")
    place.journal.write(failure("192.0.2.3").replace("postfix/smtpd", "mine/smtpd"))
    place.journal.entry("x postfix/smtpd", failure("192.0.2.4").partition("]: ")[2].rstrip("\n"))
    place.journal.write(failure("192.0.2.5"), unit="postfix.service")
    place.journal.write(failure("192.0.2.6"))
    assert place.clients(2) == ["192.0.2.5", "192.0.2.6"]


@pytest.mark.parametrize(("units", "expected"), [([], {"192.0.2.1", "192.0.2.2"}), (["mail.service"], {"192.0.2.2"})])
def test_units(world: Path, units: list[Value], expected: set[str]) -> None:
    place = Place(world, {"units": units})
    place.begin()
    place.journal.write(failure("192.0.2.1"))
    place.journal.write(failure("192.0.2.2"), unit="mail.service")
    assert set(place.clients(len(expected))) == expected
    stop(place.controller)
    place.events.stop()
    place.journal.stop()


def test_the_past_is_known_and_not_told(place: Place) -> None:
    place.journal.start()
    place.journal.write(failure() + mail(1, "u@example.org") + bounce(1))
    place.journal.wait_written("status=bounced")
    place.events.start()
    place.controller.start()
    place.journal.write(bounce(1, "later@example.net"))
    assert [e["recipient"] for e in place.events.wait(1)] == ["later@example.net"]
    place.wait_read()
    assert len(place.events.counted) == 1


def test_long_and_odd_entries(place: Place) -> None:
    place.begin()
    place.journal.write(failure("192.0.2.1"))
    place.journal.entry("postfix/smtpd", "x" * 70000)
    place.journal.entry("", "no name")
    place.journal.entry("postfix/smtpd", "")
    place.journal.entry("postfix/smtpd", failure("192.0.2.2").partition("]: ")[2].rstrip("\n"), pid="1]: forged")
    assert place.clients(2) == ["192.0.2.1", "192.0.2.2"]
    place.controller.wait_line("maillog: 1 lines of more than 16384 bytes were passed over")


def test_no_journal_yet(place: Place) -> None:
    place.events.start()
    place.controller.start()
    place.controller.wait_line(f"maillog: {place.journal.folder} has no journal")
    status, text = place.controller.http("/healthz")
    assert status == 503 and "has no journal" in text
    place.journal.start()
    place.journal.write(failure())
    assert len(place.events.wait(1)) == 1
    wait_for(lambda: place.controller.http("/healthz")[0] == 200, "health")


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_no_access(place: Place) -> None:
    """The group was forgotten; what came from the start on is told when it is there."""
    place.journal.start()
    place.journal.write(failure("192.0.2.1"))
    place.journal.wait_written("192.0.2.1")
    (place.journal.folder / "system.journal").chmod(0o640)
    place.events.start()
    place.controller.start()
    place.controller.wait_line(r"maillog: the journal may not be read \(SupplementaryGroups=systemd-journal\): .*Permission denied")
    assert place.controller.http("/healthz")[0] == 503
    place.journal.write(failure("192.0.2.2"))
    assert place.controller.stop() == 0
    place.controller.start()
    (place.journal.folder / "system.journal").chmod(0o644)
    assert place.clients(1) == ["192.0.2.2"]


def test_over_a_restart(place: Place) -> None:
    """Also what was archived meanwhile."""
    place.begin()
    place.journal.write(mail(1, "u@example.org"))
    place.wait_read()
    assert place.controller.stop() == 0
    place.journal.write(bounce(1))
    place.journal.rotate()
    place.journal.write(failure("192.0.2.1"))
    place.controller.start()
    assert [(e["sasl_username"], e["client_address"]) for e in place.events.wait(2)] == [("u@example.org", "192.0.2.7"),
                                                                                        ("u@example.org", "192.0.2.1")]
    place.wait_read()
    assert len(place.events.counted) == 2 and place.losses() == 0


def test_entries_in_another_file(place: Place) -> None:
    """Flushed to the disk while the program was down: the place is found by what entries keep."""
    place.begin()
    place.journal.write(failure("192.0.2.1"))
    place.wait_read()
    assert place.controller.stop() == 0
    place.journal.write(failure("192.0.2.2"))
    place.journal.copy()
    place.controller.start()
    wait_for(lambda: "192.0.2.2" in [e["client_address"] for e in place.events.counted], "the other one")
    place.wait_read()
    # What was told when it stopped, its answer not read, is told again under the same id.
    assert list(dict.fromkeys((e["client_address"], e["event_id"]) for e in place.events.counted)) == [
        ("192.0.2.1", place.events.counted[0]["event_id"]), ("192.0.2.2", place.events.counted[-1]["event_id"])]
    assert place.losses() == 0


def test_the_entry_is_gone(place: Place) -> None:
    """Vacuumed while the program was down: it says so, and goes on with the oldest one that is newer."""
    place.begin()
    place.journal.write(failure("192.0.2.1"))
    place.clients(1)
    place.wait_read()
    assert place.controller.stop() == 0
    place.journal.write(failure("192.0.2.2"))
    place.journal.rotate().unlink()
    place.journal.write(failure("192.0.2.3"))
    place.controller.start()
    place.controller.wait_line("maillog: the journal no longer has what was read last")
    wait_for(lambda: len(place.events.counted) == 2, "the one that is left")
    assert [e["client_address"] for e in place.events.counted] == ["192.0.2.1", "192.0.2.3"]
    assert place.losses() == 1
    place.wait_read()
    assert place.controller.stop() == 0
    place.controller.start()  # said once
    place.wait_read()
    assert place.losses() == 0 and len(place.events.counted) == 2


def test_vacuumed_while_it_is_read(place: Place) -> None:
    """Files that come and go while nobody takes events: what is open is read to its end, the rest is said to be lost."""
    place.journal.start()
    place.controller.start()
    place.journal.write(mail(1, "u@example.org"))
    wait_for(lambda: place.controller.counted("gatepost_controller_maillog_messages") == 1, "the message")
    place.journal.write("".join(bounce(1, f"{n}@example.net") for n in range(300)))
    place.controller.wait_line("maillog: .*control.sock")
    first = place.journal.rotate()
    place.journal.write(failure("192.0.2.1"))
    second = place.journal.rotate()
    first.unlink()
    second.unlink()
    place.journal.write(failure("192.0.2.2"))
    place.events.start()
    assert place.clients(301)[-1] == "192.0.2.2"
    assert [e["recipient"] for e in place.events.counted[:300]] == [f"{n}@example.net" for n in range(300)]
    wait_for(lambda: place.losses() == 1, "the loss")


def test_nobody_takes_them(place: Place) -> None:
    place.journal.start()
    place.controller.start()
    for n in range(300):
        place.journal.write(mail(n, "u@example.org") + bounce(n) + removed(n))
    place.controller.wait_line("maillog: .*control.sock")
    assert place.controller.http("/healthz")[0] == 503
    wait_for(lambda: place.controller.counted("gatepost_controller_maillog_lag_seconds") > 0, "lag")
    place.events.start()
    assert [e["queue_id"] for e in place.events.wait(300)] == [queue_id(n) for n in range(300)]
    assert len(place.events.counted) == 300
    wait_for(lambda: place.controller.counted("gatepost_controller_maillog_lag_seconds") == 0, "no lag")


class JournalWriter(Writer):
    def __init__(self, place: Place, messages: int, rotate_every: int) -> None:
        super().__init__(messages, rotate_every)
        self.journal = place.journal

    def write(self, number: int, text: str) -> None:
        self.journal.write(text)

    def rotate(self) -> None:
        self.journal.rotate()


def test_rotation_under_load(place: Place) -> None:
    place.begin()
    place.wait_read()
    writer = JournalWriter(place, 2000, 400)
    writer.start()
    place.events.wait(2000, 300)
    assert writer.over.wait(60)
    place.wait_read()
    told = [(e["sasl_username"], e["queue_id"]) for e in place.events.counted]
    assert len(told) == 2000 and set(told) == writer.expected
    assert place.losses() == 0


def test_killed_under_load(place: Place) -> None:
    """kill -9 again and again, and rotation meanwhile: nothing is lost; what is told twice has the same id."""
    place.begin()
    place.wait_read()
    wait_for((place.controller.queue / "maillog").exists, "the position")
    writer = JournalWriter(place, 3000, 700)
    writer.start()
    place.controller.kill_until(writer.over.is_set)
    place.events.wait(3000, 300)
    place.wait_read()
    once = {(e["event_id"], e["sasl_username"], e["queue_id"]) for e in place.events.counted}
    assert len(once) == 3000
    assert {(account, id_) for _, account, id_ in once} == writer.expected
    only_what_was_under_way_came_twice(place.events, place.controller.queue / "maillog")
    assert place.losses() == 0


@pytest.mark.parametrize(("source", "said"), [
    ("journald", 'expected a file, "/path", "journal", or "journal:/folder"'), ("journal:x", "expected a file"),
    ("mail.log", "expected a file"), ("journal:", "expected a file"), ("journal", None), ("journal:/x", None), ("", None)])
def test_setting(world: Path, source: str, said: str | None) -> None:
    place = Place(world, {"source": source})
    done = subprocess.run([build_folder() / "controller" / "gatepost-controller", "-c", place.controller.config, "--check"],
                          capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (said is None), done.stderr
    if said:
        assert f"{said}" in done.stderr and "controller.maillog.source" in done.stderr
