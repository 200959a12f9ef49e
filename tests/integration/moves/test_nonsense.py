"""What listens on the learn socket is no controller, or one that has gone mad: the user's session neither waits for it
nor ends by it, and what he moved is kept for one that is right."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from conftest import Place

from servers.imap import move
from servers.learnserver import frame
from servers.process import wait_for

SETTINGS = {"logout_wait_ms": "1000"}  # nothing is to be waited for
AT_ONCE = 8.0  # seconds; who waited for a greeting would do so for ten
WELCOME = frame(b"W", struct.pack(">HII", 1, 1 << 20, 32))
ANSWER = struct.pack(">IBH", 1, ord("q"), 0)
NONSENSE = {
    "text": b"220 mail.example.org ESMTP Postfix\r\n",
    "zeros": b"\0" * 100000,
    "a frame of impossible length": struct.pack(">I", 0xFFFFFFFF) + b"W" * 1000,
    "half a frame": WELCOME[:7],
    "a message for the client": WELCOME + frame(b"L", b"\0" * 8),
    "an answer before the welcome": frame(b"A", ANSWER),
    "an answer to no question": WELCOME + frame(b"A", struct.pack(">IBH", 77, ord("q"), 0)),
    "an answer of no status": WELCOME + frame(b"A", struct.pack(">IBH", 1, ord("z"), 0)),
    "a thousand welcomes": WELCOME * 1000,
    "no window": frame(b"W", struct.pack(">HII", 1, 1 << 20, 0)),
    "a welcome and silence": WELCOME,
}


@contextmanager
def speaker(place: Place, says: bytes) -> Iterator[list[int]]:
    """Says the same to everybody, reads what comes, and never answers; how many came."""
    came: list[int] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place.learn.path))
    place.learn.path.chmod(0o666)
    listener.listen(20)

    def serve(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            peer.sendall(says)
            while peer.recv(65536):
                pass

    def accept() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                came.append(1)
                threading.Thread(target=serve, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield came
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        place.learn.path.unlink()


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_on_the_socket(place: Place, what: str) -> None:
    place.learn.stop()
    place.fill("INBOX", "one", "two")
    with speaker(place, NONSENSE[what]) as came:
        assert place.move("INBOX", "1:2", "Junk") < AT_ONCE
        place.ended()
        wait_for(lambda: bool(came), "connection")
        assert len(place.dovecot.references(place.user)) == 2
        with place.dovecot.session(place.user) as session:   # one that goes on lives on
            move(session, "Junk", "1", "INBOX")
            assert session.noop()[0] == "OK"
    place.learn.start()
    with place.dovecot.session(place.user):
        place.dovecot.wait_no_references(place.user)
    assert not place.dovecot.log_lines(r"Panic|Fatal|signal 11|leaked")
