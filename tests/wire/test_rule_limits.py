"""A catastrophic pattern in an administrator's file: messages are answered, the log names it, after a few it is switched off."""

from __future__ import annotations

import pytest

from conftest import RULES, StartMilter
from milterclient import Envelope, judge
from servers.milter import MilterSpam
from servers.process import cpu_seconds, wait_for

MESSAGES = 5  # GP_RULE_LIMITED_MAX
LINE = len(RULES.splitlines()) + 1


def letter(words: str) -> bytes:
    return f"From: a@example.net\nTo: alice@example.org\nSubject: A letter\n\nword-for-mark\n\n{words}\n".encode()


def rules(rule: str) -> str:
    return RULES + f"{rule}\nscore CATASTROPHE 3\nmeta WITHOUT T_MARK && !CATASTROPHE\nscore WITHOUT 0.1\n"


def symbols(milter: MilterSpam, queue_id: str) -> list[str]:
    return milter.verdict(queue_id)["symbols"].split(",")


CASES = {  # what stops it, and a text on which it does
    "steps of the JIT": (r"body CATASTROPHE /^(a+)+c?\s*$/", "a" * 200 + "!"),
    "steps of the interpreter": (r"body CATASTROPHE /(*NO_JIT)^(a+)+c?\s*$/", "a" * 200 + "!"),
    "the budget of the message": (r"full CATASTROPHE /(?=[ab]{3,}[cd])aa/", "a" * 2000000),
}


@pytest.mark.alone
@pytest.mark.parametrize("case", CASES)
def test_stopped_named_and_switched_off(start: StartMilter, case: str) -> None:
    rule, words = CASES[case]
    milter = start(rules=rules(rule))
    slow, fast = letter(words), letter("aaac")

    def send(message: bytes, number: int) -> float:
        """Seconds of a processor that it took."""
        begin = cpu_seconds(milter.process.pid)
        result = judge(str(milter.socket), message, Envelope(queue_id=f"4R{number}"))
        assert result.values("X-Spam") == ["Yes"]  # T_MARK hit whatever became of the other one
        return cpu_seconds(milter.process.pid) - begin

    send(fast, 0)
    assert "CATASTROPHE" in symbols(milter, "4R0") and "WITHOUT" not in symbols(milter, "4R0")
    for number in range(1, MESSAGES + 1):
        assert milter.counted("gatepost_spam_rules_switched_off") == 0
        assert send(slow, number) < 10
        verdict = milter.verdict(f"4R{number}")
        assert verdict["missing"] == "rules"
        assert "CATASTROPHE" not in verdict["symbols"] and "WITHOUT" in verdict["symbols"]
    place = rf"rule CATASTROPHE \({milter.rules}/test.cf:{LINE}\) "
    assert len(milter.lines(place + "takes too long")) == 1
    assert len(milter.lines(place + f"took too long on {MESSAGES} messages; it is off until")) == 1
    assert milter.counted("gatepost_spam_rule_limits_total") == MESSAGES
    assert milter.counted("gatepost_spam_rules_switched_off") == 1
    status, text = milter.http("/healthz")
    assert status == 200 and "1 switched off: CATASTROPHE" in text

    # Off: fast again, metas see 0, nothing more is said.
    quickest = min(send(slow, number) for number in range(10, 13))
    assert quickest < 1
    send(fast, 20)
    assert "CATASTROPHE" not in symbols(milter, "4R20") and "WITHOUT" in symbols(milter, "4R20")
    assert "missing" not in milter.verdict("4R20")
    assert len(milter.lines(place)) == 2

    # A reload brings it back, and the count begins anew.
    milter.reload()
    wait_for(lambda: milter.counted("gatepost_spam_rules_switched_off") == 0, "rules that are on")
    send(fast, 30)
    assert "CATASTROPHE" in symbols(milter, "4R30")
    send(slow, 31)
    milter.verdict("4R31")
    assert len(milter.lines(place + "takes too long")) == 2
