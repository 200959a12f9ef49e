"""A mail server of the smallest kind, for what our programs write themselves."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any


class Mailbox:
    """A mail server that takes everything, or refuses for now, and remembers the data of what it took."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.refuses = False
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"inet:{self._socket.getsockname()[1]}@127.0.0.1"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with contextlib.suppress(OSError), connection, connection.makefile("rwb") as file:  # who is there may go at any time
                self._talk(file)

    def _talk(self, file: Any) -> None:
        def say(text: str) -> None:
            file.write(text.encode() + b"\r\n")
            file.flush()

        say("421 later" if self.refuses else "220 ready")
        for line in file:
            verb = line.split()[0].upper()
            if verb == b"DATA":
                say("354 go on")
                data = b""
                while (part := file.readline()) != b".\r\n":
                    data += part
                self.messages.append(data.decode())
            say("250 ok")
            if verb == b"QUIT":
                return
