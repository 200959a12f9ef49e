"""Archives made from nothing, of formats that no free tool writes (RAR), and small ones of those that the tests need whatever
tools are there: one stored member, with every checksum that the format has."""

from __future__ import annotations

import struct
import zlib


def _crc(data: bytes) -> int:
    return zlib.crc32(data)


def _rar4_block(kind: int, flags: int, fields: bytes = b"", data: bytes = b"") -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", _crc(head) & 0xFFFF) + head + data


def rar4(data: bytes, locked: bool = False, headers_locked: bool = False, volume: bool = False, end: bool = True, name: bytes = b"file") -> bytes:
    """As RAR 2.9 to 4 write them."""
    main = _rar4_block(0x73, (0x80 if headers_locked else 0) | (0x11 if volume else 0), bytes(6))
    if headers_locked:
        return b"Rar!\x1a\7\0" + main + b"\x5a" * 100
    fields = struct.pack("<IIBIIBBHI", len(data), len(data), 3, _crc(data), 0x5A210000, 29, 0x30, len(name), 0o100644) + name
    member = _rar4_block(0x74, 0x8000 | (4 if locked else 0) | (2 if volume else 0), fields, data)
    return b"Rar!\x1a\7\0" + main + member + (_rar4_block(0x7B, 0x4000 | (1 if volume else 0)) if end else b"")


def _vint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _rar5_block(kind: int, flags: int, fields: bytes = b"", extra: bytes = b"", data: bytes = b"") -> bytes:
    flags |= (1 if extra else 0) | (2 if kind == 2 else 0)
    body = _vint(kind) + _vint(flags) + (_vint(len(extra)) if extra else b"") + (_vint(len(data)) if kind == 2 else b"") + fields + extra
    head = _vint(len(body)) + body
    return struct.pack("<I", _crc(head)) + head + data


def rar5(data: bytes, locked: bool = False, headers_locked: bool = False, volume: bool = False, end: bool = True, name: bytes = b"file") -> bytes:
    """As RAR 5 and later write them."""
    start = b"Rar!\x1a\7\1\0"
    if headers_locked:
        return start + _rar5_block(4, 0, bytes([0, 0, 15]) + bytes(16)) + b"\x5a" * 100
    main = _rar5_block(1, 0, _vint(1 if volume else 0))
    record = _vint(1) + bytes([0, 0, 15]) + bytes(32)  # of the password
    fields = _vint(4) + _vint(len(data)) + _vint(0o100644) + struct.pack("<I", _crc(data)) + _vint(0) + _vint(1) + _vint(len(name)) + name
    member = _rar5_block(2, 0x10 if volume else 0, fields, _vint(len(record)) + record if locked else b"", data)
    return start + main + member + (_rar5_block(5, 0, _vint(1 if volume else 0)) if end else b"")


def seven_zip(data: bytes, method: bytes = b"\0") -> bytes:
    """With a header that is not packed; the method is a number of 7zFormat.txt, without parameters."""
    def number(value: int) -> bytes:
        assert value < 1 << 14
        return bytes([value]) if value < 0x80 else bytes([0x80 | value >> 8, value & 0xFF])

    name = "file\0".encode("utf-16-le")
    header = (b"\1\4" + b"\6" + number(0) + b"\1\x09" + number(len(data)) + b"\0"
              + b"\7\x0b\1\0\1" + bytes([len(method)]) + method + b"\x0c" + number(len(data)) + b"\x0a\1" + struct.pack("<I", _crc(data)) + b"\0"
              + b"\x08\0\0" + b"\5\1\x11" + number(len(name) + 1) + b"\0" + name + b"\0\0")
    start = struct.pack("<QQI", len(data), len(header), _crc(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", _crc(start)) + start + data + header


def _cab_sum(data: bytes, value: int = 0) -> int:
    whole = len(data) // 4 * 4
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        value ^= word
    return value ^ int.from_bytes(data[whole:], "big")


def cabinet(data: bytes, flags: int = 0) -> bytes:
    """In one block."""
    assert len(data) <= 32768
    member = struct.pack("<IIHHHH", len(data), 0, 0, 0x5A21, 0, 0x20) + b"file\0"
    at = 36 + 8 + len(member)
    sizes = struct.pack("<HH", len(data), len(data))
    block = struct.pack("<I", _cab_sum(sizes, _cab_sum(data))) + sizes + data
    return (b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, at + len(block), 0, 44, 0, 3, 1, 1, 1, flags, 0, 0)
            + struct.pack("<IHH", at, 1, 0) + member + block)
