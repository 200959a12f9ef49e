"""A machine of its own in namespaces: a Debian tree that systemd boots as process 1, with what was built installed in it.

It has nothing of this machine but the kernel: its own processes, mounts, names, network (a loopback and nothing else) and
control groups.  What it writes goes to memory, so the tree serves all.  It is not a container for strangers: its root is
root here.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .debian import Unavailable, make_tree, suite
from .milter import build_folder
from .process import Process, ServerError, wait_for

PACKAGES = ("systemd", "systemd-sysv", "postfix", "redis-server", "acl")
# What a test has no use for, or what is this kernel's and not the machine's.
MASKED = ("sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount", "dev-hugepages.mount",
          "modprobe@.service", "e2scrub_reap.service", "systemd-pstore.service", "systemd-sysctl.service", "getty.target",
          "timers.target")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Its control groups are below the group that this runs in, whichever hierarchy other programs here use.
ENTER = """
set -e
mount -t tmpfs -o mode=755 none "$1"
mkdir "$1"/cgroup "$1"/upper "$1"/work "$1"/root
mount -t cgroup2 none "$1"/cgroup
group=$1/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/$2
mkdir -p "$group"
echo 0 > "$group"/cgroup.procs
umount "$1"/cgroup
exec unshare --cgroup bash -c "$4" "$0" "$1" "$3" "$5"
"""
BOOT = """
set -e
root=$1/root
mount -t overlay -o lowerdir="$2",upperdir="$1"/upper,workdir="$1"/work none "$root"
mount -t proc proc "$root"/proc
mount --bind "$root"/proc/sys "$root"/proc/sys
mount -o remount,bind,ro "$root"/proc/sys
mount -t sysfs -o ro sysfs "$root"/sys
mount -t cgroup2 cgroup2 "$root"/sys/fs/cgroup
mount -t tmpfs -o mode=755 dev "$root"/dev
for node in null zero full random urandom tty; do
	touch "$root"/dev/$node
	mount --bind /dev/$node "$root"/dev/$node
done
mkdir "$root"/dev/pts "$root"/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root"/dev/pts
mount -t tmpfs -o mode=1777 shm "$root"/dev/shm
ln -s pts/ptmx "$root"/dev/ptmx
ln -s /proc/self/fd "$root"/dev/fd
mount -t tmpfs -o mode=755 run "$root"/run
hostname mail.example.org
hostname > "$root"/etc/hostname
for unit in $3; do
	ln -s /dev/null "$root"/etc/systemd/system/$unit
