"""milter-spam beside Rspamd's milter: messages a second, CPU per message, latency of end-of-message.

Both get the same messages from the same load generator over 16 connections; both use one private Redis (and ours LMDB
too); both learned the same half of the corpus and are shown the other.  The CPU of the store counts on both sides.
Runs alternate and the medians are compared, because a shared machine's speed changes by the minute.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "bench")]

from peers.rspamd import Rspamd  # noqa: E402
from servers.build import build  # noqa: E402
from servers.milter import MilterSpam, build_folder  # noqa: E402
from servers.redis import Redis  # noqa: E402

DATA = Path(os.environ.get("GATEPOST_DATA", TOP / ".." / "shared" / "data")).resolve()
LOADER = DATA.parent / "bench" / "milterload.c"
CONNECTIONS = 16


@dataclass
class Side:
    """One contender: where its milter listens and whose CPU time counts."""

    name: str
    address: str
    pids: list[int]


def corpus(seed: int = 1) -> tuple[list[tuple[Path, bool]], list[Path]]:
    """(learned half with class, other half) of the SpamAssassin corpus."""
    files = [(p, kind == "spam") for kind in ("ham", "spam") for p in sorted((DATA / "mail/spamassassin" / kind).iterdir())]
    random.Random(seed).shuffle(files)
    half = len(files) // 2
    return files[:half], [p for p, _ in files[half:]]


def load(loader: Path, side: Side, names: Path, warm_up: int, connections: int = CONNECTIONS) -> dict[str, object]:
    """One run of the load generator; its summary."""
    argv = [str(loader), "-J", "-c", str(connections), "-w", str(warm_up), "-l", str(names), "-k", "200"]
    for pid in side.pids:
        argv += ["-P", str(pid)]
    done = subprocess.run([*argv, side.address], check=True, stdout=subprocess.PIPE, text=True)
    summary: dict[str, object] = json.loads(done.stdout)
    if summary["failures"]:
        sys.exit(f"{side.name}: {summary['failures']} messages failed: {summary}")
    return summary


def learn_ours(config: Path, learned: list[tuple[Path, bool]], folder: Path) -> None:
    for kind in ("ham", "spam"):
        box = folder / f"learn-{kind}"
        box.mkdir()
        for path, is_spam in learned:
            if is_spam == (kind == "spam"):
                (box / f"{path.parent.parent.name}-{path.name}").symlink_to(path)
        subprocess.run([str(build_folder() / "cli/gatepost"), "-c", str(config), "learn", kind, str(box)],
                       check=True, stdout=subprocess.DEVNULL)


def ours(folder: Path, store: str, learned: list[tuple[Path, bool]], cache: bool = True, history: int = 10000) -> MilterSpam:
    """A milter-spam that learned the messages; with learned = [] it shares the store of another one."""
    folder.mkdir()
    milter = MilterSpam(folder, folder / "spam.sock", store, {
        "store_cache": "64M" if cache else 0,
        "history": {"size": history},
        "log": {"level": "warning"},
        "rules": {"paths": [str(TOP / "rules")], "cache": str(folder / "cache")},
        "milter-spam": {"greylist": {"enabled": False}},
    })
    subprocess.run([str(build_folder() / "cli/gatepost"), "-c", str(milter.config), "rules", "compile"], check=True,
                   stdout=subprocess.DEVNULL)
    if learned:
        learn_ours(milter.config, learned, folder)
    milter.start()
    return milter


def median(rows: list[dict[str, object]], *keys: str) -> float:
    def pick(row: dict[str, object]) -> float:
        value: object = row
        for key in keys:
            value = value[key]  # type: ignore[index]
        return float(value)  # type: ignore[arg-type]

    return statistics.median(pick(r) for r in rows)


def show(results: dict[str, list[dict[str, object]]]) -> None:
    base = results["rspamd"]
    print(f"\n{'':22}{'msg/s':>10}{'CPU ms':>9}{'eom p50':>9}{'p99 ms':>9}{'rate x':>9}{'CPU /':>8}")
    for name, rows in results.items():
        rate, cpu = median(rows, "rate"), median(rows, "cpu_ms_per_msg")
        print(f"{name:22}{rate:10.0f}{cpu:9.3f}{median(rows, 'eom_ms', 'p50'):9.2f}{median(rows, 'eom_ms', 'p99'):9.2f}"
              f"{rate / median(base, 'rate'):9.2f}{median(base, 'cpu_ms_per_msg') / cpu:8.2f}")
    print("\nMedians.  CPU: milter and Redis, per message.  rate x: times Rspamd's; CPU /: Rspamd's divided by this.")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=2900, help="unlearned messages in a run")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not DATA.exists() or not LOADER.exists():
        print(f"bench/spam: skipped: no test data in {DATA} (set GATEPOST_DATA)")
        return 0
    if not build(build_folder(), targets=("milter-spam/milter-spam", "cli/gatepost")):
        return 1
    folder = Path(tempfile.mkdtemp(prefix="gatepost-bench."))
    folder.chmod(0o755)
    loader = folder / "milterload"
    subprocess.run(["gcc", "-O2", "-pthread", "-o", str(loader), str(LOADER)], check=True)
    learned, shown = corpus()
    names = folder / "names"
    names.write_text("".join(f"{p}\n" for p in shown[: options.messages]))
    redis, redis2 = Redis(folder / "redis"), Redis(folder / "redis-ours")
    rspamd = Rspamd(folder / "rspamd", Path(tempfile.gettempdir()) / "gatepost-peers", redis.socket)
    milters: list[MilterSpam] = []
    try:
        redis.start()
        redis2.start()
        rspamd.start()
        print(f"learning {len(learned)} messages on each side", file=sys.stderr)
        for path, is_spam in learned:
            rspamd.learn(path.read_bytes(), is_spam)
        milters.append(ours(folder / "ours-redis", redis2.url, learned))
        milters.append(ours(folder / "ours-lmdb", "", learned))
        milters.append(ours(folder / "ours-redis-uncached", redis2.url, [], cache=False))
        milters.append(ours(folder / "ours-lmdb-uncached", "", learned, cache=False))
        milters.append(ours(folder / "ours-redis-forgetful", redis2.url, [], history=0))
        milters.append(ours(folder / "ours-lmdb-forgetful", "", learned, history=0))
        sides = [Side("rspamd", rspamd.milter, [*rspamd.worker_pids, redis.process.pid]),
                 Side("gatepost (redis)", f"unix:{milters[0].socket}", [milters[0].process.pid, redis2.process.pid]),
                 Side("gatepost (lmdb)", f"unix:{milters[1].socket}", [milters[1].process.pid]),
                 Side("  redis, no cache", f"unix:{milters[2].socket}", [milters[2].process.pid, redis2.process.pid]),
                 Side("  lmdb, no cache", f"unix:{milters[3].socket}", [milters[3].process.pid]),
                 Side("  redis, no history", f"unix:{milters[4].socket}", [milters[4].process.pid, redis2.process.pid]),
                 Side("  lmdb, no history", f"unix:{milters[5].socket}", [milters[5].process.pid])]
        results: dict[str, list[dict[str, object]]] = {s.name: [] for s in sides}
        cold = {s.name: load(loader, s, names, 0) for s in sides}
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            for side in sides:
                results[side.name].append(load(loader, side, names, 200))
        if options.json:
            print(json.dumps({"cold": cold, "rounds": results}))
        else:
            show(results)
            print("first run (cold caches): " + ", ".join(f"{n} {float(r['rate']):.0f}/s {r['cpu_ms_per_msg']} ms"  # type: ignore[arg-type]
                                                          for n, r in cold.items()))
    finally:
        for milter in milters:
            milter.stop()
        rspamd.stop()
        redis.stop()
        redis2.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
