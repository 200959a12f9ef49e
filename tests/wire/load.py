"""Sends messages over several connections at once and keeps count of what was answered."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

from milterclient import Envelope, MilterError, Result, Session


class Load:
    """`connections` threads that send `message` again and again until stop(); results are kept in order of arrival.

    A connection that the filter refuses or closes between two messages is opened anew; where one ends between the end of
    a message and its answer, the queue id is noted in `lost`."""

    def __init__(self, path: str, message: bytes, connections: int = 4, envelope: Envelope = Envelope()) -> None:
        self.results: list[Result] = []
        self.lost: list[str] = []
        self.refused = 0
        self._path, self._message, self._envelope = path, message, envelope
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(connections)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), "a connection hangs"

    def _run(self, thread: int) -> None:
        count = 0
        while not self._over.is_set():
            try:
                with Session(self._path) as session:
                    session.open(self._envelope)
                    while not self._over.is_set():
                        count += 1
                        self._one(session, dataclasses.replace(self._envelope, queue_id=f"4L{thread}x{count}"))
            except MilterError:
                self.refused += 1
                self._over.wait(0.01)

    def _one(self, session: Session, envelope: Envelope) -> None:
        """One message; the end-of-message marker is what makes an answer due."""
        session.begin(self._message, envelope)
        result = Result()
        try:
            self.results.append(session.end_of_message(envelope, result))
        except MilterError:
            self.lost.append(envelope.queue_id)
            raise


def until(condition: Callable[[], bool], load: Load, seconds: float = 60.0) -> None:
    """Waits, while the load runs, for a condition that the load brings about."""
    step = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        step.wait(0.02)
    raise AssertionError(f"not within {seconds:g} s; {len(load.results)} answers, {load.refused} refused")
