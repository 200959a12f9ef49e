"""Messages to teach, a controller to teach them, and a look at what it knows then."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from servers.bayesdump import Dump, dump_lmdb, dump_redis
from servers.controller import Controller
from servers.learnclient import LearnClient
from servers.milter import Value
from servers.redis import Redis

WORDS = ("cheap", "meeting", "invoice", "garden", "loan", "offer", "minutes", "report", "winner", "train", "holiday", "casino",
         "project", "budget", "pills", "letter", "concert", "ticket", "crypto", "family")


def message(number: int, words: int = 30, hop: str = "") -> bytes:
    """A message of its own number; a `hop` adds a Received line, which changes its tokens and not its digest."""
    chosen = random.Random(number)
    body = " ".join(chosen.choice(WORDS) + (str(number) if chosen.random() < 0.3 else "") for _ in range(words))
    trace = f"Received: from {hop} by mx.example.org; Sat, 21 Nov 2026 09:00:00 +0000\n" if hop else ""
    return (f"{trace}From: sender{number % 7}@example.net\nTo: alice@example.org\nSubject: Number {number}\n"
            f"Message-ID: <{number}@example.net>\nDate: Sat, 21 Nov 2026 09:00:00 +0000\n\n{body}\n").encode()


@dataclass
class Place:
    """A controller, its store, and how to look into that."""

    controller: Controller
    dump: Callable[[], Dump]

    def client(self, **more: object) -> LearnClient:
        return LearnClient(self.controller.socket, **more)  # type: ignore[arg-type]

    def totals(self, scope: str = "") -> tuple[int, int]:
        found = self.dump().get((scope, "totals"), (0, 0, 0))
        assert isinstance(found, tuple)
        return found[0], found[1]


def place(world: Path, redis: Redis | None, settings: Mapping[str, Value] | None = None) -> Place:
    """A controller that is not started yet, with its store in Redis or LMDB."""
    controller = Controller(world / "controller", world / "controller" / "learn.sock", redis.url if redis else "", settings)
    dump = (lambda: dump_redis(redis.socket)) if redis else (lambda: dump_lmdb(controller.folder / "store"))
    return Place(controller, dump)
