"""The zone and the mail of test_verdicts.py, with what the RFCs make of it and what OpenDMARC and rspamd do instead."""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import dkim

GOOD, BAD = "192.0.2.10", "198.51.100.66"
# A master file for the root. KEY stands for the key of all; servfail.example is a zone that the server cannot load.
ZONE = f"""$ORIGIN .
$TTL 300
@ SOA ns.example. h.example. 1 3600 600 86400 300
@ NS ns.example.
ns.example. A 127.0.0.1
mail.example. A {GOOD}
mail.example. TXT "v=spf1 a -all"
plain.example. TXT "v=spf1 ip4:{GOOD} -all"
soft.example. TXT "v=spf1 ip4:{GOOD} ~all"
neutral.example. TXT "v=spf1 ip4:{GOOD} ?all"
nospf.example. A {GOOD}
syntax.example. TXT "v=spf1 ip4:{GOOD} ip4:300.1.2.3 -all"
two.example. TXT "v=spf1 ip4:{GOOD} -all"
two.example. TXT "v=spf1 -all"
many.example. TXT ( "v=spf1 include:i0.example include:i1.example include:i2.example include:i3.example include:i4.example"
    " include:i5.example include:i6.example include:i7.example include:i8.example include:i9.example include:plain.example -all" )
{"".join(f'i{n}.example. TXT "v=spf1 ip4:203.0.113.{n} -all"{chr(10)}' for n in range(10))}
void.example. TXT "v=spf1 a:v1.nothing.example a:v2.nothing.example a:v3.nothing.example ip4:{GOOD} -all"
temp.example. TXT "v=spf1 include:x.servfail.example -all"
redirect.example. TXT "v=spf1 redirect=plain.example"
noinclude.example. TXT "v=spf1 include:nospf.example ip4:{GOOD} -all"
macro.example. TXT "v=spf1 exists:%{{ir}}.%{{l}}.list.example -all"
10.2.0.192.joe.list.example. A 127.0.0.2
mx.example. TXT "v=spf1 mx -all"
mx.example. MX 10 mail.example.
x.example. TXT "v=spf1 ip4:{GOOD} -all"
all.example. TXT "v=spf1 +all"
upper.example. TXT "V=SPF1 IP4:{GOOD} -ALL"
alias.example. CNAME plain.example.
k._domainkey.plain.example. TXT KEY
k._domainkey.beta.example. TXT KEY
k._domainkey.sealer.example. TXT KEY
k._domainkey.example.org. TXT KEY
k._domainkey.strong.example. TXT KEY
k._domainkey.sub.strong.example. TXT KEY
revoked._domainkey.plain.example. TXT "v=DKIM1; p="
test._domainkey.plain.example. TXT TESTKEY
weak._domainkey.plain.example. TXT WEAKKEY
bad._domainkey.plain.example. TXT "v=DKIM1; k=rsa; p=this/is+no/key"
sha1._domainkey.plain.example. TXT KEY
strong.example. TXT "v=spf1 ip4:{GOOD} -all"
sub.strong.example. TXT "v=spf1 ip4:{GOOD} -all"
_dmarc.strong.example. TXT "v=DMARC1; p=reject"
strict.example. TXT "v=spf1 ip4:{GOOD} -all"
sub.strict.example. TXT "v=spf1 ip4:{GOOD} -all"
_dmarc.strict.example. TXT "v=DMARC1; p=reject; aspf=s; adkim=s"
k._domainkey.sub.strict.example. TXT KEY
k._domainkey.strict.example. TXT KEY
_dmarc.quarantine.example. TXT "v=DMARC1; p=quarantine; rua=mailto:d@quarantine.example"
_dmarc.noted.example. TXT "v=DMARC1; p=none"
_dmarc.sp.example. TXT "v=DMARC1; p=reject; sp=quarantine"
there.sp.example. A {GOOD}
_dmarc.np.example. TXT "v=DMARC1; p=none; sp=none; np=reject"
there.np.example. A {GOOD}
_dmarc.own.example. TXT "v=DMARC1; p=reject"
_dmarc.sub.own.example. TXT "v=DMARC1; p=none"
_dmarc.tested.example. TXT "v=DMARC1; p=reject; t=y"
_dmarc.pct.example. TXT "v=DMARC1; p=reject; pct=0"
_dmarc.psdy.example. TXT "v=DMARC1; p=reject; psd=y"
org.psdy.example. TXT "v=spf1 ip4:{GOOD} -all"
other.psdy.example. TXT "v=spf1 ip4:{GOOD} -all"
_dmarc.psdn.example. TXT "v=DMARC1; p=quarantine"
_dmarc.part.psdn.example. TXT "v=DMARC1; p=reject; psd=n"
psdn.example. TXT "v=spf1 ip4:{GOOD} -all"
user.github.io. TXT "v=spf1 ip4:{GOOD} -all"
else.github.io. TXT "v=spf1 ip4:{GOOD} -all"
_dmarc.github.io. TXT "v=DMARC1; p=reject"
_dmarc.policy.example. TXT "v=DMARC1; p=refuse; rua=mailto:d@policy.example"
_dmarc.norua.example. TXT "v=DMARC1; p=refuse"
_dmarc.nop.example. TXT "v=DMARC1; rua=mailto:d@nop.example"
_dmarc.order.example. TXT "p=reject; v=DMARC1"
_dmarc.twice.example. TXT "v=DMARC1; p=reject"
_dmarc.twice.example. TXT "v=DMARC1; p=none"
_dmarc.spaces.example. TXT "v = DMARC1 ;p = reject ; unknown=1;;fo = 1 "
_dmarc.case.example. TXT "V=DMARC1; P=REJECT"
_dmarc.cname.example. CNAME _dmarc.strong.example.
_dmarc.other.example. TXT "something else"
_dmarc.other.example. TXT "v=DMARC1; p=reject"
"""


