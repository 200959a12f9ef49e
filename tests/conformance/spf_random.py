"""Random SPF records and zones, for comparing implementations.

What the implementations read differently on purpose is left out: records with more than ten MX, and names of exchanges
and clients that have no address, because they count each such answer as a void lookup, and we, as RFC 7208, 4.6.4 has
it, terms.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Union

Zone = dict[str, dict[str, Union[str, list[str]]]]  # name: type: data, or "TIMEOUT"
NAMES = [f"{letter}.example.com" for letter in "abcdefgh"] + ["example.com", "_spf.example.com", "x-1.sub.example.org"]
CLIENTS = ["192.0.2.1", "192.0.2.129", "198.51.100.7", "2001:db8::1", "2001:db8:1::7"]
REVERSE = {
    "192.0.2.1": "1.2.0.192.in-addr.arpa",
    "192.0.2.129": "129.2.0.192.in-addr.arpa",
    "198.51.100.7": "7.100.51.198.in-addr.arpa",
    "2001:db8::1": "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa",
    "2001:db8:1::7": "7" + ".0" * 19 + ".1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
}
MACROS = ["%{d}", "%{d2}", "%{o}", "%{h}", "%{l}.example.com", "%{ir}.%{v}.example.com", "%{d1r}.example.com", "a.%{o2}",
          "%{l1r-}.example.com", "%{S}.example.com", "%{p}", "a%%b.example.com"]
ODD_NAMES = ["example", "a.example.com.", "a..example.com", "a.b.123", "a.example.com:25", "%{x}.a", "%(d)", "%", "%{d",
             "%{d0}.example.com", "a.example.-com", "", "a/b.example.com", "none.example.com", "%{c}.example.com"]
ODD_TERMS = ["moo", "all.", "-all:a", "=x", "1x=y", "x=%", "x=a%%b", "ip4", "ip4:192.0.2", "ip4:192.0.2.1/33", "ip4:192.0.2.1/",
             "ip4:192.0.2.01", "ip6:::1/129", "ip6:192.0.2.1", "a/33", "a//129", "a/24/64", "a/08", "include", "exists",
             "redirect:a.example.com", "+", "x-y_z.1=2", "default=fail", "ptr/8", "all/0", "A/0//0"]


@dataclass
class Case:
    """One question, and all that the DNS holds."""

    zone: Zone
    ip: str
    helo: str
    mailfrom: str


def target(r: random.Random) -> str:
    return r.choices([r.choice(NAMES), r.choice(MACROS), r.choice(ODD_NAMES)], [12, 4, 1])[0]


def network(r: random.Random) -> str:
    if r.random() < 0.6:
        address = f"ip4:{r.choice(CLIENTS[:3] + ['203.0.113.9'])}"
        return address + r.choice(["", "/32", "/24", f"/{r.randrange(33)}"])
    address = f"ip6:{r.choice(CLIENTS[3:] + ['::', '2001:DB8::'])}"
    return address + r.choice(["", "/128", "/64", f"/{r.randrange(129)}"])


def term(r: random.Random) -> str:
    kind = r.choices(["net", "a", "mx", "ptr", "include", "exists", "all", "redirect", "odd"],
                     [6, 5, 4, 2, 5, 3, 2, 2, 0.7])[0]
    sign = r.choice(["", "", "+", "-", "~", "?"])
    length = r.choice(["", "", "", "/24", "//64", "/16//48"])
    if kind == "net":
        return sign + network(r)
    if kind in ("a", "mx"):
        return sign + kind + r.choice(["", f":{target(r)}"]) + length
    if kind == "ptr":
        return sign + kind + r.choice(["", f":{target(r)}"])
    if kind in ("include", "exists"):
        return f"{sign}{kind}:{target(r)}"
    if kind == "redirect":
        return f"redirect={target(r)}"
    return sign + "all" if kind == "all" else r.choice(ODD_TERMS)


def record(r: random.Random) -> str:
    version = r.choices(["v=spf1", "V=SPF1", "v=spf10", "v=spf2", "spf1"], [60, 2, 1, 1, 1])[0]
    return r.choice([" ", " ", "  "]).join([version] + [term(r) for _ in range(r.randrange(1, 6))])


def fill(r: random.Random, zone: Zone, name: str) -> None:
    """Addresses of both families, so that nothing is void where only we do not count it."""
    types: dict[str, Union[str, list[str]]] = {
        "A": [r.choice(CLIENTS[:3] + ["203.0.113.9", "192.0.2.77"]) for _ in range(r.randrange(1, 3))],
        "AAAA": [r.choice(CLIENTS[3:] + ["2001:db8:2::9"]) for _ in range(r.randrange(1, 3))],
        "MX": [f"{10 * i} {r.choice(NAMES)}" for i in range(r.randrange(1, 4))],
        "TXT": [record(r)] + ["something else"] * (r.random() < 0.2) + [record(r)] * (r.random() < 0.03),
    }
    for kind in list(types):
        if r.random() < 0.02:
            types[kind] = "TIMEOUT"
    zone[name] = types


def random_case(seed: int) -> Case:
    r = random.Random(seed)
    zone: Zone = {}
    for name in NAMES:
        fill(r, zone, name)
    client = r.choice(CLIENTS)
    for address in CLIENTS:
        zone[REVERSE[address]] = {"PTR": [r.choice(NAMES) for _ in range(r.randrange(1, 4))]}
    return Case(zone, client, r.choice(NAMES), f"{r.choice(['user', 'a-b.c', 'x+y'])}@{r.choice(NAMES)}")
