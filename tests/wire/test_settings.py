"""Settings per recipient, account and sender, and what the other settings of milter-spam change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conftest import HAM, MARK, REJECT, StartMilter, start_in
from milterclient import Envelope, Result, judge
from servers.milter import Value

RECIPIENTS = """\
strict@example.org    reject=5
lenient@example.org   add_header=12 reject=30
@quiet.example.org    add_header=0 reject=0
choosy@example.org    welcome=friend@example.net block=pest@example.net
"""
ACCOUNTS = "robot  reject=5\n"
WELCOME = "partner@example.net\n192.0.2.0/24\n.good.example.com -5\n"
BLOCK = "enemy@example.net\n203.0.113.128/25\n"
MARKED, CLEAN, REFUSED = "marked", "clean", "refused"


def outcome(result: Result) -> str:
    if result.reply.code == 550:
        return REFUSED
    assert result.reply.action in ("accept", "continue"), result.reply
    return MARKED if result.values("X-Spam") == ["Yes"] else CLEAN


@pytest.fixture(scope="module")
def outcome_of(module_world: Path) -> Iterator[Callable[[bytes, Envelope], str]]:
    """outcome_of(MESSAGE, ENVELOPE) at a milter with all the maps."""
    maps = {"recipients": RECIPIENTS, "accounts": ACCOUNTS, "welcome": WELCOME, "block": BLOCK}
    for name, text in maps.items():
        (module_world / name).write_text(text)
    with ExitStack() as stack:
        files: dict[str, Value] = {name: str(module_world / name) for name in maps}
        milter = start_in(module_world, stack)({"milter-spam": {**files, "greylist": {"enabled": False}}})
        yield lambda message, envelope: outcome(judge(str(milter.socket), message, envelope))


@pytest.mark.parametrize(("recipients", "expected"), [
    (["alice@example.org"], MARKED),
    (["strict@example.org"], REFUSED),
    (["STRICT@Example.ORG"], REFUSED),
    (["lenient@example.org"], CLEAN),
    (["anna@quiet.example.org"], CLEAN),
    (["strict@example.org", "alice@example.org"], MARKED),  # refused only if all say so
    (["lenient@example.org", "alice@example.org"], MARKED),  # marked if one says so
    (["lenient@example.org", "strict@example.org"], MARKED),
    (["lenient@example.org", "anna@quiet.example.org"], CLEAN),
])
def test_thresholds_of_recipients(outcome_of: Callable[[bytes, Envelope], str], recipients: list[str], expected: str) -> None:
    assert outcome_of(MARK, Envelope().to(*recipients)) == expected


def test_log_names_who_decided(start: StartMilter, world: Path) -> None:
    (world / "recipients").write_text(RECIPIENTS)
    milter = start({"milter-spam": {"recipients": str(world / "recipients")}})
    judge(str(milter.socket), MARK, Envelope(queue_id="4DECIDED").to("lenient@example.org", "alice@example.org"))
    assert milter.verdict("4DECIDED")["decided_by"] == "alice@example.org"


@pytest.mark.parametrize(("envelope", "message", "expected"), [
    (Envelope(sender="partner@example.net"), REJECT, CLEAN),
    (Envelope(address="192.0.2.55"), REJECT, CLEAN),
    (Envelope(sender="x@mail.good.example.com"), MARK, CLEAN),
    (Envelope(sender="enemy@example.net"), HAM, REFUSED),
    (Envelope(address="203.0.113.200"), HAM, REFUSED),
    (Envelope(address="203.0.113.100"), HAM, CLEAN),
    (Envelope(sender="friend@example.net", recipients=("choosy@example.org",)), REJECT, CLEAN),
    (Envelope(sender="friend@example.net"), REJECT, REFUSED),
    (Envelope(sender="pest@example.net", recipients=("choosy@example.org",)), HAM, REFUSED),
    (Envelope(sender="pest@example.net"), HAM, CLEAN),
])
def test_senders(outcome_of: Callable[[bytes, Envelope], str], envelope: Envelope, message: bytes, expected: str) -> None:
    assert outcome_of(message, envelope) == expected


@pytest.mark.parametrize(("policy", "expected"), [("skip", CLEAN), ("observe", CLEAN), ("enforce", REFUSED)])
def test_own_mail(start: StartMilter, policy: str, expected: str) -> None:
    milter = start({"milter-spam": {"authenticated": policy, "own_networks": policy}})
    for envelope in (Envelope(address="127.0.0.1"), Envelope(macros={"{auth_authen}": "alice@example.org"})):
        result = judge(str(milter.socket), REJECT, envelope)
        assert outcome(result) == expected
        assert [n for n, _ in result.headers if n.lower().startswith("x-spam")] == []


@pytest.mark.parametrize(("oversize", "expected"), [("scan", MARKED), ("accept", CLEAN), ("reject", "552")])
def test_oversize(start: StartMilter, oversize: str, expected: str) -> None:
    milter = start({"milter-spam": {"size_max": "64K", "oversize": oversize}})
    big = MARK + b"more and more of the same\n" * 10_000
    result = judge(str(milter.socket), big)
    assert result.reply.text[:3] == expected if expected == "552" else outcome(result) == expected


def test_scan_sees_the_beginning_only(start: StartMilter) -> None:
    milter = start({"milter-spam": {"size_max": "64K"}})
    big = HAM + b"more and more of the same\n" * 10_000 + b"word-for-mark\n"
    assert outcome(judge(str(milter.socket), big)) == CLEAN


def test_headers_switched(start: StartMilter) -> None:
    headers = {"spam": "never", "flag": "always", "level": "never", "score": "spam", "status": "never", "result": "always",
               "report": "never"}
    milter = start({"milter-spam": {"headers": headers}})
    ham = judge(str(milter.socket), HAM)
    spam = judge(str(milter.socket), MARK)
    for name in ("X-Spam", "X-Spam-Level", "X-Spam-Status", "X-Spam-Report"):
        assert spam.values(name) == []
    assert ham.value("X-Spam-Flag") == "NO" and spam.value("X-Spam-Flag") == "YES"
    assert ham.values("X-Spam-Score") == [] and float(spam.value("X-Spam-Score")) == pytest.approx(7)
    assert spam.value("X-Spamd-Result").startswith("default: True [7.00 / ")
    assert "T_MARK" in spam.value("X-Spamd-Result")


def test_quarantine_and_discard(start: StartMilter) -> None:
    milter = start({"milter-spam": {"thresholds": {"quarantine": 7.0, "discard": 19.0, "reject": 0.0}}})
    held = judge(str(milter.socket), MARK)
    assert held.quarantine and held.reply.action in ("accept", "continue")
    assert judge(str(milter.socket), REJECT).reply.action == "discard"


def test_exempt_network(start: StartMilter) -> None:
    milter = start({"networks": {"exempt": ["198.51.100.0/24"]}})
    assert outcome(judge(str(milter.socket), REJECT)) == CLEAN
    assert outcome(judge(str(milter.socket), REJECT, Envelope(address="203.0.113.1"))) == REFUSED


def test_reply_texts(start: StartMilter) -> None:
    milter = start({"milter-spam": {"reject_text": "Go 100% away"}})
    assert judge(str(milter.socket), REJECT).reply.text == "550 5.7.1 Go 100% away"
