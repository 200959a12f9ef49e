"""Rules and tags of autonomous systems, and rules that ask for hosts in headers: the same hits and headers under SpamAssassin and under
our engine, which ask one name server. It answers in all the forms that lists have, in none of them, or with an error (silence: tests/wire).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from servers.dns_broken import BrokenDns
from servers.milter import build_folder

REFERENCE = Path(__file__).parent / "spamassassin_answers.pl"
TLDS = Path("/usr/share/spamassassin/20_aux_tlds.cf")
NET = "81.2.69"
SIX = "2001:4860:4860::8888"
SIX_NAME = "8.8.8.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.8.4.0.6.8.4.1.0.0.2"

# By the last byte of the address: what lists a and b answer; strings of one record apart by \\x1f.
ANSWERS: dict[int, tuple[list[str], list[str]]] = {
    1: (["1103\x1f192.88.99.0\x1f24"], ["559 1103 | 192.88.99.0/24 | US | iana | 2001-06-01"]),
    2: (["81.2.69.0/24 | AS1103 | A Name, Somewhere | 2002-10-15 | EU"], ["as1103"]),
    3: (["1680 | 89.138.0.0/15 | IL", "1680 | 89.139.0.0/16 | IL"], ["7 | 81.2.0.0/16"]),
    4: (["4294967295\x1f0.0.0.0\x1f0"], ["0 | 81.2.0.0/16"]),
    5: (["no such thing"], ["|||"]),
    6: (["1103\x1f192.88.99.0/25\x1f24"], ["1103 | 192.88\x1f.99.0/24"]),
    7: (["7"], []),
    8: ([], ["8 8 AS8 as9"]),
    9: (["7 "], ["x 7 | 81.2.69.0/0"]),
    10: (["a | b | 7"], ["AS | 7 | 8"]),
    11: (["7 | 81.2.69.0/24"], ["8"]),
    12: (["7 | 81.2.69.0/24"], ["8"]),
}
# Of those: what is wrong with list a's answer.
TROUBLE = {11: "servfail", 12: "refused"}
EXTRA = {7: "X-ASN: 8\n"}

RULES = """
clear_headers
report_safe 0
rbl_timeout 60 60
loadplugin Mail::SpamAssassin::Plugin::ASN
ifplugin Mail::SpamAssassin::Plugin::ASN
if can(Mail::SpamAssassin::Plugin::ASN::has_check_asn) && can(Mail::SpamAssassin::Plugin::ASN::has_check_asn_tag)
asn_lookup gone.example.net
clear_asn_lookups
asn_lookup a.example.net.
asn_lookup b.example.net _MYASN_ _MYCIDR_
asn_lookup_ipv6 six.example.net
endif
endif
add_header all ASN _ASN_ _ASNCIDR_
add_header all Mine [_MYASN_] [_MYCIDR_] [_NOSUCH_]
header A_7 eval:check_asn('/^AS7$/')
header A_1103 eval:check_asn('/\\b(?:AS)?1103\\b/')
header A_LOWER eval:check_asn('/^as1680/i')
header A_BARE eval:check_asn('^AS1103')
header A_ANY eval:check_asn('/./')
header B_ANY eval:check_asn('m{.}', 'MYASN')
header B_8 eval:check_asn('/^AS8/', 'myasn')
header B_ODD eval:check_asn('/^AS[^0-9]/', 'MYASN')
header CIDR eval:check_asn('/(?:^| )81\\.2\\./', 'ASNCIDR')
header CIDR_TWO eval:check_asn('/^\\S+ \\S+$/', 'ASNCIDR')
header MYCIDR eval:check_asn('/^192\\.88\\./', 'MYCIDR')
header LAST_IP eval:check_asn('/^81\\.2\\.69\\./', 'LASTEXTERNALIP')
header NEVER_1 eval:check_asn('/./', 'NOSUCHTAG')
header NEVER_2 eval:check_asn('/^1103/')
header X_ASN X-ASN =~ /\\d/
priority X_ASN 100
header X_ASN_EIGHT X-ASN:raw =~ /^8(?:\\n?$| )/
priority X_ASN_EIGHT 100
header X_ASN_IS exists:X-ASN
priority X_ASN_IS 100
header X_ASN_NOT X-ASN !~ /1103/
priority X_ASN_NOT 100
header X_ASN_UNSET X-ASN =~ /^none$/ [if-unset: none]
priority X_ASN_UNSET 100
askdns ASKED _ASN_.c.example.net A 127.0.0.2
header HASHED eval:check_hashbl_tag('d.example.net', 'raw', 'MYASN', '^127\\.')
meta BOTH ASKED && B_ANY
meta NONE !A_ANY && !B_ANY
"""


Verdict = tuple[set[str], dict[str, list[str]]]

# Hosts in headers: by rule what is listed.
HOST_RULES = """
loadplugin Mail::SpamAssassin::Plugin::DNSEval
header H_ANY eval:check_rbl_headers('h', 'h.example.net.')
header H_OWN eval:check_rbl_headers('o', 'o.example.net', '127.0.0.2', 'X-Host,X-Ip,Reply-To')
header H_NAMES eval:check_rbl_headers('n', 'n.example.net', '127.0.0.2', 'X-Host,X-Ip')
tflags H_NAMES domains_only
header H_IPS eval:check_rbl_headers('i', 'n.example.net', '127.0.0.2', 'X-Host,X-Ip')
tflags H_IPS ips_only
header H_SUB eval:check_rbl_sub('h', '127.0.0.7')
header R_ANY eval:check_rbl_rcvd('r', 'r.example.net')
header R_NAMES eval:check_rbl_rcvd('s', 'r.example.net', '^127\\.0\\.0\\.2$')
tflags R_NAMES domains_only
header GW05 eval:check_for_forged_gw05_received_headers()
"""
# What reports have in brackets: a line each answer that fits.
DETAIL_RULES = """
loadplugin Mail::SpamAssassin::Plugin::URIDNSBL
add_header all Report _REPORT_
header D_TEXT eval:check_rbl_txt('t', 't.example.net.')
header D_LISTED eval:check_rbl('l', 'l.example.net.')
header D_SUB eval:check_rbl_sub('l', '127.0.0.3')
header D_HIDDEN eval:check_rbl('m', 'l.example.net.')
tflags D_HIDDEN nolog net
urirhssub D_URI u.example.net. A 2
body D_URI eval:check_uridnsbl('D_URI')
askdns D_ASK_TXT _LASTEXTERNALHELO_.k.example.net TXT /^some/
askdns D_ASK_A _LASTEXTERNALHELO_.k.example.net A 127.0.0.1-127.0.0.5
askdns D_ASK_GONE _LASTEXTERNALHELO_.gone.example.net A [NXDOMAIN]
askdns D_ASK_THERE _LASTEXTERNALHELO_.k.example.net A [NOERROR]
header D_HASH_MAIL eval:check_hashbl_emails('e.example.net')
body D_HASH_BODY eval:check_hashbl_bodyre('d.example.net', 'raw', '\\b(no\\d+)\\b', '^127\\.')
body D_HASH_FILE eval:check_hashbl_attachments('d.example.net', 'sha256', '^127\\.')
"""
FILE = b"what is attached\n"
DETAIL_ZONE = f"""
201.69.2.81.l.example.net A 127.0.0.2
201.69.2.81.l.example.net A 127.0.0.3
{SIX_NAME}.l.example.net A 127.0.0.2
example.com.u.example.net A 127.0.0.2
example.org.u.example.net A 127.0.0.2
mx.example.com.k.example.net A 127.0.0.2
mx.example.com.k.example.net A 127.0.0.4
{hashlib.sha1(b"a@example.com").hexdigest()}.e.example.net A 127.0.0.2
no1.d.example.net A 127.0.0.2
no2.d.example.net A 127.0.0.2
no2.d.example.net A 127.0.0.3
{base64.b32encode(hashlib.sha256(FILE).digest()).decode().lower().rstrip("=")}.d.example.net A 127.0.0.2
"""
DETAIL_TEXTS = {
    "201.69.2.81.t.example.net": ["Listed; see http://example.net/why?ip=81.2.69.201 (https://example.net/) or HTTPS://example.net/x, now"],
    "mx.example.com.k.example.net": ["some text\x1fof two strings", "other text", "some more text of that name that is so long that it needs two lines"],
}
HOST_ZONE = """
reply.example.com.h.example.net A 127.0.0.7
ip.example.com.h.example.net A 127.0.0.2
9.113.0.203.h.example.net A 127.0.0.2
host.example.com.o.example.net A 127.0.0.2
reply.example.com.o.example.net A 127.0.0.2
9.113.0.203.o.example.net A 127.0.0.2
host.example.com.n.example.net A 127.0.0.2
9.113.0.203.n.example.net A 127.0.0.2
7.69.2.81.r.example.net A 127.0.0.2
by.example.com.r.example.net A 127.0.0.2
helo.example.com.r.example.net A 127.0.0.2
rdns.example.com.r.example.net A 127.0.0.2
"""
HOST_HEADERS = {
    "reply": "Reply-To: B <b@Reply.example.com>, c@other.example.com\n", "reply-second": "Reply-To: c@other.example.com, b@reply.example.com\n",
    "reply-name": "Reply-To: reply.example.com\n", "reply-dots": "Reply-To: <b@..reply.example.com.>\n", "source": "X-Source-IP: 203.0.113.9\n",
    "source-brackets": "X-Source-IP: [203.0.113.9]\n", "webmail": "X-WebmailclientIP: ip.example.com\n", "host": "X-Host: host.example.com\n",
    "hosts": "X-Host: other.example.com\nX-Host: host.example.com\n", "ip": "X-Ip: 203.0.113.9\n", "no-host": "X-Host: no host here\n",
    "tld": "X-Host: host.example.nosuchtld\n", "both": "X-Host: host.example.com\nX-Ip: 203.0.113.9\n", "mail": "X-Host: a@host.example.com\n",
    "envelope": "Return-Path: <a@reply.example.com>\n",
}
HOST_RELAYS = {
    "oldest": "from helo.example.org (rdns.example.org [81.2.69.7]) by other.example.org with SMTP; Sat, 21 Nov 2026 09:00:00 +0000",
    "by": "from helo.example.org (rdns.example.org [81.2.69.8]) by by.example.com with SMTP; Sat, 21 Nov 2026 09:00:00 +0000",
    "helo": "from helo.example.com (rdns.example.org [81.2.69.8]) by other.example.org with SMTP; Sat, 21 Nov 2026 09:00:00 +0000",
    "rdns": "from helo.example.org (rdns.example.com [81.2.69.8]) by other.example.org with SMTP; Sat, 21 Nov 2026 09:00:00 +0000",
    "gw05": "from mail3.example.org by gw05 with ESMTP; Sat, 21 Nov 2026 09:00:00 +0000",
    "gw05-domain": "from mail3.example.org by gw05.example.org with ESMTP; Sat, 21 Nov 2026 09:00:00 +0000",
    "gw05-words": "from mail3.example.org by gw05 with ESMTP; Sat, 21 Nov 2026 09:00:00 +0000 (UTC)",
}


def zone(dns: BrokenDns) -> None:
    for last, answers in ANSWERS.items():
        for name, texts in zip("ab", answers, strict=True):
            for text in texts:
                dns.put(f"{last}.69.2.81.{name}.example.net", "TXT", text)
    for last, trouble in TROUBLE.items():
        dns.trouble[f"{last}.69.2.81.a.example.net"] = trouble
    dns.put(f"{SIX_NAME}.six.example.net", "TXT", "15169 | 2001:4860::/32 | US | arin | 2005-03-14")
    dns.add("AS7.c.example.net A 127.0.0.2\nAS1103.c.example.net A 127.0.0.2\nAS8.d.example.net A 127.0.0.2\n" + HOST_ZONE + DETAIL_ZONE)
    for name, texts in DETAIL_TEXTS.items():
        for text in texts:
            dns.put(name, "TXT", text)


def messages(folder: Path) -> list[str]:
    hosts = {f"v4-{last:02}": (f"{NET}.{last}", EXTRA.get(last, "")) for last in ANSWERS}
    hosts |= {"v6": (f"IPv6:{SIX}", ""), "private": ("10.1.2.3", ""), "unlisted": (f"{NET}.200", "")}
    hosts |= {f"header-{name}": (f"{NET}.201", text) for name, text in HOST_HEADERS.items()}
    hosts |= {f"relay-{name}": (f"{NET}.202", f"Received: {text}\n") for name, text in HOST_RELAYS.items()}
    for name, (address, extra) in hosts.items():
        (folder / f"{name}.eml").write_text(
            f"Received: from mx.example.com (mx.example.com [{address}])\n\tby mx.example.org (Postfix) with ESMTP id 4F2A1"
            f"\n\tfor <u@example.org>; Sat, 21 Nov 2026 10:00:00 +0000 (UTC)\n{extra}"
            "From: a@example.com\nTo: u@example.org\nSubject: x\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n"
            "Message-ID: <1@example.com>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n"
            f"See http://www.listed.example.com/ and http://listed.example.org/x of no1, no2 and no3.\n--b\n"
            f"Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n"
            f"{base64.b64encode(FILE).decode()}\n--b--\n", encoding="utf-8")
    return sorted(str(path) for path in folder.glob("*.eml"))


def headers_of(header: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Those that the rules add, as words: resolvers may change the order of records; of the report what it says of each rule."""
    fields = [(name, value) for name, value in header]
    out = {name: sorted(value.split()) for name, value in fields if name in ("X-Spam-ASN", "X-Spam-Mine")}
    report = " ".join(value for name, value in fields if name == "X-Spam-Report")
    for rule, text in re.findall(r"\* +-?[\d.]+ (\w+) (.*?)(?=\* +-?[\d.]+ \w+ |$)", report, re.S):
        area, *lines = re.split(r" *\n?\t?\*? *\[(?!at\])", text)
        out[rule] = [area.partition(": ")[1] and area.partition(": ")[0], *sorted(" ".join(line.split()) for line in lines)]
    return out