def openssl(*args: str, text: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *args], input=text, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


@cache
def key(bits: int) -> tuple[bytes, str]:
    pem = openssl("genrsa", str(bits))
    return pem, "v=DKIM1; k=rsa; p=" + base64.b64encode(openssl("pkey", "-pubout", "-outform", "DER", text=pem)).decode()


def zone_file() -> str:
    def quoted(text: str) -> str:
        return " ".join(f'"{text[i:i + 255]}"' for i in range(0, len(text), 255))
    text = ZONE.replace("TESTKEY", quoted(key(1024)[1] + "; t=y")).replace("WEAKKEY", quoted(key(768)[1]))
    return re.sub(r"TXT KEY$", f"TXT {quoted(key(1024)[1])}", text, flags=re.M)


def record(name: bytes, timeout: int = 5) -> bytes | None:
    """The resolver for python3-dkim; it verifies with this key only."""
    return key(1024)[1].encode() if name.startswith(b"k._domainkey.") else None


def signed(domain: str, selector: str = "k", bits: int = 1024, algorithm: str = "rsa-sha256", length: bool = False,
           ) -> Callable[[bytes], bytes]:
    def sign(message: bytes) -> bytes:
        return dkim.sign(message, selector.encode(), domain.encode(), key(bits)[0], canonicalize=(b"relaxed", b"relaxed"),
                         signature_algorithm=algorithm.encode(), length=length) + message
    return sign


def sealed(domain: str, arc: bytes = b"none") -> Callable[[bytes], bytes]:
    """An ARC set by python3-dkim."""
    def seal(message: bytes) -> bytes:
        results = b"Authentication-Results: relay.example; arc=" + arc + b"\r\n"
        return b"".join(dkim.arc_sign(results + message, b"k", domain.encode(), key(1024)[0], b"relay.example")) + message
    return seal


def changed(message: bytes) -> bytes:
    return message + b"and something else\r\n"


def sealed_twice(message: bytes) -> bytes:
    first = sealed("plain.example")(message)
    return sealed("beta.example", b"pass")(first)


