"""The controller follows a log of Postfix's: what it tells of it, and that nothing is lost or told twice, whatever happens to
the log, to the program, and to who takes the events. The lines are ours; tests/integration has a real Postfix's."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from conftest import stop
from loglines import Writer, bounce, failure, line, mail, only_what_was_under_way_came_twice, queue_id, removed
from servers.controller import Controller
from servers.eventserver import MARK, EventServer
from servers.milter import Value
from servers.process import wait_for


class Place:
    """A log, a controller that follows it, and a control socket."""

    def __init__(self, world: Path, more: Mapping[str, Value] | None = None) -> None:
        self.log = world / "logs" / "mail.log"
        self.log.parent.mkdir()
        self.log.parent.chmod(0o755)
        self.events = EventServer(world / "control.sock")
        maillog: dict[str, Value] = {"source": str(self.log), "socket": f"unix:{self.events.path}", **(more or {})}
        self.controller = Controller(world / "controller", world / "controller" / "learn.sock", "",
                                     {"controller": {"maillog": maillog, "workers": 1}, "networks": {"own": ["10.0.0.0/8"]}})

    def write(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(text)

    def begin(self) -> None:
        """All runs, and the position in the log is on disk: what happens to the log from now on happens to one that is known."""
        state = self.controller.queue / "maillog"
        self.events.start()
        self.controller.start()
        wait_for(state.exists, "the first position")
        before = state.read_bytes()
        self.write(line("smtpd", "connect from unknown[192.0.2.1]"))
        wait_for(lambda: state.read_bytes() != before, "the position behind the first line")

    def is_read(self) -> bool:
        return self.controller.counted("gatepost_controller_maillog_lag_bytes") == 0

    def wait_read(self) -> None:
        """All that is in the log has been read, and counted where it is an event."""
        account = f"mark{len(self.events.marks)}@example.org"
        self.write(failure(MARK, account))  # which comes behind all that
        wait_for(lambda: account in self.events.marks, "the end of the log")


@pytest.fixture
def place(world: Path) -> Iterator[Place]:
    """Everything is there, and nothing runs."""
    place = Place(world)
    yield place
    stop(place.controller)
    place.events.stop()


def test_what_it_tells(place: Place) -> None:
    place.events.start()
    place.controller.start()
    before = int(time.time())
    place.write(mail(1, "u@example.org") + bounce(1) + bounce(1, "other@example.net") + removed(1))
    place.write(mail(2, client="10.1.2.3") + bounce(2) + removed(2))  # own network
    place.write(mail(3) + bounce(3) + removed(3))                     # a stranger's
    place.write(bounce(1))                                            # gone already
    place.write(failure())
    first, second, own, failed = place.events.wait(4)
    place.wait_read()
    assert len(place.events.counted) == 4
    assert first == {"request": "event", "kind": "bounce", "event_id": first["event_id"], "sasl_username": "u@example.org",
                     "client_address": "192.0.2.7", "sender": "u@example.org", "recipient": "nobody@example.net",
                     "queue_id": queue_id(1), "time": first["time"]}
    assert first["event_id"].startswith(queue_id(1) + "-")
    assert before - 1 <= int(first["time"]) <= time.time()
    assert second["recipient"] == "other@example.net"
    assert (own["sasl_username"], own["client_address"]) == ("", "10.1.2.3")
    assert (failed["kind"], failed["client_address"], failed["sasl_username"]) == ("auth_failure", "192.0.2.9", "u@example.org")
    assert place.controller.counted("gatepost_controller_maillog_events_total", 'kind="bounce"') == 3
    assert place.controller.counted("gatepost_controller_maillog_unmatched_bounces_total") == 2
    assert place.controller.counted("gatepost_controller_maillog_messages") == 0
    assert re.search("maillog: ok|maillog.*0 bytes behind", place.controller.http("/healthz")[1])


def test_the_past_is_known_and_not_told(place: Place) -> None:
    """A message that was on its way when the program came first; what had failed before is not counted."""
    place.write(failure() + mail(1, "u@example.org") + bounce(1))
    place.events.start()
    place.controller.start()
    wait_for(place.is_read, "the past")
    place.write(bounce(1, "later@example.net"))
    assert [e["recipient"] for e in place.events.wait(1)] == ["later@example.net"]
    place.wait_read()
    assert len(place.events.counted) == 1


def test_the_past_stays_past_though_it_cannot_be_read(place: Place) -> None:
    """The group that may read the log was forgotten: what it says from the start on is told, what it said before is not."""
    place.write(failure("192.0.2.1"))
    place.log.chmod(0o600)
    place.events.start()
    place.controller.start()
    place.controller.wait_line("mail.log: Permission denied")
    place.write(failure("192.0.2.2"))
    assert place.controller.stop() == 0
    place.controller.start()
    place.log.chmod(0o644)
    assert [e["client_address"] for e in place.events.wait(1)] == ["192.0.2.2"]


def test_names(place: Place) -> None:
    """Only programs of Postfix's are believed."""
    place.events.start()
    place.controller.start()
    place.write(failure().replace("postfix/smtpd", "mine/smtpd") + failure().replace("postfix/smtpd", "smtpd"))
    place.write(failure("192.0.2.10").replace("postfix/smtpd", "postfix-out/submission/smtpd"))
    assert [e["client_address"] for e in place.events.wait(1)] == ["192.0.2.10"]


