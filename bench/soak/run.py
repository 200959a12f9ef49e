"""Both corpora through milter-spam: once under ASan and LSan, then 50,000 messages while its memory is watched.

Exit status 0 only if no message was left without an answer, the sanitizers found nothing, and the memory in use after
the last round is at most 5 % above what it was before the first.  Before the first, 20,000 messages warm up: each thread's
part of malloc grows to what its largest message needed, and the largest messages are rare.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "bench")]

from servers.build import build  # noqa: E402
from servers.milter import MilterSpam, build_folder  # noqa: E402

DATA = Path(os.environ.get("GATEPOST_DATA", TOP / ".." / "shared" / "data")).resolve()
LOADER = DATA.parent / "bench" / "milterload.c"
WARM_UP = 20000
RULES = {"rules": {"paths": [str(TOP / "rules")]}, "log": {"level": "warning"}}


def replay(loader: Path, milter: MilterSpam, names: Path, messages: int, timeout: int) -> dict[str, object]:
    done = subprocess.run([str(loader), "-J", "-c", "16", "-l", str(names), "-n", str(messages), "-k", "500", "-T", str(timeout),
                           "-P", str(milter.process.pid), f"unix:{milter.socket}"], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def rss_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def under_asan(folder: Path, loader: Path, names: Path, count: int) -> bool:
    """Every message once through the sanitized build; the log must stay free of reports."""
    os.environ["GATEPOST_BUILD"] = str(TOP / "build-asan")
    milter = MilterSpam(folder / "asan", folder / "asan.sock", settings=RULES | {"milter-spam": {"sandbox": False}})
    milter.start()
    summary = replay(loader, milter, names, count, 300)
    status = milter.stop()
    reports = milter.lines(r"ERROR: (Address|Leak)Sanitizer|runtime error:")
    print(f"ASan+UBSan+LSan: {summary['messages']} messages, {summary['failures']} without an answer, "
          f"{len(reports)} reports, exit status {status}")
    print("\n".join(reports[:10]))
    return not summary["failures"] and not reports and status == 0


def memory(folder: Path, loader: Path, names: Path, total: int, count: int) -> bool:
    """Rounds over the corpora until `total` messages went through; memory after each."""
    os.environ["GATEPOST_BUILD"] = str(TOP / "build")
    milter = MilterSpam(folder / "plain", folder / "plain.sock", settings=RULES)
    milter.start()
    sizes, sent, failures = [], 0, 0
    while sent < WARM_UP + total:
        summary = replay(loader, milter, names, count, 60)
        sent += int(str(summary["messages"]))
        failures += int(str(summary["failures"]))
        size = rss_kib(milter.process.pid)
        if sent >= WARM_UP:
            sizes.append(size)
        print(f"{sent:7} messages  {summary['rate']:>8} /s  RSS {size} KiB{'' if sizes else '  (warm-up)'}", flush=True)
    status = milter.stop()
    growth = sizes[-1] / sizes[0] - 1
    print(f"RSS {sizes[0]} -> {sizes[-1]} KiB ({growth:+.1%}), {failures} without an answer, exit status {status}")
    return not failures and status == 0 and growth <= 0.05


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=50000)
    options = parser.parse_args()
    if not DATA.exists() or not LOADER.exists():
        print(f"bench/soak: skipped: no test data in {DATA} (set GATEPOST_DATA)")
        return 0
    programs = ("milter-spam/milter-spam", "cli/gatepost")
    if not build(TOP / "build", targets=programs) or not build(TOP / "build-asan", ("-Db_sanitize=address,undefined",), targets=programs):
        return 1
    folder = Path(tempfile.mkdtemp(prefix="gatepost-soak."))
    folder.chmod(0o755)
    loader = folder / "milterload"
    subprocess.run(["gcc", "-O2", "-pthread", "-o", str(loader), str(LOADER)], check=True)
    mail = [p for corpus in ("spamassassin", "csdmc2010") for kind in ("ham", "spam")
            for p in sorted((DATA / "mail" / corpus / kind).iterdir())]
    names = folder / "names"
    names.write_text("".join(f"{p}\n" for p in mail))
    good = under_asan(folder, loader, names, len(mail))
    return 0 if memory(folder, loader, names, options.messages, len(mail)) and good else 1


if __name__ == "__main__":
    sys.exit(main())
