"""gatepost ratelimit: list, show, reset, block, release; with the daemon, and what is left without it."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import StartPolicyd
from servers.milter import Value, build_folder, merged
from servers.policyd import Policyd

ACCOUNT = "joe@example.org"
LIMITS: dict[str, Value] = {"policyd-ratelimit": {"limits": {
    "burst": {"count": "recipients", "by": ["sasl_username"], "windows": ["4 per 1h", "100 per 1d"], "action": "reject",
              "contain": "1h"},
    "pair": {"count": "messages", "by": ["sasl_username", "client_address"], "windows": ["50 per 1h"]}}}}


@pytest.fixture
def policyd(start_policyd: StartPolicyd) -> Policyd:
    return start_policyd(LIMITS)


def command(policyd: Policyd, *args: str, status: int = 0, path: Path | None = None,
            user: str = "") -> subprocess.CompletedProcess[str]:
    """Runs `gatepost ratelimit …`; `path`: a folder of programs before the others."""
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"} if path else None
    argv = [str(build_folder() / "cli" / "gatepost"), "-c", str(policyd.config), "ratelimit", *args]
    if user:
        argv = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups", *argv]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=env, stdin=subprocess.DEVNULL)
    assert done.returncode == status, done.stderr
    return done


def rows(policyd: Policyd, *args: str, status: int = 0, path: Path | None = None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command(policyd, *args, "--json", status=status, path=path).stdout.splitlines()]


def send(policyd: Policyd, n: int, account: str = ACCOUNT) -> None:
    with policyd.client() as client:
        client.ask("DATA")
        for i in range(n):
            client.ask("RCPT", sasl_username=account, instance=f"{account}.{i}")


def held(policyd: Policyd, *ids: str) -> None:
    with policyd.client() as client:
        for i in ids:
            assert str(client.ask("DATA", sasl_username=ACCOUNT, queue_id=i, instance=i)).startswith("HOLD")


def test_list_shows_the_fullest_limits_first(policyd: Policyd) -> None:
    assert command(policyd, "list").stdout == "Nothing is contained.\n\nNothing is counted.\n"
    send(policyd, 3)
    send(policyd, 1, "ann@example.org")
    lines = command(policyd, "list").stdout.splitlines()
    at = lines.index("Limits, the fullest first:")
    assert lines[0] == "Nothing is contained."
    assert lines[at + 1].split() == ["LIMIT", "KEY", "USED", "MAX", "SHARE", "WINDOW", "ROOM", "IN"]
    assert lines[at + 2].split() == ["burst", ACCOUNT, "3", "4", "75", "%", "1h", "now"]
    assert lines[at + 3].split()[:4] == ["burst", "ann@example.org", "1", "4"]
    assert len(rows(policyd, "list", "-n", "1")) == 1
    command(policyd, "list", "-n", "0", status=64)


def test_show_tells_all(policyd: Policyd) -> None:
    send(policyd, 6)
    held(policyd, "4fXw2k6c1Zz1q")
    text = command(policyd, "show", ACCOUNT).stdout
    for part in ("Contained:", "sasl_username", "more than 4 recipients in 1h", "Limits, the fullest first:", f"{ACCOUNT}|192.0.2.1",
                 "What was done:", "rule=burst", "Last messages held:", "queue_id=4fXw2k6c1Zz1q"):
        assert part in text, text
    assert {row["type"] for row in rows(policyd, "show", f"sasl_username:{ACCOUNT}")} == {"contained", "limit", "change", "held"}
    assert command(policyd, "show", "nobody@example.org").stdout == "It is not contained.\n\nNothing is counted.\n\n"
    for wrong in ((), ("a", "b"), ("",)):
        command(policyd, "show", *wrong, status=64)


def test_an_address_is_found_in_its_network(start_policyd: StartPolicyd) -> None:
    """What stands in Postfix's log is the address; what is counted, and contained, its network."""
    policyd = start_policyd({"policyd-ratelimit": {"limits": {
        "a": {"by": ["client_address"], "windows": ["2 per 1h"], "contain": "1h"},
        "b": {"by": ["client_address/24/48"], "windows": ["9 per 1h"]}}}})
    with policyd.client() as client:
        for i in range(4):
            client.ask("DATA", instance=f"6.{i}", client_address="2001:db8::5")
        client.ask("DATA", instance="4", client_address="192.0.2.77")
    text = command(policyd, "show", "2001:db8::5").stdout
    for part in ("Contained:", "2001:db8::/64", "2001:db8::/48"):
        assert part in text, text
    text = command(policyd, "show", "192.0.2.77").stdout
    assert "It is not contained." in text and "192.0.2.0/24" in text and "2001" not in text, text
    assert "Nothing is counted." in command(policyd, "show", "192.0.3.77").stdout
    assert "it is not contained, but 2001:db8::/64 is" in command(policyd, "release", "2001:db8::5", status=65).stderr
    command(policyd, "release", "2001:db8::/64")


def test_an_override_is_shown(start_policyd: StartPolicyd, world: Path) -> None:
    (world / "overrides").write_text(f"{ACCOUNT} 8 per 1h\n")
    burst: dict[str, Value] = {"count": "recipients", "by": ["sasl_username"], "windows": ["4 per 1h"],
                               "overrides": str(world / "overrides")}
    policyd = start_policyd({"policyd-ratelimit": {"limits": {"burst": burst}}})
    send(policyd, 5)
    assert "(else 4)" in command(policyd, "show", ACCOUNT).stdout