@dataclass(frozen=True)
class Case:
    """One message and what is to come out, method by method: spf, dkim, dmarc (pass, none, a policy: it fails and that one is
    asked for, permerror, temperror), arc. `not_so`: what another finds instead, and why we do not: "opendmarc dmarc" …"""

    name: str
    expected: Mapping[str, str]
    author: str = "joe@plain.example"
    sender: str = "joe@plain.example"
    ip: str = GOOD
    helo: str = "mail.example"
    steps: tuple[Callable[[bytes], bytes], ...] = ()
    fields: bytes = b""
    not_so: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def message(self) -> bytes:
        top = self.fields or b"From: " + self.author.encode() + b"\r\n"
        message = (top + b"To: alice@local.example.org\r\nSubject: " + self.name.encode() + b"\r\n"
                   b"Date: Sat, 21 Nov 2026 09:00:00 +0000\r\nMessage-ID: <" + re.sub(r"\W", "-", self.name).encode()
                   + b"@plain.example>\r\n\r\nDear Alice,\r\n\r\nnothing is new.\r\n")
        for step in self.steps:
            message = step(message)
        return message


def case(name: str, author: str = "joe@plain.example", sender: str | None = None, *steps: Callable[[bytes], bytes],
         ip: str = GOOD, helo: str = "mail.example", fields: bytes = b"", not_so: Mapping[str, tuple[str, str]] | None = None,
         **expected: str) -> Case:
    return Case(name, {"spf": "pass", "dkim": "none", "dmarc": "none", "arc": "none", **expected}, author,
                author if sender is None else sender, ip, helo, steps, fields, not_so or {})


