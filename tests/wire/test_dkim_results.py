"""milter-dkim inbound: forged results go from every session, ours come with a seal, and say what the methods found."""

from __future__ import annotations

import dataclasses

import pytest

from conftest import StartDkim
from dkimmail import LETTER, OUR_ID, SENDER, SENDER_ZONE, make_key, seal_of, signed, with_fields
from milterclient import PLAIN_STEPS, Envelope, Result, Session, judge
from servers.dns import Dns
from servers.milter import MilterDkim

RESULTS = "Authentication-Results"
AUTHENTICATED = dataclasses.replace(SENDER, macros={"{auth_authen}": "alice", "{auth_type}": "PLAIN"})
OWN = dataclasses.replace(SENDER, address="127.0.0.1")
EXEMPT = dataclasses.replace(SENDER, address="203.0.113.5")
# Each says that it is ours, in a way that RFC 8601 allows, or in one that some reader might take for it.
FORGED = [
    f"{OUR_ID}; spf=pass smtp.mailfrom=bank.example",
    f" {OUR_ID.upper()};\n\tdmarc=pass header.from=bank.example",
    f' "{OUR_ID}"; dmarc=pass header.from=bank.example',
    f' "mx\\.example.org"; dmarc=pass header.from=bank.example',
    f" (by (nested) me)\n\t{OUR_ID} (version) 1; spf=pass",
    f"\n\t{OUR_ID} 1; none",
    f"{OUR_ID}",
    f"{OUR_ID}(comment);none",
    f" (unfinished {OUR_ID}; spf=pass",
    f' "unfinished {OUR_ID}; spf=pass',
    "",
    " ; spf=pass",
]


def run(milter: MilterDkim, message: bytes, envelope: Envelope = SENDER) -> Result:
    return judge(str(milter.socket), message, envelope)


def ours(result: Result) -> list[str]:
    return [v for v in result.values(RESULTS) if v.startswith(f"{OUR_ID};")]


@pytest.mark.parametrize("envelope", [SENDER, AUTHENTICATED, OWN, EXEMPT], ids=["stranger", "authenticated", "own", "exempt"])
def test_forged_results_go_from_every_session(start_dkim: StartDkim, envelope: Envelope) -> None:
    milter = start_dkim({"networks": {"exempt": ["203.0.113.0/24"]}})
    honest = "mx.elsewhere.example; spf=pass smtp.mailfrom=bank.example"
    fields = [f"{RESULTS}:{f}" for f in FORGED]
    message = with_fields(f"{RESULTS}: {honest}", *fields[:5], f"{RESULTS}: {honest} (2)", *fields[5:],
                          "X-Gatepost-Seal: v=1; 00", "ARC-Authentication-Results: i=1; mx.example.org; spf=pass")
    result = run(milter, message, envelope)
    others = [v for v in result.values(RESULTS) if v not in ours(result)]
    assert others == [honest, honest + " (2)"]
    assert len(ours(result)) == (envelope is SENDER)
    assert not any("bank.example" in v for v in ours(result))
    assert len(result.values("X-Gatepost-Seal")) == (envelope is SENDER)
    assert result.values("ARC-Authentication-Results") == ["i=1; mx.example.org; spf=pass"]
    log = milter.verdict(SENDER.queue_id)
    assert log["forged"] == str(len(FORGED) + 1)
    assert milter.counted("gatepost_dkim_forged_headers_total") == len(FORGED) + 1


@pytest.mark.parametrize("name", ["authentication-results", "AUTHENTICATION-RESULTS", "Authentication-Results "])
def test_the_name_of_the_field_in_any_form(start_dkim: StartDkim, name: str) -> None:
    milter = start_dkim()
    run(milter, with_fields(f"{name}: {OUR_ID}; spf=pass"))
    assert milter.verdict(SENDER.queue_id)["forged"] == "1"


