"""milter-virus behind a real Postfix, chrooted as Debian has it: ClamAV's test files, mail of the corpora, a filter that is dead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import smtp
from servers.milter import MilterVirus, build_folder
from servers.postfix import Postfix
from servers.process import wait_for
from servers.virusmail import CLEAN, EICAR, SIGNATURES, TESTFILES, clam_exe, hdb, letter

TO = "alice@local.example.org"  # Postfix's own delivery


class Host:
    def __init__(self, folder: Path) -> None:
        self.postfix = Postfix(folder / "postfix")
        self.postfix.configure({
            "smtpd_milters": "{ unix:gatepost/virus.sock, default_action=tempfail }", "message_size_limit": "100000000",
            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination"})
        # clam_cache_emax.tgz is as deep as the default allows by itself; a mail around it adds a level.
        self.milter = MilterVirus(folder / "gatepost", self.postfix.queue / "gatepost" / "virus.sock",
                                  {"milter-virus": {"max_recursion": 25}})
        (self.milter.database / "clam.hdb").write_text(hdb("Clam.Test", clam_exe()))
        (self.milter.database / "test.ndb").write_text(SIGNATURES["test.ndb"])

    def send(self, message: bytes) -> smtp.Answer:
        return smtp.send(self.postfix.port, message, "stranger@example.net", [TO])

    def delivered(self) -> list[bytes]:
        new = self.postfix.maildir / "new"
        return [f.read_bytes() for f in new.iterdir()] if new.is_dir() else []


@pytest.fixture(scope="module")
def host(module_world: Path) -> Iterator[Host]:
    if not (build_folder() / "milter-virus" / "milter-virus").exists() or not TESTFILES.is_dir():
        pytest.skip("milter-virus or clamav-testfiles is not there")
    host = Host(module_world)
    host.milter.start()
    host.postfix.start()
    yield host
    host.postfix.stop()
    assert host.milter.stop() == 0


def test_every_testfile_is_refused(host: Host) -> None:
    files = sorted(TESTFILES.iterdir())
    assert len(files) == 44
    for file in files:
        for encoding in ("base64", "quoted-printable", "x-uuencode"):
            answer = host.send(letter(file.read_bytes(), encoding, file.name))
            assert answer.code == 550 and "Clam.Test" in answer.text, (file.name, encoding, str(answer))
    assert not host.delivered()


def test_clean_mail_is_delivered(host: Host) -> None:
    assert host.send(b"X-Virus-Status: Infected\n" + CLEAN).code == 250
    wait_for(lambda: len(host.delivered()) == 1, "a mail")
    [mail] = host.delivered()
    assert b"\nX-Virus-Status: Clean\n" in mail and b"Infected" not in mail


def test_a_large_message(host: Host) -> None:
    before = len(host.delivered())
    assert host.send(letter(os.urandom(20_000_000))).code == 250
    wait_for(lambda: len(host.delivered()) == before + 1, "the large mail")


def test_a_dead_filter_defers(host: Host) -> None:
    """Nothing passes unscanned while it is away, and all goes on when it is back."""
    assert host.milter.stop() == 0
    assert host.send(letter(EICAR)).code == 451
    host.milter.start()
    assert host.send(letter(EICAR)).code == 550
