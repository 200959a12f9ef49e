"""gatepost scan, learn, unlearn, stat and check, as scripts and administrators use them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from servers.milter import build_folder

RULES = """\
body T_GREY /word-for-grey/
score T_GREY 5
body T_MARK /word-for-mark/
describe T_MARK Says the word
score T_MARK 7
body T_REJECT /word-for-reject/
score T_REJECT 20
"""
LETTER = "From: someone@example.net\nTo: alice@example.org\nSubject: A letter\nMessage-ID: <{0}@example.net>\n\nDear Alice, {0}.\n"
FIELDS = {"file", "score", "action", "symbols", "time_ms"}


@pytest.fixture
def config(world: Path) -> Path:
    (world / "rules.cf").write_text(RULES)
    path = world / "gatepost.conf"
    path.write_text(f'store = "lmdb:{world}/store";\nrules = {{ paths = ["{world}/rules.cf"]; cache = ""; }};\n'
                    "bayes = { min_spam = 1; min_ham = 1; };\n")
    return path


def gatepost(config: Path, *args: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([build_folder() / "cli/gatepost", "-c", config, *args], input=stdin, capture_output=True, text=True,
                          timeout=60)


def write(folder: Path, *words: str) -> Path:
    folder.mkdir(exist_ok=True)
    for word in words:
        (folder / f"{word}.eml").write_text(LETTER.format(word))
    return folder


@pytest.mark.parametrize(("word", "status", "action"), [
    ("harmless", 0, "accept"), ("word-for-grey", 1, "greylist"), ("word-for-mark", 2, "add header"), ("word-for-reject", 4, "reject"),
])
def test_status_and_json_by_action(config: Path, word: str, status: int, action: str) -> None:
    done = gatepost(config, "scan", "--json", "-", stdin=LETTER.format(word))
    assert done.returncode == status, done
    verdict = json.loads(done.stdout)
    assert FIELDS <= verdict.keys()
    assert verdict["action"] == action
    assert all(symbol.keys() >= {"name", "score", "description"} for symbol in verdict["symbols"])


def test_severest_of_a_directory_counts(config: Path, world: Path) -> None:
    done = gatepost(config, "scan", "--json", write(world / "mail", "harmless", "word-for-mark", "word-for-grey"))
    assert done.returncode == 2
    assert [json.loads(line)["score"] for line in done.stdout.splitlines()] == [0, 5, 7]


def test_table_and_trace(config: Path) -> None:
    done = gatepost(config, "scan", "--rules-trace", stdin=LETTER.format("word-for-mark"))
    assert "T_MARK" in done.stdout and "Says the word" in done.stdout and "\033" not in done.stdout
    assert '"word-for-mark"' in done.stdout


def test_recipients_settings_count(config: Path, world: Path) -> None:
    (world / "recipients").write_text("strict@example.org reject=5\n")
    config.write_text(config.read_text() + f'milter-spam = {{ recipients = "{world}/recipients"; }};\n')
    letter = LETTER.format("word-for-mark")
    assert gatepost(config, "scan", "--rcpt", "strict@example.org", stdin=letter).returncode == 4
    assert gatepost(config, "scan", "--rcpt", "strict@example.org", "--rcpt", "other@example.org", stdin=letter).returncode == 2
    assert gatepost(config, "scan", "--user", "alice", stdin=letter).returncode == 0


def test_who_it_is_from_is_looked_up_for_a_client(config: Path, world: Path) -> None:
    (world / "rules.cf").write_text("header T_SPF eval:check_for_spf_fail()\nscore T_SPF 2\n"
                                    "header T_DMARC eval:check_dmarc_reject()\nscore T_DMARC 3\n")
    (world / "zone").write_text('$ORIGIN example.net.\n@ 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"\n'
                                '_dmarc 300 IN TXT "v=DMARC1; p=reject"\n')
    letter = write(world / "mail", "harmless")
    client = ["--helo", "mx.example.net", "--from", "someone@example.net", "--zone", str(world / "zone")]
    scores = {ip: json.loads(gatepost(config, "scan", "--json", "--ip", ip, *client, letter).stdout)["score"]
              for ip in ("192.0.2.1", "192.0.2.2")}
    assert scores == {"192.0.2.1": 0, "192.0.2.2": 5}
    assert json.loads(gatepost(config, "scan", "--json", letter).stdout)["score"] == 0


def test_unreadable_input_is_said(config: Path, world: Path) -> None:
    done = gatepost(config, "scan", world / "nothing")
    assert done.returncode == 65 and "nothing: No such file" in done.stderr


def test_learn_relearn_unlearn(config: Path, world: Path) -> None:
    box = write(world / "box", "alpha", "beta", "gamma")

    def summary(*args: str | Path) -> dict[str, int]:
        done = gatepost(config, *args, "--json", box)
        assert done.returncode == 0, done
        return dict(json.loads(done.stdout))

    def totals() -> tuple[int, int]:
        stat = json.loads(gatepost(config, "stat", "--json").stdout)
        return stat["spam"], stat["ham"]

    assert summary("learn", "spam", "--dry-run")["new"] == 3 and totals() == (0, 0)
    assert summary("learn", "spam")["new"] == 3 and totals() == (3, 0)
    assert summary("learn", "spam")["known"] == 3 and totals() == (3, 0)
    assert summary("learn", "ham")["relearned"] == 3 and totals() == (0, 3)
    assert summary("unlearn")["unlearned"] == 3 and totals() == (0, 0)
    assert summary("unlearn")["unknown"] == 3
    assert json.loads(gatepost(config, "stat", "--json").stdout)["tokens"] == 0, "what was unlearned leaves nothing behind"


@pytest.mark.parametrize(("text", "says"), [
    ("no-such-group = { };", ":1: no-such-group"),
    ("milter-spam = { treshold = 1; };", ":1: milter-spam.treshold"),
    ('milter-spam = {\n thresholds = { rejct = 1.0; };\n size_max = "4X"; };', ":3: "),
    ('store = "lmdb:/x";\nstore = "lmdb:/y";', ":2: "),
    ("milter-spam = {", ":1: "),
])
def test_check_names_file_and_line(world: Path, text: str, says: str) -> None:
    config = world / "broken.conf"
    config.write_text(text)
    done = gatepost(config, "check")
    assert done.returncode == 78
    assert f"{config}{says}" in done.stderr


def test_check_finds_a_socket_that_the_chroot_hides(config: Path, world: Path) -> None:
    postfix = world / "postfix"
    postfix.mkdir()
    (postfix / "main.cf").write_text("compatibility_level = 3.6\nqueue_directory = /var/spool/postfix\n"
                                     "smtpd_milters = { unix:/run/gatepost/spam.sock, default_action=accept }\n")
    (postfix / "master.cf").write_text("smtp inet n - y - - smtpd\n")
    done = gatepost(config, "check", "--postfix", postfix)
    assert done.returncode == 78 and "/var/spool/postfix/run/gatepost/spam.sock" in done.stderr
    (postfix / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    assert gatepost(config, "check", "--postfix", postfix).returncode == 0


def test_check_reports_rules_that_do_not_parse(config: Path, world: Path) -> None:
    (world / "rules.cf").write_text(RULES + "body T_BROKEN /(/\n")
    assert gatepost(config, "check").returncode == 78
    done = gatepost(config, "rules", "lint")
    assert done.returncode != 0 and "T_BROKEN" in done.stdout + done.stderr and f"{world}/rules.cf:8" in done.stdout + done.stderr


def test_a_rule_that_takes_too_long_is_named(config: Path, world: Path) -> None:
    rules = world / "rules.cf"
    rules.write_text(RULES + "body T_SLOW /^(a+)+\\s*$/\nscore T_SLOW 1\n")
    line = len(rules.read_text().splitlines()) - 1
    for number in range(7):
        (world / f"{number}.eml").write_text(LETTER.format("word-for-mark") + "\n" + "a" * 100 + "!\n")
    messages = [world / f"{number}.eml" for number in range(7)]
    found = [json.loads(text) for text in gatepost(config, "scan", "--json", *messages).stdout.splitlines()]
    assert [f.get("limited") for f in found] == 5 * [[{"rule": "T_SLOW", "file": str(rules), "line": line}]] + 2 * [None]
    assert all([s["name"] for s in f["symbols"]] == ["T_MARK"] for f in found)
    shown = gatepost(config, "scan", *messages).stdout
    assert shown.count(f"rule T_SLOW ({rules}:{line}) takes too long; it does not hit") == 5
    assert shown.count("off from here on") == 1
