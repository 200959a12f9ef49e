"""Shows what goes on while something long runs: a spinner with the last words on a terminal, plain lines elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType

FRAMES = "|/-\\"


class Step:
    """One step of a long job, used with `with`; prints its label, how it ended and how long it took."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.note = ""
        self._start = time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Step:
        if sys.stdout.isatty():
            self._thread = threading.Thread(target=self._spin, daemon=True)
            self._thread.start()
        return self

    def _spin(self) -> None:
        turn = 0
        while not self._over.wait(0.1):
            turn += 1
            print(f"\r  {FRAMES[turn % len(FRAMES)]} {self.label} {self.note[:60]}\033[K", end="", flush=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()
            print("\r\033[K", end="")
        seconds = time.monotonic() - self._start
        print(f"  {'ok' if kind is None else 'FAILED':6} {self.label} ({seconds:.1f} s)", flush=True)


def run_step(label: str, argv: Sequence[str], log: Path, fine: Collection[int] = (0,)) -> bool:
    """Runs a command as one step, its output into a log; its n/m or [n%] shows beside the spinner. True: it succeeded,
    with one of the exit statuses that are `fine`."""
    with log.open("ab", buffering=0) as out, subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                                 stderr=subprocess.STDOUT) as child:
        try:
            with Step(label) as step:
                assert child.stdout is not None
                for line in child.stdout:
                    out.write(line)
                    counted = re.search(rb"^\[?\s*\d+/\d+\]?|\[\s*\d+%\]", line.rstrip())
                    step.note = counted[0].decode() if counted else step.note
                if child.wait() not in fine:
                    raise ChildProcessError
        except ChildProcessError:
            return False
        except KeyboardInterrupt:  # Ctrl-C went to the child too: it ends by itself, with its servers
            child.wait()
            raise
        except BaseException:
            child.terminate()
            child.wait()
            raise
    return True
