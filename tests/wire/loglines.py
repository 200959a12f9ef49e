"""Lines as Postfix logs them, and a syslog daemon writes them."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from servers.eventserver import EventServer

ACCOUNTS = 5
BATCH = 64  # MAILLOG_BATCH


class Writer(threading.Thread):
    """Writes messages of some accounts that bounce, and rotates now and then; where to and how, its child says."""

    def __init__(self, messages: int, rotate_every: int) -> None:
        super().__init__(daemon=True)
        self.messages, self.rotate_every = messages, rotate_every
        self.expected: set[tuple[str, str]] = set()
        self.over = threading.Event()

    def write(self, number: int, text: str) -> None:
        raise NotImplementedError

    def rotate(self) -> None:
        raise NotImplementedError

    def run(self) -> None:
        for n in range(self.messages):
            account = f"u{n % ACCOUNTS}@example.org"
            self.write(n, mail(n, account) + bounce(n) + (removed(n) if n % 3 else ""))
            self.expected.add((account, queue_id(n)))
            if n % self.rotate_every == self.rotate_every - 1:
                self.rotate()
            if n % 20 == 0:
                time.sleep(0.005)
        self.over.set()


def only_what_was_under_way_came_twice(events: EventServer, state: Path) -> None:
    """Told again after a kill is what was told after the state had been saved: one batch, and what came before it in the
    time between two savings, a millisecond for each 16 KB of state."""
    between_s = (state.stat().st_size + (64 << 10) >> 14) / 1000 + 0.002
    for times in events.repeated().values():
        before = times[:-BATCH]
        assert not before or before[-1] - before[0] <= between_s, (len(times), between_s)


def stamp() -> str:
    return time.strftime("%b %e %H:%M:%S")


def line(program: str, text: str) -> str:
    return f"{stamp()} mx postfix/{program}[4711]: {text}\n"


def mail(number: int, account: str = "", client: str = "192.0.2.7") -> str:
    """A message, up to the queue manager's taking it."""
    login = f", sasl_method=PLAIN, sasl_username={account}" if account else ""
    return (line("submission/smtpd", f"{queue_id(number)}: client=a.example[{client}]{login}")
            + line("cleanup", f"{queue_id(number)}: message-id=<{number}@example.org>")
            + line("qmgr", f"{queue_id(number)}: from=<{account}>, size=400, nrcpt=1 (queue active)"))


def queue_id(number: int) -> str:
    return f"4dHq2k{number:06d}"


def bounce(number: int, recipient: str = "nobody@example.net") -> str:
    return line("smtp", f"{queue_id(number)}: to=<{recipient}>, relay=m[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, "
                        "status=bounced (host m[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command))")


def removed(number: int) -> str:
    return line("qmgr", f"{queue_id(number)}: removed")


def failure(client: str = "192.0.2.9", account: str = "u@example.org") -> str:
    return line("smtpd", f"warning: unknown[{client}]: SASL LOGIN authentication failed: (reason unavailable), "
                         f"sasl_username={account}")
