"""A tree of a later Debian with its Dovecot, made once from the mirror that this machine's own apt uses, and our modules
built for it.  Its folder is kept under ~/.cache/gatepost and named after what is in it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from pathlib import Path

from .build import build
from .imap import Edition
from .milter import TOP
from .process import ServerError
from .progress import run_step

SUITE = "trixie"
PACKAGES = ("dovecot-core", "dovecot-imapd", "dovecot-lmtpd", "dovecot-sieve", "dovecot-dev")
CACHE = Path.home() / ".cache" / "gatepost"
BUILD = TOP / "build-dovecot24"


class Unavailable(Exception):
    """The tree cannot be made here; the text says why."""


def mirror() -> str:
    """Where this machine's apt has Debian from."""
    release = Path("/etc/os-release").read_text()
    codename = re.search(r"^VERSION_CODENAME=(\w+)", release, re.M)
    if not re.search(r"^ID=debian$", release, re.M) or codename is None:
        raise Unavailable("this is no Debian")
    places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    text = "\n".join(p.read_text() for p in places if p.is_file())
    one_line = re.search(rf"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+{codename[1]}\s", text, re.M)
    if one_line:
        return one_line[1]
    for stanza in re.split(r"\n\s*\n", text):
        uris, suites = (re.search(rf"^{name}:\s*(.+)$", stanza, re.M) for name in ("URIs", "Suites"))
        if uris and suites and codename[1] in suites[1].split():
            return uris[1].split()[0]
    raise Unavailable("apt's sources name no mirror of Debian")


def make_tree() -> Path:
    """The tree; made if it is not there yet."""
    key = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    tree = CACHE / f"dovecot-{SUITE}-{key}"
    if tree.exists():
        return tree
    if os.geteuid() != 0:
        raise Unavailable("only root can make a tree of another Debian")
    if shutil.which("mmdebstrap") is None:
        raise Unavailable("mmdebstrap is not installed")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "dovecot.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.exists():
            new = tree.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            options = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale")]
            argv = ["mmdebstrap", "--variant=essential", f"--include={','.join(PACKAGES)}", *options, SUITE, str(new),
                    mirror()]
            if not run_step(f"make a tree of Debian {SUITE}", argv, CACHE / "dovecot.log"):
                raise Unavailable(f"mmdebstrap failed, see {CACHE / 'dovecot.log'}")
            new.rename(tree)
    return tree


def edition() -> Edition:
    """Dovecot 2.4 with our modules built for it."""
    tree = make_tree()
    options = ("--werror", "-Ddovecot=enabled", f"-Ddovecot_root={tree}", "-Dtests=false")
    with Path(f"{BUILD}.lock").open("w") as lock:  # several processes may run tests of it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not build(BUILD, options, targets=["dovecot-sieve-learn"]):
            raise ServerError("our modules do not build for Dovecot 2.4")
    return Edition("2.4", str(tree), BUILD)
