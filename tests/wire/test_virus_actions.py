"""milter-virus: the quarantine folder, exemptions, our own mail, and the mail to the postmaster."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from conftest import StartVirus
from milterclient import ALL_ACTIONS, Envelope, Session, judge
from servers.mailbox import Mailbox
from servers.milter import USER, MilterVirus, Value
from servers.process import wait_for
from servers.virusmail import CLEAN, EICAR, letter

BAD = letter(EICAR)
SMFIF_QUARANTINE = 0x20
ALICE = dataclasses.replace(Envelope(), macros={"{auth_authen}": "alice", "{auth_type}": "PLAIN"})


@pytest.fixture
def folder(world: Path) -> Path:
    place = world / "quarantine"
    place.mkdir()
    shutil.chown(place, USER)
    return place


def test_quarantine(start_virus: StartVirus, folder: Path) -> None:
    milter = start_virus({"milter-virus": {"quarantine": str(folder), "actions": {"virus": "quarantine"}}})
    envelope = Envelope(queue_id="4Quarantn").to("alice@example.org", "bob@example.org")
    assert judge(str(milter.socket), BAD, envelope).reply.action == "discard"
    assert judge(str(milter.socket), CLEAN).reply.action in ("accept", "continue")
    files = sorted(folder.iterdir())
    assert [file.suffix for file in files] == [".eml", ".json"]
    assert all(file.stat().st_mode & 0o777 == 0o640 and "-4Quarantn" in file.name for file in files)
    assert files[0].read_bytes().replace(b"\r\n", b"\n") == BAD
    told = json.loads(files[1].read_text())
    assert (told["queue_id"], told["from"], told["name"]) == ("4Quarantn", "stranger@example.net", "Test.Eicar.UNOFFICIAL")
    assert told["to"] == ["alice@example.org", "bob@example.org"]
    assert milter.verdict("4Quarantn")["action"] == "quarantine"


def test_what_is_not_there_whole_is_held(start_virus: StartVirus, folder: Path) -> None:
    """The folder is no place for the beginning of a message; where it is instead is told."""
    milter = start_virus({"milter-virus": {"quarantine": str(folder), "size_max": "4K", "actions": {"virus": "quarantine"}}})
    result = judge(str(milter.socket), BAD + b"x" * 10000, Envelope(queue_id="4Partonlyx"))
    assert "Test.Eicar" in result.quarantine and not list(folder.iterdir())
    assert milter.verdict("4Partonlyx")["action"] == "hold"


def test_what_cannot_be_kept_is_deferred(start_virus: StartVirus, folder: Path) -> None:
    milter = start_virus({"milter-virus": {"quarantine": str(folder), "actions": {"virus": "quarantine"}}})
    folder.chmod(0o500)
    assert judge(str(milter.socket), BAD).reply.code == 451
    assert milter.lines("quarantine: .*(denied|permitted)")
    assert not list(folder.iterdir())


def test_messages_of_one_name_are_both_kept(start_virus: StartVirus, folder: Path) -> None:
    """An MTA may use a queue id again at once: neither message nor description takes the place of another's."""
    milter = start_virus({"milter-virus": {"quarantine": str(folder), "actions": {"virus": "quarantine"}}})
    for _ in range(5):
        assert judge(str(milter.socket), BAD, Envelope(queue_id="4Quarantn")).reply.action == "discard"
    suffixes = sorted(file.suffix for file in folder.iterdir())
    assert suffixes == [".eml"] * 5 + [".json"] * 5


def test_what_is_not_held_is_deferred(start_virus: StartVirus) -> None:
    """An MTA that does not offer to hold messages gets no infected one back as if nothing were."""
    milter = start_virus({"milter-virus": {"actions": {"virus": "hold"}}})
    assert judge(str(milter.socket), BAD).quarantine
    with Session(str(milter.socket), actions=ALL_ACTIONS & ~SMFIF_QUARANTINE) as session:
        session.open(Envelope())
        assert session.transfer(BAD, Envelope()).reply.code == 451


def test_quarantine_needs_a_folder(start_virus: StartVirus) -> None:
    with pytest.raises(Exception, match="quarantine"):
        start_virus({"milter-virus": {"actions": {"virus": "quarantine"}}})