def test_block_reset_and_release(policyd: Policyd) -> None:
    assert "2001:db8::/32" in command(policyd, "block", "2001:DB8::/32", "--for", "2h", "--reason", "odd one").stdout
    row = rows(policyd, "list")[0]
    assert (row["kind"], row["reason"], row["until"] - row["since"]) == ("client_address", "odd one", 7200)
    assert command(policyd, "release", "2001:db8::/32").stdout.startswith("It is not contained any more.\n")
    command(policyd, "release", "2001:db8::/32", status=65)
    send(policyd, 3)
    assert command(policyd, "reset", ACCOUNT).stdout == "3 counts are forgotten.\n"
    assert rows(policyd, "list") == []
    for wrong in (("block", "x", "--for", "soon"), ("block", "x", "--action", "eat"), ("block", "x\ny")):
        command(policyd, *wrong, status=64)
    command(policyd, "block", "client:nonsense", status=65)


def fake_postfix(folder: Path, queue: list[dict[str, str]]) -> Path:
    """postqueue and postsuper that only pretend; what postsuper is given goes to `released`."""
    folder.mkdir()
    (folder / "queue").write_text("".join(json.dumps(m) + "\n" for m in queue))
    for name, text in (("postqueue", f"cat {folder}/queue"), ("postsuper", f'echo "$@" >>{folder}/released; cat >>{folder}/released')):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return folder


def test_release_prints_what_is_still_held(policyd: Policyd, world: Path) -> None:
    send(policyd, 6)
    held(policyd, "A1", "A2", "A3")
    path = fake_postfix(world / "postfix", [
        {"queue_name": "hold", "queue_id": "A1", "sender": ACCOUNT}, {"queue_name": "active", "queue_id": "A2", "sender": ACCOUNT},
        {"queue_name": "hold", "queue_id": "B1", "sender": ACCOUNT}, {"queue_name": "hold", "queue_id": "A3", "sender": "other@x"}])
    text = command(policyd, "release", ACCOUNT, "--reset", path=path).stdout
    assert sorted(line.strip() for line in text.splitlines() if "postsuper" in line) == ["postsuper -H A1", "postsuper -H A3"]
    assert not (path / "released").exists()  # nobody said yes
    assert "1 more from this sender are held, by policyd-ratelimit at RCPT or by somebody else: B1\n" in text
    # The containment is gone, the mail still held: asked again, it is told again.
    again = rows(policyd, "release", ACCOUNT, status=65, path=path)
    assert {row["queue_id"] for row in again if row["type"] == "to_release"} == {"A1", "A3"}
    command(policyd, "release", ACCOUNT, "--yes", status=65, path=path)
    given = (path / "released").read_text().split()
    assert given[:2] == ["-H", "-"] and set(given[2:]) == {"A1", "A3"}


def test_only_root_has_it_released(start_policyd: StartPolicyd, world: Path) -> None:
    """Whoever may use the control socket may release the key; the mail is for root."""
    policyd = start_policyd(merged(LIMITS, {"policyd-ratelimit": {"control_group": "nogroup"}}))
    send(policyd, 6)
    held(policyd, "A1")
    path = fake_postfix(world / "postfix", [{"queue_name": "hold", "queue_id": "A1", "sender": ACCOUNT}])
    path.chmod(0o777)
    done = command(policyd, "release", ACCOUNT, "--yes", path=path, user="nobody", status=77)
    assert "postsuper -H A1" in done.stdout
    assert not (path / "released").exists()


def test_the_control_socket_is_the_programs_user(policyd: Policyd) -> None:
    """Root started it; the user it goes on as, and whose unit may start it too, has the socket all the same."""
    send(policyd, 6)
    assert command(policyd, "list", user="nobody")
    assert policyd.control.owner() == "nobody"


def test_without_postfix_the_noted_ids_are_printed(policyd: Policyd, world: Path) -> None:
    send(policyd, 6)
    held(policyd, "A1")
    broken = world / "broken"
    broken.mkdir()
    (broken / "postqueue").write_text("#!/bin/sh\nexit 3\n")
    (broken / "postqueue").chmod(0o755)
    done = command(policyd, "release", ACCOUNT, path=broken)
    assert "postsuper -H A1" in done.stdout and "postqueue failed (status 3)" in done.stderr


def test_other_hosts_mail_is_theirs(policyd: Policyd) -> None:
    assert socket.gethostname() in {row["host"] for row in rows(policyd, "block", "x@example.org")}


def test_without_the_daemon_the_store_is_read(policyd: Policyd) -> None:
    send(policyd, 6)
    held(policyd, "A1")
    for verb in ("block", "release"):
        command(policyd, verb, "ben@example.org")
    policyd.stop()
    done = command(policyd, "list")
    assert "ben@example.org" not in done.stdout
    assert "policyd-ratelimit does not answer" in done.stderr
    assert "Contained:" in done.stdout and f"{ACCOUNT}|192.0.2.1" in done.stdout
    assert {row["type"] for row in rows(policyd, "show", ACCOUNT)} == {"contained", "limit", "change", "held"}
    for verb in ("reset", "block", "release"):
        assert "only a running one changes anything" in command(policyd, verb, ACCOUNT, status=69).stderr


def test_strangers_may_not(policyd: Policyd) -> None:
    assert "Permission denied" in command(policyd, "block", ACCOUNT, status=69, user="daemon").stderr


def test_what_a_stranger_chose_does_no_harm_on_a_terminal(policyd: Policyd) -> None:
    evil = "ev\x1b[31mil\u202e\x7f@example.org"
    with policyd.client() as client:
        for i in range(6):
            client.ask("RCPT", sasl_username=evil, instance=f"{i}")
    text = command(policyd, "list").stdout
    assert "example.org" in text and not set(text) & {"\x1b", "\u202e", "\x7f"}
