"""milter-virus behind a real Postfix, chrooted as Debian has it: ClamAV's test files, each action as Postfix carries it out,
clean mail, a filter that is away."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from servers import smtp
from servers.milter import USER, MilterVirus, Value, build_folder, merged
from servers.postfix import Postfix
from servers.process import wait_for
from servers.virusmail import CLEAN, EICAR, ENCODINGS, FOR_TEXT, SIGNATURES, TESTFILES, clam_exe, forwarded, hdb, letter, zipped

TO = "alice@local.example.org"  # Postfix's own delivery
SENDER = "stranger@example.net"
# clam_cache_emax.tgz is as deep as the default allows by itself; each mail around it adds a level.
SETTINGS: dict[str, Value] = {"max_recursion": 25, "cache_size": 0, "reject_text": "We want no %v here, 100%%"}


class Host:
    """Postfix with milter-virus; the filter's actions are set anew by acting()."""

    def __init__(self, folder: Path) -> None:
        self.postfix = Postfix(folder / "postfix")
        self.default_action("tempfail")
        self.milter = MilterVirus(folder / "gatepost", self.postfix.queue / "gatepost" / "virus.sock", {"milter-virus": SETTINGS})
        (self.milter.database / "clam.hdb").write_text(hdb("Clam.Test", clam_exe()))
        (self.milter.database / "test.ndb").write_text(SIGNATURES["test.ndb"])
        self.kept = folder / "quarantine"
        self.kept.mkdir()
        shutil.chown(self.kept, USER)

    def default_action(self, action: str) -> None:
        self.postfix.configure({
            "smtpd_milters": "unix:gatepost/virus.sock", "non_smtpd_milters": "unix:gatepost/virus.sock",
            "milter_default_action": action, "message_size_limit": "100000000",
            "in_flow_delay": "0"})  # it waits a second for each message where many come in and none is delivered

    @contextmanager
    def acting(self, action: str) -> Iterator[None]:
        """The action where a virus is found, and the folder for quarantine."""
        self.restart({"quarantine": str(self.kept), "actions": {"virus": action}})
        try:
            yield
        finally:
            self.restart({})

    def restart(self, settings: Mapping[str, Value]) -> None:
        assert self.milter.stop() == 0
        self.milter.configure({"milter-virus": merged(SETTINGS, settings)})
        self.milter.start()

    def send(self, message: bytes, options: tuple[str, ...] = ()) -> smtp.Answer:
        return smtp.send(self.postfix.port, message, SENDER, [TO], options=options)

    def receive(self, message: bytes) -> bytes:
        """Sends what is to be delivered, and gives it back as it was."""
        mark = str(uuid.uuid4()).encode()
        answer = self.send(b"X-Mark: " + mark + b"\n" + message)
        assert answer.code == 250, str(answer)
        self.postfix.wait_delivered(answer.queue_id)
        [mail] = [mail for mail in self.delivered() if mark in mail]
        return mail

    def delivered(self) -> list[bytes]:
        return [file.read_bytes() for file in self.postfix.maildir.glob("new/*")]

    def held(self) -> list[str]:
        """The queue ids in the hold queue."""
        return [file.name for file in (self.postfix.queue / "hold").rglob("*") if file.is_file()]


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


def fields(mail: bytes, name: str) -> list[str]:
    return [value.decode() for value in re.findall(rb"(?im)^" + name.encode() + rb":[ \t]*(.*)$", mail.split(b"\n\n")[0])]


def refuse_all(host: Host, letters: Mapping[str, bytes], signature: str) -> None:
    """Each is refused with the text of the settings, over several connections at once, and none gets through."""
    before = len(host.delivered())
    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip(letters, pool.map(host.send, letters.values())))
    wanted = f"550 5.7.1 We want no {signature}.UNOFFICIAL here, 100%"
    assert {name: str(answer) for name, answer in answers.items() if str(answer) != wanted} == {}
    assert len(host.delivered()) == before and host.postfix.queue_ids() == []


@pytest.mark.parametrize("encoding", [e for e in ENCODINGS if e not in FOR_TEXT])
def test_every_testfile_is_refused(host: Host, encoding: str) -> None:
    files = sorted(TESTFILES.iterdir())
    assert len(files) == 44
    refuse_all(host, {file.name: letter(file.read_bytes(), encoding, file.name) for file in files}, "Clam.Test")


