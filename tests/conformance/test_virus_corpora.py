"""milter-virus and clamd find the same in real mail, message by message, over one database.

The database is made of the mail itself, so that there is something to find: bytes of bodies as they are in the file, of
bodies as they are decoded, whole attachments, two strings together. Another has nothing that occurs: no false alarm.
"""

from __future__ import annotations

import email
import hashlib
import json
import os
import random
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from servers import clamd, signatures
from servers.clamd import Clamd
from servers.milter import MilterVirus, build_folder

DATA = Path(os.environ.get("GATEPOST_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data")).resolve() / "mail"

pytestmark = [
    pytest.mark.skipif(clamd.PROGRAM is None, reason="clamd is not installed"),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no test mail in {DATA} (set GATEPOST_DATA)"),
    pytest.mark.skipif(not (build_folder() / "milter-virus" / "milter-virus").exists(), reason="milter-virus is not built"),
]


def corpora() -> list[Path]:
    return sorted(path for name in ("spamassassin", "csdmc2010") for path in (DATA / name).glob("*/*"))


def parts(path: Path) -> list[tuple[bytes, bytes]]:
    """Of each leaf of a message: what stands in the file (what is not ASCII replaced), and what it decodes to."""
    found = []
    for part in email.message_from_bytes(path.read_bytes()).walk():
        raw, decoded = part.get_payload(), part.get_payload(decode=True)
        if isinstance(raw, str) and isinstance(decoded, bytes) and len(decoded) > 200:
            found.append((raw.encode("ascii", "replace"), decoded))
    return found


def make_database(folder: Path, mail: list[Path]) -> None:
    """Signatures of things in every twentieth message; none twice, for which of two equal ones is named is chance."""
    folder.mkdir()
    rng = random.Random(7)
    bodies, hashes, logical = [], [], []
    for number, path in enumerate(rng.sample(mail, len(mail) // 20)):
        for raw, decoded in parts(path)[:3]:
            at = rng.randrange(len(decoded) - 100)
            piece, other = decoded[at:at + 20].hex(), decoded[at + 60:at + 80].hex()
            kind = number % 4
            if kind == 0:
                bodies.append(f"Corpus.Decoded-{number}:0:*:{piece}")
            elif kind == 1:
                line = max(raw.splitlines(), key=len)[:40]
                bodies.append(f"Corpus.Raw-{number}:{rng.choice('04')}:*:{line.hex()}")
            elif kind == 2:
                hashes.append(f"{hashlib.md5(decoded).hexdigest()}:{len(decoded)}:Corpus.Whole-{number}")
            else:
                logical.append(f"Corpus.Both-{number};Engine:81-255,Target:{rng.choice('034')};0&1;{piece};{other}")
    bodies = list({line.rpartition(":")[2]: line for line in bodies}.values())
    for name, lines in (("c.ndb", bodies), ("c.hdb", hashes), ("c.ldb", logical)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines))


def ask_clamd(server: Clamd, path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(server.socket))
        data = path.read_bytes()
        s.sendall(b"zINSTREAM\0" + len(data).to_bytes(4, "big") + data + bytes(4))
        answer = b""
        while more := s.recv(4096):
            answer += more
    text = answer.rstrip(b"\0").decode().removeprefix("stream: ")
    assert text == "OK" or text.endswith(" FOUND"), (path, text)
    return text.removesuffix(" FOUND")


def clamd_verdicts(server: Clamd, mail: list[Path]) -> dict[str, str]:
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(map(str, mail), pool.map(lambda path: ask_clamd(server, path), mail)))


def our_verdicts(milter: MilterVirus) -> dict[str, str]:
    done = subprocess.run([build_folder() / "cli/gatepost", "-c", milter.config, "virus", "scan", "--json",
                           DATA / "spamassassin", DATA / "csdmc2010"], capture_output=True, text=True, timeout=600)
    assert done.returncode in (0, 1), done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["outcome"] for row in rows} <= {"clean", "found"}
    return {row["file"]: row["name"] if row["outcome"] == "found" else "OK" for row in rows}


@pytest.fixture(scope="module")
def verdicts(module_world: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """What milter-virus and clamd say of each message."""
    mail = corpora()
    database = module_world / "corpus-signatures"
    make_database(database, mail)
    server = Clamd(module_world / "clamd", database, {"AlertExceedsMax": "yes"})
    milter = MilterVirus(module_world / "virus", module_world / "virus.sock", {"milter-virus": {"database": str(database)}})
    try:
        server.start()
        milter.start()
        yield our_verdicts(milter), clamd_verdicts(server, mail)
    finally:
        server.stop()
        milter.stop()


def test_the_same_verdicts(verdicts: tuple[dict[str, str], dict[str, str]]) -> None:
    ours, theirs = verdicts
    assert ours.keys() == theirs.keys() and len(ours) == 7874
    assert {path: (ours[path], theirs[path]) for path in ours if ours[path] != theirs[path]} == {}


def test_there_is_something_to_find(verdicts: tuple[dict[str, str], dict[str, str]]) -> None:
    found = {name.split("-")[0] for name in verdicts[0].values() if name != "OK"}
    assert {"Corpus.Decoded", "Corpus.Raw", "Corpus.Whole", "Corpus.Both"} <= found
    assert sum(name != "OK" for name in verdicts[0].values()) > 300


def test_no_false_alarm(module_world: Path) -> None:
    """Nor of what is only looked for where somebody wants to know: no archive in there is broken, or has a password."""
    database = module_world / "many-signatures"
    database.mkdir()
    signatures.many(database, 200000)
    milter = MilterVirus(module_world / "clean", module_world / "clean.sock",
                         {"milter-virus": {"database": str(database), "actions": {"broken": "mark", "encrypted": "mark"}}})
    milter.start()
    try:
        found = {path: name for path, name in our_verdicts(milter).items() if name != "OK"}
        # A limit that was met is no alarm: it says that not all was looked at.  Six pictures in there are broken.
        assert {path: name for path, name in found.items()
                if not name.startswith(("Heuristics.Limits.Exceeded", "Heuristics.Broken.Media"))} == {}
        assert len(found) <= 1 + 6
    finally:
        milter.stop()
