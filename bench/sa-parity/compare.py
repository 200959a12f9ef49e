"""Which rules are of which kind, and how far two lists of hits agree."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from reference import Hits

RULES = ("/usr/share/spamassassin", "/etc/spamassassin")
TARGETS = ("header", "body", "rawbody", "full", "uri", "mimeheader")
KINDS = (*TARGETS, "meta", "meta on evals", "eval")
Pair = tuple[str, str]  # message, rule


def ours(probe: Path, folder: Path, names: list[str]) -> dict[str, Hits]:
    listing = "".join(f"{name}\t{folder / name}\n" for name in names)
    done = subprocess.run([str(probe), "--time", *RULES], input=listing.encode(), stdout=subprocess.PIPE, check=True)
    result: dict[str, Hits] = {}
    for line in done.stdout.decode().splitlines():
        name, *hits = line.split("\t")
        pairs = (hit.partition("=") for hit in hits)
        result[name] = {rule: int(float(count or 1)) for rule, _, count in pairs}
    return result


def kinds(probe: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Of each rule its kind, and of those that cannot run the reason."""
    done = subprocess.run([str(probe), "--list", *RULES], stdout=subprocess.PIPE, check=True)
    rows = [line.split("\t", 3) for line in done.stdout.decode(errors="replace").split("\n") if line]
    types = {name: kind for name, kind, _, _ in rows}
    inert = {name: why for name, _, why, _ in rows if why}
    needs = {name: set(re.findall(r"[A-Za-z_]\w*", text)) - {name} for name, kind, _, text in rows if kind == "meta"}
    for name, text in ((row[0], row[3]) for row in rows if row[1] == "meta" and "rules_matching" in row[3]):
        for glob in re.findall(r"rules_matching\(([^)]*)\)", text):
            needs[name] |= set(fnmatch.filter(types, glob.strip()))
    plain = {name for name, kind in types.items() if kind in TARGETS}
    growing = True
    while growing:  # metas on what is plain are plain
        more = {name for name, parts in needs.items() if name not in plain and all(p in plain for p in parts if p in types)}
        plain |= more
        growing = bool(more)
    return {name: kind if kind != "meta" or name in plain else "meta on evals" for name, kind in types.items()}, inert


class Explained:
    """Lines "RULE [MESSAGE-GLOB]: reason"; # begins a comment. Knows which of them explained something."""

    def __init__(self, path: Path) -> None:
        self.rows: list[tuple[str, str, str]] = []
        self.malformed: list[str] = []
        self.used: set[int] = set()
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            match = re.fullmatch(r"(\S+?)(?:\s+(\S+))?:\s+(.+)", line)
            if line.startswith("#") or not line.strip():
                continue
            if match:
                self.rows.append((match[1], match[2] or "*", match[3]))
            else:
                self.malformed.append(line)

    def reason(self, message: str, rule: str) -> str | None:
        for i, (name, glob, why) in enumerate(self.rows):
            if fnmatch.fnmatchcase(rule, name) and fnmatch.fnmatchcase(message, glob):
                self.used.add(i)
                return why
        return None

    def stale(self) -> list[str]:
        """Lines that explain no difference, or cannot be read."""
        unused = [f"{name} {glob}: {why}" for i, (name, glob, why) in enumerate(self.rows) if i not in self.used]
        return self.malformed + unused


@dataclass
class Tally:
    both: int = 0
    explained: int = 0
    missing: list[Pair] = field(default_factory=list)  # only SpamAssassin has it
    extra: list[Pair] = field(default_factory=list)  # only we

    @property
    def either(self) -> int:
        return self.both + self.explained + len(self.missing) + len(self.extra)

    @property
    def agreement(self) -> float:
        return self.both / self.either if self.either else 1.0


def tally(reference: dict[str, Hits], found: dict[str, Hits], kind_of: dict[str, str],
          explained: Explained) -> dict[str, Tally]:
    result: dict[str, Tally] = {kind: Tally() for kind in KINDS}
    unknown: Counter[str] = Counter()
    for message, expected in reference.items():
        hits = found[message]
        for rule in expected.keys() | hits.keys():
            kind = kind_of.get(rule, "")
            if kind not in result:
                unknown[rule] += 1
                continue
            t = result[kind]
            if rule in expected and rule in hits:
                t.both += 1
            elif explained.reason(message, rule):
                t.explained += 1
            else:
                (t.missing if rule in expected else t.extra).append((message, rule))
    if unknown:
        print("rules that we do not know:", ", ".join(unknown), file=sys.stderr)
    return result


def by_rule(t: Tally) -> list[tuple[str, list[str], list[str]]]:
    """(rule, messages missing, messages too many), most first."""
    missing, extra = defaultdict(list), defaultdict(list)
    for message, rule in t.missing:
        missing[rule].append(message)
    for message, rule in t.extra:
        extra[rule].append(message)
    rows = [(rule, missing[rule], extra[rule]) for rule in missing.keys() | extra.keys()]
    return sorted(rows, key=lambda row: (-len(row[1]) - len(row[2]), row[0]))
