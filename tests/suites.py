"""The second half of tests/run: builds, runs the suites, counts.

Four builds serve them: build (gcc), build-asan (gcc with AddressSanitizer and UBSan), build-clang (clang), build-bare (gcc,
every optional feature off), which also runs the unit tests. Warnings are
errors but under the sanitizers, whose checks make gcc warn of paths that cannot be. Suites of C programs run in the first
two; wire drives the sanitized programs, and where those hide what is asserted the plain ones too, integration the plain ones.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from servers.build import build
from servers.milter import TOP
from servers.process import tail
from servers.progress import run_step

@dataclass
class Count:
    """How many tests passed, failed and were skipped, and which failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)

    def add(self, other: Count) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.skips += other.skips

    def fail(self, name: str) -> Count:
        self.failed += 1
        self.failures.append(name)
        return self

    def skip(self, name: str) -> None:
        self.skipped += 1
        self.skips.append(name)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


@dataclass(frozen=True)
class Variant:
    """One build folder and how it is configured."""

    name: str
    compiler: str
    options: tuple[str, ...] = ("--werror",)

    @property
    def folder(self) -> Path:
        return TOP / self.name

    def make(self) -> bool:
        """Brings the build up to date, once a run."""
        if self.name not in made:
            made[self.name] = ((not self._is_lenient() or self._tighten())
                               and build(self.folder, self.options, {"CC": self.compiler}))
        return made[self.name]

    def _is_lenient(self) -> bool:
        """A folder that should have --werror, and that ./demo or a person configured without."""
        info = self.folder / "meson-info" / "intro-buildoptions.json"
        if "--werror" not in self.options or not info.exists():
            return False
        return any(o["name"] == "werror" and not o["value"] for o in json.loads(info.read_text()))

    def _tighten(self) -> bool:
        argv = ["meson", "configure", str(self.folder), "-Dwerror=true"]
        return run_step(f"configure {self.name}", argv, Path(f"{self.folder}.log"))


made: dict[str, bool] = {}
PLAIN = Variant("build", "gcc")
SANITIZED = Variant("build-asan", "gcc", ("-Db_sanitize=address,undefined",))
CLANG = Variant("build-clang", "clang")
BARE = Variant("build-bare", "gcc", ("--werror", "-Dauto_features=disabled", "-Dtests=true"))


def compilers() -> Count:
    """Each compiler builds everything without a warning."""
    count = Count()
    for variant in (PLAIN, SANITIZED, CLANG, BARE):
        if variant.make():
            count.passed += 1
        else:
            count.fail(f"{variant.name} ({variant.compiler})")
    return count


def meson_suite(name: str, variants: tuple[Variant, ...] = (PLAIN, SANITIZED)) -> Count:
    """A meson suite in each of the builds; every meson test counts once per build."""
    count = Count()
    for variant in variants:
        if not variant.make():
            count.fail(f"{name} in {variant.name}: not built")
            continue
        logs = variant.folder / "meson-logs"
        results = logs / f"{name}.json"
        results.unlink(missing_ok=True)
        argv = ["meson", "test", "-C", str(variant.folder), "--no-rebuild", "--suite", name, "--logbase", name,
                "--print-errorlogs"]
        ended_well = run_step(f"{name} in {variant.name}", argv, logs / f"{name}-run.log")
        here = count_meson(results, variant.name)
        if not ended_well and not here.failed:
            here.fail(f"{name} in {variant.name}: meson test failed")
        if here.failed:
            print(tail(logs / f"{name}-run.log", 60))
        count.add(here)
    return count


def count_meson(results: Path, where: str) -> Count:
    """Reads meson's own results, one JSON object a line; no file means no test."""
    count = Count()
    for line in results.read_text().splitlines() if results.exists() else ():
        test = json.loads(line)
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            count.passed += 1
        elif test["result"] == "SKIP":
            count.skip(f"{test['name']} in {where}")
        else:
            count.fail(f"{test['name']} in {where}: {test['result']}")
    return count


