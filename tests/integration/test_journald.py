"""A real journald, in a mount namespace of its own: the controller follows it through its rotation, its vacuum, and kill -9."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.controller import Controller
from servers.eventserver import EventServer
from servers.milter import GROUP, build_folder
from servers.process import wait_for

JOURNALD = Path("/lib/systemd/systemd-journald")
MACHINE = Path("/etc/machine-id")
HAS_JOURNAL = "#define GP_HAVE_JOURNAL 1" in (build_folder() / "config.h").read_text()
pytestmark = pytest.mark.skipif(os.getuid() != 0 or not JOURNALD.exists() or not MACHINE.exists() or not HAS_JOURNAL,
                                reason="root, systemd-journald, a machine id and a build with libsystemd are needed")
# What it logs to and into is ours; all else of /run is hidden from it.
START = """
set -e
mount -t tmpfs none /run
mkdir -p /run/log /run/systemd/journal /run/systemd/journald.conf.d
mount --bind "$1/log" /run/log
mount --bind "$1/sockets" /run/systemd/journal
printf '[Journal]\\nStorage=volatile\\nRateLimitIntervalSec=0\\nReadKMsg=no\\nAudit=no\\n' > /run/systemd/journald.conf.d/test.conf
exec "$2"
"""


class Journald:
    """A running journald, and a program that calls itself what it likes."""

    def __init__(self, world: Path) -> None:
        self._world = world / "journald"
        self.folder = self._world / "log" / "journal" / MACHINE.read_text().strip()
        self.folder.mkdir(parents=True)
        (self._world / "sockets").mkdir()
        shutil.chown(self.folder, "root", GROUP)
        self.folder.chmod(0o2755)  # its files are for the group, as for systemd-journal on a real host
        self._process = subprocess.Popen(["unshare", "-m", "bash", "-c", START, "journald", self._world, JOURNALD], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.PIPE)
        wait_for(lambda: self._socket.exists() or self._process.poll() is not None, "journald's socket")
        if self._process.poll() is not None:
            pytest.skip(f"journald does not run here: {self._process.communicate()[1]!r}")
        wait_for((self.folder / "system.journal").exists, "the journal")

    @property
    def _socket(self) -> Path:
        return self._world / "sockets" / "dev-log"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)

    def log(self, name: str, text: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(f"<22>{time.strftime('%b %e %H:%M:%S')} {name}[7]: {text}".encode(), str(self._socket))

    def files(self) -> set[Path]:
        return set(self.folder.glob("*.journal"))

    def rotate(self) -> None:
        before = self.files()
        self._process.send_signal(signal.SIGUSR2)
        wait_for(lambda: len(self.files()) > len(before), "rotation")

    def vacuum(self) -> None:
        subprocess.run(["journalctl", "-D", self.folder, "--vacuum-files=1"], check=True, capture_output=True)
        assert len(self.files()) == 1


class Place:
    """A journald, a controller that follows it, and a control socket."""

    def __init__(self, world: Path) -> None:
        self.journald = Journald(world)
        self.events = EventServer(world / "control.sock")
        # There is no systemd, so nothing has a unit.
        self.controller = Controller(world / "controller", world / "controller" / "learn.sock", "", {"controller": {
            "workers": 1, "maillog": {"source": f"journal:{self.journald.folder}", "units": [], "socket": f"unix:{self.events.path}"}}})
        self.n_told = 0

    def fail(self, n: int) -> None:
        """So many failed logins, each of another account."""
        for _ in range(n):
            self.n_told += 1
            self.journald.log("postfix/smtpd", "warning: unknown[192.0.2.9]: SASL LOGIN authentication failed: x, "
                                               f"sasl_username=u{self.n_told}@example.org")

    def counted(self) -> list[int]:
        return [int(e["sasl_username"][1:].partition("@")[0]) for e in self.events.counted]


@pytest.fixture
def place(world: Path) -> Iterator[Place]:
    place = Place(world)
    place.events.start()
    place.controller.start()
    yield place
    place.controller.stop()
    place.events.stop()
    place.journald.stop()


def test_rotation_and_kill(place: Place) -> None:
    place.fail(100)
    place.journald.rotate()
    place.fail(100)
    place.events.wait(200)
    os.killpg(place.controller.process.pid, signal.SIGKILL)
    place.controller.process.wait()
    place.fail(50)
    place.journald.rotate()
    place.fail(50)
    place.controller.start()
    place.fail(50)
    place.events.wait(350)
    assert sorted(set(place.counted())) == list(range(1, 351))
    assert place.controller.counted("gatepost_controller_maillog_losses_total") == 0


def test_vacuum(place: Place) -> None:
    """While it runs nothing is lost by it; while it does not, that is said, and what is left is told."""
    place.fail(50)
    place.events.wait(50)
    place.journald.rotate()
    place.fail(50)
    place.journald.vacuum()
    place.fail(10)
    place.events.wait(110)
    assert place.counted() == list(range(1, 111))
    assert place.controller.stop() == 0
    place.fail(10)
    place.journald.rotate()
    place.journald.vacuum()
    place.fail(10)
    place.controller.start()
    place.controller.wait_line("the journal no longer has what was read last")
    wait_for(lambda: 130 in place.counted(), "the last one")
    told = place.counted()
    assert told[:110] == list(range(1, 111)) and told[-10:] == list(range(121, 131))
    assert len(set(told)) == len(told) <= 130  # journald may take some of what came before rotation after it
