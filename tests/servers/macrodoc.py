"""Documents made from nothing, OLE2 files ([MS-CFB]): one with a VBA project ([MS-OVBA]) of one module, some with a password."""

from __future__ import annotations

import hashlib
import io
import struct
import subprocess
import zipfile

SECTOR, NONE, END, IS_FAT = 512, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STORAGE, STREAM, ROOT = 1, 2, 5
LEAST = 4096  # smaller streams would lie elsewhere


def _sectors(data: bytes) -> list[bytes]:
    return [data[i:i + SECTOR].ljust(SECTOR, b"\0") for i in range(0, len(data), SECTOR)]


class _Ole:
    """The sectors of a file, and their chains."""

    def __init__(self) -> None:
        self.sectors: list[bytes] = []
        self.fat: list[int] = []

    def add(self, data: bytes) -> int:
        """Where it begins."""
        first, more = len(self.sectors), _sectors(data)
        self.sectors += more
        self.fat += [*range(first + 1, first + len(more)), END]
        return first

    def file(self, directory: int) -> bytes:
        at = len(self.sectors)
        fat = struct.pack(f"<{at + 1}I", *self.fat, IS_FAT).ljust(SECTOR, b"\xff")
        head = (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
                + struct.pack("<9I", 0, 1, directory, 0, LEAST, END, 0, END, 0) + struct.pack("<I", at))
        return head.ljust(SECTOR, b"\xff") + b"".join(self.sectors) + fat


def _entry(name: str, kind: int, siblings: tuple[int, int], child: int, start: int = 0, size: int = 0) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    return (text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, *siblings, child) + bytes(36)
            + struct.pack("<III", start, size, 0))


def _compressed(data: bytes) -> bytes:
    """In one chunk, of literal bytes only."""
    body = b"".join(b"\0" + data[i:i + 8] for i in range(0, len(data), 8))
    return b"\1" + struct.pack("<H", 0xB000 | (len(body) - 1)) + body


def _project(module: str) -> bytes:
    """The stream "dir": records of the project, and of its module."""
    def record(number: int, data: bytes = b"") -> bytes:
        return struct.pack("<HI", number, len(data)) + data

    name, wide, four = module.encode(), module.encode("utf-16-le"), bytes(4)
    return b"".join((
        record(1, four), record(2, b"\x09\4\0\0"), record(0x14, b"\x09\4\0\0"), record(3, b"\xe4\4"), record(4, b"P"), record(5), record(0x40),
        record(6), record(0x3D), record(7, four), record(8, four), struct.pack("<HIIH", 9, 4, 1, 1), record(0xC), record(0x3C),
        record(0xF, b"\1\0"), record(0x13, b"\xff\xff"), record(0x19, name), record(0x47, wide), record(0x1A, name), record(0x32, wide),
        record(0x1C), record(0x48), record(0x31, four), record(0x1E, four), record(0x2C, b"\xff\xff"), record(0x21), record(0x2B), record(0x10)))


def _alone(name: str, data: bytes) -> bytes:
    """One stream."""
    ole = _Ole()
    start = ole.add(data.ljust(LEAST, b"\0"))
    return ole.file(ole.add(_entry("Root Entry", ROOT, (NONE, NONE), 1)
                            + _entry(name, STREAM, (NONE, NONE), NONE, start, max(len(data), LEAST))))


def word(locked: bool) -> bytes:
    return _alone("WordDocument", struct.pack("<HH6xH", 0xA5EC, 0xC1, 0x1300 if locked else 0x1200))


def excel(locked: bool) -> bytes:
    begin = struct.pack("<HH16s", 0x809, 16, b"\0\6\5\0")
    return _alone("Workbook", begin + (struct.pack("<HH54x", 0x2F, 54) if locked else b"") + struct.pack("<HHH", 0x42, 2, 1200))


def _aes(key: bytes, data: bytes) -> bytes:
    return subprocess.run(["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", key.hex()], input=data, capture_output=True, check=True).stdout


def _key(password: str, salt: bytes) -> bytes:
    """[MS-OFFCRYPTO] 2.3.4.7."""
    hashed = hashlib.sha1(salt + password.encode("utf-16-le")).digest()
    for i in range(50000):
        hashed = hashlib.sha1(struct.pack("<I", i) + hashed).digest()
    hashed = hashlib.sha1(hashed + bytes(4)).digest()
    return hashlib.sha1(bytes(byte ^ 0x36 for byte in hashed.ljust(64, b"\0"))).digest()[:16]


def package(password: str) -> bytes:
    """One of 2007 and later: as a whole in a stream, encrypted in the way called "standard"."""
    salt, secret, out = b"salt of 16 bytes", b"anything will do", io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/media.bin", bytes(i * 7 % 251 for i in range(6000)))
    plain, key = out.getvalue(), _key(password, salt)
    head = struct.pack("<8I", 0x24, 0, 0x660E, 0x8004, 128, 0x18, 0, 0) + "Microsoft Enhanced RSA and AES Cryptographic Provider\0".encode("utf-16-le")
    info = (struct.pack("<HHII", 3, 2, 0x24, len(head)) + head + struct.pack("<I", 16) + salt + _aes(key, secret)
            + struct.pack("<I", 20) + _aes(key, hashlib.sha1(secret).digest().ljust(32, b"\0")))
    stream = struct.pack("<Q", len(plain)) + _aes(key, plain + bytes(-len(plain) % 16))
    ole = _Ole()
    ole.add(bytes(3 * SECTOR))  # libclamav looks for the next one there
    starts = [ole.add(info.ljust(LEAST, b"\0")), ole.add(stream)]
    return ole.file(ole.add(
        _entry("Root Entry", ROOT, (NONE, NONE), 1) + _entry("EncryptionInfo", STREAM, (NONE, 2), NONE, starts[0], LEAST)
        + _entry("EncryptedPackage", STREAM, (NONE, NONE), NONE, starts[1], len(stream))))


def document(source: bytes = b'Sub AutoOpen()\r\nMsgBox "x"\r\nEnd Sub\r\n') -> bytes:
    ole = _Ole()
    streams = [bytes.fromhex("cc61ffff"), _compressed(_project("M")), _compressed(b'Attribute VB_Name = "M"\r\n' + source)]
    starts = [ole.add(data.ljust(LEAST, b"\0")) for data in streams]
    alone = (NONE, NONE)
    return ole.file(ole.add(
        _entry("Root Entry", ROOT, alone, 1) + _entry("Macros", STORAGE, alone, 2) + _entry("VBA", STORAGE, alone, 3)
        + _entry("_VBA_PROJECT", STREAM, (4, 5), NONE, starts[0], LEAST) + _entry("dir", STREAM, alone, NONE, starts[1], LEAST)
        + _entry("M", STREAM, alone, NONE, starts[2], LEAST)))
