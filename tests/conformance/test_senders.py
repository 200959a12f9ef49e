"""AWL and TxRep: the scores that SpamAssassin gives letters of some senders, one after the other, and those that milter-spam gives them."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from servers.milter import TOP, MilterSpam

sys.path.append(str(TOP / "tests" / "wire"))
from milterclient import Envelope, judge  # noqa: E402

REFERENCE = Path(__file__).parent / "spamassassin_markup.pl"
STOCK = {"AWL": Path("/usr/share/spamassassin/60_awl.cf"), "TxRep": Path("/usr/share/spamassassin/60_txrep.cf")}
TLDS = Path("/usr/share/spamassassin/20_aux_tlds.cf")
LETTERS = 60

Shown = tuple[str, dict[str, float], set[str]]

pytestmark = pytest.mark.skipif(not TLDS.exists(), reason="spamassassin is not installed: tests/install tests")

RULES = """\
body ONE /one/
score ONE 1.23
body TWO /two/
score TWO 3.517
body THREE /three/
score THREE -2.1
body MANY /many/
tflags MANY multiple
score MANY 0.3
body UNLEARNED /unlearned/
score UNLEARNED 7
tflags UNLEARNED noautolearn
body ALONE /alone/
tflags ALONE noawl
score ALONE 0.4
body __SUB /two/
meta BOTH ONE && __SUB
score BOTH 0.77
tflags BOTH userconf
meta PULLED AWL || TXREP
score PULLED 0.001
meta NOT_PULLED !AWL && !TXREP && !PULLED
score NOT_PULLED 0.002
tflags NOT_PULLED noautolearn
tflags PULLED noautolearn
priority NOT_PULLED 1001
priority PULLED 1001
required_score 5
report_safe 0
fold_headers 0
clear_headers
add_header all Report _REPORT_
"""
TAGS = {
    "AWL": "add_header all Senders [_AWL_] [_AWLMEAN_] [_AWLCOUNT_] [_AWLPRESCORE_] _SCORE_ _TESTSSCORES_\n",
    "TxRep": "add_header all Senders " + " ".join(f"[_TXREP{kind}_] [_TXREP{kind}COUNT_] [_TXREP{kind}PRESCORE_]" for kind in
                                                  ("EMAILIP", "DOMAIN", "IP", "EMAIL", "HELO")) + " _SCORE_ _TESTSSCORES_\n",
}
SETS = {
    ("AWL", "as shipped"): "",
    ("AWL", "by smaller networks"): "auto_welcomelist_factor 0.3\nauto_welcomelist_ipv4_mask_len 24\nauto_welcomelist_ipv6_mask_len 64\n",
    ("AWL", "by odd networks"): "auto_whitelist_factor 1\nauto_whitelist_ipv4_mask_len 13\nauto_whitelist_ipv6_mask_len 33\n",
    ("AWL", "by address"): "auto_welcomelist_factor 0\nauto_welcomelist_factor 0.75\nauto_welcomelist_ipv4_mask_len 32\nauto_welcomelist_ipv6_mask_len 128\n",
    ("AWL", "never"): "use_auto_welcomelist 0\n",
    ("AWL", "no score"): "score AWL 0\n",
    ("AWL", "a score"): "score AWL 9\n",
    ("TxRep", "as shipped"): "",
    ("TxRep", "switched on"): "use_txrep 1\ntxrep_welcomelist_out 0\n",
    ("TxRep", "other weights"): "use_txrep 1\ntxrep_welcomelist_out 0\ntxrep_weight_helo 7\ntxrep_weight_domain 0\ntxrep_weight_ip 1.5\ntxrep_factor 0.9\n"
                                "txrep_ipv4_mask_len 24\ntxrep_ipv6_mask_len 33\n",
    ("TxRep", "untracked"): "use_txrep 1\ntxrep_welcomelist_out 0\ntxrep_track_messages 0\n",
}
SENDERS = ("Joe <joe@example.com>", "JOE@Example.COM", "ann@example.com", '"a;b"@example.net', "")
HOSTS = ("81.2.69.142", "81.2.69.160", "81.2.1.1", "81.9.1.1", "2a02:8308:1:2::1", "2a02:8308:1:2::2", "2a02:8308:1:3::1", "10.7.7.7")
HELOS = ("mail.example.com", "PC", "example.com", "[81.2.69.142]", "pc")
WORDS = ("one", "two", "three", "many", "unlearned", "alone", "other")
# No public address, and no name: who sends is seen in Received.
CLIENT = Envelope(address="10.1.2.3", name="mail.example.net", helo="10.1.2.3", sender="")


def hop(host: str, helo: str = "mail.example.com") -> str:
    name = f"[IPv6:{host}]" if ":" in host else f"[{host}]"
    return f"Received: from {helo} (mail.example.com {name})\n\tby mx.example.org with ESMTP id 4ABC\n\tfor <me@example.org>; Sat, 21 Nov 2026 09:00:00 +0000\n"


def letter(number: int, sender: str, hosts: list[str], words: list[str]) -> str:
    who = f"From: {sender}\n" if sender else ""
    return f"{''.join(hop(host, HELOS[(number + i) % len(HELOS)]) for i, host in enumerate(hosts))}{who}To: me@example.org\nSubject: letter {number}\n\n{' '.join(words)} {number}\n"


def letters() -> list[str]:
    """The same on every run. What is known without a network is taken over by the first that is seen; of an address that has
    more of them SpamAssassin forgets the others then, so here has none."""
    dice = random.Random(1)
    out = []
    for _ in range(LETTERS):
        words = [word for word in WORDS for _ in range(dice.choice((0, 0, 1) if word != "many" else (0, 0, 1, 4)))]
        if "alone" in words and dice.random() < 0.7:
            words.remove("alone")
        hosts = dice.sample(HOSTS[:-1], dice.choice((1, 1, 2))) + (["10.7.7.7"] if dice.random() < 0.3 else [])
        out.append(letter(len(out), dice.choice(SENDERS), hosts, words))
    for hosts in ([], ["10.7.7.7"], ["192.168.1.1"], ["81.2.69.142"], [], ["81.2.69.142"], []):
        out.append(letter(len(out), "eve@example.com", hosts, ["two"] if len(out) % 2 else ["one", "many", "many"]))
    return [*out, *out[3:LETTERS:7]]


def shown(senders: str, report: str) -> Shown:
    """Tags and the score given; all scores; the lines of the report. A rule with several hits stands there once for each, and
    lines are in another order."""
    head, _, tests = senders.strip().rpartition(" ")
    scores: dict[str, float] = {}
    for name, _, score in (test.partition("=") for test in tests.split(",")):
        scores[name] = round(scores.get(name, 0) + float(score or 0), 3)
    given = [test for test in tests.split(",") if test.startswith(("AWL", "TXREP"))]
    return f"{head} {given}", scores, {line.strip() for line in report.split("*") if "MANY" not in line}


def of_head(head: str) -> Shown:
    found = dict(re.findall(r"(?m)^X-Spam-(Senders|Report): ?(.*)$", re.sub(r"\n(?=[ \t])", "", head)))
    return shown(found["Senders"], found["Report"])


def scored_there(rules: Path, folder: Path, letters: list[str]) -> list[Shown]:
    files = []
    for i, text in enumerate(letters):
        files.append(folder / f"{i:03}.eml")
        files[-1].write_text(hop("10.1.2.3", "10.1.2.3") + text)  # as the MTA has it
    done = subprocess.run(["perl", REFERENCE, rules], input="\n".join(map(str, files)) + "\n", stdout=subprocess.PIPE, check=True, encoding="latin-1")
    return [of_head(json.loads(line)["message"]) for line in done.stdout.splitlines()]


def scored_here(milter: MilterSpam, letters: list[str]) -> list[Shown]:
    out = []
    for text in letters:
        result = judge(str(milter.socket), text.encode(), CLIENT)
        out.append(shown(result.value("X-Spam-Senders"), result.value("X-Spam-Report")))
    return out


@pytest.mark.parametrize(("plugin", "name"), SETS)
def test_letters(plugin: str, name: str, world: Path, tmp_path: Path) -> None:
    text = f"loadplugin Mail::SpamAssassin::Plugin::{plugin}\n{STOCK[plugin].read_text()}\n{RULES}{TAGS[plugin]}{SETS[plugin, name]}"
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "10.cf").write_text(f"{text}auto_welcomelist_path {tmp_path}/kept\n")
    (rules / TLDS.name).write_bytes(TLDS.read_bytes())
    milter = MilterSpam(world / "spam", world / "spam" / "s", rules=text, settings={  # a store that is late on a busy host is none of it
        "store_timeout": "60s", "milter-spam": {"deadline": "60s", "greylist": {"enabled": False}, "headers": {"from_rules": True}}})
    milter.start()
    try:
        here = scored_here(milter, letters())
    finally:
        assert milter.stop() == 0
    there = scored_there(rules, tmp_path, letters())
    hits = [letter[0].count("=") for letter in there]
    is_off = name in ("never", "no score") or (plugin, name) == ("TxRep", "as shipped")
    assert sum(hits) == 0 if is_off else 10 < sum(hits) < len(hits), "first letters, and others"
    for i, (ours, theirs) in enumerate(zip(here, there, strict=True)):
        assert ours == theirs, (i, letters()[i])
