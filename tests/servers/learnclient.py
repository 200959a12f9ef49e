"""A client of the learn socket (lib/proto/learn.h)."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPAM, HAM, UNLEARN = "s", "h", "u"
QUEUED, LATER, REFUSED, DENIED = "q", "l", "r", "d"
NEW, SAME, MOVED, REMOVED, UNKNOWN, FAILED = "n", "s", "m", "x", "k", "f"
WANT_RESULT, IF_NEW = 1, 2
SYNC, LOG, UNDO, STATUS = "y", "l", "u", "s"
DATA_MAX = 65536


class Closed(Exception):
    """The controller closed the connection."""


@dataclass(frozen=True)
class Answer:
    id: int
    status: str
    reason: str


def frame(kind: str, payload: bytes = b"") -> bytes:
    return struct.pack(">IB", len(payload) + 1, ord(kind)) + payload


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def lesson(id_: int, class_: str, message: bytes, user: str = "", flags: int = 0, origin: str = "") -> bytes:
    """The frames of one message."""
    head = frame("L", struct.pack(">IBB", id_, ord(class_), flags) + text(user) + text(origin))
    pieces = (message[at:at + DATA_MAX] for at in range(0, len(message), DATA_MAX))
    return head + b"".join(frame("D", piece) for piece in pieces) + frame("E")


class LearnClient:
    """One connection; `uid` is whom its process is while it connects."""

    def __init__(self, path: Path, hello: bool = True, timeout: float = 60.0, uid: int | None = None) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self._in = b""
        self._id = 0
        self.results: dict[int, str] = {}
        if uid is not None:
            os.seteuid(uid)
        try:
            self.sock.connect(str(path))
        finally:
            if uid is not None:
                os.seteuid(0)
        if hello:
            self.send(frame("H", struct.pack(">H", 1) + text("test")))
            kind, payload = self.receive()
            assert kind == "W", kind
            self.version, self.message_max, self.window = struct.unpack(">HII", payload)

    def __enter__(self) -> LearnClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def has_more(self) -> bool:
        """Whether something has come that was not received yet."""
        return bool(self._in or select.select([self.sock], [], [], 0)[0])

    def receive(self) -> tuple[str, bytes]:
        """The next frame."""
        while len(self._in) < 4 or len(self._in) < 4 + struct.unpack_from(">I", self._in)[0]:
            data = self.sock.recv(1 << 16)
            if not data:
                raise Closed
            self._in += data
        size = struct.unpack_from(">I", self._in)[0]
        kind, payload = chr(self._in[4]), self._in[5:4 + size]
        self._in = self._in[4 + size:]
        return kind, payload

    def answer(self) -> Answer:
        """The next answer; results that come before are kept in `results`, rows in `rows`."""
        self.rows: list[dict[str, Any]] = []
        while True:
            kind, payload = self.receive()
            if kind == "R":
                id_, code = struct.unpack(">IB", payload)
                self.results[id_] = chr(code)
            elif kind == "O":
                self.rows.append(json.loads(payload[4:]))
            else:
                assert kind == "A", kind
                id_, code, size = struct.unpack_from(">IBH", payload)
                return Answer(id_, chr(code), payload[7:7 + size].decode())

    def next_id(self) -> int:
        self._id += 1
        return self._id

    def teach(self, class_: str, message: bytes, user: str = "", flags: int = 0, origin: str = "") -> Answer:
        id_ = self.next_id()
        self.send(lesson(id_, class_, message, user, flags, origin))
        answer = self.answer()
        assert answer.id == id_
        return answer

    def teach_all(self, class_: str, messages: Iterable[bytes], user: str = "", flags: int = 0) -> list[Answer]:
        """Pipelined as far as the window allows; the answers in order."""
        answers, out = [], 0
        for message in messages:
            if out == self.window:
                answers.append(self.answer())
                out -= 1
            self.send(lesson(self.next_id(), class_, message, user, flags))
            out += 1
        return answers + [self.answer() for _ in range(out)]

    def outcome(self, class_: str, message: bytes, user: str = "", flags: int = 0) -> str:
        """Teaches and waits for what became of it; the status where it was not taken."""
        answer = self.teach(class_, message, user, flags | WANT_RESULT)
        if answer.status != QUEUED:
            return f"{answer.status}: {answer.reason}"
        while answer.id not in self.results:
            kind, payload = self.receive()
            assert kind == "R", kind
            id_, code = struct.unpack(">IB", payload)
            self.results[id_] = chr(code)
        return self.results.pop(answer.id)

    def query(self, verb: str, user: str = "", since: int = 0, max_: int = 0) -> list[dict[str, Any]]:
        """The rows of an answer; an assertion fails when it is refused."""
        answer = self.ask(verb, user, since, max_)
        assert answer.status == QUEUED, answer
        return self.rows

    def ask(self, verb: str, user: str = "", since: int = 0, max_: int = 0) -> Answer:
        self.send(frame("Q", struct.pack(">IBqI", self.next_id(), ord(verb), since, max_) + text(user)))
        return self.answer()

    def sync(self) -> None:
        """Returns when all that was queued before is learned."""
        self.query(SYNC)
