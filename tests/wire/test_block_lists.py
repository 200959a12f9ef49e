"""Rules that ask block lists, in the running milter-spam: what they hit, and what becomes of a message when lists stay silent or refuse."""

from __future__ import annotations

import dataclasses

import pytest

from conftest import StartMilter
from milterclient import Envelope, Result, judge
from servers.dns import Dns
from servers.milter import DNS_TIMEOUT, MilterSpam

RULES = """\
util_rb_tld     example com
header   T_RBL       eval:check_rbl('zone', 'rbl.example.com.')
tflags   T_RBL       net
score    T_RBL       2.5
header   T_RBL_SUB   eval:check_rbl_sub('zone', '127.0.0.4')
tflags   T_RBL_SUB   net
score    T_RBL_SUB   0.5
urirhssub T_RHS      dbl.example.com. A 127.0.1.2
body     T_RHS       eval:check_uridnsbl('T_RHS')
tflags   T_RHS       net domains_only
score    T_RHS       3
uridnssub T_NET      sbl.example.com. A 127.0.0.2
body     T_NET       eval:check_uridnsbl('T_NET')
tflags   T_NET       net
score    T_NET       1.5
askdns   T_ASK       _AUTHORDOMAIN_.author.example.com A /^127\\.0\\.2\\.7$/
tflags   T_ASK       net
score    T_ASK       1.25
header   T_BLOCKED   eval:check_rbl_sub('zone', '127.0.0.99')
tflags   T_BLOCKED   net
score    T_BLOCKED   0.01
dns_block_rule T_BLOCKED rbl.example.com
"""
# 198.51.100.7 is the client, shop.example the link's host, example.net the author's domain.
ZONE = """
7.100.51.198.rbl.example.com A 127.0.0.4
7.100.51.198.rbl.example.com TXT Listed, see there
shop.example.dbl.example.com A 127.0.1.2
www.shop.example A 203.0.113.9
shop.example A 203.0.113.9
shop.example NS ns.shop.example
ns.shop.example A 203.0.113.10
9.113.0.203.sbl.example.com A 127.0.0.2
10.113.0.203.sbl.example.com A 127.0.0.2
example.net.author.example.com A 127.0.2.7
"""
MESSAGE = (b"From: Someone <stranger@example.net>\nTo: alice@example.org\nSubject: A letter\nMessage-ID: <1@example.net>\n"
           b"Date: Sat, 21 Nov 2026 09:00:00 +0000\n\nDear Alice,\n\nlook at http://www.shop.example/new today.\n")
CLIENT = Envelope(queue_id="4List1")
ALL = {"T_RBL", "T_RBL_SUB", "T_RHS", "T_NET", "T_ASK"}


def asking(start: StartMilter, dns: Dns, rules: str = RULES, deadline: str = "60s", **more: object) -> MilterSpam:
    return start({"rules": {"network": True}, "dns": {"servers": [dns.address], "timeout": DNS_TIMEOUT},
                  "milter-spam": {"deadline": deadline, "greylist": {"enabled": False}}, **more}, rules=rules)


def hits(result: Result) -> set[str]:
    """The test rules among those named in X-Spam-Status."""
    status = result.value("X-Spam-Status").replace("\t", " ").split("tests=")[1].split(" ")[0]
    return {name.strip() for name in status.split(",") if name.strip().startswith("T_")}


def lists_asked(dns: Dns) -> set[str]:
    return {name for name in dns.asked if name.endswith(".example.com")}


def test_hits(start: StartMilter) -> None:
    with Dns(ZONE) as dns:
        milter = asking(start, dns)
        result = judge(str(milter.socket), MESSAGE, CLIENT)
        assert hits(result) == ALL
        verdict = milter.verdict("4List1")
        assert set(verdict["symbols"].replace("(", ",").split(",")) >= ALL and float(verdict["score"]) == 8.75
        assert "missing" not in verdict
        report = result.value("X-Spam-Report")
        for evidence in ("T_RBL", "198.51.100.7", "127.0.0.4", "shop.example", "127.0.1.2", "127.0.2.7"):
            assert evidence in report, report


def test_what_is_not_listed(start: StartMilter) -> None:
    with Dns("nothing.example.com A 127.0.0.1\n") as dns:
        milter = asking(start, dns)
        assert hits(judge(str(milter.socket), MESSAGE, CLIENT)) == set()
        assert "7.100.51.198.rbl.example.com" in dns.asked and "missing" not in milter.verdict("4List1")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.7.7", "203.0.113.77"])
def test_own_and_private_clients_are_not_asked_about(start: StartMilter, address: str) -> None:
    with Dns(ZONE) as dns:
        milter = asking(start, dns, networks={"trusted": ["203.0.113.0/24"]})
        reverse = ".".join(reversed(address.split(".")))
        dns.put(f"{reverse}.rbl.example.com", "A", "127.0.0.4")
        judge(str(milter.socket), MESSAGE, dataclasses.replace(CLIENT, address=address))
        assert f"{reverse}.rbl.example.com" not in dns.asked


def test_silence(start: StartMilter) -> None:
    """The deadline of the message is what counts: it is over long before the resolver gives up, and so would the MTA."""
    with Dns(ZONE) as dns:
        dns.mood = "dead"
        milter = asking(start, dns, deadline="2s")
        result = judge(str(milter.socket), MESSAGE, CLIENT)
        assert result.reply.action in ("accept", "continue") and hits(result) == set()
        assert milter.verdict("4List1")["missing"] == "dns"
        assert "missing=dns" in result.value("X-Spam-Status")


def test_a_list_that_refuses_is_left_alone(start: StartMilter) -> None:
    """127.255.255.254: asked through a public resolver. That is no listing, and is said once."""
    refusing = ZONE.replace("7.100.51.198.rbl.example.com A 127.0.0.4", "7.100.51.198.rbl.example.com A 127.255.255.254\n"
                            "8.100.51.198.rbl.example.com A 127.255.255.254")
    with Dns(refusing) as dns:
        milter = asking(start, dns)
        for number in range(7, 12):
            envelope = dataclasses.replace(CLIENT, address=f"198.51.100.{number}", queue_id=f"4Ref{number}")
            assert hits(judge(str(milter.socket), MESSAGE, envelope)) == ALL - {"T_RBL", "T_RBL_SUB"}
        assert [name for name in lists_asked(dns) if name.endswith(".rbl.example.com")] == ["7.100.51.198.rbl.example.com"]
        warnings = milter.lines("refuse to answer")
        assert len(warnings) == 1 and "rbl.example.com" in warnings[0]


def test_dns_block_rule(start: StartMilter) -> None:
    """A rule's own word for "blocked": it hits, and the list is not asked for a while."""
    with Dns(ZONE.replace("7.100.51.198.rbl.example.com A 127.0.0.4", "7.100.51.198.rbl.example.com A 127.0.0.99")) as dns:
        milter = asking(start, dns)
        assert "T_BLOCKED" in hits(judge(str(milter.socket), MESSAGE, CLIENT))
        other = dataclasses.replace(CLIENT, address="198.51.100.8", queue_id="4List2")
        assert "T_BLOCKED" not in hits(judge(str(milter.socket), MESSAGE, other))
        assert "8.100.51.198.rbl.example.com" not in dns.asked
