"""Trees of Debian, made once from the mirror that this machine's own apt uses.  Each is kept under ~/.cache/gatepost, in a
folder named after what is in it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from .progress import run_step

CACHE = Path.home() / ".cache" / "gatepost"


class Unavailable(Exception):
    """The tree cannot be made here; the text says why."""


def suite() -> str:
    """The codename of this machine's Debian."""
    release = Path("/etc/os-release").read_text()
    codename = re.search(r"^VERSION_CODENAME=(\w+)", release, re.M)
    if not re.search(r"^ID=debian$", release, re.M) or codename is None:
        raise Unavailable("this is no Debian")
    return codename[1]


def mirror() -> str:
    """Where this machine's apt has Debian from."""
    codename = suite()
    places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    text = "\n".join(p.read_text() for p in places if p.is_file())
    one_line = re.search(rf"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+{codename}\s", text, re.M)
    if one_line:
        return one_line[1]
    for stanza in re.split(r"\n\s*\n", text):
        uris, suites = (re.search(rf"^{name}:\s*(.+)$", stanza, re.M) for name in ("URIs", "Suites"))
        if uris and suites and codename in suites[1].split():
            return uris[1].split()[0]
    raise Unavailable("apt's sources name no mirror of Debian")


def make_tree(name: str, codename: str, packages: Sequence[str]) -> Path:
    """A tree of a Debian with these packages; made if it is not there yet."""
    key = hashlib.sha256(" ".join((codename, *packages)).encode()).hexdigest()[:12]
    tree = CACHE / f"{name}-{codename}-{key}"
    if tree.exists():
        return tree
    if os.geteuid() != 0:
        raise Unavailable("only root can make a tree of Debian")
    if shutil.which("mmdebstrap") is None:
        raise Unavailable("mmdebstrap is not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.exists():
            new = tree.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            options = [f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("man", "doc", "locale")]
            options.append("--dpkgopt=force-unsafe-io")
            argv = ["mmdebstrap", "--variant=essential", f"--include={','.join(packages)}", *options, codename, str(new),
                    mirror()]
            log = CACHE / f"{name}.log"
            if not run_step(f"make a tree of Debian {codename} with {name}", argv, log):
                raise Unavailable(f"mmdebstrap failed, see {log}")
            new.rename(tree)
    return tree
