"""The whole score: `gatepost learn` the training lists into a store, `gatepost scan` the test lists, rules and all."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from filters import TOP, Scores
from lists import CLASSES, Experiment
from measure import at_threshold, one_minus_auc

THRESHOLDS = (4, 6, 15)


class Whole:
    """Our rules and Bayes with everything on that needs no network; an LMDB store of its own for each experiment."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.gatepost = folder / "cli" / "gatepost"
        self.say = say
        self.differing: int | None = None  # probabilities in the first experiment that were not as in memory

    def _command(self, site: Path, cache: Path) -> list[str]:
        conf = site / "gatepost.conf"
        conf.write_text(f'store = "lmdb:{site}/store";\n'
                        f'rules = {{ paths = [ "{TOP}/rules" ]; cache = "{cache}"; network = false; }};\n')
        return [str(self.gatepost), "-c", str(conf)]

    def scan(self, experiment: Experiment, cache: Path) -> dict[str, dict[str, Any]]:
        """path -> the object that `gatepost scan --json` prints."""
        with tempfile.TemporaryDirectory(prefix="gatepost-accuracy-") as name:
            command = self._command(Path(name), cache)
            if not any(cache.iterdir()):  # the first time; without it the rules run on PCRE2 and give the same
                subprocess.run([*command, "rules", "compile"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            for cls in CLASSES:
                subprocess.run([*command, "learn", cls, *experiment.train[cls]], stdout=subprocess.DEVNULL, check=True)
            found = {}
            for cls in CLASSES:
                # the exit status says the severest action, so it is no error
                done = subprocess.run([*command, "scan", "--json", *experiment.test[cls]], text=True,
                                      stdout=subprocess.PIPE, check=False)
                for line in done.stdout.splitlines():
                    answer = json.loads(line)
                    found[answer["file"]] = answer
            return found

    def measure(self, experiments: Sequence[Experiment], bayes: Scores | None) -> dict[str, Any]:
        """By group: ham lost and spam caught at each threshold, summed, and the mean 1-AUC in percent.

        `bayes` are the probabilities that gp-bayes-lab gave in the first experiment: the store must give the same.
        """
        with tempfile.TemporaryDirectory(prefix="gatepost-rules-") as cache:
            return self._measure(experiments, bayes, Path(cache))

    def _measure(self, experiments: Sequence[Experiment], bayes: Scores | None, cache: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for experiment in experiments:
            answers = self.scan(experiment, cache)
            if bayes is not None and experiment is experiments[0]:
                self.differing = sum(answers[p].get("bayes") != bayes[p] for p in bayes)
                self.say(f"  whole: of {len(bayes)} probabilities {self.differing} differ from those in memory")
            ham, spam = ([answers[p]["score"] for p in experiment.test[c]] for c in CLASSES)
            row = result.setdefault(experiment.group, {"n_ham": 0, "n_spam": 0, "auc": [],
                                                       **{str(t): {"ham_lost": 0, "spam_caught": 0} for t in THRESHOLDS}})
            row["n_ham"] += len(ham)
            row["n_spam"] += len(spam)
            row["auc"].append(one_minus_auc(ham, spam))
            row["one_minus_auc"] = sum(row["auc"]) / len(row["auc"])
            for threshold in THRESHOLDS:
                lost, caught = at_threshold(ham, spam, threshold)
                row[str(threshold)]["ham_lost"] += lost
                row[str(threshold)]["spam_caught"] += caught
            self.say(f"  whole: {experiment.name}: ham lost at 6: {at_threshold(ham, spam, 6)[0]} of {len(ham)}, "
                f"spam caught {100 * at_threshold(ham, spam, 6)[1] / len(spam):.2f} %")
        return result
