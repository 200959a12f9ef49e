"""milter-virus beside clamd with clamav-milter: messages a second, CPU per message, latency, memory.

Same signatures (200,000, made here), same mail, same load generator over 16 connections, in turns, medians; caches off on
both sides, then on. Each has its default folder for what it unpacks: ours is in memory, theirs on a disk; a third pair are
theirs told to use ours. Beside them libclamav alone in a loop, in either folder: what a scan costs at least. Memory is the
PSS of all processes of a side that is alone on the machine, at rest after the same load and at its highest while signatures
are reloaded.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "bench")]

from peers.clamav import ClamavMilter  # noqa: E402
from servers import signatures  # noqa: E402
from servers.build import build  # noqa: E402
from servers.milter import MilterVirus, build_folder  # noqa: E402
from servers.process import family  # noqa: E402

DATA = Path(os.environ.get("GATEPOST_DATA", TOP / ".." / "shared" / "data")).resolve()
LOADER = DATA.parent / "bench" / "milterload.c"
CONNECTIONS = 16
IN_MEMORY = Path("/dev/shm")  # milter-virus's default; the tests' own is on a disk


@dataclass
class Side:
    """One contender; `pids` are asked for anew each time, `reload` has it read its signatures again."""

    name: str
    address: str
    pids: Callable[[], list[int]]
    reload: Callable[[], None]
    rows: list[dict[str, object]] = field(default_factory=list)

    def pss(self) -> int:
        """Memory of all its processes, shared pages divided among those that share them."""
        total = 0
        for pid in self.pids():
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024
        return total


def mail(number: int, seed: int = 1) -> list[Path]:
    files = sorted((DATA / "mail/spamassassin").glob("*/*"))
    return random.Random(seed).sample(files, min(number, len(files)))


def load(loader: Path, side: Side, names: Path) -> dict[str, object]:
    argv = [str(loader), "-J", "-c", str(CONNECTIONS), "-w", "200", "-l", str(names), "-k", "200"]
    for pid in side.pids():
        argv += ["-P", str(pid)]
    done = subprocess.run([*argv, side.address], check=True, stdout=subprocess.PIPE, text=True)
    row: dict[str, object] = json.loads(done.stdout)
    if row["failures"]:
        sys.exit(f"{side.name}: {row['failures']} messages failed: {row}")
    return row


def at_reload(side: Side, seconds: float = 20.0) -> int:
    """The most memory seen while it reads its signatures anew."""
    peak = side.pss()
    timer = threading.Timer(0.2, side.reload)
    timer.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        peak = max(peak, side.pss())
        time.sleep(0.05)
    timer.join()
    return peak


def median(side: Side, *keys: str) -> float:
    def pick(row: object) -> float:
        for key in keys:
            row = row[key]  # type: ignore[index]
        return float(row)  # type: ignore[arg-type]

    return statistics.median(pick(row) for row in side.rows)


def show(sides: list[Side], bare: dict[str, float], memory: dict[str, tuple[int, int]]) -> None:
    peers = {"off": next(s for s in sides if s.name == "clamav, cache off"), "on": next(s for s in sides if s.name == "clamav, cache on")}
    least = min(bare.values())
    print(f"\n{'':30}{'msg/s':>8}{'times':>7}{'CPU ms':>9}{'/ bare':>8}{'p50 ms':>9}{'p99 ms':>9}{'PSS MB':>8}{'reload':>8}")
    for side in sides:
        peer = peers["on" if side.name.endswith("on") else "off"]
        rest, peak = memory[side.name]
        print(f"{side.name:30}{median(side, 'rate'):8.0f}{median(side, 'rate') / median(peer, 'rate'):7.2f}"
              f"{median(side, 'cpu_ms_per_msg'):9.3f}{median(side, 'cpu_ms_per_msg') / least:8.2f}"
              f"{median(side, 'eom_ms', 'p50'):9.2f}{median(side, 'eom_ms', 'p99'):9.2f}{rest / 1e6:8.0f}{peak / 1e6:8.0f}")
    for name, value in bare.items():
        print(f"{name:30}{'':15}{value:9.3f}{value / least:8.2f}")
    print("\nMedians. times: messages a second beside clamav's with its cache alike. CPU: all processes of a side, per message.\n"
          "/ bare: beside the cheaper of the two loops.")


def ours(folder: Path, database: Path, cache: bool, reload: str) -> tuple[MilterVirus, Side]:
    milter = MilterVirus(folder, folder / "virus.sock", {
        "log": {"level": "warning"},
        "milter-virus": {"database": str(database), **({} if cache else {"cache_size": 0}), "reload": reload,
                         "worker_messages": 0, "deadline": "60s", "temporary": str(IN_MEMORY)}})
    milter.start(120)
    name = f"gatepost, cache {'on' if cache else 'off'}"
    return milter, Side(name, f"unix:{milter.socket}", lambda: family(milter.process.pid), lambda: milter.ask(b"reload\n") and None)


def theirs(folder: Path, database: Path, cache: bool, temporary: Path | None = None) -> tuple[ClamavMilter, Side]:
    peer = ClamavMilter(folder, database, cache, temporary=temporary)
    peer.start()
    name = f"clamav{' in memory' if temporary else ''}, cache {'on' if cache else 'off'}"
    return peer, Side(name, peer.milter, lambda: peer.pids, lambda: peer.clamd.process.send(signal.SIGUSR2))


def loop(database: Path, names: Path, temporary: Path) -> float:
    """libclamav alone: ms of CPU per message."""
    done = subprocess.run([str(build_folder() / "bench/virus/gp-virus-bare"), str(database), str(names), "1"], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "TMPDIR": str(temporary)})
    return float(done.stdout)


def start(running: ExitStack, make: Callable[[], tuple[MilterVirus | ClamavMilter, Side]]) -> Side:
    server, side = make()
    running.callback(server.stop)
    return side


def measure(folder: Path, options: argparse.Namespace) -> None:
    loader, names, database = folder / "milterload", folder / "names", folder / "signatures"
    subprocess.run(["gcc", "-O2", "-pthread", "-o", str(loader), str(LOADER)], check=True)
    names.write_text("".join(f"{path}\n" for path in mail(options.messages)))
    database.mkdir()
    if options.bodies is None:
        signatures.many(database, options.signatures)
    else:  # a fifth of them logical expressions
        signatures.many(database, options.signatures, bodies=options.bodies * 0.8, logical=options.bodies * 0.2)
    print(f"{options.signatures} signatures are read by each side", file=sys.stderr)
    makers = {
        side: partial(make, folder / side.replace(" ", "-"), database, cache)
        for cache in (False, True)
        for side, make in ((f"ours {cache}", partial(ours, reload="drain")),
                           (f"clamav {cache}", theirs),
                           (f"memory {cache}", partial(theirs, temporary=IN_MEMORY)))}
    places = {"libclamav in a loop": folder, "libclamav in memory": IN_MEMORY}
    bare: dict[str, list[float]] = {name: [] for name in places}
    with ExitStack() as running:
        sides = [start(running, make) for make in makers.values()]
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            for name, place in places.items():
                bare[name].append(loop(database, names, place))
            for side in sides:
                side.rows.append(load(loader, side, names))
    memory = {}
    for name, make in makers.items():
        print(f"memory: {name}", file=sys.stderr)
        with ExitStack() as running:  # alone: a library that both map would count less for who has fewer processes
            side = start(running, make)
            for _ in range(options.rounds):
                load(loader, side, names)
            memory[side.name] = (side.pss(), at_reload(side))
    show(sides, {name: statistics.median(values) for name, values in bare.items()}, memory)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--signatures", type=int, default=200000)
    parser.add_argument("--bodies", type=float, help="share of signatures of bytes (0.25), not ClamAV's own proportions")
    options = parser.parse_args()
    if not DATA.exists() or not LOADER.exists():
        print(f"bench/virus: skipped: no test data in {DATA} (set GATEPOST_DATA)")
        return 0
    if not build(build_folder(), targets=("milter-virus/milter-virus", "milter-virus/virus-scanner", "bench/virus/gp-virus-bare")):
        return 1
    with tempfile.TemporaryDirectory(prefix="gatepost-bench.") as name:
        folder = Path(name)
        folder.chmod(0o755)
        measure(folder, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
