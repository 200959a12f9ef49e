"""gatepost learn through a running controller, its log and its undo; without one, straight into the store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from conftest import stop
from servers.controller import Controller
from servers.milter import build_folder
from servers.redis import Redis
from teaching import Place, message, place

PROGRAM = build_folder() / "cli" / "gatepost"


@pytest.fixture(params=["lmdb", "redis"])
def where(world: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A running controller of each kind, and 150 messages of each class in folders beside it."""
    with ExitStack() as stack:
        redis = None
        if request.param == "redis":
            redis = Redis(world / "redis")
            redis.start()
            stack.callback(redis.stop)
        found = place(world, redis, {"bayes": {"scope": "global+user"}})
        found.controller.start()
        stack.callback(stop, found.controller)
        for name, first in (("spam", 0), ("ham", 1000)):
            (world / name).mkdir()
            for n in range(first, first + 150):
                (world / name / f"{n}.eml").write_bytes(message(n))
        yield found


def run(controller: Controller, *args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, "-c", controller.config, *args], capture_output=True, text=True, timeout=60)


def test_through_the_controller(where: Place, world: Path) -> None:
    gatepost = where.controller.gatepost
    assert gatepost("learn", "spam", world / "spam") == "150 messages as spam: 150 new\n"
    assert gatepost("learn", "ham", world / "ham") == "150 messages as ham: 150 new\n"
    assert where.totals() == (150, 150)
    assert gatepost("learn", "spam", world / "spam") == "150 messages as spam: 150 known\n"
    assert gatepost("learn", "ham", world / "spam") == "150 messages as ham: 150 relearned\n"
    assert json.loads(gatepost("unlearn", "--json", world / "spam"))["unlearned"] == 150
    assert where.totals() == (0, 150)
    assert where.controller.lines("outcome=removed")


def test_dry_run_changes_nothing(where: Place, world: Path) -> None:
    assert "(nothing was changed)" in where.controller.gatepost("learn", "spam", "-n", world / "spam")
    assert where.dump() == {}


def test_log_and_undo(where: Place, world: Path) -> None:
    gatepost, today = where.controller.gatepost, time.strftime("%Y-%m-%d")
    gatepost("learn", "ham", "--user", "bob@example.org", world / "ham")
    before = where.dump()
    assert ("bob@example.org", "totals") in before
    gatepost("learn", "spam", "--user", "alice@example.org", world / "spam", world / "ham")
    text = gatepost("learn", "log", "--user", "alice@example.org", "--since", "1h", "-n", "2").splitlines()
    assert len(text) == 2 and "alice@example.org" in text[0] and "@example.net>" in text[0] and ".eml" in text[0]
    rows = [json.loads(line) for line in gatepost("learn", "log", "--json", "-n", "0").splitlines()]
    assert len(rows) == 450 and rows[0]["lesson"] > rows[-1]["lesson"]
    assert len(gatepost("learn", "log", "-n", "0", "--since", today).splitlines()) == 450
    assert gatepost("learn", "undo", "--user", "alice@example.org", "--since", "1h") == "300 lessons taken back\n"
    assert where.dump() == before
    assert json.loads(gatepost("learn", "undo", "--everybody", "--since", "1h", "--json")) == {"undone": 150, "kept": 0}
    assert where.dump() == {}


@pytest.mark.parametrize("args, status, text", [
    (("learn", "undo"), 64, "say --since"), (("learn", "undo", "--since", "1h"), 64, "--everybody"),
    (("learn", "undo", "--since", "soon", "--everybody"), 64, '"soon" is no time'),
    (("learn", "undo", "--since", "1h", "--everybody", "--user", "a"), 64, "whose lessons")])
def test_usage(where: Place, args: tuple[str, ...], status: int, text: str) -> None:
    done = run(where.controller, *args)
    assert done.returncode == status and text in done.stderr


def test_without_a_controller(where: Place, world: Path) -> None:
    """Into the store itself, by the same scopes; the log is the controller's alone."""
    assert where.controller.stop() == 0
    gatepost = where.controller.gatepost
    assert gatepost("learn", "spam", "--user", "alice", world / "spam") == "150 messages as spam: 150 new\n"
    assert where.totals() == where.totals("alice") == (150, 0)
    done = run(where.controller, "learn", "log")
    assert done.returncode == 69 and "no controller answers" in done.stderr


def test_another_user(where: Place, world: Path) -> None:
    """Who is not trusted teaches himself, and nobody else."""
    world.chmod(0o755)

    def as_nobody(*args: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([PROGRAM, "-c", where.controller.config, *args], capture_output=True, text=True, timeout=60,
                              user=65534, group=65534, extra_groups=[])

    done = as_nobody("learn", "spam", world / "spam")
    assert done.stdout == "150 messages as spam: 150 new\n", done.stderr
    assert {key[0] for key in where.dump()} == {"nobody"}
    denied = as_nobody("learn", "spam", "--user", "alice", world / "spam")
    assert denied.returncode == 77 and "may not teach for another user" in denied.stderr
    assert as_nobody("learn", "undo", "--user", "nobody", "--since", "1h").stdout == "150 lessons taken back\n"
    assert where.dump() == {}


def test_what_is_refused_is_said(where: Place, world: Path) -> None:
    (world / "big").write_bytes(message(1) + b"x" * (5 << 20))
    done = run(where.controller, "learn", "spam", world / "big", world / "spam" / "1.eml")
    assert "2 messages as spam: 1 new 1 refused" in done.stdout
    assert "too large" in done.stderr


def test_controller_dies(where: Place, world: Path) -> None:
    """The command says so; run again, it goes on, and nothing is learned twice."""
    many = world / "many"
    many.mkdir()
    for n in range(3000):
        (many / f"{n}.eml").write_bytes(message(n))
    child = subprocess.Popen([PROGRAM, "-c", where.controller.config, "learn", "spam", many], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    where.controller.wait_line("outcome=new")
    os.kill(where.controller.process.pid, signal.SIGKILL)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 69 and "run it again to go on" in err
    where.controller.process.wait()
    where.controller.start()
    where.controller.gatepost("learn", "spam", many)
    assert where.totals() == (3000, 0)
