"""The store down, slow, restarted: a bounded wait, a verdict by what is left, and recovery without help."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import GREY, MARK, REJECT, StartMilter
from milterclient import Envelope, Session, judge
from servers.milter import MilterSpam
from servers.process import halt, wait_for
from servers.redis import Redis

BOUND = 10.0  # seconds that one message may take at most when the store hangs; well below the deadline of 20 s


@pytest.fixture
def redis(world: Path) -> Iterator[Redis]:
    redis = Redis(world / "redis")
    redis.start()
    yield redis
    if redis.process.is_running:
        redis.process.send(signal.SIGCONT)
    redis.stop()


def judges(milter: MilterSpam) -> bool:
    """True if rules still mark and reject, each message within the bound."""
    begin = time.monotonic()
    marked = judge(str(milter.socket), MARK).values("X-Spam") == ["Yes"]
    rejected = judge(str(milter.socket), REJECT).reply.code == 550
    return marked and rejected and time.monotonic() - begin < 2 * BOUND


def greylists(milter: MilterSpam, sender: str) -> bool:
    """Greylisting needs the store: a first try is deferred when it answers."""
    return judge(str(milter.socket), GREY, Envelope(sender=sender)).reply.text.startswith("451")


@pytest.mark.parametrize("address", ["url", "tcp_url", "tls_url"])
def test_each_way_in(start: StartMilter, redis: Redis, address: str) -> None:
    milter = start({"store_ca_file": str(redis.certificate)}, store=getattr(redis, address))
    assert greylists(milter, "one@example.net")
    assert '"status":"ok"' in milter.http("/healthz")[1]


def test_unknown_certificate(start: StartMilter, redis: Redis) -> None:
    milter = start(store=redis.tls_url)
    assert not greylists(milter, "one@example.net")
    assert judges(milter)


@pytest.mark.parametrize("is_right", [True, False])
def test_password(start: StartMilter, world: Path, is_right: bool) -> None:
    redis = Redis(world / "closed", password=True)
    redis.start()
    try:
        if not is_right:
            redis.password_file.write_text("wrong\n")
        milter = start({"store_password_file": str(redis.password_file)}, store=redis.url)
        assert greylists(milter, "one@example.net") == is_right
        assert judges(milter)
        assert not milter.lines("secret, with|wrong")
    finally:
        redis.stop()


def test_down_at_start(start: StartMilter, redis: Redis) -> None:
    redis.stop()
    milter = start(store=redis.url)
    assert judges(milter)
    status, text = milter.http("/healthz")
    assert status == 503 and '"status":"degraded"' in text and '"name":"store","ok":false' in text
    redis.start()
    wait_for(lambda: greylists(milter, f"{time.monotonic()}@example.net"), "greylisting once Redis is there", 60, 0.5)
    assert '"status":"ok"' in milter.http("/healthz")[1]


def test_loss_and_return_are_said_once(start: StartMilter, redis: Redis) -> None:
    milter = start(store=redis.url)
    judge(str(milter.socket), MARK)
    redis.stop()
    for _ in range(3):
        judge(str(milter.socket), MARK)
    assert len(milter.lines("warning: store: .*judging without it")) == 1
    redis.start()
    wait_for(lambda: judge(str(milter.socket), MARK) is not None and bool(milter.lines("info: store: back")), "store: back", 60, 0.5)
    assert len(milter.lines("info: store: back")) == 1


def test_dies_and_comes_back(start: StartMilter, redis: Redis) -> None:
    milter = start(store=redis.url)
    assert greylists(milter, "one@example.net")
    redis.stop()
    assert judges(milter)
    redis.start()
    wait_for(lambda: greylists(milter, f"{time.monotonic()}@example.net"), "greylisting once Redis is back", 60, 0.5)


def test_hangs(start: StartMilter, redis: Redis) -> None:
    """A stopped process takes connections and never answers: the worst kind of slow."""
    milter = start({"store_timeout": "2s"}, store=redis.url)
    assert greylists(milter, "one@example.net")
    halt(redis.process.pid)
    assert judges(milter)
    begin = time.monotonic()
    for _ in range(40):
        judge(str(milter.socket), MARK)
    assert time.monotonic() - begin < 40, "the circuit breaker does not wait again and again, half as long even"
    redis.process.send(signal.SIGCONT)
    wait_for(lambda: greylists(milter, f"{time.monotonic()}@example.net"), "greylisting once Redis answers", 60, 0.5)


def test_tempfail_when_so_configured(start: StartMilter, redis: Redis) -> None:
    milter = start({"milter-spam": {"on_store_error": "tempfail"}}, store=redis.url)
    redis.stop()
    assert judge(str(milter.socket), MARK).reply.text.startswith("4")


def test_marked_as_incomplete_when_so_configured(start: StartMilter, redis: Redis) -> None:
    milter = start({"milter-spam": {"on_store_error": "accept-and-mark"}}, store=redis.url)
    redis.stop()
    result = judge(str(milter.socket), GREY)
    assert result.reply.action in ("accept", "continue")
    assert result.value("X-Spam-Check").startswith("incomplete")


def test_redis_full(start: StartMilter, redis: Redis) -> None:
    """Redis refuses every write (noeviction): nobody is deferred who could not be recognised again."""
    milter = start(store=redis.url)
    subprocess.run(["redis-cli", "-s", redis.socket, "config", "set", "maxmemory", "1"], check=True, capture_output=True)
    assert not greylists(milter, "one@example.net")
    assert judges(milter)
    subprocess.run(["redis-cli", "-s", redis.socket, "config", "set", "maxmemory", "0"], check=True, capture_output=True)
    wait_for(lambda: greylists(milter, f"{time.monotonic()}@example.net"), "greylisting once there is room", 60, 0.5)


@pytest.fixture
def small_disk(world: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = world / "disk"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=777", "gatepost-test", folder], capture_output=True)
    if mount.returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_disk_full(start: StartMilter, small_disk: Path) -> None:
    """The disk below LMDB fills up under way: every message is answered, rules judge on, and with room it recovers."""
    milter = start(store=f"lmdb:{small_disk}/store")
    assert greylists(milter, "one@example.net")
    (small_disk / "ballast").write_bytes(b"x" * (256 * 1024 - used(small_disk)))
    with Session(str(milter.socket)) as session:
        session.open(Envelope())
        for number in range(2000):
            reply = session.transfer(GREY, Envelope(sender=f"{number}-{'x' * 50}@example.net")).reply
            assert reply.action in ("accept", "continue") or reply.text.startswith("451 4.7.1 ")
    assert not greylists(milter, "two@example.net")
    assert judges(milter)
    (small_disk / "ballast").unlink()
    wait_for(lambda: greylists(milter, f"{time.monotonic()}@example.net"), "greylisting once there is room", 60, 0.5)


def used(folder: Path) -> int:
    """Bytes that the files below a folder take."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


@dataclass(frozen=True)
class Babbler:
    """A server that answers whatever it is sent with the same wrong bytes."""

    path: Path
    answer: bytes

    def start(self) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        self.path.chmod(0o777)
        listener.listen()
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._babble, args=(connection,), daemon=True).start()

    def _babble(self, connection: socket.socket) -> None:
        with connection:
            try:
                while connection.recv(65536):
                    connection.sendall(self.answer)
            except OSError:
                pass


@pytest.mark.parametrize("answer", [
    b"\xff\xfe no protocol at all\r\n", b"+OK\r\n", b":1\r\n", b"$-1\r\n", b"*-1\r\n", b"$99999999999\r\n", b"*2147483647\r\n",
    b"*1\r\n" * 5000, b"-ERR unknown command\r\n", b"$5\r\nab", b"+" + b"x" * 1_000_000,
], ids=lambda answer: repr(answer[:20]))
def test_wrong_answers(start: StartMilter, world: Path, answer: bytes) -> None:
    path = world / "babble.sock"
    Babbler(path, answer).start()
    milter = start(store=f"redis+unix://{path}")
    assert judges(milter)
    assert judge(str(milter.socket), GREY).reply.action in ("accept", "continue", "reply")
