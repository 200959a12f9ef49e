"""Our rule set hits the same messages under SpamAssassin's engine and under ours.

The messages are those of rules/tests; what they must hit is said there and checked by `gatepost rules test`. Here the two
engines are compared on all scored rules. SpamAssassin comes from Debian (tests/install tests).
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from servers.milter import TOP, build_folder

RULES = TOP / "rules"
TLDS = Path("/usr/share/spamassassin/20_aux_tlds.cf")  # SpamAssassin finds no URI in text without a list of them
REFERENCE = Path(__file__).parent / "spamassassin.pl"


def messages() -> list[str]:
    return sorted(str(path) for path in (RULES / "tests").glob("*.eml"))


def by_spamassassin(folder: Path) -> dict[str, set[str]]:
    """What hits under SpamAssassin; it gets the rules without those of Bayes, which it can't run here."""
    for path in RULES.glob("*.cf"):
        kept = [line for line in path.read_text(encoding="utf-8").splitlines() if not re.match(r"\w+\s+BAYES_", line)]
        (folder / path.name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    (folder / TLDS.name).write_bytes(TLDS.read_bytes())
    done = subprocess.run(["perl", str(REFERENCE), str(folder)], input="\n".join(messages()) + "\n", text=True,
                          stdout=subprocess.PIPE, check=True)
    return {name: set(hits) for name, *hits in (line.split("\t") for line in done.stdout.splitlines())}


def by_gatepost(folder: Path) -> dict[str, set[str]]:
    """What hits under our engine, with a store that has learned nothing."""
    conf = folder / "gatepost.conf"
    conf.write_text(f'store = "lmdb:{folder}/store";\nrules = {{ paths = [ "{RULES}" ]; cache = "{folder}"; }};\n')
    done = subprocess.run([str(build_folder() / "cli" / "gatepost"), "-c", str(conf), "scan", "--json", *messages()],
                          text=True, stdout=subprocess.PIPE, check=False)  # the exit status is the severest action
    answers = (json.loads(line) for line in done.stdout.splitlines())
    return {answer["file"]: {symbol["name"] for symbol in answer["symbols"]} for answer in answers}


@pytest.mark.skipif(not TLDS.exists(), reason="spamassassin is not installed: tests/install tests")
def test_same_hits(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    (tmp_path / "ours").mkdir()
    expected, found = by_spamassassin(tmp_path / "reference"), by_gatepost(tmp_path / "ours")
    assert len(expected) == len(messages()) > 0
    assert any(expected.values())
    differing = {Path(name).name: (sorted(hits - found[name]), sorted(found[name] - hits))
                 for name, hits in expected.items() if found[name] != hits}
    assert not differing, f"(missing, too many): {differing}"
