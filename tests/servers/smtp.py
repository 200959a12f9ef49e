"""Sends a message as a stranger would: over SMTP, from whatever client address XCLIENT is told."""

from __future__ import annotations

import re
import smtplib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate


@dataclass(frozen=True)
class Client:
    """Who connects, as Postfix and the milters are to see it. No name stands for an address without reverse DNS."""

    address: str = "198.51.100.7"
    name: str = "mail.example.net"
    helo: str = "mail.example.net"


@dataclass(frozen=True)
class Answer:
    """The server's last reply: the one to the end of the data, or the first refusal before it."""

    code: int
    text: str

    @property
    def queue_id(self) -> str:
        """Postfix's queue id of an accepted message, else empty."""
        found = re.search(r"queued as (\w+)", self.text)
        return found[1] if found and self.code == 250 else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def stamped(message: bytes, message_id: str) -> bytes:
    """The message with a Message-ID and the present Date put on top."""
    head = f"Message-ID: {message_id}\nDate: {formatdate(time.time(), localtime=True)}\n"
    return head.encode() + message


def crlf(message: bytes) -> bytes:
    """The message with the line ends that SMTP wants."""
    return re.sub(rb"\r?\n", b"\r\n", message)


def send(port: int, message: bytes, sender: str, recipients: Sequence[str], client: Client | None = Client(),
         login: tuple[str, str] | None = None, options: Sequence[str] = ()) -> Answer:
    """Sends one message to all recipients in one session. client=None keeps the true (loopback) address; login
    authenticates; options are ESMTP parameters of MAIL. Refusals are an Answer, never an exception."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost", timeout=120) as smtp:
        smtp.command_encoding = "utf-8"
        smtp.ehlo(client.helo if client else "localhost")
        if client:
            name = client.name or "[UNAVAILABLE]"
            code, text = smtp.docmd("XCLIENT", f"NAME={name} ADDR={client.address} HELO={client.helo}")
            if code != 220:
                return answer(code, text)
            smtp.ehlo(client.helo)
        if login:
            smtp.login(*login)
        code, text = smtp.mail(sender, options)
        for recipient in recipients:
            if code not in (250, 251):
                break
            code, text = smtp.rcpt(recipient)
        if code in (250, 251):
            try:
                code, text = smtp.data(crlf(message))
            except smtplib.SMTPDataError as e:
                code, text = e.smtp_code, e.smtp_error if isinstance(e.smtp_error, bytes) else e.smtp_error.encode()
        return answer(code, text)


def answer(code: int, text: bytes) -> Answer:
    return Answer(code, text.decode("utf-8", "replace").replace("\n", " "))
