"""Accuracy on real mail, beside bogofilter's and Rspamd's Bayes on the very same lists. See README.md."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lists
import own
from filters import TOP, Bogofilter, Ours, RspamdBayes, Scores
from lists import Experiment
from measure import one_minus_auc, sides
from whole import THRESHOLDS, Whole

sys.path.insert(0, str(TOP / "tests"))

from servers.build import build  # noqa: E402

BAR_CROSSED = 1.10  # of bogofilter's 1-AUC


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/accuracy/run", description=__doc__)
    parser.add_argument("--splits", type=int, default=10, metavar="N", help="random halves of the SpamAssassin corpus (10)")
    parser.add_argument("--no-crossed", action="store_true", help="without learning from one corpus and testing on the other")
    parser.add_argument("--only", action="append", choices=["gatepost", "bogofilter", "rspamd", "whole", "own"],
                        help="only these (repeat); whole is the score of rules and Bayes, own a user's counts with everybody's")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--build", type=Path, default=TOP / "build", metavar="DIR", help="meson build folder")
    parser.add_argument("--tune", action="store_true",
                        help="cross-validation inside the training half of split 1, and nothing else")
    parser.add_argument("params", nargs="*", metavar="NAME=VALUE", help="with --tune: parameters of struct gp_bayes_params")
    options = parser.parse_args()
    if options.params and not options.tune:
        parser.error("parameters are set by lib/score/bayes.c; try others with --tune")
    return options


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(bayes: Any, experiments: Sequence[Experiment]) -> tuple[dict[str, dict[str, float]], Scores]:
    """1-AUC in percent by group and experiment; the scores of the first experiment."""
    result: dict[str, dict[str, float]] = {}
    first: Scores = {}
    start = time.monotonic()
    for done, (experiment, scores) in enumerate(bayes.scores(experiments), 1):
        value = one_minus_auc(*sides(experiment, scores))
        first = first or scores
        result.setdefault(experiment.group, {})[experiment.name] = value
        say(f"  {bayes.name}: {done}/{len(experiments)} {experiment.name}: 1-AUC {value:.4f} %, "
            f"{time.monotonic() - start:.0f} s")
    return result, first


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def table(measured: dict[str, dict[str, dict[str, float]]]) -> str:
    """Rows: experiments and the mean of each group; columns: filters."""
    names = list(measured)
    lines = [f"{'1-AUC in %, Bayes alone':34}" + "".join(f"{n:>12}" for n in names)]
    for group, rows in measured[names[0]].items():
        if len(rows) > 1:
            lines += [f"  {row:32}" + "".join(f"{measured[n][group][row]:12.4f}" for n in names) for row in rows]
        lines.append(f"{group + (', mean' if len(rows) > 1 else ''):34}"
                     + "".join(f"{mean(list(measured[n][group].values())):12.4f}" for n in names))
    return "\n".join(lines)


def verdicts(measured: dict[str, dict[str, dict[str, float]]], whole: dict[str, Any]) -> list[tuple[str, bool]]:
    """The bars of the project, those that this run could tell."""
    result = []
    if "gatepost" in measured and "bogofilter" in measured:
        for group, rows in measured["gatepost"].items():
            ours, theirs = mean(list(rows.values())), mean(list(measured["bogofilter"][group].values()))
            factor = 1.0 if group == "splits" else BAR_CROSSED
            result.append((f"{group}: {ours:.4f} % <= {factor:.2f} x bogofilter's {theirs:.4f} %", ours <= factor * theirs))
    if "splits" in whole:
        lost, n_ham = whole["splits"]["6"]["ham_lost"], whole["splits"]["n_ham"]
        result.append((f"whole score: {lost} of {n_ham} ham at 6 ({100 * lost / n_ham:.3f} % <= 0.1 %)", lost <= n_ham / 1000))
    return result


def whole_table(whole: dict[str, Any]) -> str:
    lines = [f"{'whole score (rules and Bayes)':34}" + "".join(f"{f'ham lost, spam caught at {t}':>30}" for t in THRESHOLDS)
             + f"{'1-AUC %':>10}"]
    for group, row in whole.items():
        cells = "".join(f"{row[str(t)]['ham_lost']:>15} {100 * row[str(t)]['spam_caught'] / row['n_spam']:>12.2f} %"
                        for t in THRESHOLDS)
        lines.append(f"{group:34}{cells}{row['one_minus_auc']:>10.4f}")
    return "\n".join(lines)


def main() -> int:
    options = arguments()
    if not (lists.data_dir() / "spamassassin").is_dir():
        say(f"bench/accuracy: skipped, no mail in {lists.data_dir()} (GATEPOST_DATA names another place)")
        return 0
    wanted = options.only or (["gatepost", "bogofilter"] if options.tune else ["gatepost", "bogofilter", "rspamd", "whole", "own"])
    targets = ["bench/accuracy/gp-bayes-lab", *(["cli/gatepost"] if "whole" in wanted else [])]
    with contextlib.redirect_stdout(sys.stderr):
        if not build(options.build, targets=targets):
            return 2
    if options.tune:
        experiments = lists.tuning_experiments()
    else:
        experiments = lists.split_experiments(options.splits)
        experiments += [] if options.no_crossed else lists.crossed_experiments()
    measured: dict[str, dict[str, dict[str, float]]] = {}
    first: Scores | None = None  # our probabilities in the first experiment
    ours = Ours(options.build / "bench/accuracy/gp-bayes-lab", options.params)
    for bayes in (ours, Bogofilter(), RspamdBayes(Path(tempfile.gettempdir()) / "gatepost-bench-rspamd")):
        if bayes.name in wanted:
            measured[bayes.name], scores = measure(bayes, experiments)
            first = scores if bayes is ours else first
            if getattr(bayes, "refused", 0):
                say(f"  {bayes.name}: did not learn {bayes.refused} messages (duplicates, too few tokens)")
    whole: dict[str, Any] = {}
    bars = []
    if "whole" in wanted:
        through_store = Whole(options.build, say)
        whole = through_store.measure(experiments, first)
        if through_store.differing is not None:
            bars.append((f"the store gives the probabilities of memory: {through_store.differing} differ",
                         through_store.differing == 0))
    bars += [] if options.tune else verdicts(measured, whole)
    scopes: dict[str, dict[int, float]] = {}
    if "own" in wanted:
        scopes = own.measure(ours.lab, options.params)
        bars += own.bars(scopes)
    if options.json:
        print(json.dumps({"one_minus_auc": measured, "whole": whole, "own": scopes, "tokens": ours.note,
                          "bars": [{"bar": text, "met": met} for text, met in bars]}))
    else:
        print("\n".join([*([table(measured)] if measured else []), ours.note, *([whole_table(whole)] if whole else []),
                         *([own.table(scopes)] if scopes else []),
                         *(f"{'met' if met else 'MISSED'}: {text}" for text, met in bars)]))
    return 0 if all(met for _, met in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
