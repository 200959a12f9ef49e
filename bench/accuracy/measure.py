"""What is measured of scored messages."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from filters import Scores
from lists import Experiment


def one_minus_auc(ham: Sequence[float], spam: Sequence[float]) -> float:
    """In percent: how often a spam message scores below a ham message, ties counting half."""
    order = sorted(ham)
    wrong = 0.0
    for score in spam:
        low, high = bisect_left(order, score), bisect_right(order, score)
        wrong += len(order) - high + 0.5 * (high - low)
    return 100 * wrong / (len(order) * len(spam))


def sides(experiment: Experiment, scores: Scores) -> tuple[list[float], list[float]]:
    return [scores[p] for p in experiment.test["ham"]], [scores[p] for p in experiment.test["spam"]]


def at_threshold(ham: Sequence[float], spam: Sequence[float], threshold: float) -> tuple[int, int]:
    """(ham lost, spam caught)."""
    return sum(s >= threshold for s in ham), sum(s >= threshold for s in spam)
