"""gatepost rules compile, status, lint, test: what they print and how they exit."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from servers.milter import TOP, build_folder

MESSAGE = "From: a@example.com\nSubject: hello\n\nfree money\n"


def gatepost(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([build_folder() / "cli" / "gatepost", *map(str, args)], text=True, capture_output=True, check=False)


def write_rules(world: Path, text: str, cases: str = "") -> Path:
    folder = world / "rules"
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    (folder / "10_a.cf").write_text(text)
    (folder / "tests" / "cases").write_text(cases)
    (folder / "tests" / "mail.eml").write_text(MESSAGE)
    (folder / "tests" / "ham-mail.eml").write_text(MESSAGE)
    return folder


def test_lint_names_file_line_and_rule_and_goes_on(world: Path) -> None:
    folder = write_rules(world, "body A /one/\nbody B /(two/\nscoer A 1\nmeta C (A\n")
    done = gatepost("rules", "lint", folder)
    assert done.returncode == 65
    lines = done.stderr.splitlines()
    assert any(line.startswith(f"{folder}/10_a.cf:2: error: B: pattern") for line in lines)
    assert any(line.startswith(f"{folder}/10_a.cf:4: error: C: ") for line in lines)
    assert any(":3: note: unknown directive \"scoer\"; is \"score\" meant?" in line for line in lines)
    assert gatepost("rules", "lint", TOP / "rules").returncode == 0
    assert gatepost("rules", "lint", world / "none").returncode == 66


def test_status_says_what_is_inert_and_why(world: Path) -> None:
    folder = write_rules(world, "body A /one/\nbody B eval:check_razor2()\nmeta C A && B\n")
    status = json.loads(gatepost("rules", "status", "--json", folder).stdout)
    assert (status["rules"], status["active"], status["inert"], status["errors"]) == (3, 2, 1, 0)
    assert status["files"][0]["file"] == f"{folder}/10_a.cf"
    assert status["inert_rules"] == [{"file": f"{folder}/10_a.cf", "line": 2, "rule": "B",
                                      "reason": "no eval function check_razor2()"}]
    assert "no eval function check_razor2()" in gatepost("rules", "status", folder).stdout


def test_test_runs_the_cases(world: Path) -> None:
    folder = write_rules(world, "body A /money/\nbody B /other/\n", "# c\nmail.eml: A !B\n")
    done = gatepost("rules", "test", folder)
    assert (done.returncode, done.stdout) == (0, "1 passed, 0 failed\n")
    write_rules(world, "body A /money/\nscore A 2\n", "mail.eml: B\nmail.eml: !A\nham-mail.eml:\nnone.eml: A\nbad\n")
    done = gatepost("rules", "test", folder)
    assert (done.returncode, done.stdout) == (1, "0 passed, 5 failed\n")
    for number, text in enumerate(("does not hit B", "hits A", "ordinary mail", "none.eml", "wants FILE"), 1):
        assert any(f"cases:{number}:" in line and text in line for line in done.stderr.splitlines()), done.stderr


def test_compile_fills_the_cache_and_status_tells(world: Path) -> None:
    folder = write_rules(world, "body A /money/\n")
    conf = world / "gatepost.conf"
    conf.write_text(f'rules = {{ paths = ["{folder}"]; cache = "{world}/cache"; }};\n')

    def is_cached() -> bool:
        targets = json.loads(gatepost("-c", conf, "rules", "status", "--json").stdout)["targets"]
        return bool(next(target for target in targets if target["target"] == "body")["cached"])

    assert not is_cached()
    done = gatepost("-c", conf, "rules", "compile")
    assert done.returncode == 0 and "1 rules compiled" in done.stdout
    assert is_cached()
    for path in (world / "cache").iterdir():
        path.chmod(0o666)
    assert not is_cached()
