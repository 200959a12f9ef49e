"""Signatures and infected mail for the tests of milter-virus.

No database comes from the network: the tests write their own. Debian's clamav-testfiles all contain one program,
clam.exe, packed in 44 ways; a signature of its content alone must therefore be found in each."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import zipfile
from pathlib import Path

TESTFILES = Path("/usr/share/clamav-testfiles")
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
MARK = b"gatepost-wire-test-virus-0123456789"  # what Test.Mark looks for
CLEAN = (b"From: Someone <stranger@example.net>\nTo: alice@example.org\nSubject: A letter\nMessage-ID: <clean@example.net>\n\n"
         b"Dear Alice,\n\nnothing is in here.\n\nYours\nSomeone\n")


def ndb(name: str, content: bytes) -> str:
    """A signature of bytes anywhere in a file."""
    return f"{name}:0:*:{content.hex()}\n"


def hdb(name: str, content: bytes) -> str:
    """A signature of a whole file."""
    return f"{hashlib.md5(content).hexdigest()}:{len(content)}:{name}\n"


def clam_exe() -> bytes:
    return (TESTFILES / "clam.exe").read_bytes()


SIGNATURES = {"test.ndb": ndb("Test.Eicar", EICAR) + ndb("Test.Mark", MARK)}


def _uuencoded(data: bytes) -> bytes:
    lines = b"".join(binascii.b2a_uu(data[i:i + 45]) for i in range(0, len(data), 45))
    return b"begin 644 file.bin\n" + lines + b"`\nend\n"


def _quoted_printable(data: bytes) -> bytes:
    """As binary files must be: line ends in them too, and none after the last byte (libclamav's decoder takes one that
    belongs to the boundary for the file's, and does not unpack clam-fsg.exe with a byte too many)."""
    return b"=\n".join(b"".join(b"=%02X" % byte for byte in data[i:i + 24]) for i in range(0, len(data), 24)) + b"="


ENCODINGS = {
    "7bit": lambda data: data,
    "8bit": lambda data: data,
    "binary": lambda data: data,
    "base64": lambda data: base64.encodebytes(data),
    "quoted-printable": _quoted_printable,
    "x-uuencode": _uuencoded,
}
FOR_TEXT = ("7bit", "8bit", "binary")  # these carry lines of text only


def letter(data: bytes, encoding: str = "base64", name: str = "file.bin") -> bytes:
    """A mail with an attachment."""
    return (b"From: Someone <stranger@example.net>\nTo: alice@example.org\nSubject: See attachment\nMessage-ID: <bad@example.net>\n"
            b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"frontier\"\n\n"
            b"--frontier\nContent-Type: text/plain\n\nPlease see the attachment.\n"
            b"--frontier\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: " + encoding.encode() +
            b"\nContent-Disposition: attachment; filename=\"" + name.encode() + b"\"\n\n" + ENCODINGS[encoding](data) +
            b"\n--frontier--\n")


def forwarded(message: bytes, times: int = 1) -> bytes:
    """The message as an attachment of another one, again and again."""
    for i in range(times):
        boundary = b"outer%d" % i
        message = (b"From: Someone <stranger@example.net>\nTo: alice@example.org\nSubject: Fwd\nMIME-Version: 1.0\n"
                   b"Content-Type: multipart/mixed; boundary=\"" + boundary + b"\"\n\n--" + boundary +
                   b"\nContent-Type: message/rfc822\n\n" + message + b"\n--" + boundary + b"--\n")
    return message


def zipped(data: bytes, name: str = "file.bin", times: int = 1) -> bytes:
    for _ in range(times):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, data)
        data, name = out.getvalue(), "inner.zip"
    return data
