"""What all pytest suites share: programs must be built, and a failed test shows the logs of its servers."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from servers.milter import build_folder
from servers.process import STARTED, tail

FOLDERS: list[Path] = []
LONGEST = (
    "test_many", "test_move_failures", "test_table", "test_systemd", "test_lessons", "test_interop", "test_verdicts",
    "test_controller_command", "test_api_verdicts", "test_dkim_command", "test_controller_expiry", "test_controller_crash",
    "test_virus_memory", "test_virus_faults", "test_controller_learn", "test_store", "test_ldap_dkim", "test_virus",
)


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


@pytest.fixture(autouse=True)
def no_server_is_left() -> Iterator[None]:
    """What a test has started, and stopped nowhere, ends with it."""
    before = len(STARTED)
    yield
    for process in STARTED[before:]:
        process.kill()
    del STARTED[before:]


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


def interrupt_all(number: int, frame: FrameType | None) -> None:
    """Ends the run as Ctrl-C does: the processes among which the tests were shared out hear of it too."""
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        os.kill(int(pid), signal.SIGTERM)
    signal.default_int_handler(number, frame)


def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM ends the run as Ctrl-C does: the servers of the running tests are stopped."""
    is_worker = hasattr(config, "workerinput")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler if is_worker else interrupt_all)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first: shared out among processes file by file, none is left for the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    report = (yield).get_result()
    if report.failed:
        for log in sorted(log for folder in FOLDERS for log in folder.rglob("*.log")):
            if "home" not in log.parts:  # Dovecot's own transaction logs
                report.sections.append((str(log), tail(log, 60)))
