"""A private Dovecot for mail that people move: IMAP and LMTP, any mail format, 2.3 or 2.4, with our plugin.

2.3 is the machine's; 2.4 runs in a tree that servers.trixie makes.  Both are given as an Edition.
"""

from __future__ import annotations

import imaplib
import os
import pwd
import re
import shutil
import signal
import smtplib
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from . import imapconfig
from .dovecot import OWNER, PASSWORD
from .process import LONG, Process, ServerError, answers, free_port, tail, wait_for, whole_lines


# A mount namespace of its own, whose mounts nobody else sees.
PRIVATE = ("unshare", "--mount", "--propagation", "private")


def why_no_namespace() -> str:
    """"" if Dovecot can be given a mount namespace here, else why not: it takes root, and a / that is a mount point."""
    try:
        done = subprocess.run([*PRIVATE, "true"], capture_output=True, text=True)
    except FileNotFoundError:
        return "there is no unshare(1)"
    return "" if done.returncode == 0 else f"no mount namespace may be made here: {done.stderr.strip()}"


@dataclass(frozen=True)
class Edition:
    """One version of Dovecot: where its tree is ("" for this system), and where our modules for it were built."""

    name: str
    root: str
    built: Path

    @property
    def is_24(self) -> bool:
        return self.name == "2.4"

    @property
    def modules(self) -> Path:
        return Path(f"{self.root}/usr/lib/dovecot/modules")

    def inside(self, folder: Path, argv: Sequence[str]) -> list[str]:
        """argv, run in that tree, where `folder` is in its place and folder/modules in the modules' place: sieve and
        doveadm look for theirs only there, 2.4 for those of settings too."""
        modules = 'mount --bind "$2/modules" "$1/usr/lib/dovecot/modules"'
        script = f'{modules} && shift 2 && exec "$@"'
        if self.root:
            script = (f'mkdir -p "$1$2" && mount --bind "$2" "$1$2" && mount --bind /dev "$1/dev" && {modules} && '
                      'mount -t proc proc "$1/proc" && r=$1 && shift 2 && exec chroot "$r" "$@"')
        return [*PRIVATE, "sh", "-c", script, "sh", self.root, str(folder), *argv]


@dataclass
class Setup:
    """What a test wants of its Dovecot."""

    mail: str = "maildir"                      # or mdbox, sdbox
    plugin: bool = True                        # our modules are there
    mail_plugin: bool = True                   # and the mail plugin is switched on
    settings: Mapping[str, str] = field(default_factory=dict)   # of the plugin, without gatepost_learn_
    names: Sequence[str] = ("notify", "gatepost_learn")
    plugins: Sequence[str] = ()                # more mail plugins
    extra: str = ""                            # more configuration, as that version writes it
    special_use: bool = True                   # Junk and Trash have it
    imapsieve: str = ""                        # configuration, switches IMAPSieve on
    hibernate: bool = False


