#!/usr/bin/python3
"""Which message is trained on and which is tested: the same lists for every filter.

A split is a pure function of (seed, class, file name): the files of a class are sorted by
SHA-256("SEED/CLASS/NAME") and the first half trains. So a split needs no random generator, no
state, and stays the same in any language and on any machine.
"""
from __future__ import annotations

import hashlib
import os
from pathlib import Path

CLASSES = ("ham", "spam")
Lists = dict[str, list[str]]  # class -> paths


def data_dir() -> Path:
    """Where the test mail lies: $GATEPOST_DATA, or beside the tree."""
    top = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("GATEPOST_DATA", top.parent / "shared" / "data")) / "mail"


def corpus(name: str) -> Lists:
    base = data_dir() / name
    return {c: sorted(str(p) for p in (base / c).iterdir() if p.is_file()) for c in CLASSES}


def _order(paths: list[str], label: str) -> list[str]:
    def key(path: str) -> bytes:
        return hashlib.sha256(f"{label}/{os.path.basename(path)}".encode()).digest()
    return sorted(paths, key=key)


def half_split(lists: Lists, seed: int) -> tuple[Lists, Lists]:
    """(train, test): a random half of each class."""
    train, test = {}, {}
    for cls in CLASSES:
        order = _order(lists[cls], f"{seed}/{cls}")
        cut = len(order) // 2
        train[cls], test[cls] = order[:cut], order[cut:]
    return train, test


def folds(lists: Lists, count: int, seed: int) -> list[tuple[Lists, Lists]]:
    """Cross-validation inside the given lists: count pairs (train, held out)."""
    result = []
    order = {c: _order(lists[c], f"fold/{seed}/{c}") for c in CLASSES}
    for k in range(count):
        held = {c: order[c][k::count] for c in CLASSES}
        rest = {c: [p for i, p in enumerate(order[c]) if i % count != k] for c in CLASSES}
        result.append((rest, held))
    return result
