"""A private clamd on a unix socket, over signatures of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from .process import Process, answers

PROGRAM = shutil.which("clamd", path="/usr/sbin:/usr/bin")


class Clamd:
    """One clamd. `settings` are lines of clamd.conf over those of the tests, which switch nothing off."""

    def __init__(self, folder: Path, database: Path, settings: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        self.socket = folder / "clamd.sock"
        self.config = folder / "clamd.conf"
        self.process = Process("clamd", folder / "clamd.out")
        lines = {"LocalSocket": str(self.socket), "LocalSocketMode": "666", "FixStaleSocket": "yes", "Foreground": "yes",
                 "DatabaseDirectory": str(database), "TemporaryDirectory": str(folder), "LogFile": str(folder / "clamd.log"),
                 "PidFile": str(folder / "clamd.pid"), "User": "root", **(settings or {})}
        self.config.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))

    @property
    def address(self) -> str:
        return f"unix:{self.socket}"

    def start(self) -> None:
        assert PROGRAM, "clamd is not installed"
        self.process.start([PROGRAM, "-c", str(self.config)], lambda: answers(str(self.socket)), seconds=120)

    def stop(self) -> None:
        self.process.stop()
