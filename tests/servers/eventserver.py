"""A control socket of our own (lib/proto/event.h): takes events, answers as a test wants, and keeps them all."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .process import LONG, ServerError, wait_for

Event = dict[str, str]
MARK = "192.0.2.250"  # whose events stand for a place in the log, and are none of a test's


class EventServer:
    """Listens at a path from start() to stop(); `answer` decides about each event."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answer: Callable[[Event], str] = lambda _: "OK"
        self.seen: list[Event] = []     # whatever the answer was
        self.counted: list[Event] = []  # answered OK
        self.marks: set[str] = set()    # the accounts that MARK's were told of
        self.tellings: list[tuple[int, float, str]] = []  # of those: the process that told, when, the event's id
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self.path.chmod(0o666)
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Also hangs up on who is connected."""
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._open.clear()
        self.path.unlink(missing_ok=True)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        rest, pid = b"", struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        with connection:
            while True:
                try:
                    data = connection.recv(65536)
                except OSError:
                    return
                if not data:
                    return
                rest += data
                while b"\n\n" in rest:
                    frame, rest = rest.split(b"\n\n", 1)
                    if not self._take(connection, frame, pid):
                        return

    def _take(self, connection: socket.socket, frame: bytes, pid: int) -> bool:
        event = dict(line.split("=", 1) for line in frame.decode().split("\n"))
        is_mark = event.get("client_address") == MARK
        answer = "OK" if is_mark else self.answer(event)
        if is_mark:
            self.marks.add(event["sasl_username"])
        else:
            self.seen.append(event)
        if answer == "OK" and not is_mark:
            self.tellings.append((pid, time.monotonic(), event["event_id"]))
            self.counted.append(event)
        try:
            connection.sendall(f"action={answer}\n\n".encode())
        except OSError:
            return False
        return True

    def ids(self) -> set[str]:
        """What was counted; twice counts once."""
        return {event["event_id"] for event in self.counted}

    def repeated(self) -> dict[int, list[float]]:
        """When each process told what another one told again later, in order."""
        found: dict[int, list[float]] = {}
        told_later: set[str] = set()
        for pid, at, id_ in reversed(self.tellings):
            if id_ in told_later:
                found.setdefault(pid, []).insert(0, at)
            told_later.add(id_)
        return found

    def wait(self, n: int, seconds: float = LONG) -> list[Event]:
        """Waits for so many different events, and returns them in the order in which they first came."""
        try:
            wait_for(lambda: len(self.ids()) >= n, f"{n} events", seconds)
        except ServerError as e:
            raise ServerError(f"{e}: {len(self.ids())} came") from None
        return list({event["event_id"]: event for event in reversed(self.counted)}.values())[::-1]
