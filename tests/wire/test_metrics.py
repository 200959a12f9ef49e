"""/metrics counts what was done, /healthz says how the daemon is."""

from __future__ import annotations

import re

from conftest import GREY, HAM, MARK, REJECT, StartMilter
from milterclient import judge


def test_metrics(start: StartMilter) -> None:
    milter = start()
    for message in (HAM, HAM, MARK, GREY, REJECT):
        judge(str(milter.socket), message)
    status, text = milter.http("/metrics")
    assert status == 200
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"\n]*",?)*\})? [-+0-9.eE]+|', line), line
    for action, count in (("accept", 2), ("add_header", 1), ("greylist", 1), ("reject", 1)):
        assert milter.counted("gatepost_spam_messages_total", f'action="{action}"') == count, action


def test_health(start: StartMilter) -> None:
    milter = start()
    status, text = milter.http("/healthz")
    assert status == 200 and "ok" in text
    assert milter.http("/nothing")[0] == 404
