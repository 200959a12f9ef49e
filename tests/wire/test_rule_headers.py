"""Headers as the rule files say: add_header, rewrite_header, subjprefix, required_score (headers.from_rules)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from conftest import HAM, MARK, RULES, StartMilter
from milterclient import judge
from servers.milter import Value, build_folder

MARKUP = RULES + """\
clear_headers
add_header all Status _YESNO_, score=_SCORE_ required=_REQD_ tests=_TESTS_
add_header spam Flag _YESNOCAPS_
add_header all Report _REPORT_
rewrite_header Subject [SPAM _SCORE_]
rewrite_header From (careful)
subjprefix T_MARK [marked]
required_score 5
report_safe 1
score T_GREY 5.5
"""


def settings(**own: Value) -> dict[str, Value]:
    return {"milter-spam": {"headers": {"from_rules": True}, **own}}


def test_headers_of_the_rule_files(start: StartMilter) -> None:
    milter = start(settings(), rules=MARKUP)
    spam = judge(str(milter.socket), MARK)
    assert spam.value("X-Spam-Status") == "Yes, score=7.0 required=5.0 tests=T_MARK"
    assert spam.value("X-Spam-Flag") == "YES"
    assert spam.value("X-Spam-Report").split() == "* 7.0 T_MARK BODY: Test rule for marking".split()
    assert spam.value("X-Spam-Prev-Subject") == "A letter"
    assert spam.value("Subject") == "[SPAM 7.0] [marked] A letter"
    assert spam.value("From") == "([careful]) Someone <stranger@example.net>"
    assert spam.values("X-Spam") == spam.values("X-Spam-Level") == []  # the settings' own
    ham = judge(str(milter.socket), HAM)
    assert ham.value("X-Spam-Status") == "No, score=0.0 required=5.0 tests=none"
    assert ham.values("X-Spam-Flag") == []
    assert ham.values("Subject") in ([], ["A letter"])


def test_required_score_is_the_threshold_unless_that_is_set(start: StartMilter) -> None:
    message = MARK.replace(b"word-for-mark", b"word-for-grey")
    no_greylist: Value = {"enabled": False}
    assert judge(str(start(settings(greylist=no_greylist), rules=MARKUP).socket), message).value("X-Spam-Status").startswith("Yes, score=5.5 required=5.0")
    assert judge(str(start(settings(greylist=no_greylist, thresholds={"add_header": 6.5}), rules=MARKUP).socket), message).value("X-Spam-Status").startswith("No, score=5.5 required=6.5")
    result = judge(str(start({}, rules=MARKUP).socket), MARK)
    assert "required=6.0" in result.value("X-Spam-Status") and result.value("X-Spam") == "Yes"  # ours, as without the files


def test_forged_copies_go(start: StartMilter) -> None:
    milter = start(settings(), rules=MARKUP)
    result = judge(str(milter.socket), b"X-Spam-Report: all is well\nx-spam-status: No\n" + HAM)
    assert "all is well" not in str(result.headers)
    assert result.value("X-Spam-Status").startswith("No, score=0.0")


def test_lint_says_what_is_not_used(world: Path) -> None:
    rules = world / "local.cf"
    rules.write_text("report_safe 1\nuse_bayes 1\nrewrite_header Subject SPAM\nuse_razor2 1\nbayes_path /x\nadd_header x y\n")
    done = subprocess.run([build_folder() / "cli" / "gatepost", "rules", "lint", rules], text=True, capture_output=True, check=False)
    assert done.returncode == 65
    for text in ("1: note: report_safe is not used: messages are never wrapped", "2: note: use_bayes is not used: learning",
                 "4: note: use_razor2 is not used: needs a service", "6: error: wants spam, ham or all",
                 "used only with milter-spam's setting headers.from_rules"):
        assert text in done.stderr, done.stderr


def test_relays_are_known_without_a_rule_that_asks(world: Path) -> None:
    (world / "local.cf").write_text("add_header all Relay _LASTEXTERNALIP_ _LASTEXTERNALHELO_\nbody A /hello/\n")
    (world / "mail").write_text("Received: from h.example (h.example [192.0.2.9]) by mx.example (Postfix) with ESMTP id 1;\n"
                                " Sun, 22 Nov 2026 06:00:00 +0000\nFrom: a@example.com\n\nhello\n")
    (world / "gatepost.conf").write_text(f'store = "lmdb:{world}/store"; rules = {{ paths = [ "{world}/local.cf" ]; network = false; }};\n'
                                         "milter-spam = { headers = { from_rules = true; }; };\n")
    done = subprocess.run([build_folder() / "cli" / "gatepost", "-c", world / "gatepost.conf", "scan", "--headers", world / "mail"],
                          text=True, capture_output=True, check=False)
    assert "X-Spam-Relay: 192.0.2.9 h.example" in done.stdout, done.stdout + done.stderr
