"""A learn socket of our own (lib/proto/learn.h): takes what is taught, answers as a test wants, and keeps it all."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .process import LONG, wait_for

VERSION = 1
MESSAGE_MAX = 64 << 20
QUEUED, LATER, REFUSED, DENIED = b"q", b"l", b"r", b"d"


@dataclass(frozen=True)
class Taught:
    """One message as it was taught."""

    class_code: str
    flags: int
    user: str
    origin: str
    raw: bytes

    @property
    def subject(self) -> str:
        for line in self.raw.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].split(b"\n"):
            if line.lower().startswith(b"subject:"):
                return line[8:].strip().decode()
        return ""


def frame(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload) + 1) + kind + payload


def text(data: bytes, at: int) -> tuple[str, int]:
    size = struct.unpack_from(">H", data, at)[0]
    return data[at + 2:at + 2 + size].decode("utf-8", "surrogateescape"), at + 2 + size


class LearnServer:
    """Listens at a path; `status` decides about each message, `pause` is slept before each answer."""

    def __init__(self, path: Path, window: int = 32, mode: int = 0o666) -> None:
        self.path = path
        self.window = window
        self.mode = mode
        self.taught: list[Taught] = []      # what was kept
        self.seen: list[Taught] = []        # whatever the answer was
        self.cancelled = 0
        self.connections = 0
        self.open_now = 0
        self.open_most = 0
        self.greets = True
        self.reads = True
        self.pause = 0.0
        self.status: Callable[[Taught], bytes] = lambda taught: QUEUED
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._clients: list[socket.socket] = []

    def start(self) -> None:
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        self.path.chmod(self.mode)
        listener.listen(64)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self) -> None:
        """Closes at once, whatever was under way, as a killed controller would."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.path.unlink(missing_ok=True)
        with self._lock:
            for client in self._clients:
                try:
                    client.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self._clients.clear()

    def wait(self, count: int, seconds: float = LONG) -> list[Taught]:
        """Waits until so many messages were kept, and a moment for more; returns them."""
        wait_for(lambda: len(self.taught) >= count, f"{count} taught messages (have {len(self.taught)})", seconds)
        time.sleep(0.15)
        return list(self.taught)

    def clear(self) -> None:
        with self._lock:
            self.taught.clear()
            self.seen.clear()
            self.cancelled = 0
            self.connections = 0
            self.open_most = self.open_now

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._clients.append(client)
                self.connections += 1
                self.open_now += 1
                self.open_most = max(self.open_most, self.open_now)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client:
                self._converse(client)
        except OSError:
            pass
        finally:
            with self._lock:
                self.open_now -= 1

    def _converse(self, client: socket.socket) -> None:
        stream = client.makefile("rb")
        question: tuple[int, Taught] | None = None
        body: list[bytes] = []
        while not self.reads:
            time.sleep(0.02)
        while len(head := stream.read(5)) == 5:
            size, kind = struct.unpack(">Ic", head)
            payload = stream.read(size - 1)
            if len(payload) != size - 1:
                return
            if kind == b"H":
                if self.greets:
                    client.sendall(frame(b"W", struct.pack(">HII", VERSION, MESSAGE_MAX, self.window)))
            elif kind == b"L":
                assert question is None, "LEARN within a message"
                number, class_code, flags = struct.unpack_from(">IcB", payload)
                user, at = text(payload, 6)
                origin, _ = text(payload, at)
                question, body = (number, Taught(class_code.decode(), flags, user, origin, b"")), []
            elif kind == b"D":
                assert question is not None, "DATA without LEARN"
                body.append(payload)
            elif kind == b"C":
                question = None
                self.cancelled += 1
            elif kind == b"E":
                assert question is not None, "END without LEARN"
                number, taught = question
                question = None
                taught = Taught(taught.class_code, taught.flags, taught.user, taught.origin, b"".join(body))
                time.sleep(self.pause)
                status = self.status(taught)
                with self._lock:
                    self.seen.append(taught)
                    if status == QUEUED:
                        self.taught.append(taught)
                client.sendall(frame(b"A", struct.pack(">Ic", number, status) + struct.pack(">H", 0)))
