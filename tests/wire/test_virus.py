"""milter-virus: what is found in mail, what becomes of it, and what is remembered."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from conftest import StartVirus
from milterclient import Envelope, judge
from servers import macrodoc
from servers.milter import MilterVirus
from servers.process import wait_for
from servers.virusmail import CLEAN, EICAR, ENCODINGS, FOR_TEXT, MARK, SIGNATURES, TESTFILES, clam_exe, forwarded, hdb, letter, ndb, zipped

needs_testfiles = pytest.mark.skipif(not TESTFILES.is_dir(), reason="clamav-testfiles is not installed")


def scan(milter: MilterVirus, message: bytes, envelope: Envelope = Envelope()):  # type: ignore[no-untyped-def]
    return judge(str(milter.socket), message, envelope)


def test_clean_and_infected(start_virus: StartVirus) -> None:
    milter = start_virus()
    clean = scan(milter, CLEAN, Envelope(queue_id="4Cleanxxxx"))
    assert clean.reply.action in ("accept", "continue")
    assert clean.value("X-Virus-Status") == "Clean"
    assert clean.value("X-Virus-Scanned").startswith("gatepost milter-virus ")
    bad = scan(milter, letter(EICAR), Envelope(queue_id="4Eicarxxxx"))
    assert bad.reply.code == 550
    assert "Test.Eicar" in bad.reply.text
    line = milter.verdict("4Eicarxxxx")
    assert (line["action"], line["outcome"], line["category"]) == ("reject", "found", "virus")
    assert line["virus"] == "Test.Eicar.UNOFFICIAL"
    assert milter.verdict("4Cleanxxxx")["outcome"] == "clean"
    assert milter.counted("gatepost_virus_messages_total", 'outcome="found"') == 1
    assert milter.counted("gatepost_virus_signatures") == 2
    status, text = milter.http("/healthz")
    assert status == 200, text


def test_history(start_virus: StartVirus) -> None:
    milter = start_virus()
    scan(milter, letter(EICAR), Envelope(queue_id="4Whyxxxxxx"))
    wait_for(lambda: "4Whyxxxxxx" in milter.gatepost("history"), "an item of the history")
    text = milter.gatepost("why", "4Whyxxxxxx")
    assert "milter-virus: reject" in text
    assert "virus    found     Test.Eicar.UNOFFICIAL, category virus" in text


def test_headers_of_strangers_go(start_virus: StartVirus) -> None:
    milter = start_virus()
    forged = b"X-Virus-Status: Clean\nX-Virus-Scanned: by nobody\nx-virus-status: Yes\n" + CLEAN
    result = scan(milter, forged)
    assert result.values("X-Virus-Status") == ["Clean"]
    assert len(result.values("X-Virus-Scanned")) == 1 and "nobody" not in result.value("X-Virus-Scanned")
    many = b"X-Virus-Status: Clean\n" * 501 + CLEAN
    assert scan(milter, many).reply.code == 550


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding(start_virus: StartVirus, encoding: str) -> None:
    milter = start_virus({"milter-virus": {"cache_size": 0}})
    assert scan(milter, letter(EICAR, encoding)).reply.code == 550
    assert scan(milter, forwarded(letter(EICAR, encoding), 3)).reply.code == 550
    if encoding not in FOR_TEXT:
        assert scan(milter, letter(zipped(EICAR, times=3), encoding)).reply.code == 550


@needs_testfiles
def test_all_testfiles(start_virus: StartVirus) -> None:
    """One signature of the packed program's content is found in all 44 packings, in each encoding that carries them."""
    # clam_cache_emax.tgz is as deep as the default allows by itself; a mail around it adds a level.
    milter = start_virus({"milter-virus": {"cache_size": 0, "max_recursion": 25}}, {"clam.hdb": hdb("Clam.Test", clam_exe())})
    files = sorted(TESTFILES.iterdir())
    assert len(files) == 44
    for file in files:
        for encoding in (e for e in ENCODINGS if e not in FOR_TEXT):
            result = scan(milter, letter(file.read_bytes(), encoding, file.name))
            assert result.reply.code == 550 and "Clam.Test" in result.reply.text, (file.name, encoding)
        assert scan(milter, forwarded(letter(file.read_bytes()), 2)).reply.code == 550, file.name
    assert not milter.lines("a scan worker")


