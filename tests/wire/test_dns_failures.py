"""A name server that is broken in every way: what SPF, DKIM and DMARC make of it, in bounded time and with few questions.

Through the real resolver: `gatepost auth` asks a server on loopback. RFC 7208 (2.6.6), 6376 (3.9, TEMPFAIL) and 9989 call
for "temperror"; a record that is there but malformed is no failure of the DNS.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dkimmail import LETTER, make_key, signed
from servers.dns_broken import BrokenDns
from servers.milter import DNS_TIMEOUT, libconfig
from test_command import run

SPF, KEY, POLICY = "example.net", "s1._domainkey.example.net", "_dmarc.example.net"
ENVELOPE = ("--ip", "192.0.2.10", "--helo", "mail.example.net", "--from", "author@example.net")
PASS = {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
TEMPORARY = 75  # the exit status


class Sender:
    """A domain with all its records on a server of its own, and a message that it signed."""

    def __init__(self, folder: Path, dns: BrokenDns, pem: bytes, record: str) -> None:
        self.dns = dns
        self.config = folder / "gatepost.conf"
        self.set_timeout(DNS_TIMEOUT)
        self.message = signed(pem)
        dns.add(f"{SPF} TXT v=spf1 ip4:192.0.2.10 -all\nmail.example.net A 192.0.2.10\n"
                f"{KEY} TXT {record}\n{POLICY} TXT v=DMARC1; p=reject\n")

    def set_timeout(self, timeout: str) -> None:
        self.config.write_text(f'dns = {libconfig({"servers": [self.dns.address], "timeout": timeout})};\n')

    def told(self, status: int = 0) -> dict[str, Any]:
        done = run("-c", self.config, "auth", "--json", *ENVELOPE, "-", stdin=self.message)
        assert done.returncode == status, done
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def results(self, status: int = 0) -> dict[str, str]:
        told = self.told(status)
        return {"spf": told["spf"]["mailfrom"]["result"], "dkim": told["dkim"]["signatures"][0]["result"],
                "dmarc": told["dmarc"]["result"]}


@pytest.fixture(scope="module")
def key(module_world: Path) -> tuple[bytes, str]:
    return make_key(module_world / "key")


@pytest.fixture
def sender(world: Path, key: tuple[bytes, str]) -> Iterator[Sender]:
    with BrokenDns() as dns:
        yield Sender(world, dns, *key)


def test_nothing_is_wrong(sender: Sender) -> None:
    assert sender.results() == PASS


def test_slow_is_not_broken(sender: Sender) -> None:
    sender.dns.trouble = {SPF: "slow", KEY: "slow", POLICY: "slow"}
    assert sender.results() == PASS


@pytest.mark.parametrize("kind", BrokenDns.kinds)
def test_broken_for_all_names(sender: Sender, kind: str) -> None:
    """Every method says temperror, each question ends with its time (or run() would), and the server is not flooded."""
    sender.dns.trouble = {SPF: kind, KEY: kind, POLICY: kind}
    sender.set_timeout("1s")
    assert sender.results(TEMPORARY) == {"spf": "temperror", "dkim": "temperror", "dmarc": "temperror"}
    for name in (SPF, KEY, POLICY):
        assert 1 <= sender.dns.asked.count(name) <= 16, name


@pytest.mark.parametrize(("name", "expected"), [
    (SPF, {"spf": "temperror", "dkim": "pass", "dmarc": "pass"}),
    (KEY, {"spf": "pass", "dkim": "temperror", "dmarc": "pass"}),
    (POLICY, {"spf": "pass", "dkim": "pass", "dmarc": "temperror"}),
])
def test_one_name_fails(sender: Sender, name: str, expected: dict[str, str]) -> None:
    """What the others say stands (DMARC needs only one of SPF and DKIM)."""
    sender.dns.trouble = {name: "servfail"}
    assert sender.results(TEMPORARY) == expected


def test_no_identifier_is_known(sender: Sender) -> None:
    """Neither fails nor passes: DMARC cannot say fail while the DNS may yet say pass (RFC 9989)."""
    sender.dns.trouble = {SPF: "servfail", KEY: "servfail"}
    assert sender.results(TEMPORARY) == {"spf": "temperror", "dkim": "temperror", "dmarc": "temperror"}


def test_aliases_in_a_circle(world: Path, key: tuple[bytes, str]) -> None:
    zone = "".join(f"{name} CNAME a.{name}\na.{name} CNAME b.{name}\nb.{name} CNAME a.{name}\n"
                   for name in ("loop.net", "s1._domainkey.loop.net", "_dmarc.loop.net"))
    with BrokenDns(zone) as dns:
        sender = Sender(world, dns, *key)
        sender.message = signed(key[0], LETTER.replace(b"example.net", b"loop.net"), "loop.net")
        done = run("-c", sender.config, "auth", "--json", *(a.replace("example.net", "loop.net") for a in ENVELOPE), "-",
                   stdin=sender.message)
        told = json.loads(done.stdout)
        assert told["spf"]["mailfrom"]["result"] == "temperror"
        assert told["dkim"]["signatures"][0]["result"] == "temperror"
        assert told["dmarc"]["result"] == "temperror"
        assert len(dns.asked) < 150


def test_large_records_come_by_tcp(world: Path, key: tuple[bytes, str]) -> None:
    """An SPF record of 60 KB, a key with 6 KB of notes, a policy with 30 KB of tags: large, but right."""
    networks = " ".join(f"ip4:203.0.{n // 250}.{n % 250}" for n in range(3500))
    pem, record = key
    with BrokenDns() as dns:
        sender = Sender(world, dns, pem, f"{record}; n={'x' * 6000}")
        dns.replace(SPF, "TXT", f"v=spf1 {networks} ip4:192.0.2.10 -all")
        dns.replace(POLICY, "TXT", f"v=DMARC1; p=reject; x={'y' * 30000}")
        assert sender.results() == PASS


@pytest.mark.parametrize("noise", [90, 1000])
@pytest.mark.parametrize("others", [0, 1])
def test_very_many_records(sender: Sender, noise: int, others: int) -> None:
    """Strings beside the right ones, before and behind: all are looked at (RFC 7208, 4.5). Two SPF records are an error,
    several policies are none (RFC 9989)."""
    for n in range(noise):
        sender.dns.add(f"{SPF} TXT noise {n} beside the record\n{POLICY} TXT v=DMARC1; p=none; x={n}\n")
    for _ in range(others):
        sender.dns.add(f"{SPF} TXT v=spf1 +all\n")
    assert sender.results() == {"spf": "permerror" if others else "pass", "dkim": "pass", "dmarc": "none"}


def test_too_many_records(sender: Sender) -> None:
    """Beyond 1,024 (GP_DNS_RECORDS_MAX) nothing is looked at, in whatever order they come."""
    for n in range(1024):
        sender.dns.add(f"{SPF} TXT noise {n} beside the record\n{POLICY} TXT noise {n}\n")
    told = sender.told()
    assert told["spf"]["mailfrom"]["result"] == told["dmarc"]["result"] == "permerror"
    assert told["dkim"]["signatures"][0]["result"] == "pass"


@pytest.mark.parametrize("record", [
    "v=DKIM1; k=rsa; p=%%%",
    "v=DKIM1; k=rsa; p=",
    "v=DKIM1; k=rsa; p=MIGfMA0",
    "\xff\xfe\x00\x01",
    "v=DKIM1; " + "x=1; " * 200 + "p=AAAA",
])
def test_hostile_keys(sender: Sender, record: str) -> None:
    """Bytes from a stranger's zone: no failure of the DNS, and never a pass."""
    sender.dns.replace(KEY, "TXT", record)
    results = sender.results()
    assert results["dkim"] == "permerror" and results["dmarc"] == "pass"
