"""milter-dkim while mail of both directions is under way: reloads, connections that break. Also what a build with
ThreadSanitizer is to be tried with: GATEPOST_BUILD=build-tsan."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

from conftest import StartDkim
from dkimmail import LETTER, SENDER, SENDER_ZONE, make_key, signed
from load import Load, until
from milterclient import Envelope, MilterError, Session
from servers.dns import Dns
from servers.milter import USER, MilterDkim

ALICE = Envelope(address="203.0.113.5", helo="laptop", sender="alice@example.org", macros={"{auth_authen}": "alice"})
OURS = LETTER.replace(b"author@example.net", b"alice@example.org")


def with_keys(start_dkim: StartDkim, dns: Dns, world: Path) -> tuple[MilterDkim, bytes]:
    """A filter that signs for example.org, and a message of example.net that is signed."""
    pem, record = make_key(world / "theirs")
    dns.add(SENDER_ZONE + f"s1._domainkey.example.net TXT {record}")
    key = world / "ours.key"
    key.write_bytes(make_key(world / "ours")[0])
    key.chmod(0o600)
    shutil.chown(key, USER)
    table = world / "table"
    table.write_text(f"example.org s1={key}\n")
    return start_dkim({"milter-dkim": {"sign": {"keys": str(table)}}}), signed(pem)


def test_reloads_and_broken_connections(start_dkim: StartDkim, dns: Dns, world: Path) -> None:
    milter, theirs = with_keys(start_dkim, dns, world)
    over = threading.Event()

    def break_off() -> None:
        while not over.is_set():
            try:
                with Session(str(milter.socket)) as session:
                    session.open(SENDER)
                    session.begin(theirs, SENDER)
                    session.abort()
                    session.begin(theirs, SENDER)
                    session.cut()
            except MilterError:
                over.wait(0.01)

    breakers = [threading.Thread(target=break_off, daemon=True) for _ in range(2)]
    inbound, outbound = Load(str(milter.socket), theirs, 2, SENDER), Load(str(milter.socket), OURS, 2, ALICE)
    for thread in breakers:
        thread.start()
    end = time.monotonic() + 4
    while time.monotonic() < end or len(milter.lines("configuration reloaded")) <= 3:
        milter.reload()
        time.sleep(0.1)
    until(lambda: len(inbound.results) > 20, inbound)
    until(lambda: len(outbound.results) > 20, outbound)
    over.set()
    for thread in breakers:
        thread.join(60)
    inbound.stop()
    outbound.stop()
    assert not inbound.lost and not outbound.lost
    for result in inbound.results:
        assert "dkim=pass" in result.value("Authentication-Results") and len(result.values("X-Gatepost-Seal")) == 1
    for result in outbound.results:
        assert len(result.values("DKIM-Signature")) == 1 and not result.values("Authentication-Results")

