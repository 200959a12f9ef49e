"""A running gatepost-controller."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .milter import GROUP, USER, Milter, Value, merged


class Controller(Milter):
    """One gatepost-controller; everybody may teach any user unless `settings` say otherwise."""

    name = "gatepost-controller"

    def __init__(self, folder: Path, socket: Path, store: str = "", settings: Mapping[str, Value] | None = None) -> None:
        self._store = store
        self.queue = folder / "learn"
        super().__init__(folder, socket, settings)
        self.queue.mkdir(exist_ok=True)
        shutil.chown(self.queue, USER, GROUP)
        self.queue.chmod(0o700)

    @property
    def group(self) -> str:
        return "controller"

    def defaults(self) -> dict[str, Value]:
        own: dict[str, Value] = {"learn": {"directory": str(self.queue), "trusted_uids": ["0"], "words_min": 1}}
        base = merged(super().defaults(), {"controller": {"socket_group": ""}})
        return merged(base, {**own, **({"store": self._store} if self._store else {})})

    def kill_until(self, is_over: Callable[[], bool], times: int = 8) -> None:
        """kill -9 and a new start again and again, `times` at least."""
        chosen, kills = random.Random(6), 0
        while not is_over() or kills < times:
            time.sleep(chosen.uniform(0.05, 0.3))
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            kills += 1
            self.start()
