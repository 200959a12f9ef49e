"""Wrong versions, missing modules and nonsense in the configuration: what Dovecot insists on, and what we put up with;
and what the settings do."""

from __future__ import annotations

import imaplib
import shutil
from pathlib import Path

import pytest
from conftest import MakePlace, message

from servers.imap import Dovecot, Edition, Setup, append, command, move, select
from servers.process import ServerError, wait_for

NONSENSE = {"rate": "many", "window": "0", "append": "perhaps", "keywords": "2", "size_max": "4 elephants",
            "queue_max": "-1", "logout_wait_ms": "99999999"}


def cannot_log_in(dovecot: Dovecot) -> None:
    """The session ends before its first command."""
    with pytest.raises((OSError, imaplib.IMAP4.error)):
        session = dovecot.login("u")
        session.noop()


def test_nonsense_costs_a_warning(make_place: MakePlace) -> None:
    place = make_place(settings=NONSENSE)
    place.fill("INBOX", "one")
    place.move("INBOX", "1", "Junk")
    assert place.lessons(1) == [("s", "one")]
    for name in NONSENSE:
        place.logged(f"Warning: gatepost_learn_{name} = .* is not a value")


def test_without_notify(make_place: MakePlace) -> None:
    """notify is forgotten in mail_plugins: logins and moves go on, the log says what is missing."""
    place = make_place(names=("gatepost_learn",))
    place.fill("INBOX", "one")
    place.move("INBOX", "1", "Junk")
    assert place.count("Junk") == 1
    place.logged("the plugin notify is not loaded, nothing is learned")
    assert place.dovecot.references(place.user) == []


def patched(dovecot: Dovecot, name: str) -> None:
    """Gives a module the version of another Dovecot."""
    path = dovecot.folder / "modules" / name
    raw = path.read_bytes()
    old, new = (b"2.4.ABIv", b"2.9.ABIv") if dovecot.edition.is_24 else (b"2.3.ABIv", b"2.2.ABIv")
    assert old in raw
    path.write_bytes(raw.replace(old, new))


def test_another_abi(edition: Edition, world: Path) -> None:
    """A module that was built for another Dovecot: Dovecot refuses the login, and names the module.  It insists."""
    dovecot = Dovecot(world, edition)
    patched(dovecot, "lib95_gatepost_learn_plugin.so")
    dovecot.start()
    try:
        cannot_log_in(dovecot)
        wait_for(lambda: bool(dovecot.log_lines("gatepost_learn_plugin.*different ABI version")), "its complaint")
    finally:
        dovecot.stop()


def test_a_missing_module(edition: Edition, world: Path) -> None:
    """mail_plugins names it and it is not there: the same."""
    dovecot = Dovecot(world, edition)
    (world / "modules" / "lib95_gatepost_learn_plugin.so").unlink()
    dovecot.start()
    try:
        cannot_log_in(dovecot)
        wait_for(lambda: bool(dovecot.log_lines("Plugin 'gatepost_learn' not found")), "its complaint")
    finally:
        dovecot.stop()


def test_a_missing_settings_module(edition: Edition, world: Path) -> None:
    if not edition.is_24:
        pytest.skip("2.3 has no modules of settings")
    dovecot = Dovecot(world, edition)
    (world / "modules" / "settings" / "libgatepost_learn_settings.so").unlink()
    with pytest.raises(ServerError, match="Unknown setting: gatepost_learn_socket"):
        dovecot.start()


def test_modules_without_the_plugin(edition: Edition, world: Path) -> None:
    """Installed and not switched on: nothing changes."""
    dovecot = Dovecot(world, edition, Setup(names=()))
    dovecot.start()
    try:
        with dovecot.session("u") as session:
            append(session, "INBOX", message("one"))
            move(session, "INBOX", "1", "Junk")
        assert dovecot.references("u") == []
    finally:
        dovecot.stop()


def test_names_are_the_fallback(make_place: MakePlace) -> None:
    """No SPECIAL-USE anywhere: folders are known by their names."""
    place = make_place(special_use=False, settings={"junk_names": "Junk, Lixo Eletronico", "trash_names": "Trash,Lixeira"})
    with place.dovecot.session(place.user) as session:
        session.create('"Lixo Eletronico"')
        session.create("Lixeira")
        append(session, "INBOX", *(message(f"m{i}") for i in range(3)))
        move(session, "INBOX", "1", "Junk")
        move(session, "INBOX", "2", "Lixo Eletronico")
        assert place.lessons(2) == [("s", "m0"), ("s", "m1")]
        move(session, "Lixo Eletronico", "1", "Junk")
        move(session, "Junk", "1", "Lixeira")
        move(session, "Junk", "2", "INBOX")
        assert place.lessons(3)[2] == ("h", "m1")
        move(session, "Lixeira", "1", "Junk")
        assert place.lessons(4)[3] == ("s", "m0")


def test_special_use_without_a_name(make_place: MakePlace, edition: Edition) -> None:
    """The folder is called otherwise; what is called Junk then is a folder by that name all the same."""
    box = ("mailbox Werbung {\n    special_use = \\Junk\n    auto = create\n  }\n  mailbox Weg {\n    special_use = \\Trash\n"
           "    auto = create\n  }\n")
    place = make_place(special_use=False, extra=f"namespace inbox {{\n  {box}}}\n")
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("one"))
        move(session, "INBOX", "1", "Werbung")
        assert place.lessons(1) == [("s", "one")]
        move(session, "Werbung", "1", "Weg")
        move(session, "Weg", "1", "Werbung")
        assert place.lessons(2) == [("s", "one"), ("s", "one")]
        assert place.taught[1].flags == 2