def test_remembered_parts(start_virus: StartVirus) -> None:
    """A part that is known clean is not scanned again, and hides nothing beside it."""
    milter = start_virus()
    part = os.urandom(50000)
    plain = letter(part)
    for n in range(3):
        assert scan(milter, plain.replace(b"<bad@", b"<%d@" % n), Envelope(queue_id=f"4Known{n}xxx")).reply.action != "reply"
    assert "known" not in milter.verdict("4Known0xxx")
    assert milter.verdict("4Known2xxx")["known"] == "1"
    bad = plain.replace(b"--frontier\nContent-Type: text/plain\n", b"--frontier\nContent-Type: text/plain\n\n" + MARK + b"\n--frontier\nContent-Type: text/plain\n")
    for message in (bad, plain.replace(b"\n--frontier--", b"\n--frontier\nContent-Type: text/plain\n\n" + MARK + b"\n--frontier--")):
        assert scan(milter, message).reply.code == 550
    infected = part + MARK
    for n in range(3):
        result = scan(milter, letter(infected).replace(b"<bad@", b"<%d@" % n), Envelope(queue_id=f"4Bad{n}xxxxx"))
        assert result.reply.code == 550 and "Test.Mark" in result.reply.text
    assert milter.verdict("4Bad2xxxxx")["known"] == "1"
    assert milter.verdict("4Bad2xxxxx")["virus"] == "Test.Mark.UNOFFICIAL"


def counts(milter: MilterVirus) -> tuple[float, float]:
    """Decoded parts that were scanned, and that were known."""
    return milter.counted("gatepost_virus_cache_misses_total"), milter.counted("gatepost_virus_cache_hits_total")


def test_the_same_attachment_to_many(start_virus: StartVirus) -> None:
    """One message to 500 people is scanned once; so is what is attached to 500 messages."""
    milter = start_virus()
    everybody = Envelope().to(*(f"user{i}@example.org" for i in range(500)))
    assert scan(milter, letter(os.urandom(50000)), everybody).value("X-Virus-Status") == "Clean"
    assert counts(milter) == (2, 0)  # the mail, and its attachment
    part = letter(os.urandom(50000))
    for n in range(500):
        assert scan(milter, part.replace(b"<bad@", b"<%d@" % n)).value("X-Virus-Status") == "Clean"
    assert counts(milter) == (2 + 500 + 1, 499)
    evil = letter(os.urandom(50000) + MARK)
    for n in range(50):
        assert scan(milter, evil.replace(b"<bad@", b"<%d@" % n)).reply.code == 550
    assert counts(milter) == (503 + 50 + 1, 499 + 49)


def test_remembered_parts_know_their_depth(start_virus: StartVirus) -> None:
    """What was too deep to be looked at whole is not taken for clean where it lies higher."""
    milter = start_virus({"milter-virus": {"max_recursion": 5}})
    archive = zipped(EICAR + os.urandom(4000), times=2)
    assert scan(milter, letter(zipped(archive, times=4))).value("X-Virus-Status") != "Clean"
    assert scan(milter, letter(archive)).reply.code == 550


@pytest.mark.parametrize(("action", "reply", "status"), [
    ("accept", 0, None), ("mark", 0, "Infected (Test.Eicar.UNOFFICIAL)"), ("hold", 0, "Infected (Test.Eicar.UNOFFICIAL)"),
    ("tempfail", 451, None), ("reject", 550, None), ("off", 0, "Clean")])
def test_actions(start_virus: StartVirus, action: str, reply: int, status: str | None) -> None:
    milter = start_virus({"milter-virus": {"actions": {"virus": action}}})
    result = scan(milter, letter(EICAR))
    assert result.reply.code == reply
    assert result.values("X-Virus-Status") == ([status] if status else [])
    assert bool(result.quarantine) == (action == "hold")


def test_discard(start_virus: StartVirus) -> None:
    milter = start_virus({"milter-virus": {"actions": {"virus": "discard"}}})
    assert scan(milter, letter(EICAR)).reply.action == "discard"


