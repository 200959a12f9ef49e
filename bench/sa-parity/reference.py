"""SpamAssassin's own answers: run once over both corpora, kept outside the tree, resumed where a run was cut short."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

CORPORA = ("spamassassin", "csdmc2010")
HERE = Path(__file__).resolve().parent
Hits = dict[str, int]  # rule -> how often


def mail_folder() -> Path:
    """Where the test mail lies: $GATEPOST_DATA, or beside the tree."""
    return Path(os.environ.get("GATEPOST_DATA", HERE.parents[2] / "shared" / "data")) / "mail"


def messages(folder: Path) -> list[str]:
    """Names relative to the folder, in an order that makes any first few hundred a fair sample of all."""
    names = [str(path.relative_to(folder)) for corpus in CORPORA for path in (folder / corpus).rglob("*") if path.is_file()]
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())


def _package_version() -> str:
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "spamassassin"], text=True, stdout=subprocess.PIPE, check=True)
    return done.stdout


def _digest(folder: Path, names: list[str]) -> str:
    """Of the messages, and of the script that reads them."""
    whole = hashlib.sha256((HERE / "reference.pl").read_bytes())
    for name in names:
        whole.update(name.encode() + b"\0" + hashlib.sha256((folder / name).read_bytes()).digest())
    return whole.hexdigest()[:16]


def cache_file(folder: Path, names: list[str]) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    place = Path(base) / "gatepost" / "sa-parity" / f"{_package_version()}-{_digest(folder, names)}"
    place.mkdir(parents=True, exist_ok=True)
    return place / "hits.tsv"


def load(path: Path) -> dict[str, Hits]:
    """What is there so far; the last line counts only when it is whole."""
    result: dict[str, Hits] = {}
    if not path.exists():
        return result
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            name, *hits = line.rstrip("\n").split("\t")
            pairs = (hit.partition("=") for hit in hits)
            result[name] = {rule: int(count or 1) for rule, _, count in pairs}
    return result


def _cut_half_line(path: Path) -> None:
    if path.exists():
        whole = path.read_bytes()
        path.write_bytes(whole[:whole.rfind(b"\n") + 1])


def complete(path: Path, folder: Path, names: list[str]) -> None:
    """Runs SpamAssassin over what is missing, in one process that gives way to all others."""
    _cut_half_line(path)
    there = load(path)
    missing = [name for name in names if name not in there]
    if not missing:
        return
    state = path.parent / "state"
    state.mkdir(exist_ok=True)
    print(f"SpamAssassin has {len(missing)} of {len(names)} messages to read; what it found is kept in {path.parent}", file=sys.stderr)
    command = ["nice", "-n", "19", "perl", str(HERE / "reference.pl"), str(state)]
    start, done = time.monotonic(), 0
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child, path.open("ab") as out:
        listing = "".join(f"{name}\t{folder / name}\n" for name in missing).encode()
        feeder = os.fork()
        if feeder == 0:
            child.stdout.close()
            child.stdin.write(listing)
            child.stdin.close()
            os._exit(0)
        child.stdin.close()
        for line in child.stdout:
            out.write(line)
            out.flush()
            done += 1
            if done % 100 == 0:
                rate = done / (time.monotonic() - start)
                print(f"  {done} of {len(missing)}, {rate:.1f} a second, {(len(missing) - done) / rate / 60:.0f} minutes to go",
                      file=sys.stderr, flush=True)
        os.waitpid(feeder, 0)
    if child.returncode:
        raise SystemExit(f"SpamAssassin ended with status {child.returncode}")