def test_log_comes_later(place: Place) -> None:
    place.events.start()
    place.controller.start()
    place.controller.wait_line("mail.log is not there")
    assert place.controller.http("/healthz")[0] == 503
    place.write(failure())
    assert len(place.events.wait(1)) == 1
    wait_for(lambda: place.controller.http("/healthz")[0] == 200, "health")


def test_nobody_takes_them(place: Place) -> None:
    """It stops reading, says so, and goes on when somebody is there; memory does not grow meanwhile."""
    place.controller.start()
    for n in range(300):
        place.write(mail(n, "u@example.org") + bounce(n) + removed(n))
    place.controller.wait_line("maillog: .*control.sock")
    assert place.controller.http("/healthz")[0] == 503
    assert place.controller.counted("gatepost_controller_maillog_events_total") <= 64
    wait_for(lambda: place.controller.counted("gatepost_controller_maillog_lag_bytes") > 1000, "lag")
    place.events.start()
    got = place.events.wait(300)
    assert [e["queue_id"] for e in got] == [queue_id(n) for n in range(300)]
    assert len(place.events.counted) == 300
    wait_for(lambda: place.controller.http("/healthz")[0] == 200, "health")


def test_stopped_with_events_in_hand(place: Place) -> None:
    """What was read and not taken is read again after a restart: with the message that it belongs to."""
    place.controller.start()
    place.write(mail(1, "u@example.org") + bounce(1) + removed(1))
    place.controller.wait_line("maillog: .*control.sock")
    assert place.controller.stop() == 0
    place.events.start()
    place.controller.start()
    assert [e["sasl_username"] for e in place.events.wait(1)] == ["u@example.org"]


def test_message_outlives_a_restart(place: Place) -> None:
    place.events.start()
    place.controller.start()
    place.write(mail(1, "u@example.org"))
    wait_for(lambda: place.controller.counted("gatepost_controller_maillog_messages") == 1, "the message")
    assert place.controller.stop() == 0
    place.log.rename(place.log.with_name("mail.log.1"))
    place.write(bounce(1))
    place.controller.start()
    assert [e["sasl_username"] for e in place.events.wait(1)] == ["u@example.org"]


def test_answers(place: Place) -> None:
    """LATER is asked again, ERROR is not, and neither stops those that come after."""
    asked: list[str] = []

    def answer(event: Mapping[str, str]) -> str:
        asked.append(event["client_address"])
        if event["client_address"] == "192.0.2.1":
            return "ERROR no such thing"
        return "LATER the store is down" if event["client_address"] == "192.0.2.2" and asked.count("192.0.2.2") < 3 else "OK"

    place.events.answer = answer
    place.events.start()
    place.controller.start()
    place.write("".join(failure(f"192.0.2.{n}") for n in (1, 2, 3)))
    assert [e["client_address"] for e in place.events.wait(2)][-1] == "192.0.2.2" or len(place.events.ids()) == 2
    assert asked.count("192.0.2.1") == 1
    assert asked.count("192.0.2.2") == 3
    wait_for(lambda: place.controller.counted("gatepost_controller_maillog_refused_total") == 1, "the count of what is refused")


def test_control_socket_hangs_up(place: Place) -> None:
    place.events.start()
    place.controller.start()
    place.write(failure("192.0.2.1"))
    place.events.wait(1)
    place.events.stop()
    place.events.start()
    place.write(failure("192.0.2.2"))
    place.events.wait(2)
    assert not place.controller.lines("maillog: .*control.sock")  # a restart over there is no news


class FileWriter(Writer):
    """Rotates as logrotate does with rsyslog: rename, then a new file."""

    def __init__(self, place: Place, messages: int, rotate_every: int) -> None:
        super().__init__(messages, rotate_every)
        self.path, self.generation = place.log, 0
        self.log = place.log.open("a")

    def write(self, number: int, text: str) -> None:
        cut = random.Random(number).randrange(len(text))
        for part in (text[:cut], text[cut:]):
            self.log.write(part)
            self.log.flush()

    def rotate(self) -> None:
        self.generation += 1
        self.path.rename(self.path.with_name(f"mail.log-{self.generation:08d}"))
        with self.path.open("a"):
            pass  # "create" makes it before the writer reopens
        self.log.write(line("smtpd", "connect from unknown[192.0.2.1]"))
        self.log.close()
        self.log = self.path.open("a")

    def run(self) -> None:
        super().run()
        self.log.close()


def told(place: Place) -> list[tuple[str, str]]:
    return [(e["sasl_username"], e["queue_id"]) for e in place.events.counted]


def test_rotation_under_load(place: Place) -> None:
    """Nothing is lost and nothing is told twice."""
    place.begin()
    writer = FileWriter(place, 6000, 400)
    writer.start()
    place.events.wait(6000, 300)
    assert writer.over.wait(60)
    assert len(told(place)) == 6000
    assert set(told(place)) == writer.expected
    assert place.controller.counted("gatepost_controller_maillog_losses_total") == 0


def test_killed_under_load(place: Place) -> None:
    """kill -9 again and again, and the log rotated meanwhile: nothing is lost; what is told twice has the same id."""
    place.begin()
    writer = FileWriter(place, 8000, 500)
    writer.start()
    place.controller.kill_until(writer.over.is_set)
    place.events.wait(8000, 300)
    place.wait_read()
    once = {(e["event_id"], e["sasl_username"], e["queue_id"]) for e in place.events.counted}
    assert len(once) == 8000
    assert {(account, id_) for _, account, id_ in once} == writer.expected
    only_what_was_under_way_came_twice(place.events, place.controller.queue / "maillog")
    assert place.controller.counted("gatepost_controller_maillog_losses_total") == 0
