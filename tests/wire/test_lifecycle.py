"""Start, reload by SIGUSR1, stop by SIGTERM: no message that reached its end goes without an answer."""

from __future__ import annotations

import ctypes
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from conftest import HAM, MARK, RULES, StartMilter
from load import Load, until
from milterclient import Envelope, MilterError, Result, Session, judge
from servers.milter import MilterSpam, build_folder
from servers.process import ServerError, wait_for


def marks(milter: MilterSpam) -> bool:
    return judge(str(milter.socket), MARK).values("X-Spam") == ["Yes"]


def check(milter: MilterSpam) -> subprocess.CompletedProcess[str]:
    """milter-spam --check on its configuration."""
    program = build_folder() / "milter-spam" / "milter-spam"
    return subprocess.run([program, "-c", milter.config, "--check"], capture_output=True, text=True, timeout=60)


def test_reload_takes_the_new_settings(start: StartMilter) -> None:
    milter = start()
    assert marks(milter)
    milter.configure({"milter-spam": {"thresholds": {"add_header": 10.0}}})
    milter.reload()
    wait_for(lambda: not marks(milter), "new threshold")
    assert milter.process.is_running


def test_reload_takes_new_rules(start: StartMilter) -> None:
    milter = start()
    (milter.rules / "test.cf").write_text(RULES.replace("score    T_MARK    7", "score    T_MARK    1"))
    milter.reload()
    wait_for(lambda: not marks(milter), "new score")


def test_reload_reads_a_new_feed(start: StartMilter) -> None:
    """Wherever it lies, and put in place by a rename, as its comments tell: the daemon has confined itself by then."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        feed, new = Path(folder) / "feed", Path(folder) / "new"
        feed.write_text("http://old.example.com/a/b\n")
        milter = start(rules="loadplugin Mail::SpamAssassin::Plugin::Phishing\nbody T_PHISH eval:check_phishing()\n"
                             f"score T_PHISH 7\nphishing_openphish_feed {feed}\n")
        letter = b"From: a@example.com\r\nSubject: x\r\n\r\nsee http://new.example.com/a/b there\r\n"
        assert judge(str(milter.socket), letter).values("X-Spam") != ["Yes"]
        new.write_text("http://new.example.com/a/b\n")
        new.rename(feed)
        milter.reload_and_wait()
        assert judge(str(milter.socket), letter).values("X-Spam") == ["Yes"]


def test_reload_reads_what_rules_include(start: StartMilter) -> None:
    """Wherever that lies, too."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        included = Path(folder) / "more.cf"
        included.write_text("body T_MORE /old words/\nscore T_MORE 7\n")
        milter = start(rules=f"include {included}\n")
        letter = b"From: a@example.com\r\nSubject: x\r\n\r\nnew words\r\n"
        assert judge(str(milter.socket), letter).values("X-Spam") != ["Yes"]
        included.write_text("body T_MORE /new words/\nscore T_MORE 7\n")
        milter.reload_and_wait()
        assert judge(str(milter.socket), letter).values("X-Spam") == ["Yes"]


@pytest.mark.parametrize("broken", ["milter-spam = {", "no-such-group = { };", 'milter-spam = { thresholds = { reject = "x"; }; };'])
def test_bad_configuration_keeps_the_old(start: StartMilter, broken: str) -> None:
    milter = start()
    milter.config.write_text(broken + "\n")
    before = len(milter.lines())
    milter.reload()
    wait_for(lambda: any("gatepost.conf:1" in line for line in milter.lines()[before:]), "a logged error with file and line")
    assert marks(milter)


@pytest.mark.parametrize("broken", ["milter-spam = {", "no-such-group = { };"])
def test_bad_configuration_at_start(start: StartMilter, broken: str) -> None:
    milter = start()
    milter.stop()
    milter.config.write_text(broken + "\n")
    with pytest.raises(ServerError):
        milter.start()
    assert "gatepost.conf:1" in check(milter).stderr
    assert check(milter).returncode == 78  # EX_CONFIG


def test_check_of_a_good_configuration(start: StartMilter) -> None:
    assert check(start()).returncode == 0


def test_reload_under_load(start: StartMilter) -> None:
    milter = start()
    load = Load(str(milter.socket), MARK)
    for _ in range(5):
        count = len(load.results)
        milter.reload()
        until(lambda: len(load.results) > count + 20, load)
    load.stop()
    assert load.lost == [] and load.refused == 0
    assert all(r.values("X-Spam") == ["Yes"] for r in load.results)


def test_stop_under_load(start: StartMilter) -> None:
    milter = start()
    load = Load(str(milter.socket), MARK)
    until(lambda: len(load.results) > 50, load)
    milter.process.send(signal.SIGTERM)
    status = milter.process.wait()
    load.stop()
    assert status == 0
    for queue_id in load.lost:  # still unread in a socket's buffer when the daemon ended: not judged, so Postfix defers it
        assert milter.lines(rf"qid={queue_id}\b") == []
    assert all(r.values("X-Spam") == ["Yes"] or r.reply.code // 100 == 4 or r.reply.action == "tempfail" for r in load.results)


def test_stop_with_idle_connection(start: StartMilter) -> None:
    milter = start()
    with Session(str(milter.socket)) as session:
        session.open(Envelope())
        assert milter.stop() == 0


def test_message_under_way_at_stop_is_answered(start: StartMilter) -> None:
    """SIGTERM between the last body chunk and the end of message: an answer, or a closed connection that Postfix defers;
    after the end of message only an answer will do (test_stop_under_load)."""
    milter = start()
    envelope = Envelope()
    with Session(str(milter.socket)) as session:
        session.open(envelope)
        session.begin(HAM, envelope)
        milter.process.send(signal.SIGTERM)
        try:
            reply = session.end_of_message(envelope, Result()).reply
            assert reply.action in ("accept", "continue", "tempfail") or reply.code // 100 == 4
        except MilterError:
            pass
    assert milter.process.wait() == 0


def test_stale_socket_is_taken_over(start: StartMilter) -> None:
    milter = start()
    milter.process.kill()
    assert milter.socket.exists()
    milter.start()
    assert marks(milter)


def test_a_signal_that_libmilter_takes(start: StartMilter) -> None:
    """The kernel may give SIGTERM to libmilter's own thread that waits for it: a stop like any other."""
    milter = start()
    pid = milter.process.pid

    def waiting() -> list[int]:
        """Threads besides the first that would take it."""
        found = []
        for task in Path(f"/proc/{pid}/task").iterdir():
            try:
                blocked = int(re.findall(r"SigBlk:\s+(\w+)", (task / "status").read_text())[0], 16)
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
            if int(task.name) != pid and not blocked & 1 << signal.SIGTERM - 1:
                found.append(int(task.name))
        return found

    threads: list[int] = []
    wait_for(lambda: threads.extend(waiting()) or len(threads) > 0, "libmilter's thread for signals")
    assert len(threads) == 1 and ctypes.CDLL(None).tgkill(pid, threads[0], signal.SIGTERM) == 0
    assert milter.process.wait() == 0
    assert milter.lines("stopped$")
