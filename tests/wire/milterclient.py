"""The MTA's side of the milter protocol, version 6, as Postfix 3.7 speaks it.

A Session is one SMTP connection: its methods send one command each and return the filter's Reply, or None where the
filter negotiated the reply away. transfer() replays a whole message and returns a Result, which also knows what the
message looks like after the filter's changes. A filter that ends the connection or stays silent raises MilterError.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType

# Steps that the filter may switch off (no command is sent) or leave unanswered, by command.
SKIP_STEP = {b"C": 0x1, b"H": 0x2, b"M": 0x4, b"R": 0x8, b"B": 0x10, b"L": 0x20, b"N": 0x40, b"T": 0x200}
NO_REPLY = {b"L": 0x80, b"C": 0x1000, b"H": 0x2000, b"M": 0x4000, b"R": 0x8000, b"T": 0x10000, b"N": 0x40000, b"B": 0x80000}
LEADING_SPACE = 0x100000
ALL_ACTIONS = 0x1FF
ALL_STEPS = 0x1FFFFF
PLAIN_STEPS = 0x7F  # an old MTA: nothing but the first seven switches
CHUNK = 65535
FINAL = {b"a": "accept", b"r": "reject", b"t": "tempfail", b"d": "discard", b"y": "reply", b"4": "shutdown", b"f": "connfail"}


class MilterError(Exception):
    """The filter broke the protocol, closed the connection, or did not answer in time."""


@dataclass(frozen=True)
class Reply:
    """One answer: `continue`, `skip`, or a final action; `text` is the SMTP reply of a `reply`."""

    action: str
    text: str = ""

    @property
    def code(self) -> int:
        return int(self.text[:3]) if self.action == "reply" else 0


@dataclass
class Result:
    """The end of a message: the final reply and all changes asked for, in their order."""

    reply: Reply = Reply("continue")
    headers: list[tuple[str, str]] = field(default_factory=list)
    inserted: list[tuple[int, str, str]] = field(default_factory=list)
    changed: list[tuple[int, str, str]] = field(default_factory=list)
    quarantine: str = ""
    body: bytes | None = None
    progress: int = 0

    def values(self, name: str) -> list[str]:
        """The values of a header after all changes, top down, unfolded."""
        return [re.sub(r"\r?\n(?=[ \t])", "", v).strip() for n, v in self.headers if n.lower() == name.lower()]

    def value(self, name: str) -> str:
        """The one value of a header; a test fails if there are more or none."""
        values = self.values(name)
        assert len(values) == 1, f"{name}: {values}"
        return values[0]


@dataclass(frozen=True)
class Envelope:
    """Everything the MTA knows that is not the message."""

    address: str = "198.51.100.7"
    name: str = "mail.example.net"
    helo: str = "mail.example.net"
    sender: str = "stranger@example.net"
    recipients: tuple[str, ...] = ("alice@example.org",)
    queue_id: str = "4ABCdeF1gz2"
    macros: Mapping[str, str] = field(default_factory=dict)
    mail_options: tuple[str, ...] = ()

    def to(self, *recipients: str) -> Envelope:
        return replace(self, recipients=recipients)


class Session:
    """One connection to the filter, used with `with`."""

    def __init__(self, path: str, steps: int = ALL_STEPS, actions: int = ALL_ACTIONS, timeout: float = 60.0) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
        except OSError as e:
            raise MilterError(f"connect to {path}: {e}") from e
        self._input = b""
        self.steps = 0
        self.actions = 0
        self._negotiate(steps, actions)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.quit()

    def quit(self) -> None:
        try:
            self._send(b"Q")
        except MilterError:
            pass
        self._socket.close()

    def cut(self) -> None:
        """Ends the connection without a word, as a killed MTA does."""
        self._socket.close()

    # Packets

    def _send(self, command: bytes, data: bytes = b"") -> None:
        try:
            self._socket.sendall(struct.pack("!I", len(data) + 1) + command + data)
        except OSError as e:
            raise MilterError(f"sending {command!r}: {e}") from e

    def _exactly(self, size: int) -> bytes:
        while len(self._input) < size:
            try:
                more = self._socket.recv(65536)
            except OSError as e:
                raise MilterError(f"no answer: {e}") from e
            if not more:
                raise MilterError("the filter closed the connection")
            self._input += more
        out, self._input = self._input[:size], self._input[size:]
        return out

    def _receive(self) -> tuple[bytes, bytes]:
        size: int = struct.unpack("!I", self._exactly(4))[0]
        if not 0 < size < 16 * 1024 * 1024:
            raise MilterError(f"a packet of {size} bytes")
        packet = self._exactly(size)
        return packet[:1], packet[1:]

    def _negotiate(self, steps: int, actions: int) -> None:
        self._send(b"O", struct.pack("!III", 6, actions, steps))
        command, data = self._receive()
        if command != b"O" or len(data) < 12:
            raise MilterError(f"answer to negotiation: {command!r} {data!r}")
        version, self.actions, self.steps = struct.unpack("!III", data[:12])
        if not 2 <= version <= 6 or self.actions & ~actions or self.steps & ~steps:
            raise MilterError(f"negotiated version {version}, actions {self.actions:#x}, steps {self.steps:#x}")

    def _command(self, command: bytes, data: bytes, macros: Mapping[str, str]) -> Reply | None:
        """Sends macros and command as negotiated; the reply, or None where none is to come."""
        if self.steps & SKIP_STEP.get(command, 0):
            return Reply("continue")
        if macros:
            self._send(b"D", command + cstrings(x for pair in macros.items() for x in pair))
        self._send(command, data)
        return None if self.steps & NO_REPLY.get(command, 0) else self._reply()

    def _reply(self) -> Reply:
        command, data = self._receive()
        if command in (b"c", b"s"):
            return Reply("continue" if command == b"c" else "skip")
        if command in FINAL:
            return Reply(FINAL[command], reply_text(data))
        raise MilterError(f"unexpected answer {command!r} {data[:80]!r}")

    # The SMTP session

    def connect(self, envelope: Envelope) -> Reply | None:
        kind = b"6" if ":" in envelope.address else b"4"
        address = f"IPv6:{envelope.address}" if kind == b"6" else envelope.address
        name = envelope.name or f"[{envelope.address}]"
        macros = {"j": "mx.example.org", "{daemon_name}": "smtpd", "v": "Postfix 3.7.11",
                  "{client_addr}": envelope.address, "{client_name}": envelope.name or "unknown",
                  **pick(envelope.macros, "{daemon_name}", "{client_ptr}")}
        return self._command(b"C", cstrings([name]) + kind + struct.pack("!H", 49152) + cstrings([address]), macros)

    def helo(self, envelope: Envelope) -> Reply | None:
        return self._command(b"H", cstrings([envelope.helo]), pick(envelope.macros, "{tls_version}", "{cipher}"))

    def mail(self, envelope: Envelope) -> Reply | None:
        macros = {"{mail_addr}": envelope.sender, **pick(envelope.macros, "{auth_type}", "{auth_authen}", "{auth_author}")}
        return self._command(b"M", cstrings([f"<{envelope.sender}>", *envelope.mail_options]), macros)

    def rcpt(self, envelope: Envelope, recipient: str) -> Reply | None:
        return self._command(b"R", cstrings([f"<{recipient}>"]), {"i": envelope.queue_id, "{rcpt_addr}": recipient})

    def data(self, envelope: Envelope) -> Reply | None:
        return self._command(b"T", b"", {"i": envelope.queue_id})

    def header(self, name: str, value: str) -> Reply | None:
        value = value if self.steps & LEADING_SPACE else value.removeprefix(" ")
        return self._command(b"L", cstrings([name, value]), {})

    def end_of_headers(self) -> Reply | None:
        return self._command(b"N", b"", {})

    def body(self, chunk: bytes) -> Reply | None:
        return self._command(b"B", chunk, {})

    def abort(self) -> None:
        """Ends the message; the session may begin another."""
        self._send(b"A")

    def end_of_message(self, envelope: Envelope, result: Result) -> Result:
        """Asks for the verdict and collects the changes into `result`."""
        self._send(b"D", b"E" + cstrings(["i", envelope.queue_id]))
        self._send(b"E")
        while True:
            command, data = self._receive()
            if command in FINAL or command == b"c":
                result.reply = Reply(FINAL.get(command, "continue"), reply_text(data))
                return result
            if command == b"p":
                result.progress += 1
            else:
                self._change(command, data, result)

    def _change(self, command: bytes, data: bytes, result: Result) -> None:
        """Applies one modification as Postfix does: header indices count namesakes from 1, 0 being the top."""
        if command == b"q":
            result.quarantine = strings(data)[0]
        elif command == b"h":
            result.headers.append(pair(data))
        elif command == b"i":
            (index,) = struct.unpack("!I", data[:4])
            name, value = pair(data[4:])
            result.inserted.append((index, name, value))
            result.headers.insert(min(index, len(result.headers)), (name, value))
        elif command == b"m":
            (index,) = struct.unpack("!I", data[:4])
            name, value = pair(data[4:])
            result.changed.append((index, name, value))
            change_header(result.headers, index, name, value)
        elif command == b"b":
            result.body = (result.body or b"") + data
        else:
            raise MilterError(f"a modification {command!r} that nobody expects")

    # Whole messages

    def open(self, envelope: Envelope) -> None:
        """Connection and greeting."""
        self._expect("connect", self.connect(envelope))
        self._expect("helo", self.helo(envelope))

    def _expect(self, what: str, reply: Reply | None) -> None:
        if reply is not None and reply.action not in ("continue", "skip"):
            raise MilterError(f"{what} was answered by {reply}")

    def begin(self, message: bytes, envelope: Envelope, chunk: int = CHUNK) -> Reply | None:
        """One message up to its end-of-message marker; the final reply that ended it before, if one did."""
        headers, body = split(message)
        early = self.mail(envelope)
        if final(early):
            return early
        for recipient in envelope.recipients:
            self.rcpt(envelope, recipient)
        early = self.data(envelope)
        for name, value in headers:
            if final(early):
                return early
            early = self.header(name, value)
        early = early if final(early) else self.end_of_headers()
        for start in range(0, len(body), chunk):
            if early and early.action != "continue":
                break
            early = self.body(body[start:start + chunk])
        return early if final(early) else None

    def transfer(self, message: bytes, envelope: Envelope, chunk: int = CHUNK) -> Result:
        """One whole message on an opened session."""
        result = Result(headers=split(message)[0])
        early = self.begin(message, envelope, chunk)
        if early:
            result.reply = early
            return result
        return self.end_of_message(envelope, result)


def final(reply: Reply | None) -> bool:
    return reply is not None and reply.action not in ("continue", "skip")


def cstrings(items: Sequence[str] | object) -> bytes:
    """Strings as the protocol has them, each ended by NUL."""
    assert hasattr(items, "__iter__")
    return b"".join(s.encode("utf-8", "surrogateescape") + b"\0" for s in items)


def strings(data: bytes) -> list[str]:
    return [s.decode("utf-8", "surrogateescape") for s in data.split(b"\0")[:-1]]


def pair(data: bytes) -> tuple[str, str]:
    name, value = strings(data)
    return name, value


def reply_text(data: bytes) -> str:
    """The text of a reply code as the MTA sends it on: filters write a percent sign twice."""
    return data.rstrip(b"\0").decode("utf-8", "replace").replace("%%", "%")


def pick(macros: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: macros[name] for name in names if name in macros}


def split(message: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """A message as the MTA hands it over: header fields (folds as LF, leading space kept) and the body with CRLF."""
    text = message.replace(b"\r\n", b"\n")
    head, _, body = text.partition(b"\n\n")
    fields = []
    for line in re.split(r"\n(?![ \t])", head.decode("utf-8", "surrogateescape")):
        name, colon, value = line.partition(":")
        if colon:
            fields.append((name, value))
    return fields, body.replace(b"\n", b"\r\n")


def change_header(headers: list[tuple[str, str]], index: int, name: str, value: str) -> None:
    """Replaces the index-th header of that name (from 1), or deletes it when the value is empty."""
    places = [i for i, (n, _) in enumerate(headers) if n.lower() == name.lower()]
    if index > len(places):
        if value:
            headers.append((name, value))
    elif value:
        headers[places[max(index, 1) - 1]] = (name, value)
    else:
        del headers[places[max(index, 1) - 1]]


def judge(path: str, message: bytes, envelope: Envelope = Envelope(), steps: int = ALL_STEPS, chunk: int = CHUNK) -> Result:
    """One message in a session of its own."""
    with Session(path, steps) as session:
        session.open(envelope)
        return session.transfer(message, envelope, chunk)
