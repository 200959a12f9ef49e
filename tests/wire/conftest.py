"""Running filters: a milter-spam with four rules of known score and messages that hit them; a milter-dkim with a DNS of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from milterclient import Envelope, Result, judge
from servers.dns import Dns
from servers.milter import Milter, MilterDkim, MilterSpam, MilterVirus, Value, build_folder
from servers.virusmail import SIGNATURES
from servers.policyd import Policyd
from servers.redis import Redis

# One rule for each action at the default thresholds 4, 6 and 15.
RULES = """\
body     T_GREY    /word-for-grey/
describe T_GREY    Test rule for greylisting
score    T_GREY    4.5
body     T_MARK    /word-for-mark/
describe T_MARK    Test rule for marking
score    T_MARK    7
body     T_REJECT  /word-for-reject/
describe T_REJECT  Test rule for rejecting
score    T_REJECT  20
header   T_SUBJECT Subject =~ /word-for-subject/
describe T_SUBJECT Test rule on a header
score    T_SUBJECT 1.5
"""
HAM, GREY, MARK, REJECT = (
    (f"From: Someone <stranger@example.net>\nTo: alice@example.org\nSubject: A letter\n"
     f"Message-ID: <{word}@example.net>\nDate: Sat, 21 Nov 2026 09:00:00 +0000\n\n"
     f"Dear Alice,\n\nhere is the word you wanted: {word}. Nothing else is new.\n\nYours\nSomeone\n").encode()
    for word in ("harmless", "word-for-grey", "word-for-mark", "word-for-reject"))


class StartMilter(Protocol):
    def __call__(self, settings: Mapping[str, Value] | None = None, store: str = "", rules: str | None = RULES) -> MilterSpam: ...


def start_in(world: Path, stack: ExitStack) -> StartMilter:
    """start(settings, store, rules) gives a running milter-spam, each in its own folder of the world."""
    count = iter(range(1000))

    def start(settings: Mapping[str, Value] | None = None, store: str = "", rules: str | None = RULES) -> MilterSpam:
        folder = world / f"milter{next(count)}"
        milter = MilterSpam(folder, folder / "spam.sock", store, settings, rules)
        milter.start()
        stack.callback(stop, milter)
        return milter

    return start


def stop(milter: Milter) -> None:
    """Every test ends with a clean stop: status 0 (else 99 from a sanitizer), no complaint in the log."""
    if milter.process.is_running:
        assert milter.stop() == 0
    assert not milter.lines("AddressSanitizer|runtime error:|LeakSanitizer")


class StartDkim(Protocol):
    def __call__(self, settings: Mapping[str, Value] | None = None, server: Dns | None = None) -> MilterDkim: ...


@pytest.fixture
def dns() -> Iterator[Dns]:
    """A DNS server without names."""
    with Dns() as server:
        yield server


@pytest.fixture
def start_dkim(world: Path, dns: Dns) -> Iterator[StartDkim]:
    """start_dkim(settings) gives a running milter-dkim that asks the test's `dns`."""
    count = iter(range(1000))
    with ExitStack() as stack:

        def start(settings: Mapping[str, Value] | None = None, server: Dns | None = None) -> MilterDkim:
            folder = world / f"dkim{next(count)}"
            milter = MilterDkim(folder, folder / "dkim.sock", (server or dns).address, settings)
            milter.start()
            stack.callback(stop, milter)
            return milter

        yield start


class StartPolicyd(Protocol):
    def __call__(self, settings: Mapping[str, Value] | None = None, store: str = "") -> Policyd: ...


@pytest.fixture
def start_policyd(world: Path) -> Iterator[StartPolicyd]:
    """start_policyd(settings, store) gives a running policyd-ratelimit."""
    count = iter(range(1000))
    with ExitStack() as stack:

        def start(settings: Mapping[str, Value] | None = None, store: str = "") -> Policyd:
            folder = world / f"policyd{next(count)}"
            policyd = Policyd(folder, folder / "policy.sock", store, settings)
            policyd.start()
            stack.callback(stop, policyd)
            return policyd

        yield start


class StartVirus(Protocol):
    def __call__(self, settings: Mapping[str, Value] | None = None, database: Mapping[str, str] | None = None,
                 serving: bool = True) -> MilterVirus: ...


@pytest.fixture
def start_virus(world: Path) -> Iterator[StartVirus]:
    """start_virus(settings, database) gives a running milter-virus; `database` is files by their names."""
    if not (build_folder() / "milter-virus" / "milter-virus").exists():
        pytest.skip("milter-virus is not built: no libclamav")
    count = iter(range(1000))
    with ExitStack() as stack:

        def start(settings: Mapping[str, Value] | None = None, database: Mapping[str, str] | None = None,
                  serving: bool = True) -> MilterVirus:
            folder = world / f"virus{next(count)}"
            milter = MilterVirus(folder, folder / "virus.sock", settings)
            for name, text in (SIGNATURES if database is None else database).items():
                (milter.database / name).write_text(text)
            milter.start(serving=serving)
            stack.callback(stop, milter)
            return milter

        yield start


@pytest.fixture
def start(world: Path) -> Iterator[StartMilter]:
    with ExitStack() as stack:
        yield start_in(world, stack)


@pytest.fixture(scope="module")
def milter(module_world: Path) -> Iterator[MilterSpam]:
    """One milter-spam with the tests' defaults for all tests of a module that need no other."""
    with ExitStack() as stack:
        yield start_in(module_world, stack)()


@pytest.fixture(scope="module")
def judged(milter: MilterSpam) -> Callable[..., Result]:
    """judged(MESSAGE, …) is the result of one message at the module's milter."""
    return lambda message, *args, **more: judge(str(milter.socket), message, *args, **more)


@pytest.fixture
def stranger() -> Envelope:
    return Envelope()


@pytest.fixture
def redis(world: Path) -> Iterator[Redis]:
    """One that runs."""
    server = Redis(world / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["lmdb", "redis"])
def store(request: pytest.FixtureRequest, world: Path) -> Iterator[str]:
    if request.param == "lmdb":
        yield ""
        return
    redis = Redis(world / "redis")
    redis.start()
    yield redis.url
    redis.stop()
