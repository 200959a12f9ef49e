"""milter-dkim and messages made to cost as much as one can: questions to the DNS are counted, time is bounded."""

from __future__ import annotations

from conftest import StartDkim
from dkimmail import LETTER, SENDER, SENDER_ZONE, make_key
from milterclient import Envelope, judge
from servers.dns import Dns
from servers.milter import MilterDkim, Value
from servers.process import cpu_seconds

QUESTIONS_MAX = 300  # GP_MAX_AUTH_LOOKUPS
PATIENCE = 20  # seconds of a processor, with the sanitizers
PATIENT: dict[str, Value] = {"deadline": "60s", "spf": {"deadline": "60s"}}  # what takes long is looked at, not cut short


def spf_zone(domain: str) -> str:
    """As many questions as RFC 7208 lets a record ask: ten MX records of ten hosts, and the client's name for a macro."""
    mx = "".join(f"m{i}.{domain} MX {k} h{i}x{k}.{domain}\n" for i in range(9) for k in range(10))
    hosts = "".join(f"h{i}x{k}.{domain} A 198.51.100.{k + 1}\n" for i in range(9) for k in range(10))
    terms = " ".join(f"mx:m{i}.{domain}" for i in range(9))
    return f"{domain} TXT v=spf1 {terms} exists:%{{p}}.{domain} -all\n{mx}{hosts}"


def used(milter: MilterDkim) -> float:
    return cpu_seconds(milter.process.pid)


def test_questions_of_the_worst_message(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim({"milter-dkim": {**PATIENT, "dkim": {"signatures_max": 50}}})
    dns.add(spf_zone("helo.example") + spf_zone("from.example"))
    dns.add("".join(f"66.2.0.192.in-addr.arpa PTR p{i}.example\np{i}.example A 192.0.2.66\n" for i in range(20)))
    dkim = "".join(f"DKIM-Signature: v=1; a=rsa-sha256; d=a{i}.b.c.d.e.example; s=s{i}; h=from; bh={'A' * 43}=; b=AAAA\n" for i in range(1000))
    arc = "".join(f"ARC-Seal: i={i}; a=rsa-sha256; cv={'pass' if i > 1 else 'none'}; d=s{i}.example; s=s; b=AAAA\n"
                  f"ARC-Message-Signature: i={i}; a=rsa-sha256; d=m{i}.example; s=s; h=from; bh={'A' * 43}=; b=AAAA\n"
                  f"ARC-Authentication-Results: i={i}; x; none\n" for i in range(1, 51))
    authors = "From: " + ", ".join(f"x@1.2.3.4.5.6.7.8.9.a{i}.example" for i in range(200)) + "\n"
    message = (dkim + arc + authors).encode() + LETTER[LETTER.index(b"To:"):]
    envelope = Envelope(address="192.0.2.66", helo="helo.example", name="p0.example", sender="x@from.example")
    began = used(milter)
    result = judge(str(milter.socket), message, envelope)
    assert used(milter) - began < PATIENCE
    value = result.value("Authentication-Results")
    assert "dmarc=permerror" in value and value.count("dkim=") == 50
    assert 200 < len(set(dns.asked)) <= QUESTIONS_MAX
    # None is asked for over and over; what the resolver sends once more for want of an answer is not seen here.
    assert milter.counted("gatepost_dns_questions_total") <= QUESTIONS_MAX
    assert "dmarc=pass" not in judge(str(milter.socket), LETTER).value("Authentication-Results")  # it goes on


def test_signatures_over_everything(start_dkim: StartDkim, dns: Dns) -> None:
    """Fifty signatures, each of which covers what is there of 20,000 fields by a list of 60 KB."""
    milter = start_dkim({"milter-dkim": {**PATIENT, "dkim": {"signatures_max": 50}}})
    _, record = make_key(milter.folder)
    dns.add(SENDER_ZONE + f"s1._domainkey.example.net TXT {record}")
    fields = "".join(f"X-{i % 900}: {'y' * 20}\n" for i in range(18000))
    names = ":".join(["from"] + [f"x-{i}" for i in range(900)])
    signatures = "".join("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.net; s=s1; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;"
                         f" h={names}; l=0; b=AAA{i:02}A==\n" for i in range(50))
    began = used(milter)
    value = judge(str(milter.socket), (signatures + fields).encode() + LETTER, SENDER).value("Authentication-Results")
    assert used(milter) - began < PATIENCE
    assert value.count("dkim=fail (2048-bit key; signature did not verify)") == 50


def test_lists_of_64_kilobytes(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim({"milter-dkim": PATIENT})
    dns.add(SENDER_ZONE)
    long = "from" + ":x" * 32000
    message = "".join(f"DKIM-Signature: v=1; a=rsa-sha256; d=d{i}.example; s=s; h={long}; bh=AAAA; b=AAAA\n" for i in range(14)).encode() + LETTER
    began = used(milter)
    value = judge(str(milter.socket), message, SENDER).value("Authentication-Results")
    assert used(milter) - began < PATIENCE
    assert "dkim=permerror (h= is too long)" in value and not any("_domainkey" in name for name in dns.asked)
