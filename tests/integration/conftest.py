"""One site for all tests of a module; messages of our own to send through it."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from letters import Letter
from servers import smtp
from servers.milter import TOP
from servers.site import Site


@pytest.fixture(scope="module")
def site(module_world: Path) -> Iterator[Site]:
    site = Site(module_world)
    site.start()
    yield site
    site.stop()


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Prints a line that pytest does not capture: what was compared, what could not be. To stderr: of a worker of
    several, that alone is heard."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def to_terminal(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", end="", file=sys.stderr)

    return to_terminal


@pytest.fixture
def letter() -> Letter:
    """letter(NAME) is a message of tests/data/mail with a fresh Message-ID, and that id."""
    def write(name: str) -> tuple[bytes, str]:
        message_id = f"<{uuid.uuid4()}@example.net>"
        raw = (TOP / "tests" / "data" / "mail" / f"{name}.eml").read_bytes()
        return smtp.stamped(raw, message_id), message_id
    return write
