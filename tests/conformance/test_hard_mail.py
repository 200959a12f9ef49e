"""Debian's stock rules hit the same of hardmail.py's messages under SpamAssassin and under our engine.

bench/sa-parity does this for real mail; these are the oddities that real mail has too seldom. About half a minute.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import hardmail
from servers.milter import TOP, build_folder

sys.path.append(str(TOP / "bench" / "sa-parity"))

import compare  # noqa: E402
import reference  # noqa: E402

PLAIN = (*compare.TARGETS, "meta")
AGREEMENT = 0.999
HERE = Path(__file__).resolve().parent


def write_messages(folder: Path) -> list[str]:
    names = []
    for name, content in hardmail.messages():
        path = folder / name
        assert not path.exists(), f"two messages are called {name}"
        path.write_bytes(content)
        names.append(name)
    return names


def by_spamassassin(folder: Path, names: list[str]) -> dict[str, reference.Hits]:
    out, state = folder / "hits", folder / "state"
    state.mkdir()
    listing = "".join(f"{name}\t{folder / 'mail' / name}\n" for name in names)
    with out.open("wb") as file:
        subprocess.run(["perl", str(reference.HERE / "reference.pl"), str(state)], input=listing.encode(), stdout=file, check=True)
    return reference.load(out)


def test_messages_are_the_same_each_time() -> None:
    assert list(hardmail.messages()) == list(hardmail.messages())


@pytest.mark.skipif(not all(Path(folder).is_dir() for folder in compare.RULES), reason="spamassassin is not installed: tests/install tests")
def test_same_hits(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    names = write_messages(tmp_path / "mail")
    probe = build_folder() / "tests" / "probe" / "gp-rule-probe"
    expected, found = by_spamassassin(tmp_path, names), compare.ours(probe, tmp_path / "mail", names)
    assert len(names) > 100 and expected.keys() == found.keys() == set(names)
    explained = compare.Explained(HERE / "hardmail_explained")
    tallies = compare.tally(expected, found, compare.kinds(probe)[0], explained)
    differing = {kind: (t.missing, t.extra) for kind, t in tallies.items() if t.missing or t.extra}
    assert not differing, f"by kind (only SpamAssassin, only we): {differing}"
    assert not explained.stale()
    known = {name for name in names if any(glob == name for _, glob, _ in explained.rows)}
    alike = [len(expected[n].keys() & found[n].keys()) for n in names if n not in known]
    assert sum(alike) / max(sum(len(expected[n].keys() | found[n].keys()) for n in names if n not in known), 1) >= AGREEMENT
    assert sum(tallies[kind].both for kind in PLAIN) > 10_000
