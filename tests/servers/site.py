"""A whole mail site: Postfix with milter-spam (and milter-dkim before it, if asked) in front of Dovecot, Redis if it is the
store, and the controller behind Dovecot, if what users move shall be learned.

The milter orders are those that the documentation gives: it sees mail from port 25, from submission, from local programs
and bounces, and Postfix does `default_action` when it does not answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from . import smtp
from .controller import Controller
from .dovecot import OWNER, PASSWORD, Dovecot, Mail
from .dns import Dns
from .milter import MilterDkim, MilterSpam, Value, merged
from .policyd import Policyd
from .postfix import Postfix
from .progress import Step
from .redis import Redis


class Site:
    """All servers of a site under one folder; start() in the order in which they need each other, stop() in reverse."""

    def __init__(self, folder: Path, store: str = "lmdb", settings: Mapping[str, Value] | None = None,
                 rules: str | None = None, zone: str | None = None, learns: bool = False,
                 limits: Mapping[str, Value] | None = None) -> None:
        """With a zone there is milter-dkim too, which asks a DNS server of these lines and of the keys that it makes.
        If it learns, there are the plugin and the controller. With limits submission asks a policyd-ratelimit at DATA."""
        self.postfix = Postfix(folder / "postfix")
        socket = folder / "gatepost-controller" / "learn.sock"
        self.dovecot = Dovecot(folder / "dovecot", self.postfix.queue, socket if learns else None)
        self.redis = Redis(folder / "redis") if store == "redis" else None
        url = self.redis.url if self.redis else ""
        own = self.postfix.queue / "gatepost"
        self.dns = None if zone is None else Dns(zone)
        self.dkim = None
        settings = settings or {}
        if self.dns:
            self.dkim = MilterDkim(folder / "gatepost-dkim", own / "dkim.sock", self.dns.address, settings)
            key = f"{self.dkim.folder}/store/seal.key"  # one key for both, as on a host with one gatepost.conf
            settings = merged({"domains": {"seal_key": key}}, settings)
        self.milter = MilterSpam(folder / "gatepost", own / "spam.sock", url, settings, rules)
        self.controller = None
        if learns:
            own_uid = {"learn": {"trusted_uids": ["root", OWNER]},
                       "controller": {"http": {"listen": [f"unix:{socket.parent}/api.sock"]}}}
            self.controller = Controller(socket.parent, socket, url or f"lmdb:{self.milter.folder}/store",
                                         merged(own_uid, settings))
        self.policyd = None
        if limits is not None:
            self.policyd = Policyd(folder / "gatepost-ratelimit", own / "ratelimit.sock", url,
                                   merged(settings, {"policyd-ratelimit": {"limits": limits}}))
        self.default_action("tempfail")
        self._stack = ExitStack()

    def default_action(self, action: str) -> None:
        """What Postfix does with mail while a milter is away: accept or tempfail. Before start(), or reload."""
        names = (["dkim"] if self.dkim else []) + ["spam"]
        milters = ", ".join(f"{{ unix:gatepost/{name}.sock, default_action={action} }}" for name in names)
        self.postfix.configure({"smtpd_milters": milters, "non_smtpd_milters": milters,
                                "internal_mail_filter_classes": "bounce"},
                               {"submission": ["smtpd_data_restrictions=check_policy_service unix:gatepost/ratelimit.sock"]
                                if self.policyd else []})

    def start(self, show: bool = False) -> None:
        """Starts all servers, with a line for each if asked; if one fails, those before it are stopped."""
        for server in (self.redis, self.dns, self.dkim, self.controller, self.milter, self.policyd, self.dovecot, self.postfix):
            if server:
                try:
                    if show:
                        with Step(f"start {type(server).__name__}"):
                            server.start()
                    else:
                        server.start()
                except BaseException:
                    self.stop()
                    raise
                self._stack.callback(server.stop)

    def stop(self) -> None:
        self._stack.close()

    def submit(self, message: bytes, sender: str, recipients: Sequence[str],
               client: smtp.Client | None = smtp.Client()) -> smtp.Answer:
        """Sends to port 25."""
        return smtp.send(self.postfix.port, message, sender, recipients, client)

    def send(self, message: bytes, sender: str, recipients: Sequence[str],
             client: smtp.Client | None = smtp.Client()) -> smtp.Answer:
        """Sends to port 25 and, if the message was accepted, waits until it has left the queue."""
        answer = self.submit(message, sender, recipients, client)
        if answer.queue_id:
            self.postfix.wait_delivered(answer.queue_id)
        return answer

    def submit_as(self, user: str, message: bytes, recipients: Sequence[str]) -> smtp.Answer:
        """Sends to the submission port as a user of ours, and waits until it has left the queue."""
        answer = smtp.send(self.postfix.submission_port, message, user, recipients, None, (user, PASSWORD))
        if answer.queue_id:
            self.postfix.wait_delivered(answer.queue_id)
        return answer

    def mail(self, user: str, message_id: str) -> Mail:
        """The one copy of a delivered message, with its folder."""
        return self.dovecot.wait_mail(user, message_id)
