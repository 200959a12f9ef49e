"""gatepost virus: status, scan and reload, against a running milter-virus and against none."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from conftest import StartVirus
from servers.milter import MilterVirus, build_folder
from servers.virusmail import CLEAN, EICAR, MARK, letter, ndb


def gatepost(milter: MilterVirus, *args: str | Path, data: bytes = b"") -> tuple[int, str, str]:
    done = subprocess.run([build_folder() / "cli" / "gatepost", "-c", milter.config, "virus", *args], input=data,
                          capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_scan(start_virus: StartVirus, world: Path) -> None:
    milter = start_virus()
    good, bad = world / "good.eml", world / "bad.eml"
    good.write_bytes(CLEAN)
    bad.write_bytes(letter(EICAR))
    assert gatepost(milter, "scan", good) == (0, f"{good}: OK\n", "")
    assert gatepost(milter, "scan", good, bad) == (1, f"{good}: OK\n{bad}: Test.Eicar.UNOFFICIAL FOUND\n", "")
    assert gatepost(milter, "scan", "-i", good, bad)[:2] == (1, f"{bad}: Test.Eicar.UNOFFICIAL FOUND\n")
    assert gatepost(milter, "scan", "-q", bad)[:2] == (1, "")
    assert gatepost(milter, "scan", data=letter(EICAR))[0] == 1
    assert gatepost(milter, "scan", "-", data=EICAR)[:2] == (1, "-: Test.Eicar.UNOFFICIAL FOUND\n")
    found = json.loads(gatepost(milter, "scan", "--json", bad)[1])
    assert (found["file"], found["outcome"], found["category"], found["action"]) == (str(bad), "found", "virus", "reject")
    status, out, err = gatepost(milter, "scan", good, world / "nothing.eml")
    assert (status, out) == (2, f"{good}: OK\n") and "nothing.eml" in err


def test_scan_of_a_folder(start_virus: StartVirus, world: Path) -> None:
    """All that is in it, as clamscan does: what begins with a dot too, and what is no mail in a Maildir."""
    milter = start_virus()
    for number, place in enumerate((".hidden", "sub/.hidden/file", "box/tmp/1", "box/cur/dovecot", "box/.Sent/cur/1")):
        top = world / f"folder{number}"
        (top / place).parent.mkdir(parents=True)
        if place.startswith("box"):
            for part in ("cur", "new", "tmp"):
                (top / "box" / part).mkdir(exist_ok=True)
        (top / place).write_bytes(EICAR)
        assert gatepost(milter, "scan", top) == (1, f"{top / place}: Test.Eicar.UNOFFICIAL FOUND\n", "")


def test_status_and_reload(start_virus: StartVirus) -> None:
    milter = start_virus()
    status, out, _ = gatepost(milter, "status")
    assert status == 0 and "serving" in out and "signatures" in out and "ClamAV" in out
    assert "database of" in out and "loaded " in out and "2 idle" in out
    told = json.loads(gatepost(milter, "status", "--json")[1])
    assert told["signatures"] == 2
    newest = max(int(file.stat().st_mtime) for file in milter.database.iterdir())
    for name, metric in (("database_time", "database"), ("served_since", "last_reload")):
        assert told[name] == milter.counted(f"gatepost_virus_{metric}_timestamp_seconds")
        assert newest <= told[name] <= time.time()
    assert gatepost(milter, "scan", data=letter(b"another one"))[0] == 0
    milter.publish("more.ndb", ndb("Test.More", b"another one"))
    assert gatepost(milter, "reload")[0] == 0
    milter.wait_status(lambda s: s["signatures"] == 3)
    assert gatepost(milter, "scan", data=letter(b"another one"))[0] == 1
    assert gatepost(milter, "scan", data=letter(MARK))[0] == 1


def test_nobody_is_there(start_virus: StartVirus) -> None:
    milter = start_virus()
    assert milter.stop() == 0
    for command, failure in {"status": 69, "scan": 2, "reload": 69}.items():
        status, out, err = gatepost(milter, command, data=CLEAN)
        assert (status, out) == (failure, "") and "does milter-virus run?" in err
    assert gatepost(milter, "scan", "--nonsense")[0] == 2
    assert gatepost(milter, "scan", "--help")[0] == 0
    milter.config.write_text("milter-virus = { nonsense = 1; };\n")
    assert gatepost(milter, "scan", data=CLEAN)[0] == 2
