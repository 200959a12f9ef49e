"""policyd-ratelimit beside policyd-rate-limit and postgrey: requests a second, latency, CPU and memory.

Each is asked the same by the same load generator over 16 connections, in turns, medians.  The limits are two windows for
each account, as policyd-rate-limit has them, and too high to be met.  In the same run redis-benchmark has a Redis run the
very command that policyd-ratelimit sends it, over as many connections: more than that is not to be had from Redis.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "bench")]

from flood import measure_flood  # noqa: E402
from peers.policy import PolicydRateLimit, Postgrey  # noqa: E402
from servers.build import build  # noqa: E402
from servers.milter import Value, build_folder  # noqa: E402
from servers.policyd import Policyd  # noqa: E402
from servers.redis import Redis  # noqa: E402

DATA = Path(os.environ.get("GATEPOST_DATA", TOP / ".." / "shared" / "data")).resolve()
LOADER = DATA.parent / "bench" / "policyload.c"
ACCOUNTS = 100
LIMITS: dict[str, Value] = {"accounts": {
    "count": "messages", "by": ["sasl_username"], "windows": ["1000000 per 1m", "10000000 per 1d"]}}


@dataclass
class Side:
    """One contender: where it listens, whose CPU time counts, how many requests make a run."""

    name: str
    address: str
    pids: list[int]
    requests: int
    rows: list[dict[str, float]] = field(default_factory=list)


def load(loader: Path, side: Side, connections: int) -> dict[str, float]:
    argv = [str(loader), "-J", "-c", str(connections), "-n", str(side.requests), "-w", str(side.requests // 10),
            "-u", str(ACCOUNTS), "-p", "RCPT", "-P", ",".join(map(str, side.pids))]
    done = subprocess.run([*argv, side.address], stdout=subprocess.PIPE, text=True, check=True)
    row: dict[str, float] = json.loads(done.stdout)
    return row


def sent_command(redis: Redis, ask: Policyd) -> list[str]:
    """The words of the EVALSHA that one request makes policyd-ratelimit send, with another message each time."""
    with subprocess.Popen(["redis-cli", "-s", str(redis.socket), "MONITOR"], stdout=subprocess.PIPE, text=True) as monitor:
        assert monitor.stdout
        assert monitor.stdout.readline() == "OK\n"
        seen: list[str] = []
        reader = threading.Thread(target=lambda: seen.extend(monitor.stdout or []), daemon=True)
        reader.start()
        with ask.client() as client:
            client.ask("RCPT", sasl_username="monitor@example.org", instance="0.monitor.0")
        time.sleep(0.5)
        monitor.terminate()
        reader.join()
    lines = [line for line in seen if re.search(r'"(?i:evalsha)"', line) and " lua]" not in line]
    if len(lines) != 1:
        sys.exit(f"bench/policy: one request sent {len(lines)} commands to Redis: {lines}")
    words: list[str] = re.findall(r'"((?:[^"\\]|\\.)*)"', lines[0])
    return [benchmarkable(word) for word in words]


def benchmarkable(word: str) -> str:
    """A word of the command as redis-benchmark can send it: with twelve digits of its own in place of some of the hash of a
    name (each request is of another message; all are of one account), and without NULs. So what a take begins with (kind,
    most, window, burst, length) gets other values as long as the right ones: a sliding window of hours, which no more of its
    slots are used of."""
    if re.search(r"}n[0-9a-f]{32}$", word):
        return re.sub(r"(}n)[0-9a-f]{20}", r"\1" + "0" * 8 + "__rand_int__", word)
    data = word.encode("latin-1").decode("unicode_escape").encode("latin-1")
    return data.decode("ascii") if b"\0" not in data else "\2" + "\1" * 18 + data[19:].decode("ascii")


def redis_benchmark(redis: Redis, words: list[str], connections: int, requests: int) -> float:
    done = subprocess.run(["redis-benchmark", "-s", str(redis.socket), "-c", str(connections), "-n", str(requests),
                           "-r", str(2 ** 31 - 1), "--csv", *words], stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1].split('","')[1])


def show(sides: list[Side], script: list[float], connections: int) -> None:
    def median(side: Side, key: str) -> float:
        return statistics.median(row[key] for row in side.rows)

    base = median(sides[2], "rate")
    print(f"\n{connections} connections, medians of {len(script)}\n"
          f"{'':20}{'requests/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'p99/p50':>9}{'CPU µs':>9}{'times':>8}")
    for side in sides:
        p50, p99 = median(side, "p50_ms"), median(side, "p99_ms")
        print(f"{side.name:20}{median(side, 'rate'):11.0f}{p50:9.3f}{p99:9.3f}{p99 / p50:9.1f}"
              f"{median(side, 'cpu_us_per_req'):9.1f}{median(side, 'rate') / base:8.1f}")
    bare = statistics.median(script)
    print(f"{'redis-benchmark':20}{bare:11.0f}    the same script; gatepost (redis) makes "
          f"{100 * median(sides[0], 'rate') / bare:.0f} % of it")
    print("times: policyd-rate-limit's requests a second.  CPU: the daemon's and its Redis', per request.")


def memory_of_idle(policyd: Policyd, connections: int = 1000) -> int:
    """Bytes that so many connections cost which asked once and are silent."""
    def held() -> int:
        status = Path(f"/proc/{policyd.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024

    before = held()
    clients = [policyd.client() for _ in range(connections)]
    for client in clients:
        client.ask("RCPT", sasl_username="idle@example.org")
    grown = held() - before
    for client in clients:
        client.close()
    return grown


def ours(folder: Path, store: str) -> Policyd:
    policyd = Policyd(folder, folder / "policy.sock", store, {
        "log": {"level": "warning"}, "policyd-ratelimit": {"limits": LIMITS}})
    policyd.start()
    return policyd


def measure(folder: Path, loader: Path, options: argparse.Namespace) -> None:
    redis, bare = Redis(folder / "redis"), Redis(folder / "redis-bare")
    peers = [PolicydRateLimit(folder / "policyd-rate-limit"), Postgrey(folder / "postgrey")]
    running: list[Policyd] = []
    try:
        for server in (redis, bare, *peers):
            server.start()
        running += [ours(folder / "ours-redis", redis.url), ours(folder / "ours-lmdb", "")]
        with running[0].client() as client:  # the script is known to the server from here on
            client.ask("RCPT", sasl_username="first@example.org")
        words = sent_command(redis, running[0])
        script = (TOP / "lib/store/scripts/limit.lua").read_text()  # with its comments: another digest, the same code
        words[1] = subprocess.run(["redis-cli", "-s", str(bare.socket), "-x", "SCRIPT", "LOAD"], input=script, text=True,
                                  check=True, stdout=subprocess.PIPE).stdout.strip()
        pids = [running[0].process.pid, redis.process.pid]
        sides = [Side("gatepost (redis)", f"unix:{running[0].socket}", pids, options.requests),
                 Side("gatepost (lmdb)", f"unix:{running[1].socket}", [running[1].process.pid], options.requests),
                 Side("policyd-rate-limit", peers[0].address, [peers[0].pid], options.requests // 20),
                 Side("postgrey", peers[1].address, [peers[1].pid], options.requests // 20)]
        rates: list[float] = []
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            rates.append(redis_benchmark(bare, words, options.connections, options.requests))
            for side in sides:
                side.rows.append(load(loader, side, options.connections))
        show(sides, rates, options.connections)
        print(f"1,000 idle connections: {memory_of_idle(running[0]) / 1e6:.1f} MB")
    finally:
        for policyd in running:
            policyd.stop()
        for server in (*peers, redis, bare):
            if server.process.is_running:
                server.stop()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100000, help="of a run; a twentieth of it for the peers")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--flood", type=int, nargs="?", const=1000000, metavar="KEYS",
                        help="not beside others, but with so many keys that are new (1,000,000)")
    options = parser.parse_args()
    if not LOADER.exists():
        print(f"bench/policy: skipped: no load generator in {LOADER.parent} (set GATEPOST_DATA)")
        return 0
    if not build(build_folder(), targets=("policyd-ratelimit/policyd-ratelimit",)):
        return 1
    with tempfile.TemporaryDirectory(prefix="gatepost-bench.") as name:
        folder = Path(name)
        folder.chmod(0o755)
        loader = folder / "policyload"
        subprocess.run(["gcc", "-O2", "-pthread", "-o", str(loader), str(LOADER)], check=True)
        (measure_flood if options.flood else measure)(folder, loader, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