done
cd "$root"
pivot_root . mnt
cd /
exec env -i container=gatepost PATH=$PATH /bin/sh -c 'umount -l /mnt
mount --make-rshared /
exec /lib/systemd/systemd --system --unit=multi-user.target --show-status=no --log-target=console'
"""
LEAVE = """
mount -t cgroup2 none "$1"
find "$1$(sed -n s/^0:://p /proc/self/cgroup)/$2" -depth -type d -exec rmdir {} +
"""
NEW_NETWORK = 0x40000000  # CLONE_NEWNET
T = TypeVar("T")


def libraries() -> list[str]:
    """The libraries that the installed programs are linked with."""
    told = subprocess.run(["meson", "introspect", "--installed", str(build_folder())], capture_output=True, text=True, check=True).stdout
    programs = [made for made, place in json.loads(told).items() if re.search("/s?bin/|/libexec/", place)]
    linked = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    return sorted(set(re.findall(r"=> (/\S+)", linked)))


class Machine:
    """One machine, up from start() to stop(). `root` is its file system, seen from here."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._group = f"gatepost-{os.getpid()}-{id(self):x}"
        self._process = Process("machine", folder / "machine.log")
        self.init = 0

    @property
    def root(self) -> Path:
        return Path(f"/proc/{self.init}/root")

    def start(self) -> None:
        """Boots it; Unavailable if that cannot be done here. Nothing of ours is in it yet."""
        if os.geteuid() != 0:
            raise Unavailable("only root can boot a machine")
        tree = make_tree("machine", suite(), PACKAGES)
        place = self._folder / "tree"
        place.mkdir()
        argv = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--kill-child", "bash", "-c", ENTER, "machine",
                str(place), self._group, str(tree), BOOT, " ".join(MASKED)]
        try:
            self._process.start(argv, self._is_booted, seconds=120)
        except ServerError as e:
            self.stop()
            raise Unavailable(f"systemd does not boot here: {e}") from None

    def _is_booted(self) -> bool:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if not children or not Path(f"/proc/{children[0]}/root/run/systemd/private").exists():
            return False
        self.init = int(children[0])
        return self.try_run("systemctl", "is-system-running", "--wait").stdout.strip() in ("running", "degraded")

    def stop(self) -> None:
        """With its process 1 all others of it end."""
        if not self._process.is_running:
            return
        self._process.kill()
        wait_for(lambda: not Path(f"/proc/{self.init}").exists(), "end of the machine's processes")
        empty = self._folder / "cgroup"
        empty.mkdir(exist_ok=True)
        subprocess.run(["unshare", "--mount", "bash", "-c", LEAVE, "machine", empty, self._group], capture_output=True)

    def try_run(self, *argv: str, text: str = "", seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs a command in it as root."""
        enter = ["nsenter", "-t", str(self.init), "-m", "-p", "-n", "-u", "-i", "-C", "-r", "-w"]
        return subprocess.run([*enter, "env", "-i", f"PATH={PATH}", "TERM=dumb", "SYSTEMD_PAGER=", "LC_ALL=C.UTF-8", *argv],
                              input=text, capture_output=True, text=True, timeout=seconds)

    def run(self, *argv: str, text: str = "", seconds: float = 120) -> str:
        """Runs a command that must succeed; its output."""
        done = self.try_run(*argv, text=text, seconds=seconds)
        if done.returncode != 0:
            raise ServerError(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def install(self) -> None:
        """What `meson install` installs, and the libraries that it needs and Debian's own programs do not."""
        done = subprocess.run(["meson", "install", "-C", str(build_folder()), "--no-rebuild", "--quiet", "--destdir", str(self.root)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise ServerError(f"meson install ended with {done.returncode}: {done.stdout}{done.stderr}")
        for path in libraries():
            if not (self.root / path.lstrip("/")).exists():
                shutil.copyfile(path, self.root / os.path.realpath(path).lstrip("/").rpartition("/")[0] / os.path.basename(path))
        self.run("ldconfig")

    def write(self, path: str, text: str) -> None:
        """A file in it, with the folders above."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "-P", name, unit).strip()

    def pid(self, unit: str) -> int:
        """A unit's main process, by its number in the machine."""
        return int(self.show(unit, "MainPID"))

    def processes(self, unit: str) -> list[int]:
        """All processes of a unit, by their numbers here, outside of the machine."""
        group = self.show(unit, "ControlGroup")
        return [int(pid) for pid in (self.root / f"sys/fs/cgroup{group}/cgroup.procs").read_text().split()]

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        """The entries of its journal."""
        lines = self.run("journalctl", "-o", "json", "--no-pager", *matches).splitlines()
        return [json.loads(line) for line in lines]

    def in_network(self, work: Callable[[], T]) -> T:
        """What work() gives, done by a thread in the machine's network; connections are those of its loopback."""
        done: list[T] = []
        errors: list[BaseException] = []

        def enter() -> None:
            try:
                with open(f"/proc/{self.init}/ns/net") as network:
                    libc = ctypes.CDLL(None, use_errno=True)
                    if libc.setns(network.fileno(), NEW_NETWORK) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                done.append(work())
            except BaseException as e:  # noqa: B902  of the thread, for who waits
                errors.append(e)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return done[0]
