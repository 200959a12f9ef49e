"""Which message is learned and which is tested: the same lists for every filter.

A split is a pure function of (seed, class, file name): the files of a class are sorted by
SHA-256("SEED/CLASS/NAME") and the first half is for learning. So it needs no random generator and is the same on any
machine.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CLASSES = ("ham", "spam")
Lists = dict[str, list[str]]  # class -> paths
TUNING_SEED = 1  # the one split whose training half was looked at while tuning


@dataclass
class Experiment:
    group: str
    name: str
    train: Lists
    test: Lists


def data_dir() -> Path:
    """Where the test mail lies: $GATEPOST_DATA, or beside the tree."""
    top = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("GATEPOST_DATA", top.parent / "shared" / "data")) / "mail"


def corpus(name: str) -> Lists:
    base = data_dir() / name
    return {c: sorted(str(p) for p in (base / c).iterdir() if p.is_file()) for c in CLASSES}


def _order(paths: list[str], label: str) -> list[str]:
    return sorted(paths, key=lambda p: hashlib.sha256(f"{label}/{os.path.basename(p)}".encode()).digest())


def half_split(lists: Lists, seed: int) -> tuple[Lists, Lists]:
    """(train, test): a random half of each class."""
    order = {c: _order(lists[c], f"{seed}/{c}") for c in CLASSES}
    return ({c: order[c][:len(order[c]) // 2] for c in CLASSES}, {c: order[c][len(order[c]) // 2:] for c in CLASSES})


def folds(lists: Lists, count: int, seed: int) -> list[tuple[Lists, Lists]]:
    """Cross-validation inside the given lists: `count` pairs (train, held out)."""
    order = {c: _order(lists[c], f"fold/{seed}/{c}") for c in CLASSES}
    return [({c: [p for i, p in enumerate(order[c]) if i % count != k] for c in CLASSES},
             {c: order[c][k::count] for c in CLASSES}) for k in range(count)]


def _only(lists: Lists, wanted: Callable[[str], bool]) -> Lists:
    return {c: [p for p in lists[c] if wanted(os.path.basename(p))] for c in CLASSES}


def split_experiments(count: int) -> list[Experiment]:
    """Random halves of the SpamAssassin corpus."""
    mail = corpus("spamassassin")
    return [Experiment("splits", f"split-{seed}", *half_split(mail, seed)) for seed in range(1, count + 1)]


def crossed_experiments() -> list[Experiment]:
    """Each corpus against the other."""
    old, new = corpus("spamassassin"), corpus("csdmc2010")
    return [Experiment("SpamAssassin to CSDMC", "sa-csdmc", old, new), Experiment("CSDMC to SpamAssassin", "csdmc-sa", new, old)]


def tuning_experiments() -> list[Experiment]:
    """Everything that tuning may look at: inside the training half of one split, and nothing else.

    Besides plain cross-validation: little learned (a tenth), learned from one collection and tested on a later one
    ("shift"), and the hard ham of which nothing was learned ("hard").
    """
    half, _ = half_split(corpus("spamassassin"), TUNING_SEED)
    result = [Experiment("2-fold", f"2-fold-{seed}-{k}", *pair)
              for seed in range(1, 5) for k, pair in enumerate(folds(half, 2, seed))]
    result += [Experiment("5-fold", f"5-fold-{seed}-{k}", *pair)
               for seed in range(1, 3) for k, pair in enumerate(folds(half, 5, seed))]
    result += [Experiment("tenth", f"tenth-{k}", held, rest) for k, (rest, held) in enumerate(folds(half, 10, 5)[:4])]
    first = _only(half, lambda name: name.startswith(("easy-ham-1", "spam-1")))
    second = _only(half, lambda name: name.startswith(("easy-ham-2", "spam-2")))
    easy = _only(half, lambda name: not name.startswith("hard-ham"))
    hard = _only(half, lambda name: name.startswith(("hard-ham", "spam-2")))
    hard["spam"] = hard["spam"][::2]
    easy["spam"] = [p for p in easy["spam"] if p not in set(hard["spam"])]
    return [*result, Experiment("shift", "shift-1-2", first, second), Experiment("shift", "shift-2-1", second, first),
            Experiment("hard", "hard", easy, hard)]
