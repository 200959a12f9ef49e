#!/usr/bin/python3
"""Our rule set is complete: each rule has one describe and one score, each score and describe has its rule, every
subrule serves a meta, every rule has a message that it must hit, and every message is in the list.

Whether the rules hit is what `gatepost rules test` says; this looks at the files only.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

RULE = re.compile(r"^(header|body|rawbody|full|uri|mimeheader|meta)\s+(\S+)\s+(.*)$")
OTHER = re.compile(r"^(describe|score|tflags)\s+(\S+)\s+(.*)$")
HIGHEST = 4.0  # of one rule; GTUBE and Bayes may


def read_rules(folder: Path) -> tuple[dict[str, str], dict[str, list[tuple[str, str]]], list[str]]:
    """Rules with their definition; describe, score and tflags of each name; what cannot be read."""
    rules: dict[str, str] = {}
    others: dict[str, list[tuple[str, str]]] = {}
    faults = []
    for path in sorted(folder.glob("*.cf")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            if match := RULE.match(line):
                if match[2] in rules:
                    faults.append(f"{path.name}:{number}: {match[2]} is there already")
                rules[match[2]] = match[3]
            elif match := OTHER.match(line):
                others.setdefault(match[2], []).append((match[1], match[3]))
            else:
                faults.append(f"{path.name}:{number}: neither a rule nor describe, score or tflags")
    return rules, others, faults


def check_names(rules: dict[str, str], others: dict[str, list[tuple[str, str]]]) -> list[str]:
    """Who lacks a describe or a score, who has none coming, which subrule serves nothing."""
    used = set(re.findall(r"\w+", " ".join(text for text in rules.values() if "/" not in text)))
    faults = [f"{name}: no such rule" for name in others if name not in rules]
    for name in rules:
        kinds = [kind for kind, _ in others.get(name, [])]
        if name.startswith("__"):
            if name not in used:
                faults.append(f"{name}: no meta uses it")
            if "score" in kinds:
                faults.append(f"{name}: a subrule has no score")
            continue
        faults += [f"{name}: {kinds.count(kind)} of {kind}" for kind in ("describe", "score") if kinds.count(kind) != 1]
        score = float(dict(others.get(name, [])).get("score", "0").split()[0])
        if abs(score) >= HIGHEST and name != "GTUBE" and not name.startswith("BAYES_"):
            faults.append(f"{name}: one rule alone scores {score}")
    return faults


def check_cases(rules: dict[str, str], folder: Path) -> list[str]:
    """Messages without an entry and the reverse, entries with unknown rules, rules without a message."""
    faults, must_hit, files = [], set(), set()
    for line in (folder / "cases").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, _, wanted = line.partition(":")
        files.add(name)
        for rule in wanted.split():
            if rule.removeprefix("!") not in rules:
                faults.append(f"cases: {name}: no rule {rule}")
            if not rule.startswith("!"):
                must_hit.add(rule)
    there = {path.name for path in folder.glob("*.eml")}
    faults += [f"cases: no message {name}" for name in sorted(files - there)]
    faults += [f"cases: {name} is not in the list" for name in sorted(there - files)]
    scored = {name for name in rules if not name.startswith(("__", "BAYES_"))}
    return faults + [f"{name}: no message must hit it" for name in sorted(scored - must_hit)]


def main() -> int:
    folder = Path(sys.argv[1])
    rules, others, faults = read_rules(folder)
    faults += check_names(rules, others) + check_cases(rules, folder / "tests")
    print("\n".join(faults) if faults else f"{len(rules)} rules are complete")
    return 1 if faults or not rules else 0


if __name__ == "__main__":
    sys.exit(main())
