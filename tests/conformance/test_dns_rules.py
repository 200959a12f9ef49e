"""SpamAssassin's stock rules that ask the DNS hit the same messages under SpamAssassin and under our engine.

One name server answers both: what it says of a name is a function of the name, so that about a third of all addresses and
domains are listed somewhere. Messages are a sample of the test mail; SpamAssassin comes from Debian (tests/install tests).
"""

from __future__ import annotations

import json
import os
import subprocess
import zlib
from pathlib import Path

import pytest

from servers.dns import Dns
from servers.milter import TOP, build_folder

MAIL = Path(os.environ.get("GATEPOST_DATA", TOP.parent / "shared" / "data")) / "mail"
RULES = [Path("/usr/share/spamassassin"), Path("/etc/spamassassin")]
REFERENCE = Path(__file__).parent / "spamassassin_dns.pl"
MESSAGES = 100
AGREEMENT = 0.98
# Values of lists; none that says that a list refuses to answer, since later messages would depend on that.
LISTS = {
    "zen.spamhaus.org": ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.10"],
    "dbl.spamhaus.org": ["127.0.1.2", "127.0.1.4", "127.0.1.5", "127.0.1.103"],
    "multi.uribl.com": ["127.0.0.2", "127.0.0.4", "127.0.0.8"],
    "multi.surbl.org": ["127.0.0.8", "127.0.0.16", "127.0.0.64", "127.0.0.128"],
    "list.dnswl.org": ["127.0.5.0", "127.0.5.1", "127.0.5.2", "127.0.5.3"],
    "bl.mailspike.net": ["127.0.0.2", "127.0.0.10", "127.0.0.12"],
    "wl.mailspike.net": ["127.0.0.17", "127.0.0.18", "127.0.0.20"],
    "psbl.surriel.com": ["127.0.0.2"],
    "bl.score.senderscore.com": ["127.0.0.2"],
    "iadb.isipp.com": ["127.0.0.1", "127.2.255.1", "127.3.100.6"],
    "dob.sibl.support-intelligence.net": ["127.0.0.2"],
    "fresh.fmb.la": ["127.2.0.2", "127.2.0.14", "127.2.0.28"],
}
# What this compares: rules by the beginnings of their names.
KINDS = ("URIBL_", "RCVD_IN_", "FROM_FMBLA_")
# SpamAssassin 4.0.1 asks for the addresses of name servers on behalf of those rules that want the host's own (tflags a) and
# not of those that want theirs: it never hits the first two, and the others too often.
EXPLAINED = {"URIBL_SBL", "URIBL_CSS", "URIBL_SBL_A", "URIBL_CSS_A"}


class Anything(dict[str, list[tuple[str, str]]]):
    """A zone in which every name may be: a list's by chance, any other with an address and name servers."""

    def get(self, name: str, default: object = None) -> list[tuple[str, str]]:
        chance = zlib.crc32(name.encode("latin-1"))
        for zone, values in LISTS.items():
            if name.endswith("." + zone):
                return [("A", values[chance // 3 % len(values)])] if chance % 3 == 0 else []
        if name.endswith("bl.spamcop.net"):
            return [("A", "127.0.0.2"), ("TXT", "Blocked - see https://www.spamcop.net/")] if chance % 3 == 0 else []
        if chance % 4 == 0 or any(name.endswith("." + end) for end in ("arpa", "org.", "_domainkey")):
            return []
        return [("A", f"198.51.100.{chance // 4 % 250 + 1}"), ("NS", f"ns{chance // 4 % 30}.nameserver.com")]

    def __contains__(self, name: object) -> bool:
        return bool(self.get(str(name)))


class Answering(Dns):
    """A name server of that zone."""

    def __init__(self) -> None:
        super().__init__()
        self._zone = Anything()


def sample() -> list[str]:
    """Messages of all sorts, the same each time."""
    files = (path for path in MAIL.rglob("*") if path.is_file() and path.stat().st_size < 100_000 and path.suffix != ".tsv")
    return sorted((str(path) for path in files), key=lambda name: zlib.crc32(Path(name).name.encode()))[:MESSAGES]


def by_spamassassin(folder: Path, port: str, messages: list[str]) -> dict[str, set[str]]:
    done = subprocess.run(["perl", str(REFERENCE), str(folder), port], input="\n".join(messages) + "\n", text=True,
                          stdout=subprocess.PIPE, check=True, env={**os.environ, "LC_ALL": "C"})
    return {name: set(hits) for name, *hits in (line.split("\t") for line in done.stdout.splitlines())}


def by_gatepost(folder: Path, address: str, messages: list[str]) -> dict[str, set[str]]:
    conf = folder / "gatepost.conf"
    paths = ", ".join(f'"{path}"' for path in RULES)
    conf.write_text(f'store = "lmdb:{folder}/store";\nrules = {{ paths = [ {paths} ]; cache = "{folder}"; }};\n'
                    f'dns = {{ servers = [ "{address}" ]; timeout = "60s"; }};\n')
    done = subprocess.run([str(build_folder() / "cli" / "gatepost"), "-c", str(conf), "scan", "--json", *messages],
                          text=True, stdout=subprocess.PIPE, check=False)  # the exit status is the severest action
    answers = (json.loads(line) for line in done.stdout.splitlines())
    return {answer["file"]: {symbol["name"] for symbol in answer["symbols"]} for answer in answers}


def of_interest(hits: dict[str, set[str]]) -> set[tuple[str, str]]:
    return {(name, rule) for name, rules in hits.items() for rule in rules - EXPLAINED if rule.startswith(KINDS)}


@pytest.mark.skipif(not RULES[0].exists(), reason="spamassassin is not installed: tests/install tests")
@pytest.mark.skipif(not MAIL.is_dir(), reason="no test mail (GATEPOST_DATA)")
def test_same_hits_of_dns_rules(tmp_path: Path) -> None:
    messages = sample()
    dns = Answering()
    (tmp_path / "reference").mkdir()
    (tmp_path / "ours").mkdir()
    with dns:
        expected = of_interest(by_spamassassin(tmp_path / "reference", dns.address.split("@")[1], messages))
        found = of_interest(by_gatepost(tmp_path / "ours", dns.address, messages))
    agreement = len(expected & found) / len(expected | found)
    differing = sorted((Path(name).name, rule, "-" if (name, rule) in expected else "+") for name, rule in expected ^ found)
    print(f"{len(expected)} hits of {len({rule for _, rule in expected})} rules on {len(messages)} messages, {agreement:.2%} agree")
    assert len(expected) > 2 * MESSAGES and agreement >= AGREEMENT, (agreement, differing[:40])
