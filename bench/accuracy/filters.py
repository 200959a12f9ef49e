"""The filters: each learns the training lists of an experiment and scores its test lists.

A score is higher for spam; what scale it has does not matter to the area under the curve.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lists import CLASSES, Experiment

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests"), str(TOP / "bench" / "peers")]

Scores = dict[str, float]  # path -> score


class Ours:
    """Gatepost's Bayes through gp-bayes-lab: our libraries, the counts in memory instead of the store."""

    name = "gatepost"

    def __init__(self, lab: Path, params: Sequence[str] = ()) -> None:
        self.lab = lab
        self.params = list(params)
        self.note = ""

    def scores(self, experiments: Sequence[Experiment]) -> Iterator[tuple[Experiment, Scores]]:
        index: dict[str, int] = {}
        lines = []
        for experiment in experiments:
            for lists in (experiment.train, experiment.test):
                for cls in CLASSES:
                    for path in lists[cls]:
                        if path not in index:
                            index[path] = len(index)
                            lines.append(f"M {cls} {path}")
        for experiment in experiments:
            roles = bytearray(b"0" * len(index))
            for role, lists in (("1", experiment.train), ("2", experiment.test)):
                for cls in CLASSES:
                    for path in lists[cls]:
                        roles[index[path]] = ord(role)
            lines.append(f"E {experiment.name} {roles.decode()}")
        done = subprocess.run([str(self.lab), *self.params], input="\n".join(lines) + "\n", text=True,
                              capture_output=True, check=True)
        self.note = done.stderr.strip()
        paths = list(index)
        found: dict[str, Scores] = {e.name: {} for e in experiments}
        for line in done.stdout.splitlines():
            name, number, probability = line.split("\t")
            found[name][paths[int(number)]] = float(probability)
        for experiment in experiments:
            yield experiment, found[experiment.name]


class Bogofilter:
    """Debian's bogofilter without any configuration file; its spamicity at full precision (-TT)."""

    name = "bogofilter"

    def scores(self, experiments: Iterable[Experiment]) -> Iterator[tuple[Experiment, Scores]]:
        for experiment in experiments:
            with tempfile.TemporaryDirectory(prefix="gatepost-bogofilter-") as folder:
                command = ["bogofilter", "-C", "-d", folder, "-b"]
                for cls, option in (("spam", "-s"), ("ham", "-n")):
                    subprocess.run([*command, option], input="\n".join(experiment.train[cls]) + "\n", text=True, check=True)
                scores: Scores = {}
                for cls in CLASSES:
                    # exit status says the class of the last message; -b answers in the order of the list
                    done = subprocess.run([*command, "-TT"], input="\n".join(experiment.test[cls]) + "\n", text=True,
                                          stdout=subprocess.PIPE, check=False)
                    values = [float(line.split()[-1]) for line in done.stdout.splitlines()]
                    scores.update(zip(experiment.test[cls], values, strict=True))
            yield experiment, scores


class RspamdBayes:
    """Debian's Rspamd, unpacked and private, network modules off: the probability of its Bayes alone."""

    name = "rspamd"

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.refused = 0  # messages that it did not learn: duplicates, too few tokens

    @staticmethod
    def _score(answer: bytes) -> float:
        """BAYES_SPAM or BAYES_HAM: the symbol's score grows with the probability, and is finer than the percentage
        beside it. Neither: it did not make up its mind."""
        symbols = json.loads(answer)["symbols"]
        spam, ham = symbols.get("BAYES_SPAM"), symbols.get("BAYES_HAM")
        return float(spam["score"]) if spam else float(ham["score"]) if ham else 0.0

    def scores(self, experiments: Iterable[Experiment]) -> Iterator[tuple[Experiment, Scores]]:
        from rspamd import Rspamd  # bench/peers
        from servers.redis import Redis
        for experiment in experiments:
            with tempfile.TemporaryDirectory(prefix="gatepost-rspamd-") as name:
                folder = Path(name)
                folder.chmod(0o755)
                redis = Redis(folder / "redis")
                redis.start()
                rspamd = Rspamd(folder / "rspamd", self.cache, redis.socket, workers=1)
                try:
                    rspamd.start()
                    yield experiment, self._run(rspamd, experiment)
                finally:
                    rspamd.stop()
                    redis.stop()

    def _run(self, rspamd: Any, experiment: Experiment) -> Scores:
        with ThreadPoolExecutor(max_workers=4) as pool:  # it waits more than it works
            train = [(path, is_spam) for pair in _in_step(experiment.train["spam"], experiment.train["ham"])
                     for path, is_spam in zip(pair, (True, False), strict=True) if path]
            statuses = list(pool.map(lambda item: rspamd.learn(Path(item[0]).read_bytes(), item[1]), train))
            self.refused += sum(status != 200 for status in statuses)
            test = [path for cls in CLASSES for path in experiment.test[cls]]
            return dict(zip(test, pool.map(lambda path: self._score(rspamd.check(Path(path).read_bytes())), test), strict=True))


def _in_step(a: list[str], b: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs spread over the longer list, so that the classes grow in step (Rspamd looks at their balance)."""
    longer = max(len(a), len(b))
    last = [-1, -1]
    for i in range(longer):
        pair = []
        for k, side in enumerate((a, b)):
            at = i * len(side) // longer
            pair.append(side[at] if side and at != last[k] else "")
            last[k] = at
        yield pair[0], pair[1]
