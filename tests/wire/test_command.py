"""The command `gatepost` as people meet it: mistakes, signals, a server that dies, completion."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from servers import bayesdump
from servers.milter import TOP, build_folder
from servers.process import wait_for
from servers.redis import Redis

MESSAGE = b"From: a@example.net\nSubject: s%d\nMessage-ID: <%d@example.net>\n\nword%d and some more words here\n"


def program() -> Path:
    return build_folder() / "cli" / "gatepost"


def run(*args: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([program(), *args], input=stdin, capture_output=True, timeout=60)


def configure(world: Path, store: str) -> Path:
    config = world / "gatepost.conf"
    config.write_text(f'store = "{store}";\nrules = {{ paths = []; cache = ""; }};\n')
    return config


def write_mbox(path: Path, count: int) -> Path:
    path.write_bytes(b"".join(b"From x\n" + MESSAGE % (i, i, i) + b"\n" for i in range(count)))
    return path


@pytest.mark.parametrize(("line", "status", "says"), [
    ("", 64, "Usage: gatepost"),
    ("-c", 64, "-c needs a file"),
    ("-x", 64, "unknown option -x"),
    ("scann x", 64, 'did you mean "scan"'),
    ("lern spam x", 64, 'did you mean "learn spam"'),
    ("learn", 64, '"learn spam", "learn ham"'),
    ("rules compil", 64, '"rules compile"'),
    ("dkim", 64, '"dkim genkey", "dkim record"'),
    ("stat all", 64, 'takes no operand, but got "all"'),
    ("scan --jsn", 64, "did you mean --json"),
    ("scan --ip 1.2.3 x", 64, '"1.2.3" is not an IP address'),
    ("learn spam", 64, "name files"),
    ("-c /nonexistent/gatepost.conf stat", 78, "No such file"),
])
def test_mistakes_are_named(line: str, status: int, says: str) -> None:
    done = run(*line.split())
    assert done.returncode == status, done
    assert says in done.stderr.decode()
    assert done.stdout == b""


def test_lost_output_is_an_error(world: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([program(), "-c", configure(world, f"lmdb:{world}/store"), "stat"], stdout=full,
                              stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 74
    assert b"No space left" in done.stderr


def test_evidence_cannot_command_a_terminal(world: Path) -> None:
    rules = world / "r.cf"
    rules.write_text("header T_X Subject =~ /x.*/\nscore T_X 1\n")
    config = world / "gatepost.conf"
    config.write_text(f'store = "lmdb:{world}/store";\nrules = {{ paths = [ "{rules}" ]; cache = ""; }};\n')
    done = run("-c", config, "scan", "--rules-trace", stdin="Subject: x\x1b[2J\u009b2Jy\n\nb\n".encode())
    assert b'"x' in done.stdout
    assert b"\x1b" not in done.stdout and "\u009b".encode() not in done.stdout


def test_interrupted_learning_goes_on(world: Path) -> None:
    """The first Ctrl-C ends between two batches with what was learned kept; the same command then finishes."""
    config, total = configure(world, f"lmdb:{world}/store"), 20000
    box = write_mbox(world / "box", total)
    child = subprocess.Popen([program(), "-c", config, "learn", "ham", box], stdout=subprocess.PIPE)
    wait_for(lambda: any(file.stat().st_size > 100_000 for file in world.rglob("data.mdb")), "the first batch", step=0.005)
    child.send_signal(signal.SIGINT)
    text = child.communicate(timeout=60)[0].decode()
    if child.returncode == 0:
        pytest.skip("learned everything before the signal came")
    assert child.returncode == 130
    assert "run it again to go on" in text
    assert run("-c", config, "learn", "ham", box).returncode == 0
    assert f"ham      {total} messages" in run("-c", config, "stat").stdout.decode()


def test_redis_dies_during_learning(world: Path) -> None:
    """It says what happened, and a second run does not count twice what the first one had learned."""
    redis, total = Redis(world / "redis"), 20000
    redis.start()
    box = write_mbox(world / "box", total)
    config = configure(world, redis.url)
    try:
        child = subprocess.Popen([program(), "-c", config, "learn", "spam", box], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        ask = bayesdump.Redis(redis.socket)
        wait_for(lambda: ask(b"DBSIZE") != 0, "the first batch", step=0.005)
        redis.stop()
        error = child.communicate(timeout=120)[1].decode()
        if child.returncode == 0:
            pytest.skip("learned everything before Redis went")
        assert child.returncode in (69, 75), error
        assert error.startswith("gatepost: store: ")
        redis.start()
        assert run("-c", config, "learn", "spam", box).returncode == 0
        assert f"spam     {total} messages" in run("-c", config, "stat").stdout.decode()
    finally:
        redis.stop()


@pytest.mark.parametrize(("words", "wanted"), [
    ("s", {"scan", "stat"}),
    ("learn ", {"spam", "ham", "log", "undo", "self-test"}),
    ("-c some.conf rules l", {"lint"}),
    ("scan --r", {"--rcpt", "--rules-trace"}),
    ("dkim r", {"record", "rotate"}),
    ("dkim check --", {"--zone", "--json", "--help"}),
    ("unlearn --", {"--dry-run", "--json", "--user", "--help"}),
])
def test_completion(words: str, wanted: set[str]) -> None:
    parts = ["gatepost", *words.split(" ")]
    script = (f'source "{TOP}/cli/gatepost.bash"; compopt() {{ :; }}; COMP_WORDS=({" ".join(parts[:-1])} "{parts[-1]}"); '
              f'COMP_CWORD={len(parts) - 1}; _gatepost; printf "%s\\n" "${{COMPREPLY[@]}}"')
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PATH": f"{program().parent}:{os.environ['PATH']}"})
    assert set(done.stdout.split()) == wanted, done