def test_ids_that_are_removed_too(start_dkim: StartDkim) -> None:
    milter = start_dkim({"domains": {"authserv_id": "Auth.Example.ORG"}, "milter-dkim": {"remove_ids": ["*.example.org", "old-mx"]}})
    ids = ["auth.example.org", "MX2.example.org", "old-mx", "example.org", "old-mx2"]
    result = run(milter, with_fields(*(f"{RESULTS}: {i}; spf=pass" for i in ids)))
    assert [v.split(";")[0] for v in result.values(RESULTS)] == ["Auth.Example.ORG", "example.org", "old-mx2"]


def test_results_are_on_top_and_sealed(start_dkim: StartDkim) -> None:
    milter = start_dkim()
    result = run(milter, with_fields("Received: from here"))
    assert result.headers[0][0] == RESULTS
    assert result.headers[1][0] == "X-Gatepost-Seal"
    assert result.headers[2][0] == "Received"
    assert result.value("X-Gatepost-Seal") == seal_of(milter, SENDER.queue_id, result.headers[0][1])
    assert seal_of(milter, "another", result.headers[0][1]) != result.value("X-Gatepost-Seal")
    key = milter.folder / "store" / "seal.key"
    assert key.stat().st_mode & 0o777 == 0o640


def test_seal_key_of_the_administrator(start_dkim: StartDkim) -> None:
    milter = start_dkim()
    milter.stop()
    key = milter.folder / "store" / "seal.key"
    key.write_bytes(b"an administrator's own 32 bytes, or more of them\n")
    milter.start()
    result = run(milter, LETTER)
    assert result.value("X-Gatepost-Seal") == seal_of(milter, SENDER.queue_id, result.value(RESULTS))
    key.write_bytes(b"another one, for the rotation of keys, by SIGUSR1\n")
    milter.reload()
    milter.wait_line("reloaded")
    result = run(milter, LETTER)
    assert result.value("X-Gatepost-Seal") == seal_of(milter, SENDER.queue_id, result.value(RESULTS))


def test_without_a_seal_key(start_dkim: StartDkim) -> None:
    milter = start_dkim({"domains": {"seal_key": ""}})
    result = run(milter, with_fields("X-Gatepost-Seal: v=1; 00"))
    assert len(ours(result)) == 1
    assert result.values("X-Gatepost-Seal") == []
    assert len(milter.lines("results are not sealed")) == 1


def test_without_a_queue_id_there_is_no_seal(start_dkim: StartDkim) -> None:
    result = run(start_dkim(), LETTER, dataclasses.replace(SENDER, queue_id=""))
    assert len(ours(result)) == 1 and result.values("X-Gatepost-Seal") == []


