"""The settings of the Dovecot plugin: every one of the table, with its default, in the manual page and in both samples,
and nothing else there.

Argument: the tree's top.
"""

import pathlib
import re
import sys


def settings(folder: pathlib.Path) -> dict[str, str]:
    rows = re.findall(r'^\tX\((\w+), "([^"]*)"\)', (folder / "settings.h").read_text(), re.M)
    return {f"gatepost_learn_{name}": default for name, default in rows}


def difference(where: str, wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    return [f"{where}: {name} = {wanted.get(name)} in the table, {found.get(name)} there"
            for name in sorted(wanted | found) if wanted.get(name) != found.get(name)]


def check(folder: pathlib.Path) -> list[str]:
    wanted = settings(folder)
    page = (folder / "dovecot-sieve-learn.7").read_text()
    errors = difference("dovecot-sieve-learn(7)", wanted, dict(re.findall(r"^\.B (gatepost_learn_\w+) \\fR\((.*)\)$", page, re.M)))
    for sample in ("90-gatepost-2.3.conf", "90-gatepost-2.4.conf"):
        text = (folder / sample).read_text()
        errors += difference(sample, wanted, dict(re.findall(r"^ *#(gatepost_learn_\w+) = (.*)$", text, re.M)))
    return errors if wanted else ["settings.h: no table found"]


if __name__ == "__main__":
    complaints = check(pathlib.Path(sys.argv[1]) / "dovecot-sieve-learn")
    print("\n".join(complaints) or "settings of the plugin: ok")
    sys.exit(bool(complaints))
