"""A domain's keys from none to the second one, as the README has it: Postfix signs and verifies all the time."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import smtp
from servers.dns import Dns
from servers.milter import USER, MilterDkim, build_folder
from servers.postfix import Postfix
from servers.process import wait_for

TO = "alice@local.example.org"  # Postfix's own delivery
LETTER = b"From: Joe <joe@example.org>\nTo: alice@local.example.org\nSubject: %s\n\nDear Alice,\n\n.\n"


class Host:
    def __init__(self, folder: Path, dns: Dns) -> None:
        self.dns = dns
        self.folder = folder
        self.postfix = Postfix(folder / "postfix")
        self.postfix.configure({
            "smtpd_milters": "{ unix:/gatepost/dkim.sock, default_action=accept }",
            "non_smtpd_milters": "unix:/gatepost/dkim.sock",
            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination"})
        self.milter = MilterDkim(folder / "gatepost", self.postfix.queue / "gatepost" / "dkim.sock", dns.address)
        self.keys = folder / "gatepost" / "keys"
        self.keys.mkdir(mode=0o750)  # as tmpfiles.d makes it
        os.chown(self.keys, pwd.getpwnam(USER).pw_uid, -1)

    def gatepost(self, *args: str, stdin: bytes = b"", status: int = 0) -> str:
        done = subprocess.run([build_folder() / "cli" / "gatepost", "-c", self.milter.config, *args], input=stdin,
                              capture_output=True, timeout=120)
        assert done.returncode == status, done
        return done.stdout.decode()

    def publish(self, selector: str) -> None:
        """What was written beside the key goes into the DNS."""
        text = (self.keys / "example.org" / f"{selector}.txt").read_text()
        value = "".join(re.findall('"([^"]*)"', text))
        self.dns.add(f"{selector}._domainkey.example.org TXT {value}")

    def reload(self) -> None:
        before = self.milter.counted("gatepost_reloads_total", "ok")
        self.milter.reload()
        wait_for(lambda: self.milter.counted("gatepost_reloads_total", "ok") > before, "the reload")

    def send(self, subject: bytes) -> bytes:
        """A message of ours, as it was delivered."""
        answer = smtp.send(self.postfix.port, LETTER % subject, "joe@example.org", [TO], None)
        assert answer.queue_id, answer
        self.postfix.wait_delivered(answer.queue_id)
        found: list[bytes] = []

        def there() -> bool:
            found[:] = [raw for raw in (p.read_bytes() for p in self.postfix.maildir.glob("new/*")) if b"Subject: " + subject in raw]
            return bool(found)

        wait_for(there, "the message")
        return found[0]


@pytest.fixture
def host(world: Path) -> Iterator[Host]:
    with Dns() as dns:
        host = Host(world, dns)
        host.milter.start()
        host.postfix.start()
        yield host
        host.postfix.stop()
        assert host.milter.stop() == 0


def signers(raw: bytes) -> list[str]:
    return re.findall(r"DKIM-Signature:[^:]*? s=([^;\s]+);", re.sub(r"\n[ \t]+", " ", raw.decode().split("\n\n")[0]))


def test_rotation(host: Host) -> None:
    """gatepost makes what milter-dkim reads, though one is root and the other is not; no message ever fails to verify."""
    assert signers(host.send(b"before")) == []

    text = host.gatepost("dkim", "rotate", "example.org", "--selector", "a", status=75)
    assert "a._domainkey.example.org. IN TXT" in text
    host.gatepost("dkim", "rotate", "example.org", status=75)
    host.publish("a")
    host.gatepost("dkim", "rotate", "example.org")
    host.reload()
    first = host.send(b"first")
    assert signers(first) == ["a"]
    host.gatepost("dkim", "verify", "-", stdin=first)

    host.gatepost("dkim", "rotate", "example.org", "--selector", "b", "--type", "both", status=75)
    host.reload()
    assert signers(host.send(b"prepared")) == ["a"], "prepared keys do not sign"
    host.publish("br")
    host.gatepost("dkim", "rotate", "example.org", status=75)
    host.publish("be")
    host.gatepost("dkim", "rotate", "example.org")
    host.reload()
    second = host.send(b"second")
    assert sorted(signers(second)) == ["be", "br"]
    for message in (first, second):
        host.gatepost("dkim", "verify", "-", stdin=message)
    host.gatepost("dkim", "check")

    assert "Remove this from the DNS" in host.gatepost("dkim", "rotate", "example.org", "--keep", "0")
    host.dns.drop("a._domainkey.example.org")
    host.gatepost("dkim", "rotate", "example.org", "--keep", "0")
    assert sorted(p.name for p in (host.keys / "example.org").glob("*.key")) == ["be.key", "br.key"]
    host.reload()
    host.gatepost("dkim", "verify", "-", stdin=host.send(b"third"))
    text = host.gatepost("auth", "-", stdin=second)
    assert text.count("DKIM           pass") == 2


def test_unreadable_keys_do_not_reach_the_filter(host: Host) -> None:
    """Keys that the filter may not read are said at the reload; the old ones go on signing."""
    host.gatepost("dkim", "genkey", "example.org", "--selector", "a", "--activate")
    host.reload()
    host.gatepost("dkim", "genkey", "example.org", "--selector", "b", "--activate")
    key = host.keys / "example.org" / "b.key"
    os.chown(key, 0, 0)
    host.milter.reload()
    assert str(key) in host.milter.wait_line("reload: .*b.key")
    assert signers(host.send(b"still")) == ["a"]