# Tests of servers mostly wait for them, so more of them than there are processors run at once; those that measure come
# after, one by one.  No -v: with it, xdist may run a process's tests on another thread than the first, which signals do
# not reach; the names of all tests are in the results beside the log.
AT_ONCE = min(2 * len(os.sched_getaffinity(0)), 16)
TURNS: dict[str, tuple[str, ...]] = {
    f"{AT_ONCE} at once": ("-m", "not alone", "-n", str(AT_ONCE), "--dist", "loadfile", "--max-worker-restart", "0"),
    "alone": ("-m", "alone", "-p", "no:xdist"),
}
# Bounds of memory are AddressSanitizer's own where it is: a few tests run once more without it.
PLAIN_TURN: dict[str, tuple[str, ...]] = {"what a sanitizer hides": ("-m", "plain", "-p", "no:xdist")}
NO_TESTS = 5  # pytest's exit status


def pytest_suite(name: str, variant: Variant, turns: dict[str, tuple[str, ...]] = TURNS) -> Count:
    """A folder of pytest cases that drive the programs of one build."""
    if not variant.make():
        return Count().fail(f"{name}: {variant.name} is not built")
    os.environ["GATEPOST_BUILD"] = str(variant.folder)
    # Without bytecode each process would work out all asserts anew; it is kept out of the tree.
    os.environ["PYTHONPYCACHEPREFIX"] = str(variant.folder / "pycache")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    count = Count()
    for turn, options in turns.items():
        count.add(pytest_turn(name, variant, turn, options))
    return count


def pytest_turn(name: str, variant: Variant, turn: str, options: tuple[str, ...]) -> Count:
    log, results = (variant.folder / f"{name}-{turn.replace(' ', '-')}.{kind}" for kind in ("log", "xml"))
    for old in (log, results):
        old.unlink(missing_ok=True)
    argv = [sys.executable, "-u", "-m", "pytest", "--tb=short", "--durations=30", "-p", "no:cacheprovider", *options,
            f"--junitxml={results}", str(TOP / "tests" / name)]
    ended_well = run_step(f"{name} with {variant.name}, {turn}", argv, log, (0, NO_TESTS))
    count = count_junit(results) if results.exists() else Count()
    if not ended_well and not count.failed:
        count.fail(f"{name}, {turn}: pytest failed")
    if count.failed:
        print(tail(log, 200))
    return count


def count_junit(results: Path) -> Count:
    """Reads pytest's results; an error in a fixture is a failure."""
    count = Count()
    for case in ElementTree.parse(results).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        ends = {child.tag: child for child in case}
        if "failure" in ends or "error" in ends:
            count.fail(name)
        elif "skipped" in ends:
            count.skip(f"{name}: {ends['skipped'].get('message')}")
        else:
            count.passed += 1
    return count


def wire() -> Count:
    count = pytest_suite("wire", SANITIZED)
    count.add(pytest_suite("wire", PLAIN, PLAIN_TURN))
    return count


SUITES: dict[str, Callable[[], Count]] = {
    "compilers": compilers,
    "unit": lambda: meson_suite("unit", (PLAIN, SANITIZED, BARE)),
    "fuzz": lambda: meson_suite("fuzz"),
    "meta": lambda: meson_suite("meta", (PLAIN,)),
    "conformance": lambda: pytest_suite("conformance", PLAIN),
    "wire": wire,
    "integration": lambda: pytest_suite("integration", PLAIN),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/run", description="Builds, runs the test suites, counts.")
    parser.add_argument("suite", nargs="*", help=f"of {', '.join(SUITES)}; all if none is named")
    wanted = parser.parse_args().suite or list(SUITES)
    for name in wanted:
        if name not in SUITES:
            parser.error(f"no suite {name}; there are {', '.join(SUITES)}")
    total, lines = Count(), []
    for name in wanted:
        start = time.monotonic()
        count = SUITES[name]()
        if not count.passed + count.failed + count.skipped:
            count.fail(f"{name}: no tests found")
        total.add(count)
        lines.append(f"{name:12} {count}  ({time.monotonic() - start:.0f} s)")
    lines += [f"SKIPPED {name}" for name in total.skips] + [f"FAILED {name}" for name in total.failures]
    print("\n" + "\n".join(lines))
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
