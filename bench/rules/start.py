"""CPU time (user and system) that a start with all of Debian's stock rules takes, with a warm cache, a cold one, and on PCRE2 alone.

Two programs: `gatepost rules status`, which loads the rules and ends, and milter-spam, from its start until it says that it is
ready (READY=1). The exit status tells whether both stay below the goal with a warm cache (median).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests")]

from servers.build import build  # noqa: E402
from servers.milter import MilterSpam, build_folder  # noqa: E402

RULES = ("/usr/share/spamassassin", "/etc/spamassassin")
GOAL_MS = 300.0
CACHES = ("warm", "cold", "none (engine = pcre2)")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/rules/run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def of_process(pid: int) -> float:
    """Milliseconds of CPU that a running process has used, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    schedstat = sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())
    ticks = (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
    return max(ticks, schedstat / 1e6)  # the second is exact but lacks threads that have ended


def of_command(config: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([build_folder() / "cli" / "gatepost", "-c", config, "rules", "status"], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def of_milter(milter: MilterSpam) -> float:
    milter.start()
    try:
        return of_process(milter.process.pid)
    finally:
        milter.stop()


def measure(folder: Path, cache: str, rounds: int) -> dict[str, list[float]]:
    place = folder / "cache-of-rules"
    settings = {"rules": {"paths": list(RULES), "cache": str(place), "network": False,
                          "engine": "pcre2" if cache.startswith("none") else "auto"}}
    milter = MilterSpam(folder / cache.split()[0], folder / f"{cache[0]}.sock", "", settings)
    if cache == "warm":
        milter.gatepost("rules", "compile")
    else:
        for file in place.iterdir() if place.exists() else ():
            file.unlink()
    of_command(milter.config)  # files into memory
    return {"gatepost rules status": [of_command(milter.config) for _ in range(rounds)],
            "milter-spam until ready": [of_milter(milter) for _ in range(rounds)]}


def main() -> int:
    options = arguments()
    if not Path(RULES[0]).exists():
        print(f"bench/rules: skipped: {RULES[0]} is not there")
        return 0
    if not build(build_folder(), ("--buildtype=debugoptimized",)):
        return 1
    with tempfile.TemporaryDirectory(prefix="gatepost-rules.") as name:
        Path(name).chmod(0o755)
        results = {cache: measure(Path(name), cache, options.rounds) for cache in CACHES}
    medians = {cache: {what: statistics.median(times) for what, times in found.items()} for cache, found in results.items()}
    if options.json:
        print(json.dumps({"medians_ms": medians, "rounds_ms": results, "goal_ms": GOAL_MS}))
    else:
        print(f"CPU ms, median of {options.rounds}")
        for cache, found in medians.items():
            print(f"  cache {cache:22}" + "".join(f"  {what}: {ms:6.1f}" for what, ms in found.items()))
    is_met = all(ms < GOAL_MS for ms in medians["warm"].values())
    print(f"goal with a warm cache, {GOAL_MS:g} ms: {'met' if is_met else 'NOT met'}", file=sys.stderr)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
