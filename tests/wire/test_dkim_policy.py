"""milter-dkim inbound: what the settings make of results, and what becomes of mail when the DNS fails."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import StartDkim
from dkimmail import LETTER, SENDER, SENDER_ZONE, forwarded, make_key
from load import Load
from milterclient import Envelope, Result, Session, judge
from servers.dns import Dns
from servers.milter import MilterDkim, Value, build_folder
from servers.process import ServerError, wait_for

STRANGER = dataclasses.replace(SENDER, address="198.51.100.66", helo="host.bad.example")


def run(milter: MilterDkim, message: bytes = LETTER, envelope: Envelope = STRANGER) -> Result:
    return judge(str(milter.socket), message, envelope)


@pytest.mark.parametrize(("settings", "text"), [
    ({"dmarc": {"reject": "reject"}}, "550 5.7.26 DMARC: refused by the policy of example.net"),
    ({"spf": {"fail": "reject"}, "dmarc": {"enabled": False}}, "550 5.7.23 SPF: 198.51.100.66 may not send for example.net"),
    ({"dkim": {"none": "reject"}}, "550 5.7.20 DKIM: no valid signature of example.net"),
    ({"dmarc": {"reject": "reject", "text": "no %f from %c: 100%% sure"}}, "550 5.7.26 no author@example.net from 198.51.100.66: 100% sure"),
])
def test_refusals(start_dkim: StartDkim, dns: Dns, settings: dict[str, Value], text: str) -> None:
    dns.add(SENDER_ZONE)
    milter = start_dkim({"milter-dkim": settings})
    result = run(milter)
    assert result.reply.text.startswith(text), result.reply
    assert not result.changed and not result.inserted
    assert milter.verdict(SENDER.queue_id)["action"] == "reject"
    assert milter.counted("gatepost_dkim_messages_total", 'action="reject"') == 1


@pytest.mark.parametrize(("trusted", "results", "code"), [
    ("list.example", "dmarc=pass header.from=example.net; spf=pass smtp.mailfrom=author@example.net", 0),
    ("*.example", "dmarc=pass header.from=example.net; spf=pass smtp.mailfrom=author@example.net", 0),
    ("list.example", "dmarc=fail header.from=example.net", 550),
    ("list.example", "dmarc=pass header.from=other.example", 550),
    ("other.example", "dmarc=pass header.from=example.net", 550),
])
def test_trusted_forwarders(start_dkim: StartDkim, dns: Dns, trusted: str, results: str, code: int) -> None:
    """A list changed the message and its sender; it says what it found before."""
    milter = start_dkim({"milter-dkim": {"dmarc": {"reject": "reject"}, "arc": {"trusted": [trusted]}}})
    pem, record = make_key(milter.folder)
    dns.add(SENDER_ZONE + f"l1._domainkey.list.example TXT {record}")
    result = run(milter, forwarded(pem, LETTER, results), dataclasses.replace(STRANGER, sender="list@list.example"))
    assert result.reply.code == code, result.reply
    log = milter.verdict(SENDER.queue_id)
    assert log["arc"] == "pass" and log["dmarc"] == "fail"
    assert log.get("override", "") == ("" if code else "trusted_forwarder")


@pytest.mark.parametrize("exempt", ["example.net", "*.bad.example"])
def test_exempt_domains_are_noted_only(start_dkim: StartDkim, dns: Dns, exempt: str) -> None:
    dns.add(SENDER_ZONE)
    milter = start_dkim({"milter-dkim": {"dmarc": {"reject": "reject"}, "exempt_domains": [exempt]}})
    result = run(milter)
    assert result.reply.action in ("continue", "accept")
    assert "dmarc=fail" in result.value("Authentication-Results")
    assert milter.verdict(SENDER.queue_id)["spared"] == "exempt_domains"


@pytest.mark.parametrize("policy", ["none", "quarantine", "reject"])
def test_by_default_results_are_noted_only(start_dkim: StartDkim, dns: Dns, policy: str) -> None:
    dns.add(SENDER_ZONE.replace("p=reject", f"p={policy}"))
    result = run(start_dkim())
    assert result.reply.action in ("continue", "accept") and not result.quarantine
    assert "dmarc=fail" in result.value("Authentication-Results")


def test_quarantine_holds(start_dkim: StartDkim, dns: Dns) -> None:
    dns.add(SENDER_ZONE)
    milter = start_dkim({"milter-dkim": {"dmarc": {"reject": "quarantine"}}})
    result = run(milter)
    assert "policy of example.net" in result.quarantine
    assert "dmarc=fail" in result.value("Authentication-Results")
    assert milter.verdict(SENDER.queue_id)["disposition"] == "quarantine"


@pytest.mark.parametrize(("sender_of", "code"), [
    (b"From: a@example.net, b@other.example", "550 5.7.26"),  # the strictest of their policies
    (b"From: nobody", "550 5.7.1"),
    (b"X-From: a@example.net", "550 5.7.1"),
])
def test_authors_that_cannot_be_judged(start_dkim: StartDkim, dns: Dns, sender_of: bytes, code: str) -> None:
    dns.add(SENDER_ZONE)
    milter = start_dkim({"milter-dkim": {"dmarc": {"permerror": "reject", "reject": "reject"}}})
    result = run(milter, LETTER.replace(b"From: Author <author@example.net>", sender_of))
    assert result.reply.text.startswith(code), result.reply


@pytest.mark.parametrize("mood", ["dead", "servfail"])
def test_dns_that_fails_is_noted(start_dkim: StartDkim, dns: Dns, mood: str) -> None:
    """Answered by the deadline, long before the resolver gives up."""
    milter = start_dkim({"milter-dkim": {"deadline": "2s", "spf": {"deadline": "1s"}}})
    dns.mood = mood
    result = run(milter)
    assert result.reply.action in ("continue", "accept")
    value = result.value("Authentication-Results")
    assert "spf=temperror" in value and "dmarc=temperror" in value
    assert not result.quarantine


@pytest.mark.parametrize(("method", "code"), [("spf", "451 4.7.24"), ("dmarc", "451 4.4.3")])
def test_dns_that_fails_defers_where_wanted(start_dkim: StartDkim, dns: Dns, method: str, code: str) -> None:
    milter = start_dkim({"milter-dkim": {method: {"temperror": "tempfail"}}})
    dns.mood = "servfail"
    result = run(milter)
    assert result.reply.text.startswith(code), result.reply
    assert milter.verdict(SENDER.queue_id)["action"] == "tempfail"
    dns.mood = ""
    dns.add(SENDER_ZONE)
    wait_for(lambda: run(milter).reply.code == 0, "an answer with the DNS back", 30)


def test_slow_dns_within_the_deadline(start_dkim: StartDkim, dns: Dns) -> None:
    dns.add(SENDER_ZONE)
    dns.delay = 0.3
    value = run(start_dkim(), envelope=SENDER).value("Authentication-Results")
    assert "spf=pass" in value and "dmarc=pass" in value


def test_health(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim()
    status, text = milter.http("/healthz")
    assert status == 200 and [c["name"] for c in json.loads(text)["checks"]] == ["resolver", "keys", "store"]
    dns.mood = "servfail"
    assert milter.http("/healthz")[0] == 503


@pytest.mark.parametrize(("broken", "said"), [
    ({"milter-dkim": {"dmarc": {"reject": "perhaps"}}}, "reject"),
    ({"milter-dkim": {"spf": {"enabled": False}}}, "needs spf.enabled"),
    ({"milter-dkim": {"dmarc": {"text": "100% refused"}}}, "none of %d"),
    ({"milter-dkim": {"arc": {"seal_as": "example.org"}}}, "no key of"),
    ({"milter-dkim": {"dmarc": {"organizational_domain": "psl", "psl_file": "/does/not/exist"}}}, "/does/not/exist"),
    ({"domains": {"seal_key": "/etc/passwd"}}, "/etc/passwd"),
    ({"milter-dkim": {"deadlin": "3s"}}, "deadline"),
])
def test_broken_settings(start_dkim: StartDkim, broken: dict[str, Value], said: str) -> None:
    milter = start_dkim()
    milter.stop()
    milter.configure(broken)
    program = build_folder() / "milter-dkim" / "milter-dkim"
    done = subprocess.run([program, "-c", milter.config, "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 78 and said in done.stderr, done.stderr
    assert "gatepost.conf:" in done.stderr
    with pytest.raises(ServerError):
        milter.start()


def test_reload(start_dkim: StartDkim, dns: Dns) -> None:
    dns.add(SENDER_ZONE)
    milter = start_dkim()
    load = Load(str(milter.socket), LETTER, connections=2, envelope=STRANGER)
    milter.configure({"milter-dkim": {"dmarc": {"reject": "reject"}}})
    milter.reload()
    wait_for(lambda: run(milter).reply.code == 550, "the new setting")
    milter.config.write_text("milter-dkim = {\n")
    milter.reload()
    milter.wait_line(r"gatepost\.conf:\d")
    assert run(milter).reply.code == 550
    load.stop()
    assert load.lost == [] and load.refused == 0


def test_stop_under_load(start_dkim: StartDkim, dns: Dns) -> None:
    dns.add(SENDER_ZONE)
    dns.delay = 0.05
    milter = start_dkim()
    load = Load(str(milter.socket), LETTER, connections=4, envelope=SENDER)
    wait_for(lambda: len(load.results) > 20, "some results")
    assert milter.stop() == 0
    load.stop()
    for queue_id in load.lost:  # cut off before their end had come: not judged, so Postfix defers them
        assert milter.lines(rf"qid={queue_id}\b") == []


def test_stop_while_the_dns_is_silent(start_dkim: StartDkim, dns: Dns) -> None:
    """A message that waits for SPF when the stop comes is answered all the same."""
    milter = start_dkim({"milter-dkim": {"deadline": "2s", "spf": {"deadline": "2s"}}})
    dns.mood = "dead"
    results: list[Result] = []
    sender = threading.Thread(target=lambda: results.append(run(milter)))
    sender.start()
    wait_for(lambda: bool(dns.asked), "a question")
    assert milter.stop() == 0
    sender.join(60)
    assert results and results[0].reply.action in ("continue", "accept")
    assert "spf=temperror" in results[0].value("Authentication-Results")


def test_stop_grace_ends_waiting(start_dkim: StartDkim, dns: Dns) -> None:
    milter = start_dkim({"milter-dkim": {"stop_grace": "0s", "spf": {"deadline": "20s"}}, "dns": {"timeout": "20s"}})
    dns.mood = "dead"
    with Session(str(milter.socket)) as session:
        session.open(STRANGER)
        session.begin(LETTER, STRANGER)
        wait_for(lambda: bool(dns.asked), "a question")
        assert milter.stop() == 0


def test_check_command_knows_the_group(start_dkim: StartDkim, tmp_path: Path) -> None:
    milter = start_dkim()
    gatepost = build_folder() / "cli" / "gatepost"
    (tmp_path / "main.cf").write_text(f"queue_directory = /var/spool/postfix\nsmtpd_milters = unix:{milter.socket}\n")
    (tmp_path / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    done = subprocess.run([gatepost, "-c", milter.config, "check", "--postfix", tmp_path], capture_output=True, text=True, timeout=60)
    assert "reaches milter-dkim by smtpd_milters" in done.stdout, done.stderr
    assert "keys: 0 sign mail" in done.stdout
    table = tmp_path / "keytable"
    table.write_text("example.org s1=/does/not/exist.key\n")
    milter.configure({"milter-dkim": {"sign": {"keys": str(table)}}})
    done = subprocess.run([gatepost, "-c", milter.config, "check"], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "keytable:1" in done.stderr
    milter.configure({"milter-dkim": {"spf": {"fail": "perhaps"}}})
    done = subprocess.run([gatepost, "-c", milter.config, "check"], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "spf.fail" in done.stderr


def test_public_suffix_list_is_read_again(start_dkim: StartDkim, dns: Dns, world: Path) -> None:
    """From a file of one's own, which the sandbox lets a reload read."""
    dns.add("_dmarc.co.example TXT v=DMARC1; p=none\n_dmarc.a.co.example TXT v=DMARC1; p=reject\n")
    suffixes = world / "suffixes" / "list.dat"
    suffixes.parent.mkdir()
    suffixes.parent.chmod(0o755)
    suffixes.write_text("com\nexample\n")
    milter = start_dkim({"milter-dkim": {"dmarc": {"organizational_domain": "psl", "psl_file": str(suffixes)}}})
    message = LETTER.replace(b"author@example.net", b"author@b.a.co.example")
    assert "policy.dmarc=none" in run(milter, message).value("Authentication-Results")
    suffixes.write_text("com\nexample\nco.example\n")
    milter.reload()
    wait_for(lambda: "policy.dmarc=reject" in run(milter, message).value("Authentication-Results"), "the longer list")
