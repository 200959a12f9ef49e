"""A server process that we start, watch and stop by its pid, and the small waits that go with it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class ServerError(Exception):
    """A server did not start, stop or answer as it should; the text carries the end of its log."""


FIRST_PORT, LAST_PORT = 10000, 65535
LONG = 60.0  # seconds for what takes a moment where nobody else wants the processor: whoever waits so long would for ever
CHANCE = random.SystemRandom()  # not what a test may have seeded
GIVEN: dict[int, socket.socket] = {}  # ports that were handed out, and what reserves each


def below_ephemeral() -> range:
    """Ports that the kernel gives to nobody of its own accord: no client's connection gets in the way of a server."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return range(FIRST_PORT, low if low > FIRST_PORT + 1000 else LAST_PORT + 1)


def reserve(port: int) -> socket.socket | None:
    """Takes a port for this process until its end: who got one may not listen on it yet. An abstract socket's name is
    the same to all processes here, so test runs beside each other get different ports. None: it is another's."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0gatepost-test-port-{port}")
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # an old connection's remains are no listener
            s.bind(("127.0.0.1", port))
    except OSError:
        mark.close()
        return None
    return mark


def free_port() -> int:
    """A loopback TCP port that nobody listens on now, another one each time, in whatever process."""
    candidates = below_ephemeral()
    for _ in range(10 * len(candidates)):
        port = CHANCE.choice(candidates)
        mark = reserve(port)
        if mark:
            GIVEN[port] = mark
            return port
    raise ServerError("no port is free")


def wait_for(ready: Callable[[], bool], what: str, seconds: float = LONG, step: float = 0.02) -> None:
    """Returns as soon as ready() holds; raises ServerError naming `what` when it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise ServerError(f"no {what} within {seconds:g} s")
        time.sleep(step)


def answers(address: str | tuple[str, int]) -> bool:
    """True if something accepts connections at a unix socket path or a (host, port)."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(2)
        try:
            s.connect(address)
        except OSError:
            return False
        return True


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log, or nothing if there is no log yet."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processors until now, whatever else runs on them."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def whole_lines(path: Path) -> list[str]:
    """The lines of a log that is being written, without one whose end is not there yet; none if there is no log yet."""
    try:
        return path.read_text(errors="replace").rpartition("\n")[0].splitlines()
    except FileNotFoundError:
        return []


def _is_stopped(pid: int) -> bool:
    """All its threads."""
    try:
        states = {stat.read_text().rsplit(")", 1)[1].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")}
    except (FileNotFoundError, ProcessLookupError):
        return False  # one has ended meanwhile; look again
    return states == {"T"}


def halt(*pids: int) -> None:
    """SIGSTOP, and until they have stopped: one that was waiting for a packet takes what comes before it is stopped indeed."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(map(_is_stopped, pids)), f"halt of {pids}", step=0.001)


def family(pid: int) -> list[int]:
    """A process and all below it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def session_of(leader: int) -> list[int]:
    """The processes of the session that a process led (start_new_session), which may be gone itself."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state != "Z":
            found.append(int(stat.parent.name))
    return found


STARTED: list[Process] = []  # and perhaps ended since


class Process:
    """One server process with its own process group; stdout and stderr go to a log file."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None, f"{self.name} was never started"
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self, argv: Sequence[str], ready: Callable[[], bool], env: Mapping[str, str] | None = None,
              seconds: float = LONG) -> None:
        """Starts argv and returns once ready() holds; a process that ends before is a ServerError."""
        with self.log.open("ab") as out:
            self._child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                           env={**os.environ, **(env or {})}, start_new_session=True)
        if self not in STARTED:  # one that is started again belongs to whom it did
            STARTED.append(self)

        def ready_or_dead() -> bool:
            if not self.is_running:
                raise ServerError(f"{self.name} ended with status {self.wait()} at start:\n{tail(self.log)}")
            return ready()

        try:
            wait_for(ready_or_dead, f"answer from {self.name}", seconds)
        except ServerError:
            self.kill()
            raise

    def send(self, signum: signal.Signals) -> None:
        """Sends a signal to the process itself (not to its group)."""
        os.kill(self.pid, signum)

    def wait(self, seconds: float = LONG) -> int:
        """Waits for the end; the exit status, negative for a signal."""
        assert self._child is not None
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired as e:
            raise ServerError(f"{self.name} (pid {self.pid}) still runs after {seconds:g} s:\n{tail(self.log)}") from e

    def stop(self, seconds: float = LONG) -> int:
        """Asks the process to end (SIGTERM), waits, and sweeps up what is left of its group; returns the status."""
        if self._child is None:
            return 0
        if self.is_running:
            self.send(signal.SIGTERM)
        try:
            return self.wait(seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """Ends the process and its whole group at once."""
        if self._child is None:
            return
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._child.wait()
