"""Signature databases of any size, made here: none comes from the network."""

from __future__ import annotations

import random
from pathlib import Path

# ClamAV's own, by their lists of contents (main.info of version 62, daily.info of version 27371, August 2024; sigtool
# --unpack shows them): 6,647,427 + 2,065,716 signatures, of which
#     .mdb (sections of programs)       260.3 MB, at 60 bytes a line 4.34 million
#     .hdb and .hsb (whole files)       292.9 MB
#     .ndb (bytes anywhere)              23.9 MB, at 200 bytes a line 0.12 million
#     .ldb (logical expressions)         85.8 MB, at 300 bytes a line 0.29 million
# The lists tell sizes, not lines, so the last two are estimates; that the rest are hashes follows from the totals.
SECTIONS = 0.50
BODIES = 0.014
LOGICAL = 0.033


def many(folder: Path, number: int, seed: int = 1, bodies: float = BODIES, logical: float = LOGICAL) -> None:
    """Writes about so many signatures of things that no mail holds, in the proportions of ClamAV's own: of programs'
    sections (.mdb), of whole files (.hdb, .hsb), of bytes anywhere (.ndb), some with a gap, and in a logical expression for
    programs (.ldb). `bodies` and `logical` are the shares of the last two, which are what costs time in a scan."""
    rng = random.Random(seed)

    def content(size: int) -> str:
        return rng.randbytes(size).hex()

    n_bodies, n_logical = round(number * bodies), round(number * logical)
    n_sections = min(round(number * SECTIONS), number - n_bodies - n_logical)
    n_files = number - n_bodies - n_logical - n_sections
    with (folder / "many.mdb").open("w") as f:
        for i in range(n_sections):
            f.write(f"{rng.randrange(512, 400000)}:{content(16)}:Many.Section-{i}\n")
    with (folder / "many.hdb").open("w") as md5, (folder / "many.hsb").open("w") as sha256:
        for i in range(n_files):
            size = rng.randrange(2000, 2000000)
            if i % 2 == 0:
                md5.write(f"{content(16)}:{size}:Many.File-{i}\n")
            else:
                sha256.write(f"{content(32)}:{size}:Many.File-{i}:73\n")
    with (folder / "many.ndb").open("w") as f:
        for i in range(n_bodies):
            gap = f"{{{rng.randrange(1, 9)}-{rng.randrange(10, 60)}}}{content(8)}" if i % 4 == 0 else ""
            f.write(f"Many.Body-{i}:{rng.choice('01037')}:*:{content(rng.randrange(10, 40))}{gap}\n")
    with (folder / "many.ldb").open("w") as f:
        for i in range(n_logical):
            f.write(f"Many.Logical-{i};Target:1;0&1;{content(12)};{content(16)}\n")
