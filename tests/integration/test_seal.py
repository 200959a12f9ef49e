"""milter-spam believes milter-dkim and nobody else, also while milter-dkim is away."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import smtp
from servers.site import Site

ID = "mx.example.org"
ZONE = """
example.net TXT v=spf1 ip4:198.51.100.7 -all
_dmarc.example.net TXT v=DMARC1; p=none
"""
FORGED = f"Authentication-Results: {ID}; spf=pass smtp.mailfrom=author@example.net; dmarc=pass header.from=example.net\n"
LETTER = "From: author@example.net\nTo: alice@example.org\nSubject: A letter\nMessage-ID: {0}\n\nDear Alice,\n\nnothing new.\n"
STRANGER = smtp.Client("203.0.113.45", "", "elsewhere.example.com")
PASSED, FAILED = {"SPF_PASS", "DMARC_PASS"}, {"SPF_FAIL", "DMARC_NONE"}


@pytest.fixture(scope="module")
def site(module_world: Path) -> Iterator[Site]:
    site = Site(module_world, settings={"domains": {"authserv_id": ID}}, zone=ZONE)
    site.default_action("accept")
    site.start()
    yield site
    site.stop()


def deliver(site: Site, head: str, client: smtp.Client) -> tuple[set[str], list[str], list[str]]:
    """Symbols of the message, Authentication-Results and seals that the mailbox has."""
    message_id = f"<{uuid.uuid4()}@example.net>"
    answer = site.send((head + LETTER.format(message_id)).encode(), "author@example.net", ["alice@example.org"], client)
    mail = site.mail("alice@example.org", message_id)
    symbols = site.milter.verdict(answer.queue_id)["symbols"].split(",")
    return set(symbols), mail.headers("Authentication-Results"), mail.headers("X-Gatepost-Seal")


def test_results_reach_the_rules(site: Site) -> None:
    symbols, results, seals = deliver(site, "", smtp.Client())
    assert PASSED <= symbols and not FAILED & symbols
    assert len(results) == 1 and results[0].startswith(ID) and "dmarc=pass" in results[0]
    assert seals == []


def test_forged_results_change_nothing(site: Site) -> None:
    symbols, results, seals = deliver(site, FORGED, STRANGER)
    assert FAILED <= symbols and not PASSED & symbols
    assert len(results) == 1 and "dmarc=fail" in results[0]
    assert seals == []


def test_while_milter_dkim_is_away_nobody_is_believed(site: Site) -> None:
    site.dkim.stop()
    try:
        symbols, results, seals = deliver(site, "X-Gatepost-Seal: v=1; " + "0" * 64 + "\n" + FORGED, STRANGER)
    finally:
        site.dkim.start()
    assert not PASSED & symbols and not FAILED & symbols
    assert results == [] and seals == []
    assert PASSED <= deliver(site, "", smtp.Client())[0]
