"""Redis layouts for token counts: memory per token, and Redis' CPU per look-up and per learned message.

Starts a private redis-server without persistence, on a unix socket. Loads the tokens in each layout, then looks up
messages of 1,500 tokens (two thirds known, as in mail that was not learned) and learns such messages, one by one.
Commands are built before the clock runs, and only Redis' CPU counts, so the client's cost does not show.
"""

from __future__ import annotations

import argparse
import random
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Callable, Iterator

PER_MESSAGE = 1500
RECORD = 12  # of a packed bucket: name 4, spam 3, ham 3, day 2


def command(*args: bytes) -> bytes:
    return b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in args)


class Redis:
    def __init__(self, folder: Path) -> None:
        path = folder / "redis.sock"
        self.server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no",
             "--dir", str(folder), "--activerehashing", "yes"], stdout=subprocess.DEVNULL)
        self.sock = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                self.sock.connect(str(path))
                break
            except OSError:
                time.sleep(0.05)
        self.file = self.sock.makefile("rb", buffering=1 << 20)

    def read(self) -> object:
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        return rest

    def pipeline(self, data: bytes, replies: int) -> list[object]:
        """Sends in slices and reads as it goes, so that neither side's buffer fills."""
        self.sock.sendall(data)
        return [self.read() for _ in range(replies)]

    def load(self, commands: Iterator[bytes]) -> None:
        batch: list[bytes] = []
        for c in commands:
            batch.append(c)
            if len(batch) == 500:
                self.pipeline(b"".join(batch), len(batch))
                batch = []
        self.pipeline(b"".join(batch), len(batch))

    def info(self, section: str) -> dict[str, str]:
        text = self.pipeline(command(b"INFO", section.encode()), 1)[0]
        assert isinstance(text, bytes)
        return dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)

    def cpu(self) -> float:
        info = self.info("cpu")
        return float(info["used_cpu_user_main_thread"]) + float(info["used_cpu_sys_main_thread"])

    def memory(self) -> int:
        return int(self.info("memory")["used_memory"])

    def stop(self) -> None:
        self.server.terminate()
        self.server.wait()


def counts(token: int) -> tuple[int, int]:
    """Most tokens were seen once or twice, some often: as learned mail has it."""
    n = 1 + (token >> 20) % 3 if token % 10 else 50 + (token >> 20) % 2000
    return (n, 0) if token & 1 else (0, n)


class HashPerToken:
    """A key per token, a hash with a field per class: Rspamd's layout."""

    name = "a hash per token (Rspamd's)"

    def load(self, tokens: list[int]) -> Iterator[bytes]:
        for t in tokens:
            spam, ham = counts(t)
            yield command(b"HSET", b"RS_%d" % t, b"S" if spam else b"H", b"%d" % (spam or ham))

    def lookup(self, tokens: list[int]) -> tuple[bytes, int]:
        return b"".join(command(b"HMGET", b"RS_%d" % t, b"S", b"H") for t in tokens), len(tokens)

    def learn(self, tokens: list[int]) -> tuple[bytes, int]:
        return b"".join(command(b"HINCRBY", b"RS_%d" % t, b"S", b"1") for t in tokens), len(tokens)


class StringPerToken:
    name = "a string per token, MGET"

    def load(self, tokens: list[int]) -> Iterator[bytes]:
        for t in tokens:
            spam, ham = counts(t)
            yield command(b"SET", struct.pack(">Q", t), b"%d %d" % (spam, ham))

    def lookup(self, tokens: list[int]) -> tuple[bytes, int]:
        return command(b"MGET", *(struct.pack(">Q", t) for t in tokens)), 1

    def learn(self, tokens: list[int]) -> tuple[bytes, int]:
        script = (b"local v=redis.call('MGET',unpack(KEYS)) local a={} for i=1,#KEYS do local s,h=0,0 if v[i] then "
                  b"s,h=string.match(v[i],'(%d+) (%d+)') end a[#a+1]=KEYS[i] a[#a+1]=(s+1)..' '..h end "
                  b"redis.call('MSET',unpack(a)) return 1")
        return command(b"EVAL", script, b"%d" % len(tokens), *(struct.pack(">Q", t) for t in tokens)), 1


