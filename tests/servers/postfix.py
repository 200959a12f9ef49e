"""A private Postfix with Debian's own master.cf, whose smtpd, cleanup and lmtp stay chrooted.

Port 25's part (`port`) has the milters and believes XCLIENT from loopback, so that tests can come from any address;
`submission_port` asks for a login. Mail for any user of `domain` goes to Dovecot by LMTP; mail for local.`domain` is put
into a Maildir by Postfix itself, because Dovecot's LMTP does not take SMTPUTF8. Nothing leaves this host.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .process import LONG, Process, ServerError, answers, free_port, tail, wait_for, whole_lines

MASTER_CF = Path("/usr/share/postfix/master.cf.dist")
PROGRAMS = Path("/usr/lib/postfix/sbin")
# What Debian's start script copies for the chrooted programs.
CHROOT_FILES = ("etc/services", "etc/hosts", "etc/resolv.conf", "etc/nsswitch.conf", "etc/localtime")


class Postfix:
    """One Postfix instance under `folder`; sockets of its partners belong under `queue`."""

    def __init__(self, folder: Path, domain: str = "example.org") -> None:
        self.folder = folder
        self.domain = domain
        self.config = folder / "etc"
        self.queue = folder / "queue"
        self.log = folder / "mail.log"
        self.port = free_port()
        self.submission_port = free_port()
        self.maildir = folder / "Maildir"
        self._owner = pwd.getpwnam("mail")
        self._process = Process("postfix", folder / "master.log")
        self._prepare()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _prepare(self) -> None:
        """Makes the folders: the queue is root's, the data folder Postfix's, both reachable for its user."""
        user = pwd.getpwnam("postfix")
        for path in (self.folder, self.config, self.queue, self.folder / "data"):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755)
        os.chown(self.folder / "data", user.pw_uid, user.pw_gid)
        self.maildir.mkdir()
        os.chown(self.maildir, self._owner.pw_uid, self._owner.pw_gid)
        private = self.queue / "private"  # made before Postfix does, because Dovecot and the milters listen in the queue
        private.mkdir(exist_ok=True)
        private.chmod(0o700)
        os.chown(private, user.pw_uid, 0)
        (self.queue / "gatepost").mkdir(exist_ok=True)
        for name in CHROOT_FILES:
            source, copy = Path("/", name), self.queue / name
            copy.parent.mkdir(exist_ok=True)
            if source.is_file():
                shutil.copyfile(source, copy)

    def configure(self, settings: Mapping[str, str], services: Mapping[str, Sequence[str]] | None = None,
                  more: str = "") -> None:
        """Writes main.cf and master.cf. `settings` are added to main.cf; `services` maps smtp and submission to
        further `name=value` options of that service in master.cf; `more` is further services (smtpd_entry, smtp_entry)."""
        services = services or {}
        main = {
            "compatibility_level": "3.6",
            "queue_directory": str(self.queue),
            "data_directory": str(self.folder / "data"),
            "command_directory": "/usr/sbin",
            "daemon_directory": str(PROGRAMS),
            "maillog_file": str(self.log),
            "maillog_file_prefixes": str(self.folder),
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": f"mx.{self.domain}",
            "mydomain": self.domain,
            "myorigin": "$mydomain",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "alias_maps": "",
            "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
            "smtpd_client_event_limit_exceptions": "127.0.0.0/8",
            "smtpd_peername_lookup": "no",
            "disable_dns_lookups": "yes",
            "smtp_dns_support_level": "disabled",
            "default_transport": "error:this private server sends no mail outside",
            "relay_transport": "$default_transport",
            "message_size_limit": str(64 * 1024 * 1024),
            "mailbox_size_limit": "0",
            "virtual_mailbox_limit": "0",
            "virtual_mailbox_domains": f"{self.domain}, local.{self.domain}",
            "virtual_mailbox_base": str(self.folder),
            "virtual_mailbox_maps": "static:Maildir/",
            "virtual_minimum_uid": "1",
            "virtual_uid_maps": f"static:{self._owner.pw_uid}",
            "virtual_gid_maps": f"static:{self._owner.pw_gid}",
            "virtual_transport": "lmtp:unix:private/dovecot-lmtp",
            "transport_maps": f"inline:{{ local.{self.domain}=virtual: }}",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": "private/auth",
            "smtpd_sasl_security_options": "noanonymous",
            "smtpd_tls_security_level": "none",
            "milter_connect_timeout": "5s",
            **settings,
        }
        self._replace("main.cf", "".join(f"{k} = {v}\n" for k, v in main.items()))
        self._replace("master.cf", self._master_cf(services) + more)

    def _replace(self, name: str, text: str) -> None:
        """At once: a program that starts just now reads the whole of the old file or of the new one."""
        new = self.config / f"{name}.new"
        new.write_text(text)
        new.rename(self.config / name)

    def _master_cf(self, services: Mapping[str, Sequence[str]]) -> str:
        """Debian's file with our two ports in place of 25 and 587; all else, the chroots too, stays as shipped."""
        smtp = smtpd_entry(self.port, services.get("smtp", ()))
        submission = smtpd_entry(self.submission_port, [
            "syslog_name=postfix/submission", "smtpd_sasl_auth_enable=yes", "smtpd_client_restrictions=",
            "smtpd_recipient_restrictions=permit_sasl_authenticated,reject", "milter_macro_daemon_name=ORIGINATING",
            *services.get("submission", ())])
        text, found = re.subn(r"(?m)^smtp +inet .*\n(?:[ \t]+\S.*\n)*", smtp + submission, MASTER_CF.read_text(), count=1)
        if not found:
            raise ServerError(f"{MASTER_CF} has no line for smtp inet")
        return text

    def start(self) -> None:
        self.command("check")  # makes the queue's folders
        # master itself, not `postfix start-fg`, whose shell would stand between us and it
        self._process.start([str(PROGRAMS / "master"), "-s", "-c", str(self.config)],
                            lambda: all(answers(("127.0.0.1", port)) for port in (self.port, self.submission_port)))

    def stop(self) -> None:
        self._process.stop()

    def reload(self) -> None:
        """Returns when the smtpds and cleanups of before, which have read what was before, are gone. They must be idle."""
        before = self._children()
        self.command("reload")
        wait_for(lambda: not before & self._children(), "the end of the processes of before")

    def _children(self) -> set[tuple[str, str]]:
        """The smtpds and cleanups: each by its pid and when it began."""
        found = set()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                head, _, rest = stat.read_text().rpartition(")")
            except OSError:
                continue
            words = rest.split()
            if head.partition("(")[2] in ("smtpd", "cleanup") and int(words[1]) == self.pid:
                found.add((stat.parent.name, words[19]))
        return found

    def rotate_log(self) -> None:
        """`postfix logrotate`; returns when the new log is written to."""
        self.command("logrotate")

        def is_in_use() -> bool:
            subprocess.run(["/usr/sbin/postlog", "-c", str(self.config), "-t", "test", "rotated"], check=True, capture_output=True)
            return any("test" in line and line.endswith(": rotated") for line in self.log_text().splitlines())

        wait_for(is_in_use, "a line in the new log", step=0.1)

    def command(self, *args: str) -> None:
        """Runs `postfix ARGS` for this instance, for example `flush`."""
        subprocess.run(["/usr/sbin/postfix", "-c", str(self.config), *args], check=True, capture_output=True)

    def sendmail(self, message: bytes, sender: str, recipients: Sequence[str]) -> None:
        """Submits a message as a local user does, through sendmail(1): no SMTP, hence non_smtpd_milters."""
        subprocess.run(["/usr/sbin/sendmail", "-C", str(self.config), "-i", "-f", sender, "--", *recipients],
                       input=message, check=True, capture_output=True)

    def queue_ids(self) -> list[str]:
        """The queue ids of all messages that still wait, held ones too."""
        out = subprocess.run(["/usr/sbin/postqueue", "-c", str(self.config), "-j"], check=True, capture_output=True)
        return re.findall(r'"queue_id": "(\w+)"', out.stdout.decode())

    def release(self, queue_id: str) -> None:
        """Lets a held message go on, at once."""
        subprocess.run(["/usr/sbin/postsuper", "-c", str(self.config), "-H", queue_id], check=True, capture_output=True)
        self.command("flush")

    def log_text(self) -> str:
        return "\n".join(whole_lines(self.log))

    def wait_log(self, pattern: str, seconds: float = LONG) -> str:
        """Waits until a log line matches `pattern` and returns that line."""
        found: list[str] = []

        def seen() -> bool:
            found[:] = [line for line in self.log_text().splitlines() if re.search(pattern, line)]
            return bool(found)

        try:
            wait_for(seen, f"log line like {pattern!r}", seconds, 0.05)
        except ServerError as e:
            raise ServerError(f"{e}; the log ends:\n{tail(self.log)}") from None
        return found[-1]

    def refused_id(self, sender: str) -> str:
        """The queue id that a message from `sender` had when a milter refused it at its end."""
        line = self.wait_log(rf"milter-reject: END-OF-MESSAGE .* from=<{re.escape(sender)}>")
        return re.sub(r".*\]: (\w+): milter-reject.*", r"\1", line)

    def wait_delivered(self, queue_id: str, seconds: float = LONG) -> None:
        """Waits until a message has left the queue, delivered or bounced."""
        self.wait_log(rf"qmgr\[\d+\]: {queue_id}: removed", seconds)


def smtpd_entry(port: int, options: Sequence[str]) -> str:
    """One smtpd line of master.cf, chrooted as Debian has it, with its -o options."""
    line = f"127.0.0.1:{port} inet n - y - - smtpd\n"
    return line + "".join(f"  -o {{ {option} }}\n" for option in options)


def smtp_entry(name: str, options: Sequence[str]) -> str:
    """One more smtp(8) client for transport_maps, with its -o options."""
    return f"{name} unix - - y - - smtp\n" + "".join(f"  -o {{ {option} }}\n" for option in options)