def refused(milter: MilterVirus, envelope: Envelope = Envelope()) -> bool:
    return judge(str(milter.socket), BAD, envelope).reply.code == 550


def test_exemptions(start_virus: StartVirus, world: Path) -> None:
    maps = {}
    for name, text in (("accounts", "alice\n"), ("senders", "scanner@example.net\n@lab.example.net\n"),
                       ("recipients", "abuse@example.org\n@samples.example.org\n")):
        (world / name).write_text(text)
        maps[name] = str(world / name)
    milter = start_virus({"milter-virus": {"exempt": {"clients": ["203.0.113.0/24"], **maps}}})
    stranger = Envelope()
    assert refused(milter)
    assert not refused(milter, dataclasses.replace(stranger, address="203.0.113.9"))
    assert not refused(milter, ALICE)
    assert refused(milter, dataclasses.replace(ALICE, macros={"{auth_authen}": "bob"}))
    assert not refused(milter, dataclasses.replace(stranger, sender="scanner@example.net"))
    assert not refused(milter, dataclasses.replace(stranger, sender="any@lab.example.net"))
    assert not refused(milter, stranger.to("abuse@example.org", "x@samples.example.org"))
    assert refused(milter, stranger.to("abuse@example.org", "bob@example.org"))
    passed = judge(str(milter.socket), BAD, dataclasses.replace(stranger.to("abuse@example.org"), queue_id="4Exemptxx"))
    assert passed.value("X-Virus-Status") == "Not scanned (exempt)"
    assert milter.verdict("4Exemptxx")["outcome"] == "exempt"


def test_our_own_mail(start_virus: StartVirus) -> None:
    milter = start_virus({"networks": {"own": ["203.0.113.0/24"]},
                          "milter-virus": {"actions": {"virus": "mark"}, "outbound": {"virus": "reject"}}})
    assert not refused(milter)
    assert refused(milter, ALICE)
    assert refused(milter, dataclasses.replace(Envelope(), address="203.0.113.9"))
    same = start_virus({"milter-virus": {"actions": {"virus": "tempfail"}}})
    assert judge(str(same.socket), BAD, ALICE).reply.code == 451


def test_the_postmaster_is_told(start_virus: StartVirus) -> None:
    mailbox = Mailbox()

    def telling(per_hour: int) -> dict[str, Value]:
        return {"milter-virus": {"notify": {"to": ["postmaster@example.org"], "smtp": mailbox.address, "per_hour": per_hour}}}

    milter = start_virus(telling(2))
    strange = dataclasses.replace(Envelope(), sender="a\nBcc: x@example.net", queue_id="4Notifyxx")
    for _ in range(5):
        assert refused(milter, strange)
    judge(str(milter.socket), CLEAN)
    wait_for(lambda: len(mailbox.messages) == 2, "two mails")
    text = mailbox.messages[0].replace("\r\n", "\n")
    assert "To: postmaster@example.org\n" in text and "Subject: virus filter: Test.Eicar.UNOFFICIAL\n" in text
    assert "Auto-Submitted: auto-generated\n" in text
    assert "4Notifyxx" in text and "\\x0A" in text and "\nBcc:" not in text
    assert milter.counted("gatepost_virus_notifications_total", 'result="limited"') == 3
    milter.configure(telling(10))  # as if an hour had passed
    milter.reload_and_wait()
    assert refused(milter, strange)
    wait_for(lambda: len(mailbox.messages) == 3, "another mail")
    assert "3 more since the last mail were not told: milter-virus.notify.per_hour is 10." in mailbox.messages[2]
    assert refused(milter, strange)
    wait_for(lambda: len(mailbox.messages) == 4, "another mail")
    assert "not told" not in mailbox.messages[0] + mailbox.messages[3]


def test_a_mail_server_that_is_away_holds_nobody_up(start_virus: StartVirus) -> None:
    mailbox = Mailbox()
    mailbox.refuses = True
    milter = start_virus({"milter-virus": {"notify": {"to": ["postmaster@example.org"], "smtp": mailbox.address}}})
    for _ in range(3):
        assert refused(milter)
    milter.wait_line("notification: .*once more")
    assert refused(milter)