class HashBuckets:
    """2^bits small hashes in listpack form; a field per token."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.name = f"2^{bits} listpack hashes, HMGET"

    def split(self, t: int) -> tuple[bytes, bytes]:
        return b"b:%x" % (t >> (64 - self.bits)), struct.pack(">Q", t)[-4:]

    def load(self, tokens: list[int]) -> Iterator[bytes]:
        for t in tokens:
            key, field = self.split(t)
            spam, ham = counts(t)
            yield command(b"HSET", key, field, struct.pack("<HH", spam, ham))

    def groups(self, tokens: list[int]) -> dict[bytes, list[bytes]]:
        groups: dict[bytes, list[bytes]] = {}
        for t in tokens:
            key, field = self.split(t)
            groups.setdefault(key, []).append(field)
        return groups

    def lookup(self, tokens: list[int]) -> tuple[bytes, int]:
        groups = self.groups(tokens)
        return b"".join(command(b"HMGET", key, *fields) for key, fields in groups.items()), len(groups)

    def learn(self, tokens: list[int]) -> tuple[bytes, int]:
        script = (b"for i=1,#KEYS do local f=ARGV[i] local v=redis.call('HGET',KEYS[i],f) local s,h=0,0 if v then "
                  b"s,h=struct.unpack('<I2I2',v) end redis.call('HSET',KEYS[i],f,struct.pack('<I2I2',s+1,h)) end return 1")
        pairs = [self.split(t) for t in tokens]
        return command(b"EVAL", script, b"%d" % len(pairs), *(k for k, _ in pairs), *(f for _, f in pairs)), 1


class PackedBuckets:
    """2^bits strings of packed records, as lib/store/keys.h; learning with the store's own script."""

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.name = f"2^{bits} packed strings, MGET"

    def key(self, bucket: int) -> bytes:
        return b"gp1{b:}%0*x" % (-(-self.bits // 4), bucket)

    def load(self, tokens: list[int]) -> Iterator[bytes]:
        buckets: dict[int, list[bytes]] = {}
        for t in tokens:
            spam, ham = counts(t)
            record = struct.pack("<IHBHBH", t & 0xFFFFFFFF, spam, 0, ham, 0, 20700)
            buckets.setdefault(t >> (64 - self.bits), []).append(record)
        for bucket, records in buckets.items():
            yield command(b"SET", self.key(bucket), b"".join(records))

    def lookup(self, tokens: list[int]) -> tuple[bytes, int]:
        return command(b"MGET", *sorted({self.key(t >> (64 - self.bits)) for t in tokens})), 1

    def learn(self, tokens: list[int]) -> tuple[bytes, int]:
        script = (Path(__file__).parents[2] / "lib/store/scripts/learn.lua").read_bytes()
        groups: dict[int, bytes] = {}
        for t in sorted(tokens):
            bucket = t >> (64 - self.bits)
            groups[bucket] = groups.get(bucket, b"") + struct.pack("<Ihh", t & 0xFFFFFFFF, 1, 0)
        deltas = b"".join(struct.pack("<IH", b, len(d) // 8) + d for b, d in groups.items())
        seen = random.randbytes(32) + b"01"
        return command(b"EVAL", script, b"1", b"gp1{b:}m", b"gp1{b:}", b"%d" % -(-self.bits // 4), seen, b"1", b"0",
                       b"20700", deltas), 1


def measure(layout: object, folder: Path, args: argparse.Namespace) -> None:
    rng = random.Random(1)
    known = [rng.getrandbits(64) for _ in range(args.tokens)]

    def message() -> list[int]:
        return rng.sample(known, PER_MESSAGE * 2 // 3) + [rng.getrandbits(64) for _ in range(PER_MESSAGE // 3)]

    redis = Redis(folder)
    try:
        empty = redis.memory()
        redis.load(layout.load(known))  # type: ignore[attr-defined]
        memory = (redis.memory() - empty) / args.tokens

        def cpu(build: Callable[[list[int]], tuple[bytes, int]], n: int) -> float:
            work = [build(message()) for _ in range(n)]
            begun = redis.cpu()
            for data, replies in work:
                redis.pipeline(data, replies)
            return (redis.cpu() - begun) / n * 1000

        lookup = cpu(layout.lookup, args.lookups)  # type: ignore[attr-defined]
        learn = cpu(layout.learn, args.learns)  # type: ignore[attr-defined]
        print(f"| {layout.name:32} | {memory:6.1f} | {lookup:6.2f} | {learn:6.2f} |", flush=True)  # type: ignore[attr-defined]
    finally:
        redis.stop()


def compare(args: argparse.Namespace) -> None:
    print("| layout                           | B/token | Redis CPU per look-up, ms | per learned message, ms |")
    print("| -------------------------------- | ------ | ------ | ------ |")
    layouts: list[object] = [HashPerToken(), StringPerToken(), HashBuckets(14), HashBuckets(16), PackedBuckets(14),
                             PackedBuckets(16), PackedBuckets(18)]
    for layout in layouts:
        with tempfile.TemporaryDirectory() as folder:
            measure(layout, Path(folder), args)
