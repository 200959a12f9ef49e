"""Whose Authentication-Results milter-spam believes: only those with milter-dkim's seal for this queue id."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import shutil
from pathlib import Path

import pytest

from conftest import HAM, StartMilter
from milterclient import Envelope, Result, judge
from servers.milter import GROUP, MilterSpam

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
