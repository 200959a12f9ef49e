"""Whose Authentication-Results milter-spam believes: only those with milter-dkim's seal for this queue id."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import dkim
import pytest

from conftest import HAM, StartMilter
from milterclient import Envelope, Result, judge
from servers.dns import Dns
from servers.milter import DNS_TIMEOUT, GROUP, MilterSpam
from servers.process import wait_for

ID = "mx.example.org"
KEY = b"a key of the tests that is long enough\n"
PASS = f"{ID};\n\tspf=pass smtp.mailfrom=stranger@example.net;\n\tdmarc=pass header.from=example.net"
FORGED = f"{ID}; spf=pass smtp.mailfrom=stranger@example.net; dmarc=pass header.from=example.net"
RULES = """\
header   T_SPF   eval:check_for_spf_pass()
describe T_SPF   SPF passed
score    T_SPF   -0.5
header   T_DMARC eval:check_dmarc_pass()
describe T_DMARC DMARC passed
score    T_DMARC -0.5
header   T_NONE  eval:check_dmarc_missing()
describe T_NONE  DMARC is missing
score    T_NONE  0.5
header   T_FIELD Authentication-Results =~ /dmarc=pass/
describe T_FIELD The field itself
score    T_FIELD 0.1
"""
TESTS = {"T_SPF", "T_DMARC", "T_NONE", "T_FIELD"}
ENVELOPE = Envelope(queue_id="4TestQueueId")


def seal(value: str, queue_id: str = ENVELOPE.queue_id, key: bytes = KEY) -> str:
    """The seal by its definition (lib/auth/seal.h), made by other hands."""
    packed = "".join(value.split())
    return "v=1; " + hmac.new(key, queue_id.encode() + b"\0" + packed.encode(), hashlib.sha256).hexdigest()


def with_fields(*fields: tuple[str, str]) -> bytes:
    return "".join(f"{name}: {value}\n" for name, value in fields).encode() + HAM


def sealed(value: str = PASS, **how: str) -> bytes:
    return with_fields(("X-Gatepost-Seal", seal(value, **how)), ("Authentication-Results", value))


def dkim_key() -> tuple[bytes, str]:
    """A private key as PEM, and p= of its record."""
    pem = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True).stdout
    public = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], input=pem, check=True, capture_output=True).stdout
    return pem, b64encode(public).decode()


def hits(result: Result) -> set[str]:
    return {name for name in TESTS if name in result.value("X-Spam-Status")}


@pytest.fixture(scope="module")
def key(module_world: Path) -> Path:
    path = module_world / "seal.key"
    path.write_bytes(KEY)
    path.chmod(0o640)
    shutil.chown(path, "root", GROUP)
    return path


@pytest.fixture
def milter(start: StartMilter, key: Path) -> MilterSpam:
    return start({"domains": {"seal_key": str(key), "authserv_id": ID}}, rules=RULES)


def test_sealed_results_count(milter: MilterSpam) -> None:
    result = judge(str(milter.socket), sealed(), ENVELOPE)
    assert hits(result) == {"T_SPF", "T_DMARC", "T_FIELD"}
    assert result.values("X-Gatepost-Seal") == []
    assert len(result.values("Authentication-Results")) == 1
    line = milter.wait_line("qid=4TestQueueId")
    assert "auth=sealed" in line and "forged=" not in line


def test_folds_do_not_break_the_seal(milter: MilterSpam) -> None:
    message = with_fields(("X-Gatepost-Seal", seal(PASS)), ("Authentication-Results", " ".join(PASS.split())))
    assert hits(judge(str(milter.socket), message, ENVELOPE)) == {"T_SPF", "T_DMARC", "T_FIELD"}


@pytest.mark.parametrize("message", [
    with_fields(("Authentication-Results", FORGED)),
    with_fields(("Authentication-Results", FORGED), ("X-Gatepost-Seal", "v=1; " + "0" * 64)),
    with_fields(("Authentication-Results", FORGED), ("X-Gatepost-Seal", "nonsense")),
    sealed(queue_id="4AnotherQueueId"),
    sealed(key="another key of the same length as it".encode()),  # type: ignore[arg-type]
    with_fields(("X-Gatepost-Seal", seal(PASS)), ("Authentication-Results", PASS.replace("spf=pass", "spf=fail"))),
    with_fields(*[("Authentication-Results", FORGED)] * 3),
    with_fields(("Authentication-Results", f'(hi) "MX.Example\\.ORG" (there) 1; dmarc=pass')),
    with_fields(("authentication-RESULTS", f"(unclosed {ID}; dmarc=pass")),
], ids=["no seal", "zero", "nonsense", "other message", "other key", "altered", "three", "odd", "unreadable"])
def test_forged_results_do_not_count_and_go(milter: MilterSpam, message: bytes) -> None:
    result = judge(str(milter.socket), message, ENVELOPE)
    assert hits(result) == set()
    assert [name for name, _ in result.headers if name.lower() in ("authentication-results", "x-gatepost-seal")] == []
    line = milter.wait_line("qid=4TestQueueId")
    assert "auth=" not in line and "forged=" in line


def test_only_the_sealed_one_stays(milter: MilterSpam) -> None:
    other = ("Authentication-Results", "elsewhere.example; dmarc=pass header.from=example.net")
    message = with_fields(("X-Gatepost-Seal", seal(PASS)), ("Authentication-Results", PASS), other,
                          *[("Authentication-Results", FORGED)] * 2, other)
    result = judge(str(milter.socket), message, ENVELOPE)
    assert hits(result) == {"T_SPF", "T_DMARC", "T_FIELD"}
    assert [value.split(";")[0] for value in result.values("Authentication-Results")] == [ID] + ["elsewhere.example"] * 2


def test_own_mail_is_cleaned_too(milter: MilterSpam) -> None:
    envelope = dataclasses.replace(ENVELOPE, address="127.0.0.1", name="localhost")
    assert judge(str(milter.socket), with_fields(("Authentication-Results", FORGED)), envelope).values("Authentication-Results") == []


def test_a_flood_is_refused(milter: MilterSpam) -> None:
    result = judge(str(milter.socket), with_fields(*[("Authentication-Results", FORGED)] * 600), ENVELOPE)
    assert result.reply.code == 550


def test_without_a_key_nothing_is_believed(start: StartMilter) -> None:
    milter = start({"domains": {"seal_key": "", "authserv_id": ID}}, rules=RULES)
    result = judge(str(milter.socket), sealed(), ENVELOPE)
    assert hits(result) == {"T_FIELD"}  # the field stays: nobody can tell whose it is
    assert result.values("X-Gatepost-Seal") == []


def test_key_that_others_may_read_is_refused(start: StartMilter, key: Path, tmp_path: Path) -> None:
    milter = start({"domains": {"seal_key": str(key), "authserv_id": ID}}, rules=RULES)
    open_key = tmp_path / "open.key"
    open_key.write_bytes(KEY)
    open_key.chmod(0o644)
    milter.configure({"domains": {"seal_key": str(open_key), "authserv_id": ID}})
    milter.reload()
    assert str(open_key) in milter.wait_line("ERROR|error.*seal_key|seal_key")
    assert hits(judge(str(milter.socket), sealed(), ENVELOPE)) == {"T_SPF", "T_DMARC", "T_FIELD"}


ZONE = """
example.net TXT v=spf1 ip4:198.51.100.7 -all
_dmarc.example.net TXT v=DMARC1; p=none
"""


def asking(dns: Dns, **more: object) -> dict[str, object]:
    """Settings of a milter-spam that may ask this server; the rules count whatever the network."""
    return {"rules": {"network": True}, "dns": {"servers": [dns.address], "timeout": DNS_TIMEOUT}, "domains": {"seal_key": ""},
            "milter-spam": {"deadline": "60s", **more}}


def test_without_a_seal_it_looks_itself(start: StartMilter) -> None:
    with Dns(ZONE) as dns:
        milter = start(asking(dns, own_networks="observe"), rules=RULES)
        assert hits(judge(str(milter.socket), HAM, ENVELOPE)) == {"T_SPF", "T_DMARC"}
        assert "auth=own" in milter.wait_line("qid=4TestQueueId")
        stranger = dataclasses.replace(ENVELOPE, address="203.0.113.1", queue_id="4Stranger")
        assert hits(judge(str(milter.socket), HAM, stranger)) == set()
        unknown = dataclasses.replace(ENVELOPE, sender="a@elsewhere.example", queue_id="4Unknown")
        assert hits(judge(str(milter.socket), HAM.replace(b"example.net", b"elsewhere.example"), unknown)) == {"T_NONE"}
        own = dataclasses.replace(ENVELOPE, address="127.0.0.1", name="localhost", queue_id="4Own")
        asked = len(dns.asked)
        judge(str(milter.socket), HAM, own)
        assert len(dns.asked) == asked and "auth=" not in milter.wait_line("qid=4Own")


def test_a_large_body_is_hashed_to_its_end(start: StartMilter) -> None:
    key = dkim_key()
    with Dns(ZONE + f"s._domainkey.example.net TXT v=DKIM1; p={key[1]}") as dns:
        rules = RULES + "full T_DKIM eval:check_dkim_valid()\nscore T_DKIM -0.2\n"
        milter = start(asking(dns, size_max="8K"), rules=rules)
        message = HAM + b"a line of a long letter\n" * 5000
        signed = dkim.sign(message.replace(b"\n", b"\r\n"), b"s", b"example.net", key[0], include_headers=[b"from", b"subject"])
        result = judge(str(milter.socket), signed.replace(b"\r\n", b"\n") + message, ENVELOPE)
        assert "T_DKIM" in result.value("X-Spam-Status")


@pytest.mark.parametrize("mood", ["dead", "servfail"])
def test_dns_away(start: StartMilter, mood: str) -> None:
    """The message is answered by its deadline, long before the resolver gives up."""
    with Dns(ZONE) as dns:
        dns.mood = mood
        milter = start(asking(dns, deadline="2s"), rules=RULES)
        result = judge(str(milter.socket), HAM, ENVELOPE)
        assert hits(result) == set() and result.reply.action in ("accept", "continue")


def test_who_starts_first_makes_the_key(start: StartMilter) -> None:
    milter = start(rules=RULES)
    key = milter.folder / "store" / "seal.key"
    assert key.stat().st_mode & 0o777 == 0o640 and len(key.read_bytes()) >= 32
    old = key.read_bytes()
    milter.stop()
    milter.start()
    assert key.read_bytes() == old


def test_network_is_switched_by_a_reload(start: StartMilter) -> None:
    """Rules and checks begin to ask, and stop."""
    rules = RULES + 'header T_LIST eval:check_rbl("x", "list.example.com.")\ntflags T_LIST net\nscore T_LIST 0.1\n'
    with Dns(ZONE + "7.100.51.198.list.example.com A 127.0.0.2\n") as dns:
        off = {**asking(dns), "rules": {"network": False}}
        milter = start(off, rules=rules)
        for number, network in enumerate((False, True, False, True)):
            milter.configure({**asking(dns), "rules": {"network": network}})
            milter.reload()
            wait_for(lambda: len(milter.lines("configuration reloaded")) == number + 1, "reload")
            asked = len(dns.asked)
            judge(str(milter.socket), HAM, dataclasses.replace(ENVELOPE, queue_id=f"4Switch{number}"))
            verdict = milter.verdict(f"4Switch{number}")
            assert ("auth" in verdict) == ("T_LIST" in verdict["symbols"]) == network
            if not network:
                assert len(dns.asked) == asked
        assert not milter.lines("after a restart")