def test_all_four_methods_pass(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim()
    pem, record = make_key(milter.folder)
    dns.add(SENDER_ZONE + f"s1._domainkey.example.net TXT {record}")
    result = run(milter, signed(pem))
    value = result.value(RESULTS)
    for part in ("spf=pass", "smtp.mailfrom=author@example.net", "dkim=pass", "header.d=example.net", "header.s=s1",
                 "dmarc=pass", "header.from=example.net"):
        assert part in value, value
    log = milter.verdict(SENDER.queue_id)
    assert (log["spf"], log["dkim"], log["dmarc"], log["arc"]) == ("pass", "example.net:pass", "pass", "none")
    assert (log["action"], log["origin"]) == ("accept", "inbound")
    assert milter.counted("gatepost_dkim_results_total", 'method="dkim",result="pass"') == 1
    assert milter.counted("gatepost_dkim_lookups_total") >= 3


def test_a_changed_body_fails(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim()
    pem, record = make_key(milter.folder)
    dns.add(SENDER_ZONE + f"s1._domainkey.example.net TXT {record}")
    result = run(milter, signed(pem).replace(b"nothing is new", b"everything is new"),
                 dataclasses.replace(SENDER, address="198.51.100.66"))
    value = result.value(RESULTS)
    assert "dkim=fail" in value and "spf=fail" in value and "dmarc=fail" in value
    assert not result.quarantine  # noted only, by default
    log = milter.verdict(SENDER.queue_id)
    assert (log["action"], log["policy"], log["disposition"], log["override"]) == ("accept", "reject", "none", "local_policy")


@pytest.mark.parametrize("chunk", [1, 7, 65535])
def test_body_in_chunks(start_dkim: StartDkim, dns: Dns, chunk: int) -> None:
    milter = start_dkim()
    pem, record = make_key(milter.folder)
    dns.add(f"s1._domainkey.example.net TXT {record}")
    message = signed(pem, LETTER + b"\n".join(b"line %d   with  space " % i for i in range(40)) + b"\n\n\n")
    result = judge(str(milter.socket), message, SENDER, chunk=chunk)
    assert "dkim=pass" in result.value(RESULTS)


def test_an_old_mta(start_dkim: StartDkim, dns: Dns) -> None:
    """Without leading spaces, without steps that need no answer."""
    milter = start_dkim()
    pem, record = make_key(milter.folder)
    dns.add(SENDER_ZONE + f"s1._domainkey.example.net TXT {record}")
    result = judge(str(milter.socket), signed(pem), SENDER, steps=PLAIN_STEPS)
    assert "dkim=pass" in result.value(RESULTS)


def test_own_mail_is_not_verified(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim()
    dns.add(SENDER_ZONE)
    for envelope in (AUTHENTICATED, OWN):
        assert run(milter, LETTER, envelope).values(RESULTS) == []
    assert not [name for name in dns.asked if name.endswith("example.net")]


def test_received_spf(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim({"milter-dkim": {"spf": {"received": True}}})
    dns.add(SENDER_ZONE)
    value = run(milter, LETTER).value("Received-SPF")
    assert value.lower().startswith("pass") and "client-ip=192.0.2.10" in value


def test_many_messages_of_one_connection(start_dkim: StartDkim, dns: Dns) -> None:
    """Nothing of one message is left in the next; an abort in every state."""
    milter = start_dkim()
    pem, record = make_key(milter.folder)
    dns.add(SENDER_ZONE + f"s1._domainkey.example.net TXT {record}")
    with Session(str(milter.socket)) as session:
        session.open(SENDER)
        for i in range(20):
            good = i % 2 == 0
            result = session.transfer(signed(pem) if good else with_fields(f"{RESULTS}: {OUR_ID}; dkim=pass"), SENDER)
            assert ("dkim=pass" in result.value(RESULTS)) == good
            session.mail(SENDER)
            session.abort()
            session.begin(signed(pem), SENDER)
            session.abort()
    with Session(str(milter.socket)) as session:
        session.open(SENDER)
        session.begin(signed(pem), SENDER)
        session.cut()


def test_a_thousand_signatures(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim()
    pem, record = make_key(milter.folder)
    dns.add(SENDER_ZONE + f"s1._domainkey.example.net TXT {record}")
    good = signed(pem)
    field = good[:good.index(b"\nFrom:") + 1].decode()
    bad = [field.replace("d=example.net", f"d=d{i}.example").replace("i=@example.net", f"i=@d{i}.example").replace("s=s1", f"s=x{i}")
           for i in range(999)]
    result = run(milter, "".join(bad[:100]).encode() + field.encode() + "".join(bad[100:]).encode() + LETTER)
    value = result.value(RESULTS)
    assert "dkim=pass" in value  # that of the author's domain comes first
    assert value.count("dkim=") == 10
    assert len({name for name in dns.asked if "_domainkey" in name and "_dmarc" not in name}) <= 20


def test_ten_thousand_results(start_dkim: StartDkim) -> None:
    milter = start_dkim()
    honest = [f"{RESULTS}: mx{i}.example; spf=pass" for i in range(10000)]
    result = run(milter, with_fields(*honest))
    assert len(result.values(RESULTS)) == 10001
    result = run(milter, with_fields(*(f"{RESULTS}: {OUR_ID}; spf=pass" for _ in range(10000))))
    assert result.reply.code == 550 and not result.changed


def test_junk_does_not_hide_a_forgery(start_dkim: StartDkim) -> None:
    """More header than is kept for signatures."""
    milter = start_dkim()
    junk = [f"X-Junk-{i}: " + "x" * 60000 for i in range(20)]
    result = run(milter, with_fields(*junk, f"{RESULTS}: {OUR_ID}; spf=pass (forged)"))
    assert not any("forged" in v for v in result.values(RESULTS))
