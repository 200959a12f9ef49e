"""milter-virus: what many workers, many large messages, and messages that grow without bound cost."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import StartVirus
from load import Load, until
from milterclient import CHUNK, Envelope, Result, Session, judge
from servers import signatures
from servers.milter import MilterVirus
from servers.process import family, wait_for
from servers.virusmail import CLEAN, EICAR, MARK, letter, zipped

MB = 1 << 20


def memory(milter: MilterVirus) -> int:
    """Bytes of all its processes (PSS): what they share is counted once. Not of files, which others here may have open too."""
    while True:
        try:
            texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in family(milter.process.pid)]
            return sum(1024 * next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss_Anon:")) for text in texts)
        except (FileNotFoundError, ProcessLookupError, StopIteration, RuntimeError):  # one of them has just ended
            continue


def test_many_workers_share_one_engine(start_virus: StartVirus) -> None:
    """Also after each of them has scanned: one more costs no engine, but what it needs itself, with the sanitizers 10 MB."""
    taken, engine = {}, 0.0
    for workers in (1, 4):
        milter = start_virus({"milter-virus": {"workers": workers, "cache_size": 0}})
        signatures.many(milter.database, 150000)
        milter.wait_status(lambda s: s["signatures"] > 149000 and not s["loading"] and s["idle"] == workers, 120)
        wait_for(lambda: len(milter.processes("virus-loader")) == 1, "the end of the first loader")
        load = Load(str(milter.socket), letter(zipped(MARK + bytes(100000))), 2 * workers)
        until(lambda: len(load.results) >= 20 * workers, load)
        taken[workers], engine = memory(milter), milter.counted("gatepost_virus_engine_bytes")
        load.stop()
        assert {r.reply.code for r in load.results} == {550}
        assert milter.stop() == 0
    assert engine > 50 * MB and (taken[4] - taken[1]) / 3 < engine / 2, (taken, engine)


def deflated_zeros(size: int) -> bytes:
    """A raw deflate stream of so many zeros (whole MB), without the pain of compressing them one by one."""
    def one(flush: int) -> bytes:
        z = zlib.compressobj(9, zlib.DEFLATED, -15)
        return z.compress(bytes(MB)) + z.flush(flush)

    return one(zlib.Z_FULL_FLUSH) * (size // MB - 1) + one(zlib.Z_FINISH)


def zip_of_zeros(size: int) -> bytes:
    """An archive of one file of zeros; it says that this has 4 GB less a byte, the most that fits."""
    data, name = deflated_zeros(size), b"zeros"
    sizes = struct.pack("<III", 0, len(data), 0xFFFFFFFF)  # nobody looks at the checksum before the end
    local = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 8, 0, 0) + sizes + struct.pack("<HH", len(name), 0) + name
    entry = (b"PK\1\2" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + sizes + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name)
    return local + data + entry + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(local) + len(data), 0)


def gzip_of_zeros(size: int) -> bytes:
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflated_zeros(size) + struct.pack("<II", 0, size & 0xFFFFFFFF)


def tree(leaf: bytes, width: int, depth: int) -> bytes:
    """Archives of archives, as 42.zip is built."""
    for level in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(width):
                archive.writestr(f"{level}-{i}.zip", leaf)
        leaf = out.getvalue()
    return leaf


BOMBS: dict[str, Callable[[], bytes]] = {
    "10 GB in a zip in a zip": lambda: zipped(zip_of_zeros(10240 * MB)),
    "10 GB in a gzip in a gzip": lambda: gzip.compress(gzip_of_zeros(10240 * MB)),
    "16 to the fifth times 4 GB": lambda: tree(zip_of_zeros(4096 * MB), 16, 5),
    "many small files": lambda: tree(zipped(bytes(1000)), 16, 4),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_archives_that_grow(start_virus: StartVirus, bomb: str) -> None:
    """Their scan ends by the limits, or in time by the deadline; they are never called clean, and mail beside them passes."""
    milter = start_virus({"milter-virus": {"deadline": "15s", "cache_size": 0}})  # also for the small ones beside it
    message = letter(BOMBS[bomb]())
    assert len(message) < 2 * MB
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(judge(str(milter.socket), message, Envelope(queue_id="4Bombxxxxx"))))
    thread.start()
    milter.wait_status(lambda s: s["busy"] == 1 or results)
    assert judge(str(milter.socket), letter(EICAR)).reply.code == 550
    assert judge(str(milter.socket), CLEAN).value("X-Virus-Status") == "Clean"
    thread.join(60)
    assert results, "its deadline is 15 s, and to unpack all of it takes minutes"
    line = milter.verdict("4Bombxxxxx")
    assert (line["outcome"], line.get("category")) in (("found", "limits"), ("deadline", None)), line
    assert results[0].values("X-Virus-Status") != ["Clean"]
    wait_for(lambda: milter.status()["idle"] == 2, "all workers")
    wait_for(lambda: not [name for _, _, names in os.walk(milter.temporary) for name in names if name != "lock"], "an empty temporary folder")


def test_a_file_that_is_cut(start_virus: StartVirus) -> None:
    """What lies beyond the limit of a file in an archive was not looked at: it is told, and not remembered as clean."""
    milter = start_virus({"milter-virus": {"max_file_size": "100K"}})
    assert judge(str(milter.socket), letter(zipped(bytes(90_000) + MARK))).reply.code == 550
    for size in (102_400, 150_000, 5_000_000):
        for _ in range(2):
            result = judge(str(milter.socket), letter(zipped(bytes(size) + MARK)))
            assert result.value("X-Virus-Status") == "Suspicious (Heuristics.Limits.Exceeded.MaxFileSize)", size


def tar(*files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for i, data in enumerate(files):
            info = tarfile.TarInfo(f"file{i}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_of(*files: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for i, data in enumerate(files):
            archive.writestr(f"file{i}", data)
    return out.getvalue()


LARGE = bytes(150_000) + MARK
SEVERAL = (bytes(90_000), bytes(90_001), bytes(50_000) + MARK)
BEYOND: dict[str, tuple[str, bytes]] = {
    "gzip": ("MaxFileSize", gzip.compress(LARGE)),
    "bzip2": ("MaxFileSize", bz2.compress(LARGE)),
    "xz": ("MaxFileSize", lzma.compress(LARGE)),
    "tar in gzip": ("MaxFileSize", gzip.compress(tar(LARGE))),
    "zip": ("MaxFileSize", zip_of(LARGE)),
    "bzip2 in zip": ("MaxFileSize", zip_of(LARGE, method=zipfile.ZIP_BZIP2)),
    "stored in zip, in zip": ("MaxFileSize", zip_of(zip_of(LARGE, method=zipfile.ZIP_STORED))),
    "several in zip": ("MaxScanSize", zip_of(*SEVERAL)),
    "several in tar": ("MaxScanSize", gzip.compress(tar(*SEVERAL))),
    "several gzips in zip": ("MaxScanSize", zip_of(*map(gzip.compress, SEVERAL))),
    "many in zip": ("MaxFiles", zip_of(*(b"%d" % i * 50 for i in range(60)), MARK)),
}


@pytest.mark.parametrize("case", BEYOND)
def test_what_lies_beyond_a_limit(start_virus: StartVirus, case: str) -> None:
    """It is not found, and the message not called clean."""
    limit, data = BEYOND[case]
    limits = {"MaxFileSize": {"max_file_size": "100K"}, "MaxScanSize": {"max_scan_size": "200K"}, "MaxFiles": {"max_files": 30}}
    milter = start_virus({"milter-virus": limits[limit]})
    result = judge(str(milter.socket), letter(data))
    assert result.value("X-Virus-Status") == f"Suspicious (Heuristics.Limits.Exceeded.{limit})"


class Crowd:
    """So many connections that each send a message of 20 MB at the same time, and wait for the answer together. Every
    second one is infected, at its end. They are looked at until more than `expected` bytes are held."""

    def __init__(self, milter: MilterVirus, number: int, expected: float = 0) -> None:
        self.highest, self._expected = 0.0, expected
        self.ends: dict[int, tuple[int, str]] = {}  # reply and outcome of each
        self._milter = milter
        self._bodies = [letter(bytes(range(256)) * (58 * 1024) + end).replace(b"\n", b"\r\n") for end in (b"", MARK)]
        self._all_sent = threading.Barrier(number, self._look)
        threads = [threading.Thread(target=self._send, args=(i,), daemon=True) for i in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        wait_for(lambda: milter.counted("gatepost_virus_held_bytes") == 0, "an end of what is held")

    def _look(self) -> None:
        """What is held while all wait for the end of their messages; what was sent may not have been read."""
        end = time.monotonic() + (60 if self._expected else 2)
        while time.monotonic() < end and not 0 < self._expected < self.highest:
            self.highest = max(self.highest, self._milter.counted("gatepost_virus_held_bytes"))
            time.sleep(0.1)

    def _send(self, i: int) -> None:
        envelope = Envelope(queue_id=f"4Crowd{i}xx")
        head, body = self._bodies[i % 2].split(b"\r\n\r\n", 1)
        with Session(str(self._milter.socket), timeout=300) as session:
            session.open(envelope)
            session.begin(head + b"\n\n", envelope)
            for start in range(0, len(body), CHUNK):
                reply = session.body(body[start:start + CHUNK])
                if reply and reply.action != "continue":
                    break
            self._all_sent.wait(300)
            code = session.end_of_message(envelope, Result()).reply.code
        self.ends[i] = (code, self._milter.verdict(envelope.queue_id)["outcome"])


def test_64_large_messages(start_virus: StartVirus) -> None:
    """All are there at a time, and all are scanned."""
    milter = start_virus({"milter-virus": {"deadline": "240s"}})
    crowd = Crowd(milter, 64, 64 * 20_000_000)
    assert [crowd.ends[i] for i in range(64)] == [(0, "clean"), (550, "found")] * 32
    assert crowd.highest > 64 * 20_000_000, crowd.highest


def test_more_than_may_be_held(start_virus: StartVirus) -> None:
    """Messages for which there is no room are deferred; the others go on, and are scanned whole."""
    milter = start_virus({"milter-virus": {"held_max": "105M"}})
    crowd = Crowd(milter, 16)
    scanned = [crowd.ends[i] for i in range(16) if crowd.ends[i] != (451, "overload")]
    assert 1 <= len(scanned) <= 5 and set(scanned) <= {(0, "clean"), (550, "found")}
    assert 0 < crowd.highest <= 105 * MB
    assert judge(str(milter.socket), letter(EICAR)).reply.code == 550
