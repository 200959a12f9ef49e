"""CPU time that the rules take of a message: mean over both corpora, one core, local tests only, median of several rounds.

All of Debian's stock rules, and ours. What is measured: everything from gp_rule_scan_begin() to gp_rule_scan_finish(), which is
the relay path, the texts that patterns see, all patterns, eval functions, metas and scores. What is not: reading the message
(MIME, charsets, HTML to text), which a filter does once whatever its rules. The probe of an older build can be named to run
beside, in turns, because a shared machine's speed changes by the minute. The exit status tells whether the goal is met.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "bench" / "sa-parity")]

import reference  # noqa: E402
from servers.build import build  # noqa: E402
from servers.milter import build_folder  # noqa: E402

RULES = {"stock": ("/usr/share/spamassassin", "/etc/spamassassin"), "own": (str(TOP / "rules"),)}
GOAL_MS = 0.6


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/rules/messages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth message")
    parser.add_argument("--beside", type=Path, metavar="PROBE", help="gp-rule-probe of another build")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def once(probe: Path, rules: tuple[str, ...], listing: str) -> float:
    """Milliseconds a message."""
    done = subprocess.run([str(probe), "--time", *rules], input=listing.encode(), stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=True)
    found = re.search(r"([\d.]+) ms of CPU each", done.stderr.decode())
    if not found:
        raise SystemExit(f"{probe} --time says: {done.stderr.decode()!r}")
    return float(found.group(1))


def main() -> int:
    options = arguments()
    folder = reference.mail_folder()
    if not folder.is_dir():
        print(f"bench/rules: skipped: no test mail in {folder} (GATEPOST_DATA)")
        return 0
    if not build(build_folder(), ("--buildtype=debugoptimized",)):
        return 1
    listing = "".join(f"{name}\t{folder / name}\n" for name in reference.messages(folder)[::options.every])
    probes = {"now": build_folder() / "tests" / "probe" / "gp-rule-probe"} | ({"beside": options.beside} if options.beside else {})
    kinds = {kind: paths for kind, paths in RULES.items() if Path(paths[0]).exists()}
    times: dict[str, list[float]] = {f"{kind}, {name}": [] for kind in kinds for name in probes}
    for _ in range(options.rounds):
        for kind, paths in kinds.items():
            for name, probe in probes.items():
                times[f"{kind}, {name}"].append(once(probe, paths, listing))
    medians = {what: statistics.median(found) for what, found in times.items()}
    if options.json:
        print(json.dumps({"medians_ms": medians, "rounds_ms": times, "goal_ms": GOAL_MS, "load": os.getloadavg()}))
    else:
        print(f"{listing.count(chr(10))} messages, ms of CPU each, median of {options.rounds}; "
              f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for what, ms in medians.items():
            print(f"  {what:16}{ms:7.3f}   ({min(times[what]):.3f} to {max(times[what]):.3f})")
    is_met = all(ms < GOAL_MS for what, ms in medians.items() if what.endswith("now"))
    print(f"goal, {GOAL_MS:g} ms: {'met' if is_met else 'NOT met'}", file=sys.stderr)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
