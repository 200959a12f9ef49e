"""milter-dkim beside OpenDKIM and OpenDMARC: messages a second, CPU per message, latency, memory per connection.

The same messages (corpus.py), keys and name server for all; each resolver caches what it caches in service.  Three tasks:
verifying DKIM alone, all four methods beside OpenDKIM and OpenDMARC in a row, and signing with RSA-2048 beside what
`openssl speed` does on the same cores.  Rounds alternate and medians are shown, because a shared machine's speed changes by
the minute.  Before anything is timed, every side must say of every message that it passes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "bench"), str(TOP / "tests" / "wire")]

import corpus  # noqa: E402
import memory  # noqa: E402
from peers.opendkim import OpenDkim, OpenDmarc  # noqa: E402
from servers.build import build  # noqa: E402
from servers.milter import USER, MilterDkim, Value, build_folder  # noqa: E402
from servers.nsd import Nsd  # noqa: E402

DATA = Path(os.environ.get("GATEPOST_DATA", TOP / ".." / "shared" / "data")).resolve()
LOADER = DATA.parent / "bench" / "milterload.c"
CONNECTIONS = 16
DNS_ADDRESS = f"127.53.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"  # port 53 of it is ours alone
Summary = dict[str, float]


@dataclass
class Load:
    """One run of the load generator: a milter, its messages, how many, and what else the generator is told."""

    address: str
    pid: int
    names: Path
    messages: int
    args: list[str] = field(default_factory=list)


def run_loads(loader: Path, loads: list[Load]) -> Summary:
    """All at once; a message has passed through when it has passed through each: the slowest sets the pace, CPU adds up."""
    running = []
    for load in loads:
        argv = [str(loader), "-J", *corpus.ENVELOPE, "-c", str(CONNECTIONS), "-w", "100", "-n", str(load.messages), "-l",
                str(load.names), "-P", str(load.pid), *load.args, load.address]
        running.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
    rows = [json.loads(r.communicate()[0]) for r in running]
    for load, row in zip(loads, rows):
        if row["failures"]:
            sys.exit(f"bench/dkim: {load.address}: {row['failures']} messages failed: {row}")
    return {"rate": min(float(r["rate"]) for r in rows), "cpu_ms": sum(float(r["cpu_ms_per_msg"]) for r in rows),
            "load_ms": sum(float(r["load_cpu_ms_per_msg"]) for r in rows), "p50": sum(float(r["eom_ms"]["p50"]) for r in rows), "p99": sum(float(r["eom_ms"]["p99"]) for r in rows)}


def openssl_speed() -> Summary:
    """Signatures a second with RSA-2048 on two cores."""
    done = subprocess.run(["openssl", "speed", "-elapsed", "-multi", "2", "-seconds", "2", "rsa2048"], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    found = re.search(r"^rsa 2048 bits\s+\S+s\s+\S+s\s+([\d.]+)", done.stdout, re.MULTILINE)
    if not found:
        sys.exit(f"bench/dkim: openssl speed said {done.stdout!r}")
    return {"rate": float(found.group(1))}


class World:
    """Everything that runs: the name server, the peers, and ours; each milter in the modes that are measured."""

    def __init__(self, folder: Path, messages: int) -> None:
        self.folder = folder
        self.loader = folder / "milterload"
        self.key = corpus.Key(folder / "key.pem")
        self.messages = messages
        self.stops: list[Callable[[], object]] = []

    def start(self) -> None:
        subprocess.run(["gcc", "-O2", "-pthread", "-o", str(self.loader), str(LOADER)], check=True)
        self.key.make()
        zone = self.folder / "example.zone"
        zone.write_text(corpus.zone(self.key))
        self.nsd = Nsd(self.folder / "nsd", {"example": zone}, also=f"{DNS_ADDRESS}@53")
        self._run(self.nsd)
        self.signer = self._opendkim("sign", Mode="s", Domain=",".join(corpus.NAMES), KeyFile=str(self.key.path),
                                     Selector=corpus.SELECTOR, InternalHosts="127.0.0.1",
                                     Canonicalization="relaxed/relaxed", SignHeaders=corpus.HEADERS, RequireSafeKeys="no")
        self.verifier = self._opendkim("verify", Mode="v", AuthservID=corpus.AUTHSERV_ID)
        self.opendmarc = OpenDmarc(self.folder / "opendmarc", DNS_ADDRESS, {"AuthservID": corpus.AUTHSERV_ID})
        self._run(self.opendmarc)

    def _run(self, server: Nsd | OpenDkim | OpenDmarc | MilterDkim) -> None:
        server.start()
        self.stops.append(server.stop)

    def _opendkim(self, name: str, **settings: str) -> OpenDkim:
        peer = OpenDkim(self.folder / f"opendkim-{name}", DNS_ADDRESS, settings)
        self._run(peer)
        return peer

    def make_mail(self) -> None:
        sources = sorted((DATA / "mail/spamassassin/ham").rglob("*"))
        random.Random(1).shuffle(sources)
        self.unsigned = corpus.write_unsigned([p for p in sources if p.is_file()][:self.messages], self.folder / "unsigned")
        said = corpus.passed_through(self.loader, self.signer.milter, self.unsigned, "DKIM-Signature", "-i", "127.0.0.1")
        self.signed = corpus.with_field(said, "DKIM-Signature", self.folder / "signed")
        said = corpus.passed_through(self.loader, self.verifier.milter, self.signed, "Authentication-Results")
        corpus.must_say(said, "dkim=pass")
        self.verified = corpus.with_field(said, "Authentication-Results", self.folder / "verified")
        said = corpus.passed_through(self.loader, self.opendmarc.milter, self.verified, "Authentication-Results",
                                     "-i", corpus.CLIENT)
        corpus.must_say(said, "dmarc=pass")

    def ours(self, name: str, settings: dict[str, Value]) -> MilterDkim:
        folder = self.folder / name
        milter = MilterDkim(folder, folder / "dkim.sock", self.nsd.address, {
            "log": {"level": "warning"}, "domains": {"authserv_id": corpus.AUTHSERV_ID}, "milter-dkim": settings})
        self._run(milter)
        return milter

    def start_ours(self) -> None:
        shutil.chown(self.key.path, USER)
        table = self.folder / "keys.map"
        table.write_text("".join(f"{name} {corpus.SELECTOR}={self.key.path}\n" for name in corpus.NAMES))
        off: dict[str, Value] = {"enabled": False}
        self.our_dkim = self.ours("ours-dkim", {"spf": off, "arc": off, "dmarc": off})
        self.our_all = self.ours("ours-all", {})
        self.our_signer = self.ours("ours-sign", {
            "sign": {"keys": str(table), "headers": corpus.HEADERS.split(",")}})
        said = corpus.passed_through(self.loader, f"unix:{self.our_dkim.socket}", self.signed, "Authentication-Results")
        corpus.must_say(said, "dkim=pass")
        said = corpus.passed_through(self.loader, f"unix:{self.our_all.socket}", self.signed, "Authentication-Results",
                                     "-i", corpus.CLIENT)
        corpus.must_say(said, "dkim=pass", "spf=pass", "dmarc=pass", "arc=none")
        said = corpus.passed_through(self.loader, f"unix:{self.our_signer.socket}", self.unsigned, "DKIM-Signature", "-i",
                                     "127.0.0.1")
        check = corpus.with_field(said, "DKIM-Signature", self.folder / "signed-by-us")
        corpus.must_say(corpus.passed_through(self.loader, self.verifier.milter, check, "Authentication-Results"), "dkim=pass")

    def memory(self, with_ours: bool) -> dict[str, tuple[float, float]]:
        """KiB a connection (idle, active) of fresh processes: those that had load have room to spare."""
        milters: dict[str, OpenDkim | OpenDmarc | MilterDkim] = {
            "opendkim": self._opendkim("memory", Mode="v", AuthservID=corpus.AUTHSERV_ID),
            "opendmarc": OpenDmarc(self.folder / "opendmarc-memory", DNS_ADDRESS, {"AuthservID": corpus.AUTHSERV_ID})}
        self._run(milters["opendmarc"])
        if with_ours:
            milters["gatepost"] = self.ours("ours-memory", {})
        return {name: memory.per_connection(m.socket, m.process.pid) for name, m in milters.items()}

    def stop(self) -> None:
        for stop in reversed(self.stops):
            stop()

    def tasks(self, with_ours: bool) -> dict[str, list[Load]]:
        """Loads by the name of the row; ours get more messages, to take about as long."""
        n, client, inside = self.messages, ["-i", corpus.CLIENT, "-k", "100"], ["-i", "127.0.0.1"]
        verify = Load(self.verifier.milter, self.verifier.pid, self.signed, n, client)
        tasks = {
            "verify: opendkim": [verify],
            "all: opendkim + opendmarc": [
                verify, Load(self.opendmarc.milter, self.opendmarc.pid, self.verified, n, client)],
            "sign: opendkim": [Load(self.signer.milter, self.signer.pid, self.unsigned, n, inside)],
        }
        if with_ours:
            for name, milter, names, factor, args in (
                    ("verify", self.our_dkim, self.signed, 5, client), ("all", self.our_all, self.signed, 4, client),
                    ("sign", self.our_signer, self.unsigned, 2, inside)):
                tasks[f"{name}: gatepost"] = [
                    Load(f"unix:{milter.socket}", milter.process.pid, names, factor * n, args)]
        return tasks


def median(rows: list[Summary], key: str) -> float:
    return statistics.median(r[key] for r in rows)


def show(results: dict[str, list[Summary]], kilobytes: dict[str, tuple[float, float]]) -> None:
    base = {"verify": "verify: opendkim", "all": "all: opendkim + opendmarc", "sign": "sign: opendkim"}
    print(f"\n{'':28}{'msg/s':>9}{'CPU ms':>9}{'loader ms':>11}{'eom p50':>9}{'p99 ms':>9}{'rate x':>8}{'CPU /':>8}")
    for name, rows in sorted(results.items(), key=lambda item: (*[item[0].startswith(b) for b in ("sign", "all")], item[0])):
        if name == "openssl":
            continue
        peer = results[base[name.partition(":")[0]]]
        cells = "".join(f"{median(rows, k):{w}.{d}f}" for k, w, d in (
            ("rate", 9, 0), ("cpu_ms", 9, 3), ("load_ms", 11, 3), ("p50", 9, 2), ("p99", 9, 2)))
        print(f"{name:28}{cells}{median(rows, 'rate') / median(peer, 'rate'):8.2f}"
              f"{median(peer, 'cpu_ms') / median(rows, 'cpu_ms'):8.2f}")
    speed = median(results["openssl"], "rate")
    print(f"\nopenssl speed -multi 2 rsa2048: {speed:.0f} signatures/s; of it "
          + ", ".join(f"{n.partition(': ')[2]} {100 * median(r, 'rate') / speed:.0f} %"
                      for n, r in results.items() if n.startswith("sign")))
    for name, (idle, active) in kilobytes.items():
        print(f"memory of {name}: {idle:.0f} KiB an idle connection, {active:.0f} KiB one amid a message of 1 MiB")
    print("Medians. CPU: of the milters, per message; loader: the load generator's, on the same cores. rate x: times the peer's; CPU /: the peer's divided by this.")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=1500, help="distinct messages")
    parser.add_argument("--peers-only", action="store_true", help="without ours, to see the peers' figures alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not DATA.exists() or not LOADER.exists():
        print(f"bench/dkim: skipped: no test data in {DATA} (set GATEPOST_DATA)")
        return 0
    if not options.peers_only and not build(build_folder(), targets=("milter-dkim/milter-dkim",)):
        return 1
    folder = Path(tempfile.mkdtemp(prefix="gatepost-bench."))
    folder.chmod(0o755)
    world = World(folder, options.messages)
    results: dict[str, list[Summary]] = {"openssl": []}
    try:
        print("keys, records, signed mail", file=sys.stderr)
        world.start()
        world.make_mail()
        if not options.peers_only:
            world.start_ours()
        kilobytes = world.memory(not options.peers_only)
        tasks = world.tasks(not options.peers_only)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            results["openssl"].append(openssl_speed())
            for name, loads in tasks.items():
                results.setdefault(name, []).append(run_loads(world.loader, loads))
        if options.json:
            print(json.dumps({"rounds": results, "kib_per_connection": kilobytes}))
        else:
            show(results, kilobytes)
    finally:
        world.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
