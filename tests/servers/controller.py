"""A running gatepost-controller."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
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