CASES = [
    # SPF
    case("spf pass"),
    case("spf fail", ip=BAD, spf="fail"),
    case("spf softfail", "joe@soft.example", ip=BAD, spf="softfail", not_so={
        "opendmarc spf": ("fail", "RFC 7208, 2.6.5: softfail is a result of its own")}),
    case("spf neutral", "joe@neutral.example", ip=BAD, spf="neutral", not_so={
        "opendmarc spf": ("fail", "RFC 7208, 2.6.2: to be treated like none, not like fail")}),
    case("spf none", "joe@nospf.example", spf="none"),
    case("spf syntax", "joe@syntax.example", spf="permerror", not_so={
        "opendmarc spf": ("fail", "RFC 7208, 2.6.7: permerror is a result of its own"),
        "rspamd spf": ("pass", "RFC 7208, 4.6: a syntax error anywhere is a permerror, also behind what matches")}),
    case("spf two records", "joe@two.example", spf="permerror", not_so={
        "opendmarc spf": ("fail", "RFC 7208, 2.6.7"),
        "rspamd spf": ("pass", "RFC 7208, 4.5: more than one record is a permerror; it takes one of them")}),
    case("spf eleven lookups", "joe@many.example", spf="permerror", not_so={
        "opendmarc spf": ("pass", "RFC 7208, 4.6.4: more than ten is a permerror"),
        "rspamd spf": ("pass", "RFC 7208, 4.6.4")}),
    case("spf three void lookups", "joe@void.example", spf="permerror", not_so={
        "opendmarc spf": ("pass", "RFC 7208, 4.6.4: two are tolerated"),
        "rspamd spf": ("pass", "RFC 7208, 4.6.4")}),
    case("spf servfail", "joe@temp.example", spf="temperror", not_so={
        "opendmarc spf": ("tempfail", "RFC 8601, 2.7.2: the word is temperror")}),
    case("spf redirect", "joe@redirect.example"),
    case("spf include of no record", "joe@noinclude.example", spf="permerror", not_so={
        "opendmarc spf": ("fail", "RFC 7208, 2.6.7"),
        "rspamd spf": ("pass", "RFC 7208, 5.2: an included domain without record is a permerror")}),
    case("spf macro", "joe@macro.example", not_so={
        "opendmarc spf": ("fail", "RFC 7208, 7.2: %{l} is the sender's local part; it hands over the domain alone")}),
    case("spf macro fails", "jim@macro.example", spf="fail"),
    case("spf mx", "joe@mx.example"),
    case("spf +all", "joe@all.example", ip=BAD, not_so={
        "rspamd spf": ("permerror", "RFC 7208, 5.1: all matches always; it says \"empty SPF record\"")}),
    case("spf upper case", "joe@upper.example"),
    case("spf cname", "joe@alias.example"),
    case("spf of a bounce", "mailer-daemon@mail.example", ""),
    # DKIM
    case("dkim pass", "joe@plain.example", None, signed("plain.example"), dkim="pass"),
    case("dkim body changed", "joe@plain.example", None, signed("plain.example"), changed, dkim="fail"),
    case("dkim no key", "joe@plain.example", None, signed("plain.example", "nothing"), dkim="permerror", not_so={
        "opendkim dkim": ("fail", "RFC 6376, 6.1.2, and RFC 8601, 2.7.1: no key is a permanent error")}),
    case("dkim revoked", "joe@plain.example", None, signed("plain.example", "revoked"), dkim="permerror", not_so={
        "opendkim dkim": ("fail", "RFC 6376, 6.1.2: a revoked key is a permanent error")}),
    case("dkim bad key", "joe@plain.example", None, signed("plain.example", "bad"), dkim="permerror"),
    case("dkim test key fails", "joe@plain.example", None, signed("plain.example", "test"), changed, dkim="fail"),
    case("dkim 768 bits", "joe@plain.example", None, signed("plain.example", "weak", 768), dkim="permerror", not_so={
        "opendkim dkim": ("policy", "RFC 8301, 3.2: such signatures are not valid, whatever the policy"),
        "rspamd dkim": ("pass", "RFC 8301, 3.2")}),
    case("dkim rsa-sha1", "joe@plain.example", None, signed("plain.example", "sha1", algorithm="rsa-sha1"),
         dkim="permerror", not_so={
        "opendkim dkim": ("pass", "RFC 8301, 3.1: must not be used for verifying"),
        "rspamd dkim": ("pass", "RFC 8301, 3.1")}),
    case("dkim text behind l=", "joe@plain.example", None, signed("plain.example", length=True), changed, dkim="policy", not_so={
        "opendkim dkim": ("pass",
            "RFC 6376, 8.2: text behind l= may be anybody's; we call it policy unless unsigned_max allows it"),
        "rspamd dkim": ("pass", "RFC 6376, 8.2")}),
    case("dkim servfail", "joe@plain.example", None, signed("servfail.example"), dkim="temperror", not_so={
        "opendkim dkim": ("none", "RFC 8601, 2.7.1: temperror; it says nothing at all")}),
    # DMARC
    case("spf aligned", "joe@strong.example", dmarc="pass"),
    case("spf aligned, relaxed", "joe@strong.example", "joe@sub.strong.example", dmarc="pass"),
    case("spf not aligned", "joe@strong.example", "joe@plain.example", dmarc="reject"),
    case("spf of a domain of one letter", "joe@strong.example", "joe@x.example", dmarc="reject", not_so={
        "opendmarc dmarc": ("pass",
            "RFC 9989, 4.4: neither is the other's subdomain; it loses a label of one letter, so that everything is aligned")}),
    case("spf aligned, fails", "joe@strong.example", ip=BAD, spf="fail", dmarc="reject"),
    case("dkim aligned", "joe@strong.example", "joe@plain.example", signed("strong.example"), dkim="pass", dmarc="pass"),
    case("dkim aligned, relaxed", "joe@strong.example", "joe@plain.example", signed("sub.strong.example"), dkim="pass",
         dmarc="pass"),
    case("dkim not aligned", "joe@strong.example", "joe@plain.example", signed("beta.example"), dkim="pass", dmarc="reject"),
    case("strict spf of a subdomain", "joe@strict.example", "joe@sub.strict.example", dmarc="reject", not_so={
        "opendmarc dmarc": ("pass", "RFC 9989, 4.4: aspf=s wants the same domain")}),
    case("strict spf", "joe@strict.example", dmarc="pass"),
    case("strict dkim of a subdomain", "joe@strict.example", "joe@plain.example", signed("sub.strict.example"), dkim="pass",
         dmarc="reject", not_so={
        "opendmarc dmarc": ("pass", "RFC 9989, 4.4: adkim=s wants the same domain")}),
    case("strict dkim", "joe@strict.example", "joe@plain.example", signed("strict.example"), dkim="pass", dmarc="pass"),
    case("quarantine", "joe@quarantine.example", "joe@plain.example", dmarc="quarantine"),
    case("p=none", "joe@noted.example", "joe@plain.example", dmarc="fail"),
    case("sp=", "joe@there.sp.example", "joe@plain.example", dmarc="quarantine"),
    case("np= of a domain that is not", "joe@nothing.np.example", "joe@plain.example", dmarc="reject", not_so={
        "opendmarc dmarc": ("fail", "RFC 9989, 4.7: np=, new there"),
        "rspamd dmarc": ("fail", "RFC 9989, 4.7: np=")}),
    case("np= of a domain that is", "joe@there.np.example", "joe@plain.example", dmarc="fail"),
    case("a subdomain's own record", "joe@sub.own.example", "joe@plain.example", dmarc="fail"),
    case("t=y", "joe@tested.example", "joe@plain.example", dmarc="quarantine", not_so={
        "opendmarc dmarc": ("reject", "RFC 9989, 4.7: t=y asks for one step less, new there"),
        "rspamd dmarc": ("reject", "RFC 9989, 4.7: t=")}),
    case("pct=0", "joe@pct.example", "joe@plain.example", dmarc="reject", not_so={
        "rspamd dmarc": ("quarantine", "RFC 9989 has no pct= any more; this is RFC 7489, 6.6.4")}),
    case("psd=y", "joe@org.psdy.example", "joe@other.psdy.example", dmarc="reject", not_so={
        "list dmarc": ("pass", "RFC 9989, 4.10.2, is the tree walk; by the list we find what they find"),
        "opendmarc dmarc": ("pass",
            "RFC 9989, 4.10.2: two registrants below a public suffix, which the list of suffixes does not know"),
        "rspamd dmarc": ("pass", "RFC 9989, 4.10.2")}),
    case("psd=n", "joe@part.psdn.example", "joe@psdn.example", dmarc="reject", not_so={
        "list dmarc": ("pass", "RFC 9989, 4.10.2, is the tree walk; by the list we find what they find"),
        "opendmarc dmarc": ("pass",
            "RFC 9989, 4.10.2: an organisation of its own below another, which the list of suffixes does not know"),
        "rspamd dmarc": ("pass", "RFC 9989, 4.10.2")}),
    case("public suffix without psd=", "joe@user.github.io", "joe@else.github.io", dmarc="pass", not_so={
        "list dmarc": ("none", "RFC 9989, 4.10.2, is the tree walk; by the list we find what they find"),
        "opendmarc dmarc": ("none",
            "RFC 9989, 4.10: the tree walk takes the record above; on the list it is a suffix, so they do not look"),
        "rspamd dmarc": ("none", "RFC 9989, 4.10")}),
    case("unknown policy, rua=", "joe@policy.example", "joe@plain.example", dmarc="fail", not_so={
        "opendmarc dmarc": ("permerror", "RFC 9989, 4.10.1 (RFC 7489, 6.6.3): with rua= like p=none"),
        "rspamd dmarc": ("permerror", "RFC 9989, 4.10.1")}),
    case("unknown policy", "joe@norua.example", "joe@plain.example", dmarc="permerror"),
    case("no p=", "joe@nop.example", "joe@plain.example", dmarc="fail", not_so={
        "opendmarc dmarc": ("permerror", "RFC 9989, 4.10.1 (RFC 7489, 6.6.3): with rua= like p=none")}),
    case("v= not first", "joe@order.example", "joe@plain.example", not_so={
        "opendmarc dmarc": ("reject", "RFC 9989, 4.7: such a record is ignored")}),
    case("two records", "joe@twice.example", "joe@plain.example", not_so={
        "opendmarc dmarc": ("reject", "RFC 9989, 4.10: several are discarded"),
        "rspamd dmarc": ("permerror", "RFC 9989, 4.10")}),
    case("spaces and unknown tags", "joe@spaces.example", "joe@plain.example", dmarc="reject", not_so={
        "opendmarc dmarc": ("none", "RFC 9989, 4.8: blanks around = and ; mean nothing"),
        "rspamd dmarc": ("fail", "RFC 9989, 4.8")}),
    case("upper case", "joe@case.example", "joe@plain.example", dmarc="reject", not_so={
        "opendmarc dmarc": ("none", "RFC 9989, 4.8: only DMARC1 has a case"),
        "rspamd dmarc": ("none", "RFC 9989, 4.8")}),
    case("record by cname", "joe@cname.example", "joe@plain.example", dmarc="reject"),
    case("another text beside the record", "joe@other.example", "joe@plain.example", dmarc="reject", not_so={
        "opendmarc dmarc": ("none", "RFC 9989, 4.10: what does not begin with v=DMARC1 is passed over")}),
    case("servfail", "joe@x.servfail.example", "joe@plain.example", dmarc="temperror", not_so={
        "opendmarc dmarc": ("none", "RFC 9989, 4.10: no answer is not the answer that there is nothing")}),
    case("two authors", "joe@plain.example",
         fields=b"From: joe@plain.example, jim@strong.example\r\nSender: joe@plain.example\r\n", dmarc="reject", not_so={
        "opendmarc spf": ("none", "it leaves such mail alone"),
        "opendmarc dmarc": ("none", "RFC 9989, 11.5: each author's domain is judged, the strictest counts"),
        "rspamd dmarc": ("none", "RFC 9989, 11.5")}),
    case("two From fields", "joe@strong.example", fields=b"From: joe@strong.example\r\nFrom: jim@quarantine.example\r\n",
         dmarc="reject", not_so={
        "opendmarc dmarc": ("pass", "RFC 9989, 11.5: it looks at one of them, readers may show the other"),
        "rspamd dmarc": ("none", "RFC 9989, 11.5")}),
    case("no From", "joe@strong.example", fields=b"X-From: joe@strong.example\r\n", dmarc="permerror", not_so={
        "opendkim dkim": ("permerror", "RFC 6376, 5.4: From must be signed; it says so of unsigned mail"),
        "opendmarc spf": ("none", "it leaves such mail alone"),
        "opendmarc dmarc": ("none", "RFC 5322, 3.6: one From there must be, so none is no reason to pass it"),
        "rspamd dmarc": ("none", "RFC 5322, 3.6")}),
    case("an author without domain", "joe@strong.example", fields=b"From: joe\r\n", dmarc="permerror", not_so={
        "opendkim dkim": ("permerror", "RFC 6376, 5.4: the same"),
        "opendmarc spf": ("none", "it leaves such mail alone"),
        "opendmarc dmarc": ("none", "RFC 5322, 3.6.2, 3.4.1: an author has a domain"),
        "rspamd dmarc": ("none", "RFC 5322, 3.4.1")}),
    # ARC
    case("arc pass", "joe@plain.example", None, sealed("plain.example"), arc="pass"),
    case("arc pass of two", "joe@plain.example", None, sealed_twice, arc="pass"),
    case("arc body changed", "joe@plain.example", None, sealed("plain.example"), changed, arc="fail"),
    case("arc seal broken", "joe@plain.example", None, sealed("plain.example"),
         lambda m: re.sub(rb"(ARC-Seal: [^:]*; t=\d+)(\d);", lambda t: t[1] + b"%d;" % (9 - int(t[2])), m), arc="fail"),
    case("arc without its results", "joe@plain.example", None, sealed("plain.example"),
         lambda m: m.replace(b"ARC-Authentication-Results:", b"X-Old:"), arc="fail"),
]
