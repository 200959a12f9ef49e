"""milter-virus with engine = "clamd": a real clamd scans, another takes over, none is there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from conftest import StartVirus
from milterclient import Envelope, judge
from servers import clamd
from servers.clamd import Clamd
from servers.milter import MilterVirus, Value
from servers.process import free_port, halt, wait_for
from servers.virusmail import CLEAN, EICAR, SIGNATURES, letter, zipped

pytestmark = pytest.mark.skipif(clamd.PROGRAM is None, reason="clamd is not installed")


class StartClamd(Protocol):
    def __call__(self, **settings: str) -> Clamd: ...


@pytest.fixture
def start_clamd(world: Path) -> Iterator[StartClamd]:
    database = world / "signatures"
    database.mkdir()
    for name, text in SIGNATURES.items():
        (database / name).write_text(text)
    servers: list[Clamd] = []

    def start(**settings: str) -> Clamd:
        servers.append(Clamd(world / f"clamd{len(servers)}", database, settings))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        if server.process.is_running:
            server.stop()


def with_clamd(start_virus: StartVirus, *addresses: str, **settings: Value) -> MilterVirus:
    return start_virus({"milter-virus": {"engine": "clamd", "clamd": {"servers": list(addresses), "rest": "1s"}, **settings}},
                       serving=False)


def test_clean_and_infected(start_virus: StartVirus, start_clamd: StartClamd) -> None:
    server = start_clamd()
    milter = with_clamd(start_virus, server.address)
    clean = judge(str(milter.socket), CLEAN)
    assert clean.reply.action in ("accept", "continue")
    assert clean.value("X-Virus-Status") == "Clean"
    bad = judge(str(milter.socket), letter(zipped(EICAR)), Envelope(queue_id="4Clamdxxxx"))
    assert bad.reply.code == 550 and "Test.Eicar" in bad.reply.text
    line = milter.verdict("4Clamdxxxx")
    assert (line["outcome"], line["category"], line["virus"]) == ("found", "virus", "Test.Eicar.UNOFFICIAL")
    status, text = milter.http("/healthz")
    assert status == 200 and "ClamAV" in text
    assert milter.ask(b"status\n")["serving"] is True
    assert "clamd" in milter.ask(b"reload\n")["error"]


def test_the_next_server_takes_over(start_virus: StartVirus, start_clamd: StartClamd) -> None:
    first, second = start_clamd(), start_clamd()
    milter = with_clamd(start_virus, first.address, second.address)
    for server in (None, first):
        if server:
            server.process.kill()
        assert judge(str(milter.socket), letter(EICAR)).reply.code == 550
        assert judge(str(milter.socket), CLEAN).value("X-Virus-Status") == "Clean"


def test_by_tcp(start_virus: StartVirus, start_clamd: StartClamd) -> None:
    """A clamd on another host, in front of which one has gone."""
    away, port = free_port(), free_port()
    start_clamd(TCPSocket=str(port), TCPAddr="127.0.0.1")
    milter = with_clamd(start_virus, f"inet:{away}@127.0.0.1", f"inet:{port}@127.0.0.1")
    for _ in range(5):
        assert judge(str(milter.socket), letter(EICAR)).reply.code == 550
        assert judge(str(milter.socket), letter(os.urandom(3000000))).value("X-Virus-Status") == "Clean"


def test_one_that_hangs(start_virus: StartVirus, start_clamd: StartClamd) -> None:
    """The deadline holds; what takes long there is not begun once more elsewhere."""
    first, second = start_clamd(), start_clamd()
    milter = with_clamd(start_virus, first.address, second.address, deadline="5s")
    halt(first.process.pid)
    began = time.monotonic()
    assert judge(str(milter.socket), CLEAN, Envelope(queue_id="4Hangsxxxx")).reply.code == 451
    assert 4.9 < time.monotonic() - began < 60
    assert milter.verdict("4Hangsxxxx")["outcome"] == "deadline"
    first.process.send(signal.SIGCONT)
    assert judge(str(milter.socket), letter(EICAR)).reply.code == 550


@pytest.mark.parametrize("on_error, answer", [("tempfail", 451), ("accept", None), ("accept-and-mark", None)])
def test_none_is_there(start_virus: StartVirus, world: Path, on_error: str, answer: int | None) -> None:
    milter = with_clamd(start_virus, f"unix:{world}/nobody.sock", on_error=on_error)
    for number in range(5):
        result = judge(str(milter.socket), letter(EICAR), Envelope(queue_id=f"4Nobody{number}"))
        assert result.reply.code == answer if answer else result.reply.action in ("accept", "continue")
    assert milter.verdict("4Nobody0")["outcome"] == "no-engine"
    assert "nobody" in milter.verdict("4Nobody0")["error"]
    assert milter.http("/healthz")[0] == 503
    if on_error == "accept-and-mark":
        assert "Not scanned" in result.value("X-Virus-Status")


def test_it_comes_back(start_virus: StartVirus, start_clamd: StartClamd) -> None:
    server = start_clamd()
    milter = with_clamd(start_virus, server.address)
    server.process.kill()
    for _ in range(4):
        assert judge(str(milter.socket), CLEAN).reply.code == 451
    server.start()
    assert milter.process.is_running
    wait_for(lambda: judge(str(milter.socket), CLEAN).values("X-Virus-Status") == ["Clean"], "a scan by the clamd that is back", 60)


def test_larger_than_it_takes(start_virus: StartVirus, start_clamd: StartClamd) -> None:
    server = start_clamd(StreamMaxLength="1M")
    milter = with_clamd(start_virus, server.address, actions={"limits": "tempfail"})
    large = letter(b"x" * 3000000)
    assert judge(str(milter.socket), large, Envelope(queue_id="4Largexxxx")).reply.code == 451
    assert milter.verdict("4Largexxxx")["outcome"] in ("oversize", "crashed")  # its answer may be lost with the connection
    assert judge(str(milter.socket), letter(EICAR)).reply.code == 550
