"""A private Redis on a unix socket and a loopback port, without persistence."""

from __future__ import annotations

from pathlib import Path

from .process import Process, answers, free_port


class Redis:
    """One redis-server; `url` is what the `store` setting wants."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.port = free_port()
        self.url = f"redis+unix://{self.socket}"
        self.tcp_url = f"redis://127.0.0.1:{self.port}"
        self._process = Process("redis", folder / "redis.log")

    @property
    def process(self) -> Process:
        return self._process

    def start(self) -> None:
        self._process.start(["/usr/bin/redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
                             "--unixsocket", str(self.socket), "--dir", str(self.folder),
                             "--save", "", "--appendonly", "no"],
                            lambda: answers(str(self.socket)) and answers(("127.0.0.1", self.port)))

    def stop(self) -> None:
        self._process.stop()
