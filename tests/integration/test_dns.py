"""lib/dns as a recursor with validation, against a small internet of its own: a root and three zones served by NSD.

Everything happens in a network namespace that the test makes: the name servers have port 53 of an address there.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from servers.milter import build_folder
from servers.nsd import Nsd

ADDRESS = "10.53.0.1"
SOA = "$TTL 300\n@ SOA ns.{zone} hostmaster.{zone} 1 3600 600 86400 60\n@ NS ns.{zone}\nns A " + ADDRESS + "\n"
NEEDED = ("nsd", "ldns-keygen", "ldns-signzone", "drill", "ip", "unshare")


def sign(folder: Path, zone: str) -> tuple[str, str]:
    """Signs ZONE.zone into ZONE.signed; its DS records and its DNSKEY records."""
    key = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", zone], cwd=folder, check=True, capture_output=True,
                         text=True).stdout.strip()
    subprocess.run(["ldns-signzone", "-o", zone, "-f", f"{zone}signed", f"{zone}zone", key], cwd=folder, check=True)
    return (folder / f"{key}.ds").read_text(), (folder / f"{key}.key").read_text()


@pytest.fixture
def internet(world: Path) -> Path:
    missing = [program for program in NEEDED if not shutil.which(program)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    for zone in ("good.", "plain.", "bad."):
        (world / f"{zone}zone").write_text(SOA.format(zone=zone) + f'www TXT "from {zone}"\nalias CNAME www\n')
    good, _ = sign(world, "good.")
    bad, _ = sign(world, "bad.")
    forged = (world / "bad.signed").read_text().replace('"from bad."', '"forged"')
    assert "forged" in forged
    (world / "bad.signed").write_text(forged)
    delegations = "".join(f"{zone} NS ns.{zone}\nns.{zone} A {ADDRESS}\n" for zone in ("good.", "plain.", "bad."))
    (world / ".zone").write_text("$TTL 300\n. SOA ns.root. h.root. 1 3600 600 86400 60\n. NS ns.root.\n"
                                 f"ns.root. A {ADDRESS}\n{delegations}{good}{bad}")
    _, anchor = sign(world, ".")
    (world / "anchor").write_text(anchor)
    (world / "hints").write_text(f". 3600 NS ns.root.\nns.root. 3600 A {ADDRESS}\n")
    files = {".": ".signed", "good.": "good.signed", "bad.": "bad.signed", "plain.": "plain.zone"}
    (world / "nsd.conf").write_text(
        f'server:\n  ip-address: {ADDRESS}\n  username: ""\n  chroot: ""\n  zonesdir: "{world}"\n  database: ""\n'
        f'  pidfile: "{world}/nsd.pid"\n  xfrdfile: "{world}/xfrd"\n  zonelistfile: "{world}/zonelist"\n  xfrdir: "{world}"\n'
        "remote-control:\n  control-enable: no\n"
        + "".join(f'zone:\n  name: "{name}"\n  zonefile: "{file}"\n' for name, file in files.items()))
    return world


def test_recursion_and_validation(internet: Path) -> None:
    names = ["www.good", "alias.good", "nothing.good", "www.plain", "www.bad"]
    script = (f"ip link set lo up && ip addr add {ADDRESS}/32 dev lo && nsd -c {internet}/nsd.conf && "
              f"until drill @{ADDRESS} . SOA | grep -q NOERROR; do sleep 0.05; done && "
              f"{build_folder()}/tests/probe/gp-dns-probe {internet}/hints {internet}/anchor {' '.join(names)}; "
              f"kill $(cat {internet}/nsd.pid)")
    done = subprocess.run(["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == [
        "www.good 0 secure from good.",
        "alias.good 0 secure from good.",
        "nothing.good 3 secure -",
        "www.plain 0 insecure from plain.",
        "www.bad 2 bogus -",
    ], done


def gatepost(*args: str, stdin: str = "", status: int = 0) -> str:
    done = subprocess.run([build_folder() / "cli/gatepost", *args], input=stdin, capture_output=True, text=True, timeout=100)
    assert done.returncode == status, done
    return done.stdout


ZONE = r"""
$ORIGIN example.org.
$TTL 2h
@   IN SOA ns hostmaster.example.org. ( 1 ; serial
        2h 1h 1w ) 300
    NS ns
    IN MX 10 mail
    2h IN MX 20 Mail.example.net.
    TXT "v=spf1 " "mx -all"
    TXT "another one"
ns  A 192.0.2.53
mail 5m A 192.0.2.1
MAIL IN 5m A 192.0.2.2
     5m A 192.0.2.2 ; again
    AAAA 2001:DB8::1
_dmarc TXT ( "v=DMARC1;"
    " p=none" ) ; policy
