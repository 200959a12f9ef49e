"""clamd with clamav-milter from Debian, on sockets and a database of the bench's own."""

from __future__ import annotations

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from servers.clamd import Clamd  # noqa: E402
from servers.process import Process, answers  # noqa: E402


class ClamavMilter:
    """One clamd and one clamav-milter that asks it: `milter` (address for milterload), `pids` of both."""

    def __init__(self, folder: Path, database: Path, cache: bool, threads: int = 10, temporary: Path | None = None) -> None:
        """`temporary`: where both keep what they unpack; the folder itself, on a disk as Debian has it, if not said."""
        self.clamd = Clamd(folder, database, {"DisableCache": "no" if cache else "yes", "MaxThreads": str(threads),
                                              "TemporaryDirectory": str(temporary or folder)})
        self.socket = folder / "milter.sock"
        self.config = folder / "clamav-milter.conf"
        self.config.write_text(
            f"MilterSocket unix:{self.socket}\nMilterSocketMode 666\nFixStaleSocket yes\nForeground yes\nUser root\n"
            f"ClamdSocket unix:{self.clamd.socket}\nTemporaryDirectory {temporary or folder}\nOnInfected Reject\nOnFail Defer\nAddHeader Replace\n")
        self.process = Process("clamav-milter", folder / "clamav-milter.out")

    @property
    def milter(self) -> str:
        return f"unix:{self.socket}"

    @property
    def pids(self) -> list[int]:
        return [self.clamd.process.pid, self.process.pid]

    def start(self) -> None:
        self.clamd.start()
        self.process.start(["/usr/sbin/clamav-milter", "-c", str(self.config)], lambda: answers(str(self.socket)))

    def stop(self) -> None:
        for process in (self.process, self.clamd.process):
            if process.is_running:
                process.stop()
