"""Memory of a milter per connection: growth of its resident anonymous memory over many open ones."""

from __future__ import annotations

import re
import time
from pathlib import Path

from milterclient import Envelope, Session

SESSIONS = 200
BODY = ("A line of text of a message that is a mebibyte long.".ljust(76, ".") + "\r\n").encode() * (2**20 // 78)
MESSAGE = (b"From: author1@d1.example\r\nTo: alice@example.org\r\nSubject: large\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
           b"Message-ID: <1@d1.example>\r\n\r\n" + BODY)


def resident_kib(pid: int) -> int:
    time.sleep(0.3)  # what was sent is read by then
    found = re.search(r"^RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found.group(1))


def per_connection(socket: Path, pid: int) -> tuple[float, float]:
    """KiB of a greeted connection, and of one whose message has come but for its end."""
    envelope = Envelope(address="198.51.100.1", name="client.example", helo="client.example", sender="author1@d1.example")
    before = resident_kib(pid)
    sessions = [Session(str(socket)) for _ in range(SESSIONS)]
    try:
        for session in sessions:
            session.open(envelope)
        idle = resident_kib(pid)
        for session in sessions:
            session.begin(MESSAGE, envelope)
        active = resident_kib(pid)
    finally:
        for session in sessions:
            session.cut()
    return (idle - before) / SESSIONS, (active - before) / SESSIONS