odd TXT a\ b "say \"hi\" \092\065" plain "semi;colon (and parentheses)"
latin TXT "gr\195\188\195\159" ""
utf8 TXT "grüß"
long TXT "LONG" "LONG" "LONG"
null MX 0 .
\065scii TXT folded
deep.down.below A 192.0.2.3
*.wild TXT "any"
*.wild MX 5 mail
there.wild A 192.0.2.4
below.there.too.wild A 192.0.2.4
*.alias CNAME mail
one CNAME two
two 30 CNAME mail
loop1 CNAME loop2
loop2 CNAME loop1
to-nothing CNAME nothing
to-wild CNAME x.wild
srv SRV 0 0 25 mail
new TYPE65280 \# 2 abcd
caa CAA 0 issue "ca.example"
unused\.dot.label TXT "a dot within a label"
label TXT x
target MX 1 a\.b.label
ptr PTR Mixed.Case.Example.ORG.
$ORIGIN sub.example.org.
host 1h30m IN A 192.0.2.5
        IN 1h30m TXT relative
$ORIGIN SUB2.example.org.
@ A 192.0.2.6
$TTL 60
fast A 192.0.2.7
"""
NAMES = """@ ns mail MAIL _dmarc odd latin utf8 long null ascii deep.down.below down.below below x.below wild x.wild x.y.wild
there.wild x.there.wild too.wild x.too.wild there.too.wild below.there.too.wild *.wild alias x.alias one two loop1 loop2
to-nothing to-wild srv x.srv new caa dot.label unused.dot.label label target ptr sub host.sub x.sub sub2 fast.sub2
nothing very.much.nothing""".split()


def test_a_zone_file_answers_as_nsd_does(world: Path) -> None:
    """The same file, loaded by both: every type of every name."""
    if not shutil.which("nsd"):
        pytest.skip("not installed: nsd")
    file = world / "example.zone"
    file.write_text(ZONE.replace("LONG", "0123456789" * 25))
    nsd = Nsd(world / "nsd", {"example.org": file})
    nsd.start()
    try:
        names = "".join(f"{name}.example.org\n" if name != "@" else "example.org\n" for name in NAMES)
        done = subprocess.run([build_folder() / "tests/probe/gp-zone-probe", file, nsd.address], input=names,
                              capture_output=True, text=True, timeout=100)
    finally:
        nsd.stop()
    found = re.fullmatch(r"(\d+) answers, 0 differ\n", done.stdout)
    assert found and int(found.group(1)) >= 6 * len(NAMES), done


@pytest.mark.parametrize(("forged", "status", "expected"), [
    (False, 0, {"spf": "pass", "dkim": "pass", "dmarc": "pass"}),
    (True, 75, {"spf": "temperror", "dkim": "temperror", "dmarc": "temperror"}),
])
def test_forged_records_are_a_failure(world: Path, forged: bool, status: int, expected: dict[str, str]) -> None:
    """A signed zone whose records somebody changed on the way: validation fails, so nothing is believed, nor its absence."""
    missing = [program for program in NEEDED if not shutil.which(program)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    record = gatepost("dkim", "genkey", "example.net", "--selector", "s1", "--output", str(world))
    message = gatepost("dkim", "sign", "--domain", "example.net", "--selector", "s1", "--key", str(world / "example.net.s1.key"),
                       "-", stdin="From: author@example.net\nSubject: A letter\n\nDear Alice\n")
    zone = world / "example.net.zone"
    zone.write_text(SOA.format(zone="example.net.") + '@ TXT "v=spf1 ip4:192.0.2.10 -all"\n_dmarc TXT "v=DMARC1; p=none"\n'
                    f"mail A 192.0.2.10\n{record}")
    _, anchor = sign(world, "example.net.")
    (world / "anchor").write_text(anchor)
    signed_zone = world / "example.net.signed"
    if forged:
        text = signed_zone.read_text()
        signed_zone.write_text(text.replace("v=spf1 ip4", "v=spf1 ip4:192.0.2.11 ip4").replace("p=none", "p=reject")
                               .replace("k=rsa; ", "k=RSA; "))
    config = world / "gatepost.conf"
    nsd = Nsd(world / "nsd", {"example.net": signed_zone})
    config.write_text(f'dns = {{ servers = [ "{nsd.address}" ]; dnssec = true; trust_anchor = "{world}/anchor"; }};\n')
    nsd.start()
    try:
        told = json.loads(gatepost("-c", str(config), "auth", "--json", "--ip", "192.0.2.10", "--helo", "mail.example.net",
                                   "--from", "author@example.net", "-", stdin=message, status=status))
    finally:
        nsd.stop()
    assert {"spf": told["spf"]["mailfrom"]["result"], "dkim": told["dkim"]["signatures"][0]["result"],
            "dmarc": told["dmarc"]["result"]} == expected
    seen = {d["security"] for d in told["dns"] if d["name"] in ("example.net", "_dmarc.example.net")}
    assert seen == {"bogus" if forged else "secure"}
