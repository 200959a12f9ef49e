"""All that a store has learned, for comparison: every token's counts, every message, the totals, by scope."""

from __future__ import annotations

import re
import socket
import struct
from pathlib import Path
from urllib.parse import unquote

import lmdb

Dump = dict[tuple[str, str], object]
RECORD = 12  # name (4), spam (3), ham (3), day (2), see lib/store/bucket.h


def records(bucket: bytes) -> dict[bytes, bytes]:
    """Name to counts; the day it was last touched is left out."""
    return {bucket[at:at + 4]: bucket[at + 4:at + 10] for at in range(0, len(bucket), RECORD)}


def dump_lmdb(folder: Path) -> Dump:
    """Of the environment bayes/ below the folder."""
    out: Dump = {}
    with lmdb.open(str(folder / "bayes"), readonly=True, max_dbs=8, lock=True) as env, env.begin() as txn:
        meta, tokens, seen = (env.open_db(name, txn, create=False, integerkey=name == b"tokens") for name in (b"meta", b"tokens", b"seen"))
        names = {}
        for key, value in txn.cursor(meta):
            if key[:1] == b"s":
                id_, spam, ham, held = struct.unpack("=4Q", value)
                names[id_] = key[1:].decode()
                if spam or ham or held:
                    out[names[id_], "totals"] = (spam, ham, held)
        for key, value in txn.cursor(tokens):
            number = struct.unpack("=Q", key)[0]
            out[names[number >> 32], f"bucket {number & 0xffffffff}"] = records(value)
        for key, value in txn.cursor(seen):
            out[names[struct.unpack(">I", key[:4])[0]], f"message {key[4:].hex()}"] = value[0]
    return out


class Redis:
    """As much of Redis's protocol as a dump needs."""

    def __init__(self, path: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.connect(str(path))
        self._in = self._sock.makefile("rb")

    def __call__(self, *words: bytes) -> object:
        self._sock.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
        return self._reply()

    def _reply(self) -> object:
        line = self._in.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self._in.read(int(rest) + 2)[:-2]
        assert kind != b"-", line
        return rest


def dump_redis(path: Path) -> Dump:
    """Of a server on a unix socket."""
    ask, out = Redis(path), {}
    keys = ask(b"KEYS", b"gp1{b:*")
    assert isinstance(keys, list)
    for key in keys:
        found = re.fullmatch(rb"gp1\{b:([^}]*)\}(.*)", key)
        assert found
        scope, rest = unquote(found[1].decode()), found[2].decode()
        if rest == "m":
            _, spam, ham, held, _ = (int(word) for word in ask(b"GET", key).split())  # type: ignore[attr-defined]
            if spam or ham or held:
                out[scope, "totals"] = (spam, ham, held)
        elif rest.startswith("s"):
            fields = ask(b"HGETALL", key)
            assert isinstance(fields, list)
            out.update({(scope, f"message {rest} {f.hex()}"): v for f, v in zip(fields[::2], fields[1::2])})
        else:
            out[scope, f"bucket {rest}"] = records(ask(b"GET", key))  # type: ignore[arg-type]
    return out


def difference(before: Dump, after: Dump, most: int = 5) -> list[str]:
    """What differs, for a person; empty when nothing does."""
    keys = [k for k in sorted({*before, *after}) if before.get(k) != after.get(k)]
    return [f"{k}: {before.get(k)!r:.200} became {after.get(k)!r:.200}" for k in keys[:most]]
