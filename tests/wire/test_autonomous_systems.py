"""asn_lookup in the running milter-spam: rules and headers by what a list answers, and what becomes of a message when it answers
nonsense, an error, or nothing.
"""

from __future__ import annotations

import pytest

from conftest import StartMilter
from milterclient import Envelope, Result, judge
from servers.dns import Dns
from servers.milter import DNS_TIMEOUT, MilterSpam

RULES = """\
loadplugin Mail::SpamAssassin::Plugin::ASN
clear_headers
add_header all ASN _ASN_ _ASNCIDR_
add_header all Status _YESNO_ tests=_TESTS_
asn_lookup     origin.example.com
rbl_timeout    60
header T_ASN   eval:check_asn('/^AS64500$/')
score  T_ASN   1.5
header T_X     X-ASN =~ /^64500$/
score  T_X     1
header T_NONE  X-ASN !~ /./
score  T_NONE  0.5
"""
# 198.51.100.7 is the client.
NAME = "7.100.51.198.origin.example.com"
MESSAGE = (b"From: Someone <stranger@example.net>\nTo: alice@example.org\nSubject: A letter\nMessage-ID: <1@example.net>\n"
           b"X-Spam-ASN: AS1 192.0.2.0/24\nDate: Sat, 21 Nov 2026 09:00:00 +0000\n\nDear Alice\n")
CLIENT = Envelope(queue_id="4Asn1")


def asking(start: StartMilter, dns: Dns, deadline: str = "60s") -> MilterSpam:
    """Answers have time; who waits for none says how long."""
    return start({"rules": {"network": True}, "dns": {"servers": [dns.address], "timeout": DNS_TIMEOUT},
                  "milter-spam": {"deadline": deadline, "greylist": {"enabled": False}, "headers": {"from_rules": True}}}, rules=RULES)


def verdict(result: Result) -> tuple[str, str]:
    """The test rules that hit, and the header; that which came with the message is gone."""
    tests = result.value("X-Spam-Status").split("tests=")[1].split()[0]
    return ",".join(name for name in tests.split(",") if name.startswith("T_")), result.value("X-Spam-ASN").strip()


def test_an_answer(start: StartMilter) -> None:
    with Dns() as dns:
        dns.put(NAME, "TXT", "64500\x1f198.51.100.0\x1f24")
        milter = asking(start, dns)
        assert verdict(judge(str(milter.socket), MESSAGE, CLIENT)) == ("T_ASN,T_X", "AS64500 198.51.100.0/24")
        assert "missing" not in milter.verdict("4Asn1")


@pytest.mark.parametrize("text", ["", "nobody knows", "|" * 200, "64500 \x07|\x01\x02", "\xff\xfe 64500\t", "9" * 2000, "a\r\nX-Bad: x"])
def test_nonsense(start: StartMilter, text: str) -> None:
    with Dns() as dns:
        dns.put(NAME, "TXT", text)
        milter = asking(start, dns)
        assert verdict(judge(str(milter.socket), MESSAGE, CLIENT)) == ("T_NONE", "")
        assert NAME in dns.asked and "missing" not in milter.verdict("4Asn1")


def test_words_stay_within_the_header(start: StartMilter) -> None:
    """What ends in a number counts, whatever stands before it."""
    with Dns() as dns:
        dns.put(NAME, "TXT", "a\r\nX-Bad: 1\x1fx\r\nX-Bad: y")
        result = judge(str(asking(start, dns).socket), MESSAGE, CLIENT)
        assert verdict(result) == ("", "ASa ASX-Bad: AS1 x X-Bad: y") and result.values("X-Bad") == []


@pytest.mark.parametrize("mood", ["dead", "servfail"])
def test_no_answer(start: StartMilter, mood: str) -> None:
    with Dns() as dns:
        dns.put(NAME, "TXT", "64500")
        dns.mood = mood
        milter = asking(start, dns, "2s")
        assert verdict(judge(str(milter.socket), MESSAGE, CLIENT)) == ("T_NONE", "")
        assert milter.verdict("4Asn1")["missing"] == "dns"
