"""The command `gatepost` as people meet it: mistakes, signals, a server that dies, completion."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
from contextlib import suppress
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
    return subprocess.run([program(), *args], input=stdin, capture_output=True, timeout=300)


def configure(world: Path, store: str) -> Path:
    config = world / "gatepost.conf"
    config.write_text(f'store = "{store}";\nrules = {{ paths = []; cache = ""; }};\n')
    return config


def write_mbox(path: Path, numbers: range) -> Path:
    path.write_bytes(b"".join(b"From x\n" + MESSAGE % (i, i, i) + b"\n" for i in numbers))
    return path


class Learning:
    """`gatepost learn` of two boxes; the second comes by a pipe, at which it waits until go_on()."""

    TOTAL = 4000

    def __init__(self, world: Path, config: Path, kind: str) -> None:
        half = self.TOTAL // 2
        self.boxes = [write_mbox(world / "first", range(half)), write_mbox(world / "second", range(half, self.TOTAL))]
        self._pipe, self._fd = world / "pipe", -1
        os.mkfifo(self._pipe)
        self.argv = ("-c", config, "learn", kind)
        self.child = subprocess.Popen([program(), *self.argv, self.boxes[0], self._pipe], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for(self._is_at_the_pipe, "the end of the first box")

    def _is_at_the_pipe(self) -> bool:
        assert self.child.poll() is None, self.child.communicate()
        try:
            self._fd = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as e:
            assert e.errno == errno.ENXIO  # nobody reads
            return False
        os.set_blocking(self._fd, True)
        return True

    def go_on(self) -> tuple[str, str]:
        """What it says until its end."""
        with suppress(BrokenPipeError), open(self._fd, "wb") as pipe:
            pipe.write(self.boxes[1].read_bytes())
        out, error = self.child.communicate(timeout=60)
        return out.decode(), error.decode()

    def again(self) -> None:
        assert run(*self.argv, *self.boxes).returncode == 0


@pytest.mark.parametrize(("line", "status", "says"), [
    ("", 64, "Usage: gatepost"),
    ("-c", 64, "-c needs a file"),
    ("-x", 64, "unknown option -x"),
    ("scann x", 64, 'did you mean "scan"'),
    ("lern spam x", 64, 'did you mean "learn spam"'),
    ("learn", 64, '"learn spam", "learn ham"'),
    ("rules compil", 64, 'unknown command "rules compil"; there are "rules compile"'),
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


def test_help_of_several(world: Path) -> None:
    """Commands that share their first word."""
    done = run("ratelimit", "--help")
    names = [line.split("  ")[1] for line in done.stdout.decode().splitlines()[1:]]
    assert done.returncode == 0 and len(names) == 5
    assert all(name.startswith("ratelimit ") for name in names)


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
    config = configure(world, f"lmdb:{world}/store")
    learning = Learning(world, config, "ham")
    learning.child.send_signal(signal.SIGINT)
    text, _ = learning.go_on()
    assert learning.child.returncode == 130
    assert "run it again to go on" in text
    kept = int(re.findall(r"ham +(\d+) messages", run("-c", config, "stat").stdout.decode())[0])
    assert 0 < kept < learning.TOTAL
    learning.again()
    assert f"ham      {learning.TOTAL} messages" in run("-c", config, "stat").stdout.decode()


def test_redis_dies_during_learning(world: Path) -> None:
    """It says what happened, and a second run does not count twice what the first one had learned."""
    redis = Redis(world / "redis")
    redis.start()
    config = configure(world, redis.url)
    try:
        learning = Learning(world, config, "spam")
        assert bayesdump.Redis(redis.socket)(b"DBSIZE") != b"0"
        redis.stop()
        _, error = learning.go_on()
        assert learning.child.returncode in (69, 75), error
        assert error.startswith("gatepost: store: ")
        redis.start()
        learning.again()
        assert f"spam     {learning.TOTAL} messages" in run("-c", config, "stat").stdout.decode()
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
