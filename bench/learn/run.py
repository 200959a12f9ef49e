"""Messages learned a second: gatepost-controller over its socket, with LMDB and with Redis, beside Rspamd's learn_spam.

The same messages in the same order on each side, each side into an empty store of its own; the clock runs until the last
of them is learned (ours answers earlier: when they are on disk). Over several connections each, because one of Rspamd's
`rspamc` processes or of ours alone would measure the client. Rounds alternate; medians are compared. CPU: all processes of
a side with the Redis it uses.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "bench")]

from peers.rspamd import Rspamd  # noqa: E402
from servers.build import build  # noqa: E402
from servers.controller import Controller  # noqa: E402
from servers.learnclient import HAM, QUEUED, SPAM, LearnClient, lesson  # noqa: E402
from servers.milter import build_folder  # noqa: E402
from servers.process import family  # noqa: E402
from servers.redis import Redis  # noqa: E402

DATA = Path(os.environ.get("GATEPOST_DATA", TOP / ".." / "shared" / "data")).resolve()
CONNECTIONS = 4
TICKS = os.sysconf("SC_CLK_TCK")

Mail = Sequence[tuple[bytes, bool]]


def corpus(most: int) -> list[tuple[bytes, bool]]:
    """Messages of the SpamAssassin corpus with their class, mixed."""
    files = [(p, kind == "spam") for kind in ("ham", "spam") for p in sorted((DATA / "mail/spamassassin" / kind).iterdir())]
    random.Random(1).shuffle(files)
    return [(p.read_bytes(), is_spam) for p, is_spam in files[:most]]


def cpu_of(pids: Sequence[int]) -> float:
    """Seconds of CPU so far."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def teach_ours(path: Path, mail: Mail) -> None:
    """One connection, pipelined as far as the window allows."""
    with LearnClient(path) as client:
        out = 0
        for number, (message, is_spam) in enumerate(mail):
            if out == client.window:
                assert client.answer().status == QUEUED
                out -= 1
            client.send(lesson(number, SPAM if is_spam else HAM, message))
            out += 1
        for _ in range(out):
            assert client.answer().status == QUEUED


def teach_rspamd(port: int, mail: Mail) -> None:
    """One connection that stays open, as nobody's rspamc does: to its advantage."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for message, is_spam in mail:
        connection.request("POST", "/learnspam" if is_spam else "/learnham", message, {"Learn-Type": "bulk"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 204, 208), answer.status


def in_parallel(work: Callable[[Mail], None], mail: Mail) -> None:
    threads = [threading.Thread(target=work, args=(mail[n::CONNECTIONS],)) for n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dataclass
class Result:
    rates: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def add(self, n: int, seconds: float, taken: float, cpu: float) -> None:
        self.rates.append(n / seconds)
        self.taken.append(n / taken)
        self.cpu_ms.append(1000 * cpu / n)


def run_ours(folder: Path, mail: Mail, with_redis: bool, result: Result) -> None:
    redis = Redis(folder / "redis")
    if with_redis:
        redis.start()
    controller = Controller(folder / "controller", folder / "controller" / "learn.sock", redis.url if with_redis else "",
                            {"controller": {"user": ""}})
    controller.start()
    try:
        teach_ours(controller.socket, [(b"From: a@example.org\n\nto start the workers\n", True)])
        pids = family(controller.process.pid) + ([redis.process.pid] if with_redis else [])
        cpu, start = cpu_of(pids), time.monotonic()
        in_parallel(lambda part: teach_ours(controller.socket, part), mail)
        taken = time.monotonic() - start
        with LearnClient(controller.socket) as client:
            client.sync()
        seconds = time.monotonic() - start
        pids = sorted({*pids, *family(controller.process.pid)})
        result.add(len(mail), seconds, taken, cpu_of(pids) - cpu)
    finally:
        controller.stop()
        if with_redis:
            redis.stop()


def run_rspamd(folder: Path, mail: Mail, result: Result) -> None:
    redis = Redis(folder / "redis")
    redis.start()
    rspamd = Rspamd(folder / "rspamd", Path(tempfile.gettempdir()) / "gatepost-peers", redis.socket)
    rspamd.start()
    try:
        rspamd.learn(mail[0][0], mail[0][1])
        pids = [*family(rspamd._process.pid), redis.process.pid]
        cpu, start = cpu_of(pids), time.monotonic()
        in_parallel(lambda part: teach_rspamd(rspamd.controller_port, part), mail)
        seconds = time.monotonic() - start
        result.add(len(mail), seconds, seconds, cpu_of(pids) - cpu)
    finally:
        rspamd.stop()
        redis.stop()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=1500)
    parser.add_argument("--no-rspamd", action="store_true")
    options = parser.parse_args()
    if not DATA.exists():
        print(f"bench/learn: skipped: no test data in {DATA} (set GATEPOST_DATA)")
        return 0
    if not build(build_folder(), targets=("controller/gatepost-controller",)):
        return 1
    mail = corpus(options.messages)
    results = {name: Result() for name in ("gatepost (lmdb)", "gatepost (redis)", "rspamd")}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="gatepost-bench.") as name:
            folder = Path(name)
            folder.chmod(0o755)
            run_ours(folder / "a", mail, False, results["gatepost (lmdb)"])
            run_ours(folder / "b", mail, True, results["gatepost (redis)"])
            if not options.no_rspamd:
                run_rspamd(folder / "c", mail, results["rspamd"])
    print(f"\n{len(mail)} messages, {CONNECTIONS} connections, medians of {options.rounds}\n"
          f"{'':20}{'learned/s':>10}{'answered/s':>12}{'CPU ms':>9}")
    for name, result in results.items():
        if result.rates:
            print(f"{name:20}{statistics.median(result.rates):10.0f}{statistics.median(result.taken):12.0f}"
                  f"{statistics.median(result.cpu_ms):9.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
