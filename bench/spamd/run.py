"""milter-spam beside spamd: messages a second and CPU per message, same mail, Debian's stock rules, local tests only.

spamd has two children and is asked over connections of spamc's protocol; milter-spam is asked as an MTA asks a milter.
Neither has Bayes or the network.  Rounds alternate and medians are compared, because a shared machine's speed changes by
the minute.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "bench"), str(TOP / "bench" / "sa-parity")]

import reference  # noqa: E402
from peers.spamd import Spamd, cpu_seconds  # noqa: E402
from servers.build import build  # noqa: E402
from servers.milter import MilterSpam, build_folder  # noqa: E402

LOADER = reference.mail_folder().parent.parent / "bench" / "milterload.c"
RULES = ("/usr/share/spamassassin", "/etc/spamassassin")
CHILDREN = 2
CONNECTIONS = 4  # twice the children: a child never waits for the client
WARM_UP = 50
GOAL = 40.0  # times spamd's messages a second


@dataclass
class Round:
    """What one side did in one round."""

    rate: float  # messages a second
    cpu_ms: float  # a message, all processes of that side


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/spamd/run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=400, help="messages in the sample, taken from both corpora (400)")
    parser.add_argument("--repeat", type=int, default=10, help="times that milter-spam gets the sample in a round (10)")
    parser.add_argument("--connections", type=int, default=16, help="connections to milter-spam (16)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def milter_spam(folder: Path) -> MilterSpam:
    folder.mkdir()
    milter = MilterSpam(folder, folder / "spam.sock", "", {
        "log": {"level": "warning"},
        "rules": {"paths": list(RULES), "cache": str(folder / "cache"), "network": False},
        "bayes": {"enabled": False},
        "milter-spam": {"greylist": {"enabled": False}},
    })
    print("compiling the stock rules", file=sys.stderr)
    milter.gatepost("rules", "compile")
    milter.start()
    return milter


def without_envelope(message: bytes) -> bytes:
    """No mbox "From " line: milterload leaves it out, too."""
    return message.partition(b"\n")[2] if message.startswith(b"From ") else message


def told(done: int) -> None:
    if done % 100 == 0:
        print(f"  spamd: {done}", file=sys.stderr, flush=True)


def round_of_spamd(spamd: Spamd, messages: list[bytes]) -> Round:
    cpu, start = cpu_seconds(spamd.process.pid), time.monotonic()
    spamd.check_all(messages, CONNECTIONS, told)
    seconds = time.monotonic() - start
    return Round(len(messages) / seconds, (cpu_seconds(spamd.process.pid) - cpu) * 1e3 / len(messages))


def round_of_ours(loader: Path, milter: MilterSpam, names: Path, n: int, connections: int, warm_up: int) -> Round:
    argv = [str(loader), "-J", "-c", str(connections), "-w", str(warm_up), "-l", str(names), "-n", str(n), "-k", "200"]
    cpu = cpu_seconds(milter.process.pid)
    done = subprocess.run([*argv, f"unix:{milter.socket}"], check=True, stdout=subprocess.PIPE, text=True)
    cpu = cpu_seconds(milter.process.pid) - cpu
    summary = json.loads(done.stdout)
    if summary["failures"]:
        raise SystemExit(f"milter-spam: {summary['failures']} messages failed: {summary}")
    return Round(summary["rate"], cpu * 1e3 / (n + warm_up))


def median(rounds: list[Round], what: str) -> float:
    return statistics.median(getattr(r, what) for r in rounds)


def show(results: dict[str, list[Round]], ratio: float) -> None:
    print(f"\n{'':14}{'messages/s':>12}{'CPU ms a message':>18}{'rate x':>9}{'CPU /':>8}")
    base = results["spamd"]
    for name, rounds in results.items():
        rate, cpu = median(rounds, "rate"), median(rounds, "cpu_ms")
        print(f"{name:14}{rate:12.1f}{cpu:18.3f}{rate / median(base, 'rate'):9.1f}{median(base, 'cpu_ms') / cpu:8.1f}")
    print(f"\nMedians of {len(base)} rounds. The goal is {GOAL:.0f} times spamd's messages a second: "
          f"{'met' if ratio >= GOAL else 'missed'}.")


def measure(options: argparse.Namespace, folder: Path) -> dict[str, list[Round]]:
    mail = reference.mail_folder()
    sample = [mail / name for name in reference.messages(mail)[: options.messages]]
    messages = [without_envelope(path.read_bytes()) for path in sample]
    names, loader = folder / "names", folder / "milterload"
    names.write_text("".join(f"{path}\n" for path in sample))
    subprocess.run(["gcc", "-O2", "-pthread", "-o", str(loader), str(LOADER)], check=True)
    spamd, milter = Spamd(folder / "spamd", CHILDREN), milter_spam(folder / "ours")
    results: dict[str, list[Round]] = {"spamd": [], "milter-spam": []}
    try:
        spamd.start()
        spamd.check_all(messages[:WARM_UP], CONNECTIONS)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            results["spamd"].append(round_of_spamd(spamd, messages))
            results["milter-spam"].append(round_of_ours(loader, milter, names, len(sample) * options.repeat,
                                                        options.connections, len(sample)))
    finally:
        spamd.stop()
        milter.stop()
    return results


def main() -> int:
    options = arguments()
    if not reference.mail_folder().is_dir() or not LOADER.exists():
        print(f"bench/spamd: skipped: no test mail in {reference.mail_folder()} (GATEPOST_DATA)")
        return 0
    if not build(build_folder(), targets=("milter-spam/milter-spam", "cli/gatepost")):
        return 1
    with tempfile.TemporaryDirectory(prefix="gatepost-bench.", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        results = measure(options, folder)
    ratio = median(results["milter-spam"], "rate") / median(results["spamd"], "rate")
    if options.json:
        rounds = {name: [asdict(r) for r in rows] for name, rows in results.items()}
        print(json.dumps({"messages": options.messages, "cores": os.cpu_count(), "ratio": ratio, "rounds": rounds}))
    else:
        show(results, ratio)
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
