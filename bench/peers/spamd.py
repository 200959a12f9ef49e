"""spamd from Debian's package `spamd`: stock rules, local tests only, no user's files, no Bayes; and a client for it."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from servers.process import Process, answers  # noqa: E402

SETTINGS = ("use_bayes 0", "time_limit 0")


class SpamdError(Exception):
    """spamd did not answer, or said that it could not check a message."""


class Spamd:
    """One spamd on a unix socket of its own."""

    def __init__(self, folder: Path, children: int = 2) -> None:
        self.folder = folder
        self.socket = folder / "spamd.sock"
        self.process = Process("spamd", folder / "spamd.log")
        self._children = children

    def start(self) -> None:
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o777)  # it becomes nobody, and makes its state here
        argv = ["spamd", "--local", "--nouser-config", "--username=nobody", f"--helper-home-dir={self.folder}",
                f"--max-children={self._children}", f"--min-children={self._children}", "--max-conn-per-child=1000000",
                f"--socketpath={self.socket}", "--syslog=stderr", f"--pidfile={self.folder}/spamd.pid",
                "--configpath=/usr/share/spamassassin", "--siteconfigpath=/etc/spamassassin",
                *(f"--cf={line}" for line in SETTINGS)]
        self.process.start(argv, lambda: answers(str(self.socket)), seconds=120)

    def stop(self) -> None:
        self.process.stop()

    def check(self, message: bytes) -> str:
        """What spamd answers to CHECK: its line "Spam: True ; 12.3 / 5.0"."""
        request = b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(message)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(300)
            s.connect(str(self.socket))
            s.sendall(request + message)
            s.shutdown(socket.SHUT_WR)
            answer = b""
            while more := s.recv(65536):
                answer += more
        lines = answer.decode("ascii", "replace").split("\r\n")
        verdict = next((line for line in lines if line.startswith("Spam:")), None)
        if not lines[0].endswith(" 0 EX_OK") or verdict is None:
            raise SpamdError(f"spamd answers {lines[0]!r}")
        return verdict

    def check_all(self, messages: Sequence[bytes], connections: int, told: Callable[[int], None] = lambda done: None) -> None:
        """Brings every message once, over so many connections at a time; told(done) after each."""
        todo, lock, errors, done = iter(messages), threading.Lock(), [], [0]

        def work() -> None:
            while not errors:
                with lock:
                    message = next(todo, None)
                if message is None:
                    return
                try:
                    self.check(message)
                except (OSError, SpamdError) as e:
                    errors.append(e)
                with lock:
                    done[0] += 1
                    told(done[0])

        threads = [threading.Thread(target=work) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of the children that it has and of those that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)
