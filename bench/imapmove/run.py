"""How long an IMAP client waits for the answer to a move into Junk, with and without our plugin: runs in turns, medians.

Two Dovecots with the same configuration but for the plugin run side by side, the learn socket of the tests behind the one
with it. Each run moves all messages at once and takes the time until the tagged answer, and the CPU time of the session's
process; then it waits until everything was handed over, so that runs do not disturb each other.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from servers.imap import Dovecot, Edition, Setup, move, select
from servers.learnserver import LearnServer
from servers.milter import build_folder
from servers.process import wait_for

SIZE = 4000   # bytes of a message


@dataclass
class Side:
    """One of the two."""

    name: str
    dovecot: Dovecot
    learn: LearnServer | None
    seconds: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    memory_kb: int = 0
    connections: int = 0
    background_s: list[float] = field(default_factory=list)


def message(number: int) -> bytes:
    head = f"From: a{number}@example.net\r\nTo: b@example.org\r\nSubject: offer {number}\r\nMessage-ID: <{number}@example.net>\r\n"
    return (head + "\r\n" + ("Only today, only here. " * 3 + "\r\n") * (SIZE // 71)).encode()


def cpu_ms(pid: int) -> float:
    """User and system time of a process, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def largest_kb(pid: int) -> int:
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))


def one_run(side: Side, user: str, count: int) -> None:
    """Moves all of INBOX to Junk, and puts it back without a lesson (through doveadm, which teaches nothing)."""
    if side.learn:
        side.learn.clear()
    with side.dovecot.session(user) as session:
        assert select(session, "INBOX") == count
        pids = side.dovecot.processes("imap")
        assert len(pids) == 1
        before = cpu_ms(pids[0])
        side.seconds.append(move(session, "INBOX", "1:*", "Junk"))
        side.cpu_ms.append(cpu_ms(pids[0]) - before)
        answered = time.monotonic()
        if side.learn:
            learn = side.learn
            wait_for(lambda: len(learn.taught) == count, "messages handed over", 300, 0.01)
            side.background_s.append(time.monotonic() - answered)
            side.connections = max(side.connections, learn.open_most)
            assert len(side.dovecot.processes("imap")) == 1
        side.memory_kb = max(side.memory_kb, largest_kb(pids[0]))
    side.dovecot.command("doveadm", "move", "-u", user, "INBOX", "mailbox", "Junk", "all", timeout=300)


def fill(dovecot: Dovecot, count: int) -> None:
    """The messages, by way of a Maildir: APPEND would take minutes."""
    source = dovecot.home("u") / "source"
    for name in ("cur", "new", "tmp"):
        (source / name).mkdir(parents=True)
    for number in range(count):
        (source / "cur" / f"{number:06}.x.y:2,").write_bytes(message(number))
    subprocess.run(["chown", "-R", "mail:mail", str(dovecot.home("u"))], check=True)
    dovecot.command("doveadm", "import", "-u", "u", f"maildir:{source}", "", "all", timeout=300)


def compare(folder: Path, mail: str, count: int, runs: int) -> float:
    """Prints the medians for one mail format; the ratio of the answers' times."""
    edition = Edition("2.3", "", build_folder())
    sides = []
    for name, plugin in (("without", False), ("with", True)):
        where = folder / f"{mail}-{name}"
        where.mkdir()
        dovecot = Dovecot(where, edition, Setup(mail=mail, plugin=plugin, extra="mail_fsync = never\n"))
        learn = LearnServer(dovecot.socket) if plugin else None
        if learn:
            learn.start()
        dovecot.start()
        sides.append(Side(name, dovecot, learn))
        fill(dovecot, count)
    try:
        for number in range(runs + 1):   # the first warms up
            for side in sides if number % 2 else reversed(sides):
                one_run(side, "u", count)
            if number == 0:
                for side in sides:
                    side.seconds.clear()
                    side.cpu_ms.clear()
                    side.background_s.clear()
    finally:
        for side in sides:
            side.dovecot.stop()
            if side.learn:
                side.learn.stop()
    plain, ours = sides
    ratio = statistics.median(ours.seconds) / statistics.median(plain.seconds)
    cpu_ratio = statistics.median(ours.cpu_ms) / statistics.median(plain.cpu_ms)
    for side in sides:
        print(f"{mail:8} {side.name:8} answer {statistics.median(side.seconds) * 1000:7.0f} ms "
              f"({min(side.seconds) * 1000:.0f}-{max(side.seconds) * 1000:.0f})  CPU until then "
              f"{statistics.median(side.cpu_ms):5.0f} ms  largest {side.memory_kb / 1024:.1f} MB")
    print(f"{mail:8} ratio of the times {ratio:.2f}, of the CPU times {cpu_ratio:.2f}; afterwards, in the background: {statistics.median(ours.background_s):.1f} s, "
          f"{count / statistics.median(ours.background_s):.0f} messages/s, at most {ours.connections} connection")
    return ratio


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--format", choices=["maildir", "mdbox", "sdbox"], action="append")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gatepost-imapmove."))
    folder.chmod(0o755)
    try:
        ratios = [compare(folder, mail, options.messages, options.runs) for mail in options.format or ("maildir", "mdbox")]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if max(ratios) <= 1.1 else 1


if __name__ == "__main__":
    sys.exit(main())