def test_append_that_teaches(make_place: MakePlace) -> None:
    place = make_place(settings={"append": "spam"})
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("inbox"))
        append(session, "Junk", message("one"), message("two"))
        assert place.lessons(2) == [("s", "one"), ("s", "two")]


def test_keywords(make_place: MakePlace) -> None:
    place = make_place(settings={"keywords": "yes"})

    def flags(folder: str) -> bytes:
        select(session, folder)
        return session.fetch("1", "(FLAGS)")[1][0]

    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("one"))
        move(session, "INBOX", "1", "Junk")
        place.lessons(1)
        wait_for(lambda: b"$Junk" in flags("Junk"), "keyword")
        assert b"\\Seen" not in flags("Junk")
        move(session, "Junk", "1", "INBOX")
        place.lessons(2)
        wait_for(lambda: b"$NotJunk" in flags("INBOX"), "keyword")
        assert b"$Junk" not in flags("INBOX").replace(b"$NotJunk", b"")


def test_other_services(make_place: MakePlace) -> None:
    """Moves of a service that is not listed teach nothing."""
    place = make_place(settings={"services": "submission, managesieve"})
    place.fill("INBOX", "one")
    place.move("INBOX", "1", "Junk")
    place.ended()
    assert place.taught == [] and place.dovecot.references(place.user) == []


def test_mails_elsewhere_than_their_indexes(make_place: MakePlace, edition: Edition) -> None:
    """INDEX in another folder: the references stand there; a namespace with a prefix and '.' as separator."""
    extra = ("mail_index_path = %{home}/indexes\n" if edition.is_24 else "mail_location = maildir:~/Maildir:INDEX=~/indexes\n")
    place = make_place(extra=extra)
    place.learn.stop()
    place.fill("INBOX", "one")
    place.move("INBOX", "1", "Junk")
    assert (place.dovecot.home(place.user) / "indexes" / "dovecot-gatepost-learn").stat().st_size == 64


def test_a_namespace_with_a_prefix(make_place: MakePlace, edition: Edition) -> None:
    """Courier's way: INBOX.Junk; the names of the settings are without the prefix."""
    extra = "namespace inbox {\n  prefix = INBOX.\n  separator = .\n}\n"
    place = make_place(extra=extra, special_use=False)
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("one"))
        session.create("INBOX.Junk.old")
        move(session, "INBOX", "1", "INBOX.Junk.old")
        assert place.lessons(1) == [("s", "one")]
        move(session, "INBOX.Junk.old", "1", "INBOX")
        assert place.lessons(2)[1] == ("h", "one")


VIRTUAL_23 = """\
namespace virtual {
  prefix = virtual/
  separator = /
  location = virtual:%h/virtual
}
"""
VIRTUAL_24 = """\
namespace virtual {
  prefix = virtual/
  separator = /
  mail_driver = virtual
  mail_path = %{home}/virtual
}
"""


def test_virtual_folders(make_place: MakePlace, edition: Edition) -> None:
    """A view of all folders: the folder behind each message decides; from Junk through the view to Junk is nothing."""
    place = make_place(plugins=("virtual",), extra=VIRTUAL_24 if edition.is_24 else VIRTUAL_23)
    view = place.dovecot.home(place.user) / "virtual" / "all"
    view.mkdir(parents=True)
    (view / "dovecot-virtual").write_text("INBOX\nJunk\nTrash\n  all\n")
    for folder in (view.parent, view, view / "dovecot-virtual"):
        shutil.chown(folder, "mail", "mail")
    with place.dovecot.session(place.user) as session:
        append(session, "INBOX", message("wanted"))
        append(session, "Junk", message("unwanted"))
        session.create("Archive")
        assert select(session, "virtual/all") == 2

        def uid(subject: str) -> str:
            select(session, "virtual/all")
            return session.uid("SEARCH", "SUBJECT", f'"{subject}"')[1][0].decode()

        command(session, "COPY", uid("unwanted")[-1:], "Archive")
        assert place.lessons(1)[0][0] == "h"
        where = {uid(s).split()[0]: s for s in ("wanted", "unwanted")}
        for number, subject in where.items():
            select(session, "virtual/all")
            command(session, "COPY", number, "Junk")
        lessons = place.lessons(2)
        assert len(lessons) == 2 and lessons[1][0] == "s"


def test_a_public_namespace(make_place: MakePlace, edition: Edition, world: Path) -> None:
    """Folders that several users share: who moves is who teaches."""
    location = ("mail_driver = maildir\n  mail_path = {0}" if edition.is_24 else "location = maildir:{0}").format(world / "0" / "public")
    extra = f"namespace public {{\n  type = public\n  prefix = Public/\n  separator = /\n  subscriptions = no\n  {location}\n}}\n"
    place = make_place(extra=extra)
    public = world / "0" / "public"
    public.mkdir()
    shutil.chown(public, "mail", "mail")
    with place.dovecot.session(place.user) as session:
        session.create("Public/Junk")
        session.create("Public/Team")
        append(session, "INBOX", message("one"))
        move(session, "INBOX", "1", "Public/Junk")
        assert place.lessons(1) == [("s", "one")]
        move(session, "Public/Junk", "1", "Public/Team")
        assert place.lessons(2)[1] == ("h", "one")
        assert place.taught[1].origin == "Public/Team/1"
    assert {t.user for t in place.learn.taught} == {place.user}
