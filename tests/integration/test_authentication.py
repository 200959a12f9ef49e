"""milter-dkim behind a real Postfix, chrooted as Debian has it: what arrives in the Maildir."""

from __future__ import annotations

import base64
import email
import email.message
import email.policy
import hashlib
import hmac
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import dkim
import pytest

from servers import smtp
from servers.dns import Dns
from servers.milter import MilterDkim
from servers.postfix import Postfix
from servers.process import wait_for

ID = "mx.example.org"
RESULTS = "Authentication-Results"
TO = "alice@local.example.org"  # Postfix's own delivery
CLIENT = smtp.Client(address="192.0.2.10")
LETTER = (b"From: Author <author@example.net>\nTo: alice@local.example.org\nSubject: A letter\n\nDear Alice,\n\n.\n..\nnothing  is new. \n\n"
          b"Gr\xc3\xbc\xc3\x9fe\n\n\n")
ZONE = """
example.net TXT v=spf1 ip4:192.0.2.10 -all
_dmarc.example.net TXT v=DMARC1; p=reject
"""


class Host:
    """Postfix with milter-dkim, which answers for its own DNS."""

    def __init__(self, folder: Path, dns: Dns) -> None:
        self.dns = dns
        self.postfix = Postfix(folder / "postfix")
        self.postfix.configure({
            "smtpd_milters": "unix:gatepost/dkim.sock", "non_smtpd_milters": "unix:gatepost/dkim.sock",
            "internal_mail_filter_classes": "bounce", "milter_default_action": "tempfail",
            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination"})
        keys = folder / "keys"
        keys.mkdir()
        self.key = keys / "s1.key"
        subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key],
                       check=True, stderr=subprocess.DEVNULL)
        self.key.chmod(0o600)
        subprocess.run(["chown", "-R", "nobody", keys], check=True)
        public = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True, capture_output=True)
        self.record = f"v=DKIM1; k=rsa; p={base64.b64encode(public.stdout).decode()}"
        dns.add(f"s1._domainkey.example.org TXT {self.record}")
        table = folder / "keytable"
        table.write_text(f"example.org s1={self.key}\n")
        self.milter = MilterDkim(folder / "gatepost", self.postfix.queue / "gatepost" / "dkim.sock", dns.address,
                                 {"milter-dkim": {"sign": {"keys": str(table)}, "arc": {"seal_as": "example.org"}}})

    def start(self) -> None:
        self.milter.start()
        self.postfix.start()

    def stop(self) -> None:
        self.postfix.stop()
        self.milter.stop()

    def receive(self, message: bytes, sender: str = "author@example.net", client: smtp.Client | None = CLIENT,
                options: tuple[str, ...] = ()) -> tuple[bytes, str]:
        """Sends a message and gives it back as it was delivered, with its queue id."""
        mark = str(uuid.uuid4())
        answer = smtp.send(self.postfix.port, b"X-Mark: " + mark.encode() + b"\n" + message, sender, [TO], client, options=options)
        assert answer.queue_id, answer
        self.postfix.wait_delivered(answer.queue_id)
        return self.delivered(mark), answer.queue_id

    def delivered(self, mark: str) -> bytes:
        found: list[bytes] = []

        def there() -> bool:
            found[:] = [raw for raw in (p.read_bytes() for p in self.postfix.maildir.glob("new/*")) if mark.encode() in raw]
            return bool(found)

        wait_for(there, f"message {mark}")
        return found[0]


@pytest.fixture(scope="module")
def host(module_world: Path) -> Iterator[Host]:
    with Dns(ZONE) as dns:
        host = Host(module_world, dns)
        host.start()
        yield host
        host.stop()


def fields(raw: bytes, name: str) -> list[str]:
    """The values of all fields of that name, unfolded, as any reader would see them; blanks before the colon count as none."""
    head = re.sub(rb"\r?\n[ \t]+", b" ", raw.split(b"\n\n")[0].split(b"\r\n\r\n")[0])
    return [m.decode().strip() for m in re.findall(rb"(?im)^" + name.encode() + rb"[ \t]*:(.*)$", head)]


