"""A running policyd-ratelimit, and a client that asks it as Postfix's smtpd does."""

from __future__ import annotations

import json
import socket as sockets
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .milter import Milter, Value, merged
from .process import LONG

PATIENCE = "40s"  # with DNS, directory and store in tests that are not about it; less than a client's


class Policyd(Milter):
    """One policyd-ratelimit; `store`: the URL of another one than an LMDB of its own. It waits long, however busy the machine."""

    name = "policyd-ratelimit"

    def __init__(self, folder: Path, socket: Path, store: str = "", settings: Mapping[str, Value] | None = None) -> None:
        self._store = store
        super().__init__(folder, socket, settings)

    def defaults(self) -> dict[str, Value]:
        base = merged(super().defaults(), {"log": {"level": "debug"}, "store_timeout": PATIENCE,
                                           self.group: {"deadline": PATIENCE, "control_socket": f"unix:{self.control}",
                                                         "outage_file": f"{self.folder}/store/outage"}})
        return merged(base, {"store": self._store} if self._store else {})

    @property
    def control(self) -> Path:
        """The control socket."""
        return self.folder / "control.sock"

    def client(self, seconds: float = 60.0) -> PolicyClient:
        return PolicyClient(self.socket, seconds)

    def order(self, request: str, **attributes: str | int) -> tuple[list[dict[str, Any]], str]:
        """A request on the control socket: its rows, and what stands behind "action="."""
        with ControlClient(self.control) as client:
            return client.order(request, **attributes)


class ControlClient:
    """A connection to the control socket."""

    def __init__(self, path: Path, seconds: float = LONG) -> None:
        self._socket = sockets.socket(sockets.AF_UNIX)
        self._socket.settimeout(seconds)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def tell(self, request: str, **attributes: str | int) -> None:
        self.send("".join(f"{k}={v}\n" for k, v in {"request": request, **attributes}.items()).encode() + b"\n")

    def answer(self) -> tuple[list[dict[str, Any]], str] | None:
        """The rows and the answer; None when the daemon has closed the connection."""
        rows = []
        for line in self._file:
            name, _, value = line.rstrip(b"\n").partition(b"=")
            if name == b"action":
                assert self._file.readline() == b"\n"
                return rows, value.decode()
            if name == b"row":
                rows.append(json.loads(value))
        return None

    def order(self, request: str, **attributes: str | int) -> tuple[list[dict[str, Any]], str]:
        self.tell(request, **attributes)
        answer = self.answer()
        assert answer is not None
        return answer

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        self._socket.close()


def request(state: str = "RCPT", **attributes: str | int) -> bytes:
    """A request at a stage of the session, with what Postfix always sends and `attributes` over it."""
    base: dict[str, str | int] = {
        "request": "smtpd_access_policy", "protocol_state": state, "protocol_name": "ESMTP",
        "client_address": "192.0.2.1", "client_name": "mail.example.net", "reverse_client_name": "mail.example.net",
        "helo_name": "mail.example.net", "sender": "stranger@example.net", "recipient": "alice@example.org",
        "recipient_count": 0, "queue_id": "", "instance": "1.2.3", "size": 0, "etrn_domain": "", "stress": "",
        "sasl_method": "", "sasl_username": "", "sasl_sender": ""}
    return "".join(f"{name}={value}\n" for name, value in {**base, **attributes}.items()).encode() + b"\n"


class PolicyClient:
    """A connection to the policy socket."""

    def __init__(self, path: Path, seconds: float = LONG) -> None:
        self._socket = sockets.socket(sockets.AF_UNIX)
        self._socket.connect(str(path))  # waits where the queue is full; with a timeout it would fail there
        self._socket.settimeout(seconds)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> str | None:
        """The next answer, without "action="; None when the server has closed the connection."""
        while b"\n\n" not in self._buffer:
            try:
                data = self._socket.recv(65536)
            except ConnectionResetError:  # closed with something unread: what it had said is lost
                return None
            if not data:
                assert not self._buffer, f"half an answer: {self._buffer!r}"
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n\n")
        assert line.startswith(b"action="), line
        return line[len(b"action="):].decode()

    def ask(self, state: str = "RCPT", **attributes: str | int) -> str | None:
        self.send(request(state, **attributes))
        return self.answer()

    def half_close(self) -> None:
        """Says that no more comes, and still reads."""
        self._socket.shutdown(sockets.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> PolicyClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
