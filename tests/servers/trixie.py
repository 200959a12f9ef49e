"""A tree of a later Debian with its Dovecot, and our modules built for it."""

from __future__ import annotations

import fcntl
from pathlib import Path

from .build import build
from .debian import make_tree
from .imap import Edition
from .milter import TOP
from .process import ServerError

SUITE = "trixie"
PACKAGES = ("dovecot-core", "dovecot-imapd", "dovecot-lmtpd", "dovecot-sieve", "dovecot-dev")
BUILD = TOP / "build-dovecot24"


def edition() -> Edition:
    """Dovecot 2.4 with our modules built for it."""
    tree = make_tree("dovecot", SUITE, PACKAGES)
    options = ("--werror", "-Ddovecot=enabled", f"-Ddovecot_root={tree}", "-Dtests=false")
    with Path(f"{BUILD}.lock").open("w") as lock:  # several processes may run tests of it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not build(BUILD, options, targets=["dovecot-sieve-learn"]):
            raise ServerError("our modules do not build for Dovecot 2.4")
    return Edition("2.4", str(tree), BUILD)
