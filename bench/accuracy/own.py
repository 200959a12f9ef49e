"""bayes.scope = "global+user": what a user's own lessons add to everybody's counts. See README.md.

Each lesson goes into the user's scope and into everybody's, as users teach; beside it the same lessons in everybody's
alone ("global").
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filters import Scores
from lists import CLASSES, Lists, _order, corpus, half_split
from measure import one_minus_auc

COUNTS = (0, 1, 2, 5, 10, 20, 50, 100, 200)  # lessons of each class
SEEDS = (1, 2, 3)
NOISE = 0.002  # % of 1-AUC: a handful of pairs
OWN, TURNED = "3", "4"  # roles of gp-bayes-lab: taught as it is; as the other class


@dataclass
class Case:
    who: str
    lessons: int
    everybody: Lists
    own: Lists
    role: str
    test: Lists


def _first(order: Lists, start: int, count: int) -> Lists:
    return {c: order[c][start:start + count] for c in CLASSES}


def _both(who: str, count: int, everybody: Lists, own: Lists, test: Lists) -> list[Case]:
    joined = {c: everybody[c] + own[c] for c in CLASSES}
    return [Case(who, count, everybody, own, OWN, test), Case(f"{who}, global", count, joined, {}, OWN, test)]


def cases() -> list[Case]:
    old, new = corpus("spamassassin"), corpus("csdmc2010")
    result = []
    for seed in SEEDS:
        half, test = half_split(old, seed)
        order = {c: _order(half[c], f"own/{seed}/{c}") for c in CLASSES}
        most = {c: order[c][:len(order[c]) * 3 // 4] for c in CLASSES}
        rest = {c: order[c][len(order[c]) * 3 // 4:] for c in CLASSES}
        for count in COUNTS:
            result += _both("mail as everybody's", count, most, _first(rest, 0, count), test)
        for who, everybody, mine in (("CSDMC's, others SpamAssassin's", old, new), ("SpamAssassin's, others CSDMC's", new, old)):
            order = {c: _order(mine[c], f"own/{seed}/{c}") for c in CLASSES}
            test = {c: order[c][max(COUNTS):] for c in CLASSES}
            for count in COUNTS:
                result += _both(who, count, everybody, _first(order, 0, count), test)
                if who.startswith("CSDMC"):
                    turned = {c: test["ham" if c == "spam" else "spam"] for c in CLASSES}
                    result.append(Case("contrary: spam is ham", count, everybody, _first(order, 0, count), TURNED, turned))
    return result


def _scores(lab: Path, plan: Sequence[Case], params: Sequence[str]) -> list[Scores]:
    index: dict[str, int] = {}
    lines = []
    for name in ("spamassassin", "csdmc2010"):
        for cls, paths in corpus(name).items():
            for path in paths:
                index[path] = len(index)
                lines.append(f"M {cls} {path}")
    for number, case in enumerate(plan):
        roles = bytearray(b"0" * len(index))
        for role, lists in (("2", case.test), ("1", case.everybody), (case.role, case.own)):
            for paths in lists.values():
                for path in paths:
                    roles[index[path]] = ord(role)
        lines.append(f"E {number} {roles.decode()}")
    done = subprocess.run([str(lab), *params], input="\n".join(lines) + "\n", text=True, capture_output=True, check=True)
    paths = list(index)
    found: list[Scores] = [{} for _ in plan]
    for line in done.stdout.splitlines():
        number, mail, probability = line.split("\t")
        found[int(number)][paths[int(mail)]] = float(probability)
    return found


def measure(lab: Path, params: Sequence[str] = ()) -> dict[str, dict[int, float]]:
    """1-AUC in percent by who and number of lessons, the mean over seeds."""
    plan = cases()
    values: dict[str, dict[int, list[float]]] = {}
    for case, scores in zip(plan, _scores(lab, plan, params), strict=True):
        value = one_minus_auc([scores[p] for p in case.test["ham"]], [scores[p] for p in case.test["spam"]])
        values.setdefault(case.who, {}).setdefault(case.lessons, []).append(value)
    return {who: {n: sum(v) / len(v) for n, v in row.items()} for who, row in values.items()}


def table(measured: dict[str, dict[int, float]]) -> str:
    lines = [f"{'1-AUC in % after so many lessons':40}" + "".join(f"{n:>8}" for n in COUNTS)]
    lines += [f"  {who:38}" + "".join(f"{row[n]:8.3f}" for n in COUNTS) for who, row in measured.items()]
    return "\n".join(lines)


def bars(measured: dict[str, dict[int, float]]) -> list[tuple[str, bool]]:
    """Few lessons do no harm, many are followed."""
    result = []
    for who in [w for w in measured if f"{w}, global" in measured]:
        ours, theirs = measured[who], measured[f"{who}, global"]
        few = max(ours[n] / theirs[n] for n in COUNTS if n <= 20)
        result.append((f"{who}: up to 20 lessons at most 1.05 x global's ({few:.2f})", few <= 1.05))
        result.append((f"{who}: {max(COUNTS)} lessons {ours[max(COUNTS)]:.3f} % <= global's {theirs[max(COUNTS)]:.3f} % + {NOISE} %",
                       ours[max(COUNTS)] <= theirs[max(COUNTS)] + NOISE))
    contrary = measured["contrary: spam is ham"][max(COUNTS)]
    return [*result, (f"contrary: {max(COUNTS)} lessons are followed ({contrary:.2f} % <= 5 %)", contrary <= 5)]