def test_encrypted_archives_and_limits(start_virus: StartVirus) -> None:
    milter = start_virus({"milter-virus": {"actions": {"encrypted": "tempfail"}, "max_file_size": "100K"}})
    assert scan(milter, letter(locked())).reply.code == 451
    large = scan(milter, letter(os.urandom(200000)))
    assert large.reply.action != "reply"
    assert large.value("X-Virus-Status").startswith("Suspicious (Heuristics.Limits.Exceeded")


def zip_by(method: int, *files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for i, data in enumerate(files):
            archive.writestr(f"file{i}", data)
    return out.getvalue()


def locked() -> bytes:
    """An archive with a password, or so it says in both headers of the file."""
    data = bytearray(zipped(b"secret" * 1000))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


CATEGORIES: dict[str, tuple[dict[str, str], bytes, str]] = {
    "pua": ({"pua.ndu": ndb("PUA.Win.Test", b"perhaps not wanted")}, letter(b"perhaps not wanted"), "PUA.Win.Test"),
    "phishing": ({"test.pdb": "H:bank.example.com\n"},
                 b"From: a@example.net\nTo: b@example.org\nSubject: s\nMIME-Version: 1.0\nContent-Type: text/html\n\n<html><body>"
                 b'<a href="http://evil.example.net/login">https://bank.example.com/login</a></body></html>\n',
                 "Heuristics.Phishing.Email"),
    "encrypted": ({}, letter(locked()), "Heuristics.Encrypted.Zip"),
    "macro": ({}, letter(macrodoc.document()), "Heuristics.OLE2.ContainsMacros.VBA"),
    "limits": ({}, letter(zip_by(zipfile.ZIP_LZMA, EICAR)), "Heuristics.Limits.Unsupported.Archive"),
    "broken": ({}, letter(zipped(os.urandom(2000))[:-30]), "Heuristics.Broken.Archive"),
    "heuristics": ({"odd.ndb": ndb("Heuristics.Odd", b"an odd thing")}, letter(b"an odd thing"), "Heuristics.Odd"),
    "virus": ({}, letter(EICAR), "Test.Eicar"),
}


@pytest.mark.parametrize("category", CATEGORIES)
def test_each_category_has_its_action(start_virus: StartVirus, category: str) -> None:
    """What is found, by its setting; one that is off passes unmarked, and the others' settings do not matter."""
    database, message, name = CATEGORIES[category]
    every = ("virus", "heuristics", "pua", "encrypted", "macro", "limits", "phishing", "broken")
    for action, code in (("off", 0), ("mark", 0), ("tempfail", 451), ("reject", 550)):
        milter = start_virus({"milter-virus": {"actions": {c: action if c == category else "discard" for c in every}}},
                             {**SIGNATURES, **database})
        result = scan(milter, message, Envelope(queue_id="4Categoryx"))
        assert result.reply.code == code and result.reply.action != "discard", action
        status = result.values("X-Virus-Status")
        if action == "mark":
            assert len(status) == 1 and name in status[0]
        else:
            assert [text.split(" (")[0] for text in status] == (["Clean"] if action == "off" else [])
        if action != "off":
            assert milter.verdict("4Categoryx")["category"] == category
            assert milter.counted("gatepost_virus_found_total", f'category="{category}"') == 1
        assert milter.stop() == 0


NOT_UNPACKED = "Suspicious (Heuristics.Limits.Unsupported.Archive)"


def test_archives_that_are_not_unpacked(start_virus: StartVirus) -> None:
    """What the engine has no method for it calls clean: it is told as what it is, not all of the message."""
    milter = start_virus()
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        assert scan(milter, letter(zip_by(method, MARK))).reply.code == 550
        assert scan(milter, letter(zip_by(method, b"harmless", b""))).value("X-Virus-Status") == "Clean"
    lzma = zip_by(zipfile.ZIP_LZMA, MARK)
    unknown = zip_by(zipfile.ZIP_STORED, MARK[::-1]).replace(b"PK\3\4\x14\0\0\0\0\0", b"PK\3\4\x14\0\0\0\x5d\0")
    unknown = unknown.replace(b"PK\1\2\x14\3\x14\0\0\0\0\0", b"PK\1\2\x14\3\x14\0\0\0\x5d\0")  # zstd
    rar = b"Rar!\x1a\7\0" + os.urandom(2000)
    for archive in (lzma, unknown, rar, zip_by(zipfile.ZIP_DEFLATED, lzma), zip_by(zipfile.ZIP_STORED, rar, b"more")):
        for _ in range(2):  # nor is it remembered as clean
            assert scan(milter, letter(archive)).value("X-Virus-Status") == NOT_UNPACKED
    assert scan(milter, letter(zip_by(zipfile.ZIP_DEFLATED, lzma, MARK))).reply.code == 550
    deferring = start_virus({"milter-virus": {"actions": {"limits": "tempfail"}}})
    assert scan(deferring, letter(lzma)).reply.code == 451
    assert scan(deferring, letter(zip_by(zipfile.ZIP_DEFLATED, b"harmless"))).value("X-Virus-Status") == "Clean"


@pytest.mark.parametrize("action", ["off", "mark", "reject"])
def test_broken_archives(start_virus: StartVirus, action: str) -> None:
    """Their own category; off, as ClamAV has it, they are clean unless something is found all the same."""
    milter = start_virus({"milter-virus": {"actions": {"broken": action}}})
    whole = zip_by(zipfile.ZIP_DEFLATED, os.urandom(3000))
    found = {"off": (0, ["Clean"]), "mark": (0, ["Suspicious (Heuristics.Broken.Archive)"]), "reject": (550, [])}[action]
    misled = bytearray(whole)
    misled[misled.index(b"PK\1\2") + 42] = 7  # the member is said to be elsewhere
    for broken in (whole[:-30], whole[:1000], bytes(misled)):
        result = scan(milter, letter(broken))
        assert (result.reply.code, result.values("X-Virus-Status")) == found
    assert scan(milter, letter(whole)).value("X-Virus-Status") == "Clean"
    assert scan(milter, letter(b"before it" + whole)).value("X-Virus-Status") == "Clean"
    result = scan(milter, letter(zip_by(zipfile.ZIP_STORED, MARK + os.urandom(2000))[:-1000]))
    assert result.reply.code == 550 and "Test.Mark" in result.reply.text


@pytest.mark.parametrize(("oversize", "reply", "status"), [
    ("scan", 0, "Clean (only the beginning was scanned)"), ("mark", 0, "Not scanned (the message is too large)"),
    ("tempfail", 451, None), ("reject", 552, None)])
def test_oversize(start_virus: StartVirus, oversize: str, reply: int, status: str | None) -> None:
    milter = start_virus({"milter-virus": {"size_max": "64K", "oversize": oversize}})
    result = scan(milter, letter(os.urandom(200000)), Envelope(queue_id="4Oversizex"))
    assert result.reply.code == reply
    assert result.values("X-Virus-Status") == ([status] if status else [])
    assert milter.verdict("4Oversizex").get("scanned") == ("part" if oversize == "scan" else None)


def test_oversize_by_its_header_alone(start_virus: StartVirus) -> None:
    milter = start_virus({"milter-virus": {"size_max": "4K"}})
    result = scan(milter, b"".join(b"X-Filler: %s\r\n" % (b"x" * 70) for _ in range(100)) + b"\r\n")
    assert result.value("X-Virus-Status") == "Clean (only the beginning was scanned)"


def test_limits_that_are_let_pass_are_told(start_virus: StartVirus) -> None:
    milter = start_virus({"milter-virus": {"actions": {"limits": "off"}, "max_file_size": "100K"}})
    result = scan(milter, letter(os.urandom(200000)))
    assert result.value("X-Virus-Status") == "Clean (not all of it was scanned)"


def test_files_by_the_control_socket(start_virus: StartVirus) -> None:
    milter = start_virus()
    assert milter.scan_bytes(zipped(EICAR))["name"] == "Test.Eicar.UNOFFICIAL"
    assert milter.scan_bytes(b"")["outcome"] == "clean"
    assert milter.scan_bytes(SIGNATURES["test.ndb"].encode())["outcome"] == "clean"
    assert milter.ask(b"nonsense\n")["ok"] is False
    assert milter.ask(b"scan many\n")["ok"] is False
