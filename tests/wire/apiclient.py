"""A controller that serves its API, and plain HTTP requests to it, right ones and wrong ones."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers.controller import Controller
from servers.milter import UnixHttp, Value, merged
from servers.process import free_port

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        text: str = self.json["error"]
        return text


class ApiController(Controller):
    """Serves on a unix socket (mode 0666) and on a loopback port; `rules` is the text of the only rules file."""

    def __init__(self, folder: Path, settings: Mapping[str, Value] | None = None, store: str = "", rules: str | Path = "") -> None:
        self.api_socket = folder / "api.sock"
        self.port = free_port()
        self.password_file = folder / "password"
        folder.mkdir(parents=True, exist_ok=True)
        self._rules = rules if isinstance(rules, Path) else folder / "test.cf"
        if isinstance(rules, str):
            self._rules.write_text(rules)
        self.password_file.write_text(PASSWORD + "\n")
        super().__init__(folder, folder / "learn.sock", store, settings)

    def defaults(self) -> dict[str, Value]:
        return merged(super().defaults(), {
            "rules": {"paths": [str(self._rules)], "cache": "", "network": False},
            "controller": {"http": {"listen": [f"unix:{self.api_socket}", f"inet:{self.port}@127.0.0.1"], "socket_mode": "0666",
                                    "password_file": str(self.password_file)}},
        })

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None,
            by_socket: bool = False, timeout: float = 60) -> Answer:
        """One request by the loopback port, or by the unix socket as the user that runs the tests."""
        connection = UnixHttp(self.api_socket) if by_socket else http.client.HTTPConnection("127.0.0.1", self.port)
        connection.timeout = timeout
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.read(), dict(response.getheaders()))
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """Knows the password."""
        return self.ask("GET", path, headers={"Password": PASSWORD, **headers})

    def post(self, path: str, body: bytes, **headers: str) -> Answer:
        """Knows the password; underscores in names of headers stand for hyphens."""
        return self.ask("POST", path, body, {"Password": PASSWORD, **{k.replace("_", "-"): v for k, v in headers.items()}})

    def settled(self, path: str, message: bytes, **headers: str) -> Answer:
        """What a lesson is answered in the end: one that takes long is only queued, and asked about again."""
        while (answer := self.post(path, message, **headers)).status == 202:
            pass
        return answer

    def teach(self, class_: str, message: bytes, **headers: str) -> int:
        """The status that a lesson has in the end."""
        return self.settled(f"/learn{class_}", message, **headers).status

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def raw(self, data: bytes) -> bytes:
        """Everything that comes back for these bytes, until the other side closes."""
        with self.connect() as s:
            s.sendall(data)
            return read_all(s)


def read_all(s: socket.socket) -> bytes:
    out = b""
    try:
        while piece := s.recv(65536):
            out += piece
    except ConnectionResetError:
        pass
    return out
