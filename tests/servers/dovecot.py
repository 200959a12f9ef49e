"""A private Dovecot 2.3: LMTP and SASL sockets in Postfix's queue, IMAP on loopback, Sieve files marked mail into Junk; and,
if asked, our plugin, which teaches what users move."""

from __future__ import annotations

import imaplib
import os
import pwd
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .milter import build_folder
from .process import LONG, Process, ServerError, answers, free_port, wait_for

PASSWORD = "gatepost"
OWNER = "mail"  # whose uid all mail has
JUNK_SIEVE = """\
# Mail that milter-spam marked goes to Junk, for every user and before the user's own script.
require ["fileinto"];
if header :is "X-Spam" "Yes" {
	fileinto "Junk";
	stop;
}
"""
CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
first_valid_uid = 1
mail_uid = mail
mail_gid = mail
auth_mechanisms = plain login
# Any user name has a mailbox; there is one password.
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/home/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  unix_listener {queue}/private/dovecot-lmtp {{
    mode = 0600
    user = postfix
  }}
}}
service auth {{
  unix_listener {queue}/private/auth {{
    mode = 0600
    user = postfix
  }}
}}
namespace inbox {{
  inbox = yes
  mailbox Junk {{
    special_use = \\Junk
    auto = subscribe
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = subscribe
  }}
}}
protocol lmtp {{
  mail_plugins = $mail_plugins sieve
}}
plugin {{
  sieve = ~/.dovecot.sieve
  sieve_before = {folder}/sieve/junk.sieve
}}
"""
# Modules of the system, and ours beside them: nothing is installed.
LEARNING = """\
mail_plugin_dir = {folder}/modules
protocol imap {{
  mail_plugins = $mail_plugins notify gatepost_learn
}}
plugin {{
  gatepost_learn_socket = {socket}
}}
"""
MODULES = Path("/usr/lib/dovecot/modules")
PLUGIN = "lib95_gatepost_learn_plugin.so"


@dataclass(frozen=True)
class Mail:
    """A delivered message as IMAP shows it."""

    folder: str
    raw: bytes

    def headers(self, name: str) -> list[str]:
        """The unfolded values of all headers of that name, top down."""
        head = self.raw.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0].decode("utf-8", "surrogateescape")
        head = re.sub(r"\n(?=[ \t])", "", head)
        fields = (line.split(":", 1) for line in head.split("\n") if ":" in line)
        return [value.strip() for field, value in fields if field.lower() == name.lower()]


class Dovecot:
    """One Dovecot instance under `folder`, delivering for a Postfix with the given queue folder."""

    def __init__(self, folder: Path, queue: Path, learn_socket: Path | None = None) -> None:
        """With the learn socket, what users move is taught there."""
        self.folder = folder
        self.port = free_port()
        self.log = folder / "dovecot.log"
        self._config = folder / "dovecot.conf"
        self._lmtp = queue / "private" / "dovecot-lmtp"
        self._process = Process("dovecot", folder / "master.log")
        for name in ("run", "state", "sieve", "home"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        mail = pwd.getpwnam(OWNER)
        home = folder / "home"
        home.chmod(0o700)
        os.chown(home, mail.pw_uid, mail.pw_gid)
        config = CONFIG.format(folder=folder, queue=queue, port=self.port, password=PASSWORD)
        if learn_socket:
            config += LEARNING.format(folder=folder, socket=learn_socket)
            self._link_modules()
        self._config.write_text(config)
        script = folder / "sieve" / "junk.sieve"
        script.write_text(JUNK_SIEVE)
        subprocess.run(["/usr/bin/sievec", "-c", str(self._config), str(script)], check=True, capture_output=True)

    def _link_modules(self) -> None:
        here = self.folder / "modules"
        here.mkdir()
        for file in MODULES.iterdir():
            (here / file.name).symlink_to(file)
        (here / PLUGIN).unlink(missing_ok=True)
        (here / PLUGIN).symlink_to(build_folder() / "dovecot-sieve-learn" / PLUGIN)

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        self._process.start(["/usr/sbin/dovecot", "-F", "-c", str(self._config)],
                            lambda: answers(("127.0.0.1", self.port)) and answers(str(self._lmtp)))

    def stop(self) -> None:
        self._process.stop()

    def login(self, user: str) -> imaplib.IMAP4:
        """An IMAP session of that user; the caller logs out."""
        session = imaplib.IMAP4("127.0.0.1", self.port, timeout=LONG)
        session.login(user, PASSWORD)
        return session

    def move(self, user: str, message_ids: Sequence[str], source: str, target: str) -> None:
        """Moves messages from one folder to another, as a user's program does."""
        with self.login(user) as imap:
            imap.select(f'"{source}"')
            for message_id in message_ids:
                _, hits = imap.uid("SEARCH", "HEADER", "Message-ID", f'"{message_id}"')
                status, why = imap.uid("MOVE", hits[0].decode(), f'"{target}"')
                if status != "OK":
                    raise ServerError(f"{message_id} was not moved to {target}: {why}")

    def search(self, user: str, message_id: str) -> list[Mail]:
        """All copies of a message, in whatever folders of the user they are."""
        with self.login(user) as imap:
            return [mail for folder in folders(imap) for mail in fetch(imap, folder, message_id)]

    def wait_mail(self, user: str, message_id: str, seconds: float = LONG) -> Mail:
        """Waits until a message has arrived, and only once; returns it with its folder."""
        found: list[Mail] = []

        def arrived() -> bool:
            found[:] = self.search(user, message_id)
            return bool(found)

        wait_for(arrived, f"message {message_id} of {user}", seconds, 0.05)
        if len(found) > 1:
            raise ServerError(f"{message_id} arrived {len(found)} times, in {[m.folder for m in found]}")
        return found[0]


def folders(imap: imaplib.IMAP4) -> list[str]:
    """The names of all selectable folders of a session's user."""
    _, lines = imap.list()
    names = []
    for line in lines:
        found = re.fullmatch(rb'\(([^)]*)\) "." "?([^"]+)"?', line) if isinstance(line, bytes) else None
        if found and b"\\Noselect" not in found[1]:
            names.append(found[2].decode())
    return names


def fetch(imap: imaplib.IMAP4, folder: str, message_id: str) -> list[Mail]:
    """The messages with that Message-ID in one folder."""
    imap.select(f'"{folder}"', readonly=True)
    _, hits = imap.search(None, "HEADER", "Message-ID", f'"{message_id}"')
    mails = []
    for number in hits[0].split():
        _, data = imap.fetch(number.decode(), "(BODY.PEEK[])")
        mails += [Mail(folder, item[1]) for item in data if isinstance(item, tuple)]
    return mails