class Dovecot:
    """One instance under `folder`."""

    def __init__(self, folder: Path, edition: Edition, setup: Setup | None = None) -> None:
        self.folder = folder
        self.edition = edition
        self.setup = setup or Setup()
        self.port = free_port()
        self.log = folder / "dovecot.log"
        self.config = folder / "dovecot.conf"
        self.socket = folder / "learn.sock"
        self.lmtp = folder / "lmtp.sock"
        self._process = Process("dovecot", folder / "master.log")
        for name in ("run", "state", "sieve", "home"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        owner = pwd.getpwnam(OWNER)
        for place in (folder / "home",):
            place.chmod(0o700)
            os.chown(place, owner.pw_uid, owner.pw_gid)
        folder.chmod(0o755)
        self._link_modules()
        self.write_config()

    def _link_modules(self) -> None:
        """A module folder with Dovecot's own and ours, so that nothing is installed."""
        ours = {"lib95_gatepost_learn_plugin.so": "", "libgatepost_learn_settings.so": "settings",
                "lib95_doveadm_gatepost_learn_plugin.so": "doveadm",
                "lib90_sieve_gatepost_learn_plugin.so": "sieve"}
        theirs = self.edition.modules
        here = self.folder / "modules"
        for place in [theirs, *(p for p in theirs.rglob("*") if p.is_dir())]:
            (here / place.relative_to(theirs)).mkdir(parents=True, exist_ok=True)
        for file in theirs.rglob("*.so"):
            shutil.copy2(file, here / file.relative_to(theirs))
        for name, where in ours.items():
            built = self.edition.built / "dovecot-sieve-learn" / name
            if built.exists() and self.setup.plugin:
                (here / where / name).write_bytes(built.read_bytes())

    def write_config(self) -> None:
        write = imapconfig.config_24 if self.edition.is_24 else imapconfig.config_23
        self.config.write_text(write(self.folder, self.port, PASSWORD, self.setup))

    def command(self, *argv: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs a program of that Dovecot with this configuration: command("doveadm", "who")."""
        places = {"doveadm": "/usr/bin/doveadm", "doveconf": "/usr/bin/doveconf", "sievec": "/usr/bin/sievec"}
        full = [places[argv[0]], "-c", str(self.config), *argv[1:]]
        done = subprocess.run(self.edition.inside(self.folder, full), capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise ServerError(f"{argv}: {done.returncode}: {done.stderr}\n{tail(self.log)}")
        return done

    def start(self) -> None:
        argv = self.edition.inside(self.folder, ["/usr/sbin/dovecot", "-F", "-c", str(self.config)])
        self._process.start(argv, lambda: answers(("127.0.0.1", self.port)) and answers(str(self.lmtp)))

    def stop(self) -> None:
        self._process.stop()
        if self.edition.root:   # the empty folder where ours was
            place = Path(f"{self.edition.root}{self.folder}")
            for folder in (place, place.parent):
                if folder.name.startswith("gatepost-") or folder == place:
                    with suppress(OSError):
                        folder.rmdir()

    @property
    def pid(self) -> int:
        return self._process.pid

    def deliver(self, user: str, raw: bytes) -> None:
        """Over LMTP, as Postfix does."""
        with smtplib.LMTP(str(self.lmtp)) as session:
            session.sendmail("sender@example.net", [f"{user}@example.org"], raw)

    def script(self, name: str, text: str) -> Path:
        """A Sieve script of the administrator, compiled."""
        path = self.folder / "sieve" / f"{name}.sieve"
        path.write_text(text)
        self.command("sievec", str(path))
        return path

    def login(self, user: str) -> imaplib.IMAP4:
        session = imaplib.IMAP4("127.0.0.1", self.port, timeout=60)
        session.login(user, PASSWORD)
        return session

    @contextmanager
    def session(self, user: str) -> Iterator[imaplib.IMAP4]:
        session = self.login(user)
        try:
            yield session
        finally:
            with suppress(OSError, imaplib.IMAP4.error):
                session.logout()

    def home(self, user: str) -> Path:
        """The user's home; made if nothing was there yet."""
        path = self.folder / "home" / user
        if not path.exists():
            path.mkdir(mode=0o700)
            shutil.chown(path, OWNER, OWNER)
        return path

    def references(self, user: str) -> list[str]:
        """The waiting references in the user's file."""
        found = list(self.home(user).rglob("dovecot-gatepost-learn"))
        if not found:
            return []
        return [line for line in found[0].read_text().splitlines() if line.startswith("+")]

    def wait_no_references(self, user: str, seconds: float = LONG) -> None:
        wait_for(lambda: not self.references(user), f"empty file of references of {user}", seconds)

    def processes(self, name: str) -> list[int]:
        """The pids of this instance's processes of that name."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int(re.findall(r"^PPid:\s*(\d+)", (entry / "status").read_text(), re.M)[0])
            except (OSError, IndexError):
                continue
            if words[0].decode(errors="replace") == f"dovecot/{name}" and parent == self._master():
                found.append(int(entry.name))
        return found

    def _master(self) -> int:
        return int((self.folder / "run" / "master.pid").read_text())

    def kill_imap(self, number: int = signal.SIGKILL) -> int:
        """Signals every imap process of this instance; how many there were."""
        pids = self.processes("imap")
        for pid in pids:
            os.kill(pid, number)
        return len(pids)

    def log_lines(self, pattern: str) -> list[str]:
        return [line for line in whole_lines(self.log) if re.search(pattern, line)]


def append(session: imaplib.IMAP4, folder: str, *messages: bytes) -> None:
    for raw in messages:
        answer, data = session.append(quoted(folder), None, None, raw)  # type: ignore[arg-type]
        assert answer == "OK", data


def quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


def command(session: imaplib.IMAP4, *words: str) -> list[bytes]:
    """UID MOVE and whatever else imaplib does not know; fails unless the answer is OK."""
    answer, data = session.uid(*words) if words[0] in ("MOVE", "COPY", "STORE") else session._simple_command(*words)
    assert answer == "OK", (words, data)
    return [item for item in data if isinstance(item, bytes)]


def select(session: imaplib.IMAP4, folder: str) -> int:
    answer, data = session.select(quoted(folder))
    assert answer == "OK", (folder, data)
    return int(data[0] or b"0")


def move(session: imaplib.IMAP4, source: str, uids: str, target: str) -> float:
    """UID MOVE; the seconds until its answer."""
    select(session, source)
    start = time.monotonic()
    command(session, "MOVE", uids, quoted(target))
    return time.monotonic() - start
