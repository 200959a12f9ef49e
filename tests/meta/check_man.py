"""Manual pages against the programs, in both directions.

  gatepost.conf(5)  every setting of the tables is there and nothing else; what any page's prose calls
                    "group.name" with a known group is a setting
  PROGRAM(8), (1)   every long option of --help is described, and every one described is in --help

Arguments: the tree's top, the build folder, then the programs built.
"""

import pathlib
import re
import subprocess
import sys

HIDDEN = {"--print-settings", "--print-sample", "--print-options"}


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def plain(page: str) -> str:
    """The page's text with roff's escapes for '-', '"' and fonts resolved."""
    page = re.sub(r"^[.']\\\".*$", "", page, flags=re.M)
    return re.sub(r"\\f.|\\&", "", page.replace("\\-", "-").replace("\\(dq", '"').replace("\\e", "\\"))


def check_settings(settings: set[str], page: str) -> list[str]:
    described = {re.sub(r"\\f.|\\&", "", m).replace("\\-", "-") for m in re.findall(r"^\.TP\n(\\fB[\w\\.&-]+\\fR)$", page, re.M)}
    return [f"gatepost.conf(5): {s}: not described" for s in sorted(settings - described)] + [
        f"gatepost.conf(5): {s}: no such setting" for s in sorted(described - settings)
    ]


def check_prose(settings: set[str], name: str, page: str) -> list[str]:
    """Mentions such as "networks.own"; files such as gatepost.conf are none."""
    groups = {s.split(".")[0] for s in settings if "." in s}
    known = settings | {s.rsplit(".", n)[0] for s in settings for n in (1, 2)}
    found = re.findall(r"(?<![\w./-])((?:" + "|".join(map(re.escape, groups)) + r")(?:\.[a-z_]+)+)(?![\w(])", plain(page))
    files = (".d", ".conf", ".sock", ".service", ".so", ".cf", ".log", ".c", ".h")
    return [f"{name}: {m}: no such setting" for m in found if m not in known and not m.endswith(files)]


def check_options(program: str, page: str) -> list[str]:
    name = pathlib.Path(program).name
    option = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
    offered = set(option.findall(run(program, "--help")))
    if name == "gatepost":   # a command with verbs: each has a --help of its own
        for verb in re.findall(r"^  ([a-z]+(?: [a-z-]+)?)  ", run(program, "--help"), re.M):
            said = subprocess.run([program, *verb.split(), "--help"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            offered |= set(option.findall(said.stdout))
    described = set(option.findall(plain(page)))
    return [f"{name}: {o}: in --help, not in its page" for o in sorted(offered - described - HIDDEN)] + [
        f"{name}: {o}: in its page, not in --help" for o in sorted(described - offered - HIDDEN)
    ]


def main() -> int:
    root, build, programs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    command = next(p for p in programs if pathlib.Path(p).name == "gatepost")
    settings = {line.split("\t")[0] for line in run(command, "--print-settings").splitlines()}
    page = (build / "doc" / "gatepost.conf.5").read_text()
    errors = check_settings(settings, page)
    folders = ("cli", "milter-spam", "milter-dkim", "milter-virus", "policyd-ratelimit", "controller", "dovecot-sieve-learn", "doc")
    pages = {p.name: p.read_text() for top in folders for p in sorted((root / top).glob("*.[1578]"))}
    for name, text in {**pages, "gatepost.conf.5": page}.items():
        errors += check_prose(settings, name, text)
    for program in programs:
        name = pathlib.Path(program).name
        own = [text for file, text in pages.items() if re.fullmatch(re.escape(name) + r"\.[18]", file)]
        errors += check_options(program, own[0]) if own else [f"{name}: has no page"]
    print("\n".join(errors) or f"manual pages: ok ({len(settings)} settings)")
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
