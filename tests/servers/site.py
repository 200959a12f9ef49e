"""A whole mail site: Postfix with milter-spam in front of Dovecot, and Redis if it is the store.

The milter orders are those that the documentation gives: it sees mail from port 25, from submission, from local programs
and bounces, and Postfix does `default_action` when it does not answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from . import smtp
from .dovecot import Dovecot, Mail
from .milter import MilterSpam, Value
from .postfix import Postfix
from .progress import Step
from .redis import Redis


class Site:
    """All servers of a site under one folder; start() in the order in which they need each other, stop() in reverse."""

    def __init__(self, folder: Path, store: str = "lmdb", settings: Mapping[str, Value] | None = None,
                 rules: str | None = None) -> None:
        self.postfix = Postfix(folder / "postfix")
        self.dovecot = Dovecot(folder / "dovecot", self.postfix.queue)
        self.redis = Redis(folder / "redis") if store == "redis" else None
        self.milter = MilterSpam(folder / "gatepost", self.postfix.queue / "gatepost" / "spam.sock",
                                 self.redis.url if self.redis else "", settings, rules)
        self.default_action("tempfail")
        self._stack = ExitStack()

    def default_action(self, action: str) -> None:
        """What Postfix does with mail while milter-spam is away: accept or tempfail. Before start(), or reload."""
        milter = f"{{ unix:gatepost/spam.sock, default_action={action} }}"
        self.postfix.configure({"smtpd_milters": milter, "non_smtpd_milters": milter,
                                "internal_mail_filter_classes": "bounce"})

    def start(self, show: bool = False) -> None:
        """Starts all servers, with a line for each if asked; if one fails, those before it are stopped."""
        for server in (self.redis, self.milter, self.dovecot, self.postfix):
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

    def mail(self, user: str, message_id: str) -> Mail:
        """The one copy of a delivered message, with its folder."""
        return self.dovecot.wait_mail(user, message_id)
