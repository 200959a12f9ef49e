"""milter-virus: archives that are damaged, locked, or packed as libclamav cannot: told of, each by its category, and whole ones not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Callable

import pytest

from conftest import StartVirus
from milterclient import Envelope, judge
from servers import archives, macrodoc
from servers.milter import MilterVirus
from servers.virusmail import MARK, letter, zipped

BROKEN = "Suspicious (Heuristics.Broken.Archive)"
LOCKED = "Suspicious (Heuristics.Encrypted.Archive)"
NOT_UNPACKED = "Suspicious (Heuristics.Limits.Unsupported.Archive)"
TELL_ALL = {"milter-virus": {"actions": {"broken": "mark", "encrypted": "mark"}}}
TEXT = b"".join(b"line %d of a text that can be packed\n" % i for i in range(600))
NOISE = bytes(range(7, 250)) * 20


def status(milter: MilterVirus, data: bytes, encoding: str = "base64") -> str:
    return judge(str(milter.socket), letter(data, encoding), Envelope()).value("X-Virus-Status")


def tar(kind: int = tarfile.GNU_FORMAT, files: tuple[bytes, ...] = (TEXT, NOISE), mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=kind) as archive:  # type: ignore[call-overload]
        folder = tarfile.TarInfo("folder-with-a-name-that-is-not-short" * (4 if kind == tarfile.GNU_FORMAT else 1))
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for i, data in enumerate(files):
            member = tarfile.TarInfo(f"file{i}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "file0"
        archive.addfile(link)
    return out.getvalue()


def by_tool(folder: Path, command: str, *names: str, files: tuple[bytes, ...] = (TEXT, NOISE)) -> bytes:
    """What a command makes of files; the archive is "a" with any extension, and put there by "@"."""
    for i, data in enumerate(files):
        (folder / f"file{i}").write_bytes(data)
    words = command.replace("@", str(folder / "a")).split()
    subprocess.run([*words, *(names or [f"file{i}" for i in range(len(files))])], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    made = next(p for p in folder.iterdir() if p.name.startswith("a."))
    data = made.read_bytes()
    made.unlink()
    return data


# By libraries and by hand.
SOUND: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(TEXT),
    "gzip, nothing in it": lambda: gzip.compress(b""),
    "gzip, two members": lambda: gzip.compress(TEXT) + gzip.compress(NOISE),
    "gzip, padded": lambda: gzip.compress(TEXT) + bytes(1000),
    "gzip, something behind": lambda: gzip.compress(TEXT) + b"signed by somebody",
    "bzip2": lambda: bz2.compress(TEXT),
    "bzip2, nothing in it": lambda: bz2.compress(b""),
    "bzip2, something behind": lambda: bz2.compress(TEXT) + b"signed by somebody",
    "xz": lambda: lzma.compress(TEXT),
    "xz, nothing in it": lambda: lzma.compress(b""),
    "xz, three bytes": lambda: lzma.compress(b"abc"),
    "xz, without a checksum": lambda: lzma.compress(TEXT, check=lzma.CHECK_NONE),
    "xz, SHA-256": lambda: lzma.compress(TEXT, check=lzma.CHECK_SHA256),
    "xz, two streams": lambda: lzma.compress(TEXT) + bytes(8) + lzma.compress(NOISE),
    "tar": tar,
    "tar, ustar": lambda: tar(tarfile.USTAR_FORMAT),
    "tar, pax": lambda: tar(tarfile.PAX_FORMAT),
    "tar, gzip": lambda: tar(mode="w:gz"),
    "tar, bzip2": lambda: tar(mode="w:bz2"),
    "tar, xz": lambda: tar(mode="w:xz"),
    "tar, no end": lambda: tar()[:len(tar().rstrip(b"\0")) // 512 * 512 + 512],
    "tar, nothing in it": lambda: bytes(10240),
    "tar, three bytes": lambda: tar(files=(b"abc", b"", b"12345")),
    "7z": lambda: archives.seven_zip(NOISE),
    "cabinet": lambda: archives.cabinet(NOISE),
    "zip": lambda: zipped(NOISE),
    "rar4, nothing in it": lambda: archives.rar4(b""),
    "rar5, nothing in it": lambda: archives.rar5(b""),
}


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_whole_ones_are_clean(start_virus: StartVirus, encoding: str) -> None:
    milter = start_virus(TELL_ALL)
    for name, make in SOUND.items():
        assert status(milter, make(), encoding) == "Clean", name


# Cut anywhere but within what stands behind the end.
CUT = ("gzip", "gzip, nothing in it", "bzip2", "bzip2, nothing in it", "xz", "xz, nothing in it", "xz, SHA-256", "7z", "cabinet", "zip")
MADE_BROKEN: dict[str, bytes] = {
    "gzip, the second": SOUND["gzip, two members"]()[:-5],
    "gzip, a damaged byte": SOUND["gzip"]()[:500] + b"\xff\0\xff" + SOUND["gzip"]()[503:],
    "gzip, its checksum": SOUND["gzip"]()[:-8] + b"1234" + SOUND["gzip"]()[-4:],
    "xz, the second": SOUND["xz, two streams"]()[:-20],
    "tar, in the first": tar()[:3000],
    "tar, a header": tar().replace(b"file1\0\0\0", b"file2\0\0\0"),
    "tar within gzip": gzip.compress(tar()[:3000]),
    "7z, its list": archives.seven_zip(NOISE)[:-1] + b"\1",
    "cabinet, a damaged byte": archives.cabinet(NOISE).replace(NOISE[100:110], b"0123456789", 1),
    "cabinet, one of several": archives.cabinet(NOISE, flags=2),
    "rar4, one of several": archives.rar4(TEXT, volume=True),
    "rar5, one of several": archives.rar5(TEXT, volume=True),
    "rar4": archives.rar4(TEXT)[:1000],
    "rar5": archives.rar5(TEXT)[:-3],
    "zip, the first of several": b"PK\7\x08" + zipped(TEXT)[:-60],
}


def test_broken_ones_are_told(start_virus: StartVirus) -> None:
    milter = start_virus({"milter-virus": {"actions": {"broken": "mark", "encrypted": "mark", "limits": "reject"}}})
    for name in CUT:
        whole = SOUND[name]()
        for size in {len(whole) * 3 // 10, len(whole) * 7 // 10, len(whole) - 4, len(whole) - 1}:
            if size >= 10:
                assert status(milter, whole[:size]) == BROKEN, (name, size, len(whole))
    for name, data in MADE_BROKEN.items():
        assert status(milter, data) == BROKEN, name
        assert status(milter, zipped(data)) == BROKEN, name


def test_broken_ones_when_nobody_wants_to_know(start_virus: StartVirus) -> None:
    """As ClamAV has it; a RAR archive all the same counts as one that was not looked into."""
    milter = start_virus()
    for name, data in MADE_BROKEN.items():
        expected = NOT_UNPACKED if name.startswith("rar") else "Clean"
        assert status(milter, data) == expected, name
    assert judge(str(milter.socket), letter(gzip.compress(MARK + os.urandom(4000))[:-400])).reply.code == 550


UNPACKED_IN_PART: dict[str, bytes] = {
    "bzip2, two streams": bz2.compress(NOISE) + bz2.compress(MARK),
    "7z, bzip2": archives.seven_zip(bz2.compress(MARK * 10), b"\4\2\2"),
    "7z, damaged": archives.seven_zip(TEXT[:3000]).replace(b"line 7 ", b"LINE 7 "),
    "xz, damaged": lzma.compress(TEXT)[:300] + b"\xff\0\xff" + lzma.compress(TEXT)[303:],
    "Zstandard": bytes.fromhex("28b52ffd240661000068656c6c6f0a") + bytes(40),
    "lzip": b"LZIP\1\x0c" + bytes(60),
    "LZMA": lzma.compress(TEXT, lzma.FORMAT_ALONE),
    "rar4": archives.rar4(TEXT),
    "rar5": archives.rar5(TEXT),
    "Debian package": b"!<arch>\ndebian-binary   1700000000  0     0     100644  4         `\n2.0\n",
}


def test_what_is_not_unpacked_is_told(start_virus: StartVirus) -> None:
    """A method that the engine has not, or data that it gives up: what was not looked at is not clean."""
    milter = start_virus()
    for name, data in UNPACKED_IN_PART.items():
        assert status(milter, data) == NOT_UNPACKED, name
        assert status(milter, zipped(data)) == NOT_UNPACKED, name
    assert judge(str(milter.socket), letter(archives.seven_zip(MARK))).reply.code == 550
    assert judge(str(milter.socket), letter(tar(files=(UNPACKED_IN_PART["rar4"], MARK)))).reply.code == 550


PASSWORDS: dict[str, bytes] = {
    "rar4": archives.rar4(TEXT, locked=True),
    "rar4, names too": archives.rar4(TEXT, headers_locked=True),
    "rar5": archives.rar5(TEXT, locked=True),
    "rar5, names too": archives.rar5(TEXT, headers_locked=True),
}


def test_passwords(start_virus: StartVirus) -> None:
    """Where the engine would have to look into them to know: without libclamunrar it does not."""
    milter = start_virus({"milter-virus": {"actions": {"encrypted": "mark", "limits": "reject"}}})
    quiet = start_virus()
    for name, data in PASSWORDS.items():
        for nested in (data, zipped(data)):
            assert status(milter, nested).startswith("Suspicious (Heuristics.Encrypted."), name
            assert status(quiet, nested) == "Clean", name


def open_document(locked: bool) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        archive.writestr("content.xml", os.urandom(500) if locked else "<office:document-content/>")
        archive.writestr("META-INF/manifest.xml", '<manifest:manifest><manifest:file-entry manifest:full-path="content.xml">' +
                         ('<manifest:encryption-data manifest:checksum="x"/>' if locked else "") + "</manifest:file-entry></manifest:manifest>",
                         zipfile.ZIP_DEFLATED)
    return out.getvalue()


def test_documents_with_passwords(start_virus: StartVirus) -> None:
    milter = start_virus(TELL_ALL)
    told = "Suspicious (Heuristics.Encrypted.Document)"
    for make in (macrodoc.word, macrodoc.excel, open_document):
        assert status(milter, make(True)) == told, make
        assert status(milter, zipped(make(True))) == told, make
        assert status(milter, make(False)) == "Clean", make
    assert status(milter, macrodoc.package("secret")) == told
    assert status(milter, macrodoc.package("VelvetSweatshop")) == "Clean"  # protected against being written; libclamav decrypts it
    assert status(milter, macrodoc.document()) == "Clean"
    assert status(start_virus(), macrodoc.package("secret")) == "Clean"


needs_7z = pytest.mark.skipif(not shutil.which("7z"), reason="7z is not installed")
needs_arj = pytest.mark.skipif(not shutil.which("arj"), reason="arj is not installed")
needs_gcab = pytest.mark.skipif(not shutil.which("gcab"), reason="gcab is not installed")


@needs_7z
def test_archives_of_7z(start_virus: StartVirus, tmp_path: Path) -> None:
    milter = start_virus(TELL_ALL)
    for method in ("LZMA", "LZMA2", "PPMd", "Copy"):
        for solid in ("on", "off"):
            whole = by_tool(tmp_path, f"7z a -bd -m0={method} -ms={solid} @.7z")
            assert status(milter, whole) == "Clean", method
            for size in (40, len(whole) // 2, len(whole) - 1):
                assert status(milter, whole[:size]) == BROKEN, (method, size)
    for method in ("BZip2", "Deflate"):
        assert status(milter, by_tool(tmp_path, f"7z a -bd -m0={method} @.7z")) == NOT_UNPACKED, method
    assert status(milter, by_tool(tmp_path, "7z a -bd @.7z", files=(b"", b"abc", b""))) == "Clean"
    assert status(milter, by_tool(tmp_path, "7z a -bd -tgzip @.gz", "file0")) == "Clean"
    assert status(milter, by_tool(tmp_path, "7z a -bd -txz @.xz", "file0")) == "Clean"
    assert status(milter, by_tool(tmp_path, "7z a -bd -tbzip2 @.bz2", "file0")) == "Clean"
    assert status(milter, by_tool(tmp_path, "7z a -bd -ttar @.tar")) == "Clean"
    assert status(milter, by_tool(tmp_path, "7z a -bd -tzip @.zip")) == "Clean"


@needs_7z
def test_one_member_of_another_method(start_virus: StartVirus, tmp_path: Path) -> None:
    """The first is unpacked and looked at, the second is not."""
    milter = start_virus(TELL_ALL)
    for i, data in enumerate((TEXT, NOISE)):
        (tmp_path / f"file{i}").write_bytes(data)
    for i, method in enumerate(("LZMA", "BZip2")):
        subprocess.run(["7z", "a", "-bd", f"-m0={method}", "-ms=off", "a.7z", f"file{i}"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    assert status(milter, (tmp_path / "a.7z").read_bytes()) == NOT_UNPACKED


@needs_7z
def test_passwords_of_7z(start_virus: StartVirus, tmp_path: Path) -> None:
    milter = start_virus({"milter-virus": {"actions": {"encrypted": "mark", "limits": "reject"}}})
    quiet = start_virus()
    for options in ("7z a -bd -psecret @.7z", "7z a -bd -psecret -mhe=on @.7z", "7z a -bd -tzip -psecret @.zip",
                    "7z a -bd -tzip -mem=AES256 -psecret @.zip"):
        data = by_tool(tmp_path, options)
        assert status(milter, data).startswith("Suspicious (Heuristics.Encrypted."), options
        assert status(quiet, data) == "Clean", options


@needs_arj
def test_archives_of_arj(start_virus: StartVirus, tmp_path: Path) -> None:
    milter = start_virus(TELL_ALL)
    whole = by_tool(tmp_path, "arj a -y @.arj")
    assert status(milter, whole) == "Clean"
    for size in (len(whole) // 2, len(whole) - 1):
        assert status(milter, whole[:size]) == BROKEN, size
    assert status(milter, by_tool(tmp_path, "arj a -y -gsecret @.arj")) == LOCKED


@needs_gcab
def test_archives_of_gcab(start_virus: StartVirus, tmp_path: Path) -> None:
    milter = start_virus(TELL_ALL)
    for option in ("-c", "-cz", "-cn"):
        whole = by_tool(tmp_path, f"gcab {option} @.cab", "file0", "file1")
        assert status(milter, whole) == "Clean", option
        for size in (50, len(whole) // 2, len(whole) - 1):
            assert status(milter, whole[:size]) == BROKEN, (option, size)
