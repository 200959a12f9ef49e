"""lib/dns as a recursor with validation, against a small internet of its own: a root and three zones served by NSD.

Everything happens in a network namespace that the test makes: the name servers have port 53 of an address there.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from servers.milter import build_folder

ADDRESS = "10.53.0.1"
SOA = "$TTL 300\n@ SOA ns.{zone} hostmaster.{zone} 1 3600 600 86400 60\n@ NS ns.{zone}\nns A " + ADDRESS + "\n"
NEEDED = ("nsd", "ldns-keygen", "ldns-signzone", "ip", "unshare")


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
    script = (f"ip link set lo up && ip addr add {ADDRESS}/32 dev lo && nsd -c {internet}/nsd.conf && sleep 1 && "
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