def by_spamassassin(rules: Path, port: str, files: list[str]) -> dict[str, Verdict]:
    done = subprocess.run(["perl", REFERENCE, rules, port, "AskDNS", "HashBL", "DNSEval", "HeaderEval"], input="\n".join(files) + "\n", stdout=subprocess.PIPE, check=True,
                          encoding="latin-1")
    answers = (json.loads(line) for line in done.stdout.splitlines())
    return {answer["file"]: (set(answer["hits"]), headers_of(line.split(": ", 1) for line in answer["message"].replace("\n\t", " ")
                                                             .split("\n") if ": " in line)) for answer in answers}


def by_gatepost(folder: Path, rules: Path, address: str, files: list[str]) -> dict[str, Verdict]:
    conf = folder / "gatepost.conf"
    conf.write_text(f'store = "lmdb:{folder}/store";\nrules = {{ paths = [ "{rules}" ]; cache = "{folder}"; }};\n'
                    f'dns = {{ servers = [ "{address}" ]; timeout = "60s"; }};\nmilter-spam = {{ headers = {{ from_rules = true; }}; }};\n')
    command = [build_folder() / "cli" / "gatepost", "-c", conf]
    lint = subprocess.run([*command, "rules", "lint"], text=True, capture_output=True, check=False)
    assert (lint.returncode, lint.stderr) == (0, ""), lint.stdout
    done = subprocess.run([*command, "scan", "--json", "--headers", *files], text=True, stdout=subprocess.PIPE, check=False)
    answers = (json.loads(line) for line in done.stdout.splitlines())
    return {answer["file"]: ({symbol["name"] for symbol in answer["symbols"]}, headers_of(answer["headers"])) for answer in answers}


@pytest.mark.skipif(not TLDS.exists(), reason="spamassassin is not installed: tests/install tests")
def test_same_hits_and_headers(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "10_asn.cf").write_text(RULES + HOST_RULES + DETAIL_RULES, encoding="utf-8")
    (rules / TLDS.name).write_bytes(TLDS.read_bytes())
    files = messages(tmp_path)
    with BrokenDns() as dns:
        zone(dns)
        expected = by_spamassassin(rules, dns.address.split("@")[1], files)
        found = by_gatepost(tmp_path, rules, dns.address, files)
    for file, (hits, headers) in expected.items():
        assert found[file][0] == hits, Path(file).name
        differing = {name: (headers.get(name), found[file][1].get(name)) for name in headers.keys() | found[file][1].keys()
                     if headers.get(name) != found[file][1].get(name)}
        assert not differing, f"{Path(file).name}: (there, here)"
    written = {line.split()[1] for line in (RULES + HOST_RULES + DETAIL_RULES).splitlines()
               if line.split()[:1] in (["header"], ["body"], ["askdns"], ["meta"])}
    silent = {name for name in written - set().union(*(hits for hits, _ in expected.values())) if not name.startswith("NEVER")}
    assert not silent, "hit by no message: they test nothing"