def test_every_testfile_is_refused_in_forwarded_mail(host: Host) -> None:
    refuse_all(host, {file.name: forwarded(letter(file.read_bytes(), "base64", file.name), 2)
                      for file in TESTFILES.iterdir()}, "Clam.Test")


def test_eicar_is_refused(host: Host) -> None:
    """In each encoding, in archives, in mail within mail, and as the text itself."""
    letters = {encoding: letter(EICAR, encoding) for encoding in ENCODINGS}
    letters |= {f"{encoding}, forwarded": forwarded(message, 3) for encoding, message in letters.items()}
    letters |= {"zip": letter(zipped(EICAR, times=3)), "text": CLEAN + EICAR + b"\n"}
    refuse_all(host, letters, "Test.Eicar")
    assert host.send(letter(EICAR, "8bit"), ("BODY=8BITMIME",)).code == 550


def test_mail_of_local_programs(host: Host) -> None:
    """sendmail(1) knows no refusal: what is found is not delivered all the same."""
    before = len(host.delivered())
    host.postfix.sendmail(letter(EICAR), SENDER, [TO])
    host.postfix.wait_log(r"milter-reject: END-OF-MESSAGE from localhost")
    wait_for(lambda: host.postfix.queue_ids() == [], "an empty queue")
    assert len(host.delivered()) == before


def test_clean_mail_is_delivered(host: Host) -> None:
    forged = b"X-Virus-Status: Infected (Forged)\nx-virus-scanned: by nobody\nX-VIRUS-STATUS:\n Forged\n"
    mail = host.receive(forged + CLEAN)
    assert fields(mail, "X-Virus-Status") == ["Clean"]
    [scanned] = fields(mail, "X-Virus-Scanned")
    assert scanned.startswith("gatepost milter-virus ") and scanned.endswith(" at mx.example.org")
    assert b"Forged" not in mail and b"nobody" not in mail
    assert mail.endswith(CLEAN.split(b"\n\n", 1)[1])


def test_a_large_message(host: Host) -> None:
    assert fields(host.receive(letter(os.urandom(20_000_000))), "X-Virus-Status") == ["Clean"]


def test_hold(host: Host) -> None:
    with host.acting("hold"):
        answer = host.send(letter(EICAR))
        assert answer.code == 250 and host.held() == [answer.queue_id]
        host.postfix.release(answer.queue_id)
        host.postfix.wait_delivered(answer.queue_id)
        assert host.held() == []
        assert any(fields(mail, "X-Virus-Status") == ["Infected (Test.Eicar.UNOFFICIAL)"] for mail in host.delivered())


def test_quarantine(host: Host) -> None:
    with host.acting("quarantine"):
        before = len(host.delivered())
        assert host.send(letter(EICAR)).code == 250
        wait_for(lambda: len(list(host.kept.glob("*.eml"))) == 1, "a message in quarantine")
        [message], [told] = host.kept.glob("*.eml"), host.kept.glob("*.json")
        description = json.loads(told.read_text())
        assert (description["from"], description["to"], description["name"]) == (SENDER, [TO], "Test.Eicar.UNOFFICIAL")
        assert description["queue_id"] in message.name
        assert EICAR not in message.read_bytes() and fields(message.read_bytes(), "Subject") == ["See attachment\r"]
        assert host.postfix.queue_ids() == [] and len(host.delivered()) == before


def test_discard(host: Host) -> None:
    with host.acting("discard"):
        before = len(host.delivered())
        assert host.send(letter(EICAR)).code == 250
        assert host.postfix.queue_ids() == [] and len(host.delivered()) == before


def test_a_filter_that_is_away(host: Host) -> None:
    """Postfix does its milter_default_action: defers, or lets pass; all goes on when the filter is back."""
    assert host.milter.stop() == 0
    assert host.send(letter(EICAR)).code == 451
    host.default_action("accept")
    host.postfix.reload()
    try:
        assert fields(host.receive(CLEAN), "X-Virus-Status") == []
    finally:
        host.default_action("tempfail")
        host.postfix.reload()
        host.milter.start()
    assert host.send(letter(EICAR)).code == 550
