"""Signature databases of any size, made here: none comes from the network."""

from __future__ import annotations

import random
from pathlib import Path


def many(folder: Path, number: int, seed: int = 1) -> None:
    """Writes about so many signatures of things that no mail holds, in the proportions of ClamAV's own: three quarters are
    of whole files (.hdb), the rest of bytes anywhere (.ndb), some with a gap, or in a logical
    expression for programs (.ldb)."""
    rng = random.Random(seed)

    def content(size: int) -> str:
        return rng.randbytes(size).hex()

    hashes = number * 3 // 4
    bodies = number // 5
    with (folder / "many.hdb").open("w") as f:
        for i in range(hashes):
            f.write(f"{content(16)}:{rng.randrange(2000, 2000000)}:Many.Hash-{i}\n")
    with (folder / "many.ndb").open("w") as f:
        for i in range(bodies):
            gap = f"{{{rng.randrange(1, 9)}-{rng.randrange(10, 60)}}}{content(8)}" if i % 4 == 0 else ""
            f.write(f"Many.Body-{i}:{rng.choice('01037')}:*:{content(rng.randrange(10, 40))}{gap}\n")
    with (folder / "many.ldb").open("w") as f:
        for i in range(number - hashes - bodies):
            f.write(f"Many.Logical-{i};Target:1;0&1;{content(12)};{content(16)}\n")
