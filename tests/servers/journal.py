"""Real journal files in a folder of ours, written entry by entry by systemd-journal-remote, which keeps the given fields."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

from .process import wait_for

REMOTE = shutil.which("systemd-journal-remote", path="/lib/systemd:/usr/lib/systemd")
LINE = re.compile(r"^.{15} \S+ ([^\[ ]+)\[(\d+)\]: (.*)$")
BOOT = "0123456789abcdef0123456789abcdef"


class Journal:
    """A writer of folder/system.journal, from start() to stop(); rotate() makes what is there an archive."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        self._current = folder / "system.journal"
        self._time = 0
        self._generation = 0
        self._writer: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._writer = subprocess.Popen([str(REMOTE), "-o", str(self._current), "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.entry("systemd", "one entry makes the file", unit="init.scope")
        wait_for(self._current.exists, "a journal file")
        self._current.chmod(0o644)

    def stop(self) -> None:
        if self._writer and self._writer.stdin:
            self._writer.stdin.close()
            assert self._writer.wait(60) == 0
            self._writer = None

    def rotate(self) -> Path:
        """What was written until now is in the file that it gives."""
        self.stop()
        self._generation += 1
        archive = self.folder / f"system@{self._generation:08d}.journal"
        self._current.rename(archive)
        self.start()
        return archive

    def wait_written(self, text: str) -> None:
        """An entry that holds the text can be read."""
        argv = ["journalctl", "--file", str(self._current), "-o", "cat", "--no-pager"]
        wait_for(lambda: text.encode() in subprocess.run(argv, capture_output=True).stdout, f"entry with {text!r}")

    def copy(self) -> None:
        """The same entries in another file, as journald flushes /run/log/journal to the disk."""
        source = self.rotate()
        entries = subprocess.run(["journalctl", "--file", source, "-o", "export"], capture_output=True, check=True).stdout
        source.unlink()
        copy = self.folder / "system@copy.journal"
        subprocess.run([str(REMOTE), "-o", str(copy), "-"], input=entries, stderr=subprocess.DEVNULL, check=True)
        copy.chmod(0o644)

    def entry(self, name: str, text: str, pid: str = "7", unit: str = "postfix@-.service", when: float | None = None) -> None:
        assert self._writer and self._writer.stdin
        self._time = max(self._time + 1, time.time_ns() // 1000)
        at = self._time if when is None else int(when * 1e6)
        fields = {"__REALTIME_TIMESTAMP": at, "__MONOTONIC_TIMESTAMP": self._time, "_BOOT_ID": BOOT, "MESSAGE": text,
                  "SYSLOG_IDENTIFIER": name, "SYSLOG_PID": pid, "_SYSTEMD_UNIT": unit}
        self._writer.stdin.write("".join(f"{key}={value}\n" for key, value in fields.items() if value != "").encode() + b"\n")
        self._writer.stdin.flush()

    def write(self, lines: str, unit: str = "postfix@-.service") -> None:
        """Lines as a syslog daemon writes them, each an entry."""
        for line in lines.splitlines():
            match = LINE.match(line)
            assert match, line
            self.entry(match[1], match[3], match[2], unit)
