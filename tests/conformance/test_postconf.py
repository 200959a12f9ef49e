"""Our expansion of Postfix's values is that of its own postconf -x, and -Px for services; where it ends, ours has a fault."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from servers.milter import SANITIZERS, build_folder

POSTCONF = shutil.which("postconf", path="/usr/sbin:/usr/bin:/sbin:/bin")
PARAMETER = "smtpd_client_restrictions"
N_RANDOM = 150
NAMES = "a = A\nempty =\nlist = $a, ${a?{b}}\nlevel = 3.6\n"
MASTER = """\
smtp inet n - y - - smtpd
submission inet n - y - - smtpd
  -o syslog_name=postfix/$a
  -o a=B
  -o { smtpd_recipient_restrictions = check_policy_service { unix:x, default_action=DUNNO }, $list reject }
  -o smtpd_data_restrictions=${{$a}=={B}?{own words}:{main's}}
  -o smtpd_helo_restrictions=$list
  -o { smtpd_sender_restrictions=${nope:{none}} ${empty:x}}
"""
TEXTS = [
    "plain", "$a ${a} $(a) $a.b $a_b|", "$nope|$$a|$$$$", "$list", "${a?yes}${nope?yes}${empty?yes}|", "${a:no}${nope:no}${empty:no}",
    "|${a?{ x }}|${a?y }|${a? {z} }|${ a ? {b}}|", "${a?{x y}:{ z }}|${nope?{x y}:{ z }}|", "${nope ? {x}:{${a?{nested $a}:{n}}}}",
    "${a?b:c}|${a?{b}:c}|${nope?{b}:c}|${nope:{b}}", "${a?{b}:}|${a?(}|$(a?(x))|$a?{b}", "${{$a} == {A} ? {eq} : {ne}}${{$a}!={A}?{ne}:{eq}}",
    "|${{$a} == {A}}|${{$a} != {A}}|${{$a} != {A}:not}|", "${{2} < {10}?{l}:{g}}${{10} < {9a}?{l}:{g}}${{09} == {9}?{e}:{n}}",
    "${{$level} <level {3.10}?{l}:{g}}${{3.6} ==level {3.6.0}?{e}:{n}}", "x$", "$-", "${}", "${a", "$((a))", "${a?{x} y}", "$(a?{b)",
    "${a?{b}:{c}:d}", "${{a}?x}", "${{a} = {b}?x}", "${{1} < level {2}?x}", "${{1} < {2}}x}", "${{$a} ==level {1}?x}", "${{4.} <level {4}?x}",
    "$mail_name $default_database_type:$config_directory/x", "${compatibility_level}",
]

pytestmark = pytest.mark.skipif(POSTCONF is None, reason="Postfix is not installed")


def words(text: str) -> str:
    return " ".join(text.split())


def theirs(folder: Path, *options: str) -> dict[str, str] | None:
    """None: it ended with an error."""
    done = subprocess.run([str(POSTCONF), "-c", folder, "-x", *options], capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        return None
    return {name: words(value) for name, _, value in (line.partition(" =") for line in done.stdout.splitlines())}


def ours(folder: Path, service: str, *parameters: str) -> dict[str, str] | None:
    done = subprocess.run([build_folder() / "tests" / "probe" / "gp-postfix-probe", folder, service, *parameters], capture_output=True,
                          text=True, check=True, timeout=600, env={**os.environ, **SANITIZERS})
    if "\nfault: " in done.stdout:
        return None
    return {name: words(value) for name, _, value in (line.partition(" =") for line in done.stdout.splitlines())}


def write(folder: Path, text: str) -> None:
    (folder / "main.cf").write_text("compatibility_level = 3.6\nmyhostname = mx.test\nqueue_directory = /var/spool/postfix\n"
                                    f"{NAMES}{PARAMETER} = {text}\n")
    (folder / "master.cf").write_text(MASTER)
    for name in ("main.cf", "master.cf"):  # postconf waits until a file has been left alone for a second
        os.utime(folder / name, (0, 0))


def random_text(dice: random.Random, depth: int = 3) -> str:
    """Mostly well-formed; now and then a character is lost, or one too many."""
    def inner() -> str:
        return random_text(dice, depth - 1) if depth else dice.choice(["x", "", "$a", "7", "10", "3.6"])

    def name() -> str:
        return dice.choice(["a", "empty", "nope", "list", "level"])

    def braced() -> str:
        return dice.choice(["{%s}", " {%s}", "{ %s }", "{%s} "]) % inner()

    def condition() -> str:
        operator = dice.choice(["==", "!=", "<", "<=", ">", ">=", "==level", "<level", ">=level"])
        return dice.choice([name(), name(), "{%s} %s {%s}" % (inner(), operator, inner())])

    text = dice.choice([
        lambda: "word", lambda: f"${name()} ", lambda: f"${{{name()}}}", lambda: f"$({name()})", lambda: inner() + "|" + inner(),
        lambda: "${%s?%s:%s}" % (condition(), braced(), braced()), lambda: "${%s?%s}" % (condition(), braced()),
        lambda: "${%s:%s}" % (condition(), braced()), lambda: "${%s?%s}" % (condition(), inner())])()
    if dice.random() < 0.05 and text:
        at = dice.randrange(len(text))
        text = text[:at] + dice.choice(["", "{", "}", "$", " ", ":", "?"]) + text[at + 1:]
    return text


@pytest.mark.parametrize("text", TEXTS)
def test_a_value(tmp_path: Path, text: str) -> None:
    write(tmp_path, text.replace("$config_directory", "/etc/postfix"))
    assert ours(tmp_path, "-", PARAMETER) == theirs(tmp_path, PARAMETER)


def test_random_values(tmp_path: Path) -> None:
    dice = random.Random(6)
    n_faults = 0
    for _ in range(N_RANDOM):
        text = f"|{random_text(dice)}|"
        write(tmp_path, text)
        expected = theirs(tmp_path, PARAMETER)
        assert ours(tmp_path, "-", PARAMETER) == expected, text
        n_faults += expected is None
    assert 0 < n_faults < N_RANDOM / 2


def test_services(tmp_path: Path) -> None:
    write(tmp_path, "x")
    listed = theirs(tmp_path, "-P")
    assert listed is not None and len(listed) == 6
    for full, value in listed.items():
        service, _, parameter = full.rpartition("/")
        assert ours(tmp_path, service, parameter) == {parameter: value}, full


def test_a_name_overridden_within_a_value_of_main(tmp_path: Path) -> None:
    """What postconf does not show: smtpd of submission sees main.cf's value with its own name in it."""
    write(tmp_path, "$list")
    assert ours(tmp_path, "-", PARAMETER) == {PARAMETER: "A, b"}
    assert ours(tmp_path, "submission/inet", PARAMETER) == {PARAMETER: "B, b"}
