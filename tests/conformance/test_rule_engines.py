"""The same rules hit, equally often, whether vectorscan and automata choose what PCRE2 looks at or PCRE2 looks at everything.

Debian's stock SpamAssassin rules and ours, over a sample of real mail ($GATEPOST_DATA, default ../shared/data from the
tree's top): every sub-rule counts.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from probe import DATA
from servers.milter import TOP, build_folder

STOCK = ("/usr/share/spamassassin", "/etc/spamassassin")
SAMPLE = 250


def sample() -> str:
    """Lines "NAME TAB FILE" for the probe, from all over the corpora."""
    files = sorted(str(path) for path in (DATA / "mail").rglob("*") if path.is_file() and path.suffix != ".tsv")
    return "".join(f"{name}\t{name}\n" for name in files[::max(1, len(files) // SAMPLE)])


def hits(messages: str, rules: tuple[str, ...], *options: str) -> dict[str, list[str]]:
    done = subprocess.run([str(build_folder() / "tests" / "probe" / "gp-rule-probe"), *options, *rules], input=messages.encode(),
                          stdout=subprocess.PIPE, check=True)
    lines = done.stdout.decode("utf-8", "surrogateescape").splitlines()
    return {name: found for name, *found in (line.split("\t") for line in lines)}


@pytest.mark.skipif(not (DATA / "mail").is_dir(), reason="no test mail (GATEPOST_DATA)")
@pytest.mark.parametrize("rules", [STOCK, (str(TOP / "rules"),)], ids=["stock", "own"])
def test_equal_hits(rules: tuple[str, ...]) -> None:
    if not Path(rules[0]).is_dir():
        pytest.skip(f"{rules[0]} is not there: tests/install tests")
    messages = sample()
    chosen, everything = hits(messages, rules), hits(messages, rules, "--pcre")
    assert len(everything) == messages.count("\n") > 0
    assert any(everything.values())
    differing = {name: sorted(set(chosen[name]) ^ set(found)) for name, found in everything.items() if chosen[name] != found}
    assert not differing
