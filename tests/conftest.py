"""What all pytest suites share: programs must be built, and a failed test shows the logs of its servers."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.milter import build_folder
from servers.process import tail

FOLDERS: list[Path] = []


def new_world(name: str) -> Path:
    """A fresh folder with a path short enough for unix sockets, passable for the servers' users."""
    folder = Path(tempfile.mkdtemp(prefix=f"gatepost-{name}."))
    folder.chmod(0o755)
    FOLDERS.append(folder)
    return folder


def drop_world(folder: Path) -> None:
    FOLDERS.remove(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def programs_are_built() -> None:
    for name in ("milter-spam", "milter-dkim"):
        program = build_folder() / name / name
        assert program.exists(), f"{program} is not built: run tests/run, or ninja -C {build_folder()}"


@pytest.fixture
def world() -> Iterator[Path]:
    """The whole world of one test."""
    folder = new_world("test")
    yield folder
    drop_world(folder)


@pytest.fixture(scope="module")
def module_world() -> Iterator[Path]:
    """The world that the tests of one module share."""
    folder = new_world("module")
    yield folder
    drop_world(folder)


def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM ends the run as Ctrl-C does: the servers of the running test are stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    report = (yield).get_result()
    if report.failed:
        for log in sorted(log for folder in FOLDERS for log in folder.rglob("*.log")):
            if "home" not in log.parts:  # Dovecot's own transaction logs
                report.sections.append((str(log), tail(log, 60)))
