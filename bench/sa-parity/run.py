"""Hit for hit: SpamAssassin's stock rules under SpamAssassin and under our engine, on the same messages. See README.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import compare
import reference

TOP = Path(__file__).resolve().parents[2]
PLAIN = (*compare.TARGETS, "meta")
BAR, BAR_OF_EVALS = 0.999, 0.99


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/sa-parity/run", description=__doc__)
    parser.add_argument("--so-far", action="store_true", help="compare on the messages that SpamAssassin has read already")
    parser.add_argument("--top", type=int, default=15, metavar="N", help="rules to show of each kind (15)")
    parser.add_argument("--rule", metavar="NAME", help="only list the messages on which this rule differs")
    parser.add_argument("--counts", action="store_true", help="list also rules that hit on both sides, but not equally often")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--build", type=Path, default=TOP / "build", metavar="DIR", help="meson build folder")
    return parser.parse_args()


def table(tallies: dict[str, compare.Tally], inert: dict[str, str]) -> str:
    lines = [f"{'':14}{'both':>9}{'missing':>9}{'extra':>9}{'explained':>11}{'agreement':>12}"]
    rows = {**tallies, "plain": summed([tallies[kind] for kind in PLAIN])}
    for kind, t in rows.items():
        inert_pairs = sum(1 for _, rule in t.missing if rule in inert)
        note = f"   {inert_pairs} missing are of rules that cannot run" if inert_pairs else ""
        lines.append(f"{kind:14}{t.both:9}{len(t.missing):9}{len(t.extra):9}{t.explained:11}{t.agreement:12.4%}{note}")
    return "\n".join(lines)


def summed(tallies: list[compare.Tally]) -> compare.Tally:
    result = compare.Tally()
    for t in tallies:
        result.both += t.both
        result.explained += t.explained
        result.missing += t.missing
        result.extra += t.extra
    return result


def details(tallies: dict[str, compare.Tally], inert: dict[str, str], top: int) -> None:
    for kind in compare.KINDS:
        rows = [row for row in compare.by_rule(tallies[kind]) if row[0] not in inert]
        if rows:
            print(f"\n{kind}: rules that differ, missing and extra, examples")
        for rule, missing, extra in rows[:top]:
            examples = " ".join(["-" + name for name in missing[:2]] + ["+" + name for name in extra[:2]])
            print(f"  {rule:32}{len(missing):6}{len(extra):6}  {examples}")


def count_differences(expected: dict[str, reference.Hits], found: dict[str, reference.Hits],
                      kind_of: dict[str, str], top: int) -> None:
    rules: dict[str, list[str]] = {}
    for message, hits in expected.items():
        for rule in hits.keys() & found[message].keys():
            if hits[rule] != found[message][rule] and kind_of.get(rule) in PLAIN:
                rules.setdefault(rule, []).append(f"{message}:{hits[rule]}/{found[message][rule]}")
    print(f"\n{len(rules)} rules hit both, but not equally often (SpamAssassin/we)")
    for rule, examples in sorted(rules.items(), key=lambda row: -len(row[1]))[:top]:
        print(f"  {rule:32}{len(examples):6}  {' '.join(examples[:3])}")


def main() -> int:
    options = arguments()
    folder = reference.mail_folder()
    if not folder.is_dir():
        print(f"skipped: no test mail in {folder} (GATEPOST_DATA)")
        return 0
    names = reference.messages(folder)
    cache = reference.cache_file(folder, names)
    if not options.so_far:
        reference.complete(cache, folder, names)
    subprocess.run(["ninja", "-C", str(options.build), "tests/probe/gp-rule-probe"], check=True, stdout=subprocess.DEVNULL)
    probe = options.build / "tests" / "probe" / "gp-rule-probe"
    expected = reference.load(cache)
    found = compare.ours(probe, folder, list(expected))
    kind_of, inert = compare.kinds(probe)
    explained = compare.Explained(Path(__file__).parent / "explained")
    tallies = compare.tally(expected, found, kind_of, explained)
    plain = summed([tallies[kind] for kind in PLAIN])
    unexplained = sum(len(t.missing) + len(t.extra) for t in tallies.values())
    stale = [] if options.so_far else explained.stale()
    if options.rule:
        every = summed(list(tallies.values()))
        for sign, pairs in (("-", every.missing), ("+", every.extra)):
            print("\n".join(sign + message for message, rule in pairs if rule == options.rule))
    elif options.json:
        print(json.dumps({"messages": len(expected), "agreement": {k: t.agreement for k, t in tallies.items()},
                          "plain": plain.agreement, "explained": sum(t.explained for t in tallies.values()),
                          "unexplained": unexplained, "stale": stale}))
    else:
        print(f"{len(expected)} of {len(names)} messages\n{table(tallies, inert)}")
        details(tallies, inert, options.top)
        if options.counts:
            count_differences(expected, found, kind_of, options.top)
        print(f"\n{unexplained} differences are not explained, {len(stale)} lines of `explained` explain nothing")
        print("".join(f"  {line}\n" for line in stale), end="")
    is_close = plain.agreement >= BAR and all(tallies[kind].agreement >= BAR_OF_EVALS for kind in ("eval", "meta on evals"))
    return 0 if is_close and not unexplained and not stale else 1


if __name__ == "__main__":
    sys.exit(main())
