"""From the log to the limit: every bounce counts once, whoever is killed on the way, with either store."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from conftest import stop
from servers.controller import Controller
from servers.milter import GROUP
from servers.policyd import Policyd
from servers.process import wait_for
from servers.redis import Redis
from test_maillog import bounce, line, mail, removed

MESSAGES, ACCOUNTS = 3000, 3


def account(n: int) -> str:
    return f"u{n % ACCOUNTS}@example.org"


def used(policyd: Policyd) -> dict[str, int]:
    return {row["key"]: row["used"] for row in policyd.order("list")[0] if row["type"] == "limit"}


@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_each_bounce_counts_once(world: Path, kind: str) -> None:
    redis = Redis(world / "redis") if kind == "redis" else None
    if redis:
        redis.start()
    log = world / "logs" / "mail.log"
    log.parent.mkdir()
    log.parent.chmod(0o755)
    limit = {"count": "bounces", "by": ["sasl_username"], "windows": ["1000000 per 1d"]}
    policyd = Policyd(world / "policyd", world / "policyd" / "policy.sock", redis.url if redis else "", {
        "policyd-ratelimit": {"control_group": GROUP, "limits": {"bounces": limit}}})
    controller = Controller(world / "controller", world / "controller" / "learn.sock", "", {
        "controller": {"maillog": {"source": str(log), "socket": f"unix:{policyd.control}"}, "workers": 1}})
    policyd.start()
    controller.start()
    log.write_text(line("smtpd", "connect from unknown[192.0.2.1]"))
    wait_for(lambda: controller.counted("gatepost_controller_maillog_lines_total") == 1, "the first line")
    chosen = random.Random(3)
    for n in range(MESSAGES):
        with log.open("a") as out:
            out.write(mail(n, account(n)) + bounce(n) + removed(n))
        if n % 500 == 250:
            log.rename(log.with_name(f"mail.log-{n:08d}"))
        if n % 300 == 299:
            time.sleep(chosen.uniform(0, 0.1))
            victim = policyd if chosen.random() < 0.5 else controller
            victim.process.kill()
            victim.start()
    with log.open("a") as out:
        out.write(line("smtpd", "connect from unknown[192.0.2.1]"))
    wait_for(lambda: sum(used(policyd).values()) >= MESSAGES, "counts", 60, 0.2)
    wait_for(lambda: controller.counted("gatepost_controller_maillog_lag_bytes") == 0, "the end of the log")
    assert used(policyd) == {account(n): MESSAGES // ACCOUNTS for n in range(ACCOUNTS)}
    stop(controller)
    stop(policyd)
    if redis:
        redis.stop()
