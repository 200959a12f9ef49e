"""Configures and builds a meson build folder, with progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .milter import TOP
from .process import tail
from .progress import run_step


def build(folder: Path, options: Sequence[str] = (), env: Mapping[str, str] | None = None,
          targets: Sequence[str] = ()) -> bool:
    """Brings `folder` up to date; options and compiler environment count when it is first made. False: it failed,
    and the end of its log was printed."""
    log = Path(f"{folder}.log")
    log.write_bytes(b"")
    setup = ["env", *(f"{k}={v}" for k, v in (env or {}).items()), "meson", "setup", str(folder), str(TOP), *options]
    done = (folder / "build.ninja").exists() or run_step(f"configure {folder.name}", setup, log)
    done = done and run_step(f"build {folder.name}", ["ninja", "-C", str(folder), *targets], log)
    if not done:
        print(tail(log, 30))
    return done