def test_forged_results_are_gone(host: Host) -> None:
    forged = [f"{RESULTS}: {ID}; spf=pass (forged)", f"authentication-results:{ID.upper()} 1; none (forged)",
              f'{RESULTS}: (forged)\n "mx.example.org"\n ; dmarc=pass', f"{RESULTS} : {ID}; spf=pass (forged)",
              f"{RESULTS}\t:\n\t{ID}; spf=pass (forged)", f"{RESULTS}: (forged", "X-Gatepost-Seal: v=1; forged"]
    honest = f"{RESULTS}: mx.elsewhere.example; spf=pass"
    head = "\n".join([*forged[:3], honest, *forged[3:]]) + "\n"
    raw, _ = host.receive(head.encode() + LETTER)
    results = fields(raw, RESULTS)
    assert b"forged" not in raw, raw
    assert [r.split(";")[0] for r in results] == [ID, "mx.elsewhere.example"]
    raw, _ = host.receive(head.encode() + LETTER.replace(b"author@example.net", b"me@example.org"), "me@example.org", None)
    assert b"forged" not in raw and len(fields(raw, RESULTS)) == 1


def test_results_stand_on_top_with_their_seal(host: Host) -> None:
    raw, queue_id = host.receive(f"{RESULTS}: {ID}; none\n".encode() + LETTER)
    (results,), (seal,) = fields(raw, RESULTS), fields(raw, "X-Gatepost-Seal")
    assert "spf=pass" in results and "dmarc=pass" in results and "dkim=none" in results
    key = (host.milter.folder / "store" / "seal.key").read_bytes()
    packed = re.sub(r"\s", "", results).encode()
    assert seal == "v=1; " + hmac.new(key, queue_id.encode() + b"\0" + packed, hashlib.sha256).hexdigest()
    names = [line.split(b":")[0] for line in re.findall(rb"(?m)^[\w-]+:", raw)]
    assert names.index(RESULTS.encode()) < names.index(b"Received")


def test_what_we_sign_verifies(host: Host) -> None:
    """By python3-dkim, and by ourselves when it comes in from elsewhere."""
    letter = LETTER.replace(b"author@example.net", b"Me <me@example.org>")
    raw, queue_id = host.receive(letter, "me@example.org", None, ("BODY=8BITMIME",))
    assert fields(raw, RESULTS) == []
    assert host.milter.verdict(queue_id)["signed"] == "example.org:s1"
    sent = raw[raw.index(b"DKIM-Signature:"):]
    assert dkim.verify(sent.replace(b"\n", b"\r\n"), dnsfunc=lambda name, timeout=5: host.record.encode())
    back, _ = host.receive(sent, "me@example.org", options=("BODY=8BITMIME",))
    results = fields(back, RESULTS)[0]
    assert re.search(r"dkim=\w+ [^;]*", results)[0].startswith("dkim=pass"), results


def test_a_bounce_is_signed(host: Host) -> None:
    sender = f"{uuid.uuid4()}@local.example.org"
    host.postfix.sendmail(b"From: me@example.org\nSubject: to nowhere\n\nx\n", sender, ["nobody@elsewhere.example.net"])
    line = host.postfix.wait_log(r"sender non-delivery notification: \w+")
    log = host.milter.verdict(line.rsplit(" ", 1)[1])
    assert (log["from"], log["origin"], log["signed"]) == ("<>", "own", "example.org:s1")


def test_arc_set_validates(host: Host) -> None:
    raw, _ = host.receive(LETTER)
    assert fields(raw, "ARC-Seal") and "cv=none" in fields(raw, "ARC-Seal")[0]
    sent = raw[raw.index(b"ARC-Seal:"):]
    status, sets, reason = dkim.arc_verify(sent.replace(b"\n", b"\r\n"), dnsfunc=lambda name, timeout=5: host.record.encode())
    assert status == b"pass", reason
    back, _ = host.receive(sent)
    assert "arc=pass" in fields(back, RESULTS)[0]
    assert "i=2" in fields(back, "ARC-Seal")[0] and "cv=pass" in fields(back, "ARC-Seal")[0]


def test_flood_of_results_is_refused(host: Host) -> None:
    head = f"{RESULTS}: {ID}; spf=pass\n" * 501
    answer = smtp.send(host.postfix.port, head.encode() + LETTER, "author@example.net", [TO], CLIENT)
    assert answer.code == 550


def test_ten_thousand_results(host: Host) -> None:
    head = "".join(f"{RESULTS}: mx{i}.example; spf=pass\n" for i in range(10000))
    raw, queue_id = host.receive(head.encode() + f"{RESULTS}: {ID}; spf=pass (forged)\n".encode() + LETTER)
    assert b"forged" not in raw and len(fields(raw, RESULTS)) == 10001
    assert float(host.milter.verdict(queue_id)["cpu_ms"]) < 1000


def test_milter_away(host: Host) -> None:
    host.milter.stop()
    try:
        answer = smtp.send(host.postfix.port, LETTER, "author@example.net", [TO], CLIENT)
        assert answer.code == 451
    finally:
        host.milter.start()
