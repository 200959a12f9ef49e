"""Debian's own rspamc against our API and against Rspamd: it prints the same lines, but for names and numbers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from apiclient import PASSWORD, ApiController
from conftest import RULES, stop
from servers.milter import TOP
from servers.redis import Redis

sys.path.append(str(TOP / "bench"))
from peers.rspamd import Rspamd, unpack  # noqa: E402

LETTER = """\
From: Someone <stranger@example.net>
To: alice@example.org
Subject: A letter about %s
Message-ID: <%s@example.net>
Date: Sat, 21 Nov 2026 09:00:00 +0000

Dear Alice, here is a letter about %s with enough different words for every learner: garden, harbour, violin, lantern,
bicycle, pepper, marble, thunder, window, orchard. See http://www.example.com/%s and mailto:bob@example.com for more.
"""


def cache() -> Path:
    return Path(tempfile.gettempdir()) / "gatepost-peers"


@pytest.fixture(scope="module")
def root() -> Path:
    try:
        return unpack(cache())
    except (OSError, subprocess.CalledProcessError) as e:
        pytest.skip(f"Debian's packages of Rspamd cannot be had: {e}")


class Rspamc:
    """rspamc that talks to one address."""

    def __init__(self, root: Path, address: str) -> None:
        self._argv = [str(root / "usr/bin/rspamc"), "-h", address]
        self._env = {**os.environ, "LD_LIBRARY_PATH": f"{root}/usr/lib/rspamd:{root}/usr/lib/x86_64-linux-gnu"}

    def run(self, *args: str, message: str = "") -> tuple[int, str]:
        done = subprocess.run([*self._argv, *args], input=message, capture_output=True, text=True, env=self._env, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def __call__(self, *args: str, message: str = "") -> str:
        status, text = self.run(*args, message=message)
        assert status == 0, text
        return text


@pytest.fixture(scope="module")
def both(root: Path, module_world: Path) -> Iterator[tuple[Rspamc, Rspamc]]:
    """(ours, theirs)"""
    world = module_world
    redis = Redis(world / "redis")
    redis.start()
    rspamd = Rspamd(world / "rspamd", cache(), redis.socket, workers=1, min_learns=1)
    rspamd.start()
    api = ApiController(world / "controller", rules=RULES + "body T_LETTER /letter about/\nscore T_LETTER 0.5\n")
    api.start()
    yield Rspamc(root, f"127.0.0.1:{api.port}"), Rspamc(root, f"127.0.0.1:{rspamd.controller_port}")
    stop(api)
    rspamd.stop()
    redis.stop()


def shape(text: str) -> list[str]:
    """The lines without what differs by nature: names, numbers, lists; runs of lines that then are the same are one."""
    out: list[str] = []
    for line in text.splitlines():
        line = re.sub(r"^Symbol: .*", "Symbol: NAME (SCORE)", line)
        line = re.sub(r"^(Urls|Emails|Message-ID): .*", r"\1: …", line)
        line = re.sub(r'^error = ".*";', 'error = "…";', line)
        line = re.sub(r"Statfile: (\w+) type: \w+", r"Statfile: \1 type: KIND", line)
        line = re.sub(r"^\| \d+ .*", "| ROW |", line)
        line = re.sub(r"-{10,}", "----", line)
        line = re.sub(r" {2,}", " ", line)
        line = re.sub(r"-?\d+(\.\d+)?", "N", line)
        line = re.sub(r"^Uptime: N (second|minute).*", "Uptime: TIME", line)  # one of them began a moment before the other
        if not out or out[-1] != line:
            out.append(line)
    return out


def letter(word: str) -> str:
    return LETTER % ((word,) * 4)


def compare(both: tuple[Rspamc, Rspamc], *args: str, message: str = "") -> str:
    ours, theirs = (rspamc(*args, message=message) for rspamc in both)
    assert shape(ours) == shape(theirs)
    return ours


@pytest.mark.parametrize("args", [["symbols"], [], ["-z", "symbols"], ["-p", "symbols"],
                                  ["-i", "192.0.2.1", "--helo", "h.example.net", "--hostname", "h.example.net", "-F",
                                   "a@example.net", "-r", "b@example.org", "-r", "c@example.org", "symbols"]])
def test_symbols(both: tuple[Rspamc, Rspamc], args: list[str]) -> None:
    text = compare(both, *args, message=letter("harbour"))
    assert "Symbol: T_LETTER (0.50)" in text and "Score: 0.50 / 15.00" in text and "Action: no action" in text


def test_spam(both: tuple[Rspamc, Rspamc]) -> None:
    ours, _ = both
    text = ours("symbols", message=letter("word-for-reject"))
    assert "Action: reject" in text and "Spam: true" in text and "Score: 20.50 / 15.00" in text


def test_learning(both: tuple[Rspamc, Rspamc]) -> None:
    def learn(verb: str) -> str:
        text = compare(both, "-P", PASSWORD, verb, message=letter("violin"))
        return text

    assert "success = true" in learn("learn_spam")
    assert "already learned as spam" in learn("learn_spam")
    assert "success = true" in learn("learn_ham")
    ours, _ = both
    status, text = ours.run("learn_spam", message=letter("lantern"))
    assert status != 0 and "401" in text


@pytest.mark.parametrize("args", [["stat"], ["-P", PASSWORD, "stat_reset"], ["uptime"]])
def test_counts(both: tuple[Rspamc, Rspamc], args: list[str]) -> None:
    for rspamc in both:
        rspamc("symbols", message=letter("thunder"))
    compare(both, *args)


def test_counters(both: tuple[Rspamc, Rspamc], world: Path) -> None:
    ours, theirs = both
    assert [line for line in shape(ours("counters")) if line != "| ROW |"][:4] == \
        [line for line in shape(theirs("counters")) if line != "| ROW |"][:4]


def test_json_and_files(both: tuple[Rspamc, Rspamc], world: Path) -> None:
    """Fields that Rspamd gives and we do not would be missed by somebody's script."""
    for word in ("orchard", "marble"):
        (world / f"{word}.eml").write_text(letter(word))
    ours, theirs = (json.loads(r("-j", "symbols", str(world / "orchard.eml"))) for r in both)
    assert theirs.keys() <= ours.keys()
    for command in ("stat", "uptime"):
        ours, theirs = (json.loads(r("-j", command)) for r in both)
        assert theirs.keys() <= ours.keys(), command
    text = both[0]("symbols", str(world))
    assert text.count("Symbol: T_LETTER") == 2


def test_fuzzy_storage_is_none(both: tuple[Rspamc, Rspamc]) -> None:
    status, text = both[0].run("-P", PASSWORD, "fuzzy_add", "-f", "1", "-w", "1", message=letter("pepper"))
    assert status != 0 and "404" in text


def test_unix_socket(root: Path, world: Path) -> None:
    api = ApiController(world / "controller", rules=RULES)
    api.start()
    rspamc = Rspamc(root, str(api.api_socket))
    assert "pong" not in rspamc("stat") and "Messages scanned: 0" in rspamc("stat")
    assert "success = true" in rspamc("learn_spam", message=letter("window")), "root needs no password here"
    stop(api)
