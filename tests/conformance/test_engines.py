"""vectorscan with PCRE2 and PCRE2 alone find the same: every rule of SpamAssassin and of ours, on a sample of real mail."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from probe import DATA
from servers.milter import SANITIZERS, TOP, build_folder

STOCK = Path("/usr/share/spamassassin")
SHARE = 40  # each so-manieth message of both corpora: some 200


def hits(rules: Path, messages: list[Path], *options: str) -> dict[str, set[str]]:
    argv = [str(build_folder() / "tests" / "probe" / "gp-rule-probe"), *options, str(rules)]
    lines = "".join(f"{path}\t{path}\n" for path in messages)
    done = subprocess.run(argv, input=lines, text=True, errors="replace", stdout=subprocess.PIPE, check=True,
                          env={**os.environ, **SANITIZERS})
    return {name: set(found) for name, *found in (line.split("\t") for line in done.stdout.splitlines())}


def sample() -> list[Path]:
    mail = sorted(path for path in (DATA / "mail").rglob("*") if path.is_file() and path.suffix != ".tsv")
    return mail[::SHARE] + sorted((TOP / "rules" / "tests").glob("*.eml"))


@pytest.mark.parametrize("rules", [pytest.param(TOP / "rules", id="ours"), pytest.param(STOCK, id="stock")])
def test_same_hits_with_both_engines(rules: Path) -> None:
    if not rules.exists():
        pytest.skip(f"{rules} is not there: tests/install tests")
    messages = sample()
    if not (DATA / "mail").exists():
        print(f"{DATA}/mail is not there: on our own test messages only")
    both, alone = hits(rules, messages), hits(rules, messages, "--pcre")
    assert len(both) == len(messages) and sum(map(len, both.values())) > 3 * len(messages)
    differing = {name: both[name] ^ alone[name] for name in both if both[name] != alone[name]}
    assert not differing
