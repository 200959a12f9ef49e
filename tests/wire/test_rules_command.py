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


def test_lint_says_what_cannot_run(world: Path) -> None:
    folder = write_rules(world, "header A eval:check_nothing()\nbody B /(?<=a.?)b/\nfull C eval:check_razor2()\n")
    done = gatepost("rules", "lint", folder)
    assert done.returncode == 0
    for text in ("1: note: A: cannot run: no eval function check_nothing()", "2: note: B: cannot run: pattern",
                 "3: note: C: cannot run: no eval function check_razor2(): needs a service"):
        assert text in done.stderr, done.stderr


def test_what_is_no_file_in_a_folder_is_passed_over(world: Path) -> None:
    folder = write_rules(world, "body A /one/\n")
    (folder / "20_folder.cf").mkdir()
    (folder / "30_gone.cf").symlink_to("nowhere")
    (folder / "40_link.cf").symlink_to("10_a.cf")
    status = json.loads(gatepost("rules", "status", "--json", folder).stdout)
    assert [entry["file"] for entry in status["files"]] == [f"{folder}/10_a.cf", f"{folder}/40_link.cf"]


def test_status_says_what_is_inert_and_why(world: Path) -> None:
    folder = write_rules(world, "body A /one/\nbody B eval:check_razor2()\nmeta C A && B\n")
    status = json.loads(gatepost("rules", "status", "--json", folder).stdout)
    assert (status["rules"], status["active"], status["errors"]) == (3, 2, 0)
    assert status["files"][0]["file"] == f"{folder}/10_a.cf"
    assert status["inert"] == [{"file": f"{folder}/10_a.cf", "line": 2, "rule": "B", "reason": "no eval function check_razor2(): needs a service that is not asked here"}]
    assert (status["scored"], status["scored_active"]) == (3, 1)  # C cannot be known without B
    assert "no eval function check_razor2()" in gatepost("rules", "status", folder).stdout


def test_explain_shows_a_rule_and_what_is_below_it(world: Path) -> None:
    folder = write_rules(world, "body __A /one/\nbody B eval:check_razor2()\nmeta C __A && B && NOWHERE\n"
                                "describe C What it means\nscore C 1 2 3 4\n")
    shown = gatepost("rules", "explain", "C", folder).stdout
    for text in ("What it means", f"{folder}/10_a.cf, line 3", "1 alone, 2 with network, 3 with Bayes, 4 with both", "in part",
                 "C  meta __A && B && NOWHERE", "    __A  body /one/", "cannot run: no eval function check_razor2()", "nothing defines it"):
        assert text in shown, shown
    assert "  score       none: a sub-rule, for metas\n" in gatepost("rules", "explain", "__A", folder).stdout
    assert gatepost("rules", "explain", "D", folder).returncode == 65
    assert gatepost("rules", "explain").returncode == 64


def test_diff_shows_what_an_update_changes(world: Path) -> None:
    for name, text in (("old", "body A /one/\nbody B /two/\nbody C /three/\nscore C 1\nbody __E /x/\nbody __F /x/\n"),
                       ("new", "body A /one/\nbody B /2/\nbody C /three/\nscore C 2\nbody D /four/\n"
                               "body __E /x/\ntflags __E multiple\nbody __F /y/\n")):
        write_rules(world / name, text)
    old, new = world / "old" / "rules", world / "new" / "rules"
    done = gatepost("rules", "diff", old, new)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split() for line in lines if not line.startswith(" ")] == [["changed", "B"], ["changed", "C"], ["added", "D"],
                                                                                   ["changed", "__E"], ["changed", "__F"]]
    assert "    + tflags multiple" in lines and "    + score 1 1 1 1" in lines and sum("score" in line for line in lines) == 3
    assert "    - body /two/" in lines and "    + body /2/" in lines and "    + score 2 2 2 2" in lines
    assert "removed  D" in gatepost("rules", "diff", new, old).stdout
    assert gatepost("rules", "diff", old, old).returncode == 0


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


def test_texts_in_the_rule_files_are_tested(world: Path) -> None:
    rules = world / "a.cf"
    rules.write_text("header H From:addr =~ /^a@/\ntest H ok A <a@example.com>\ntest H fail b@example.com\n"
                     "body B /two words/\nscore B 0\ntest B ok of two\twords, at the end\n"
                     "uri U m{^http://example\\.com/x$}\ntest U ok see http://example.com/x\n"
                     "test NOWHERE ok x\n")
    done = gatepost("rules", "test", rules)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "4 passed, 0 failed, 1 not tested"
    assert f"{rules}:9: NOWHERE: not tested" in done.stdout
    rules.write_text("body B /two words/\ntest B fail two words\ntest B ok three words\n")
    done = gatepost("rules", "test", rules)
    assert done.returncode == 1
    assert done.stderr == f"{rules}:2: B: hits its text\n{rules}:3: B: does not hit its text\n"
    rules.write_text("test B perhaps x\n")
    assert "wants a rule's name, ok or fail" in gatepost("rules", "lint", rules).stderr


def test_explain_knows_every_kind_of_rule(world: Path) -> None:
    rules = world / "kinds.cf"
    rules.write_text("header H Subject:raw =~ /x/\nheader E exists:X-Y\nuri U /%{CAUGHT}/\nheader __C From =~ /(?<CAUGHT>x)/\n"
                     "uri_detail D raw =~ /x/ type !~ /y/\nmimeheader M Content-Type =~ /x/\nfull F /x/\nrawbody R /x/\n"
                     "askdns A _AUTHORDOMAIN_.list.test TXT /x/\nheader B eval:check_rbl('s', 'zone.test.')\n"
                     "header S eval:check_rbl_sub('s', '127.0.0.2')\nurirhssub X uri.test. A 2\nbody X eval:check_uridnsbl('X')\n"
                     "body P eval:check_hashbl_bodyre('hash.test', 'sha1', '(x)')\ntflags B net nice\nmeta G H && !E\n")
    asks = {"A": "_AUTHORDOMAIN_.list.test", "B": "zone.test", "S": "zone.test", "X": "uri.test", "P": "hash.test"}
    for name in ("H", "E", "U", "__C", "D", "M", "F", "R", "A", "B", "S", "X", "P", "G"):
        shown = gatepost("rules", "explain", name, rules).stdout
        assert "can run     yes" in shown and f"defined in  {rules}" in shown, shown
        assert (f"asks        {asks.get(name)}\n" in shown) == (name in asks), shown
    assert "flags       net nice\n" in gatepost("rules", "explain", "B", rules).stdout


def test_descriptions_in_the_language_that_is_set(world: Path) -> None:
    rules, conf = world / "a.cf", world / "gatepost.conf"
    rules.write_text("body A /x/\ndescribe A English\nlang de describe A Deutsch\nlang pt_BR describe A Brasil\n")
    for language, text in (("en", "English"), ("de_AT", "Deutsch"), ("pt_BR", "Brasil"), ("pt", "English")):
        conf.write_text(f'rules = {{ paths = [ "{rules}" ]; cache = ""; language = "{language}"; }};\n')
        assert f"A\n  {text}\n" in gatepost("-c", conf, "rules", "explain", "A").stdout
