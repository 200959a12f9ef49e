"""New rules by SIGUSR1: no message is lost or waits, broken files leave the old rules in force, bad lines cost their rule only."""

from __future__ import annotations

import subprocess
import threading

import pytest

from conftest import HAM, MARK, RULES, StartMilter
from milterclient import Envelope, MilterError, judge
from servers.milter import MilterSpam, build_folder
from servers.process import wait_for

ROUNDS, SENDERS = 12, 4


def generation_rules(number: int) -> str:
    """Every message hits the symbol of the generation that judged it, and nothing of another one."""
    return RULES + f"header T_GEN_{number} Subject =~ /letter/\nscore T_GEN_{number} 0.1\n"


class Senders:
    """Threads that send messages one after the other, each in a session of its own (sessions keep the rules they began with)."""

    def __init__(self, milter: MilterSpam) -> None:
        self.in_force = 0  # generation that the log has said to be
        self.seen: list[tuple[int, str]] = []  # in force when the message began, queue id
        self.lost: list[str] = []
        self._milter = milter
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(SENDERS)]
        for thread in self._threads:
            thread.start()

    def _run(self, sender: int) -> None:
        count = 0
        while not self._over.is_set():
            count += 1
            queue_id = f"4G{sender}x{count}"
            began_with = self.in_force
            try:
                result = judge(str(self._milter.socket), MARK, Envelope(queue_id=queue_id))
            except MilterError:
                self.lost.append(queue_id)
                continue
            assert result.values("X-Spam") == ["Yes"]
            self.seen.append((began_with, queue_id))

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a message got no answer"


def test_new_rules_under_load(start: StartMilter) -> None:
    milter = start(rules=generation_rules(0))
    senders = Senders(milter)
    for number in range(ROUNDS + 1):
        if number > 0:
            (milter.rules / "test.cf").write_text(generation_rules(number))
            milter.reload_and_wait()
            senders.in_force = number
        wait_for(lambda: sum(began_with == number for began_with, _ in senders.seen) >= 5 * SENDERS, f"messages of {number}")
    senders.stop()
    assert senders.lost == []
    assert milter.counted("gatepost_spam_messages_total", 'action="add_header"') == len(senders.seen)
    generations = set()
    for began_with, queue_id in senders.seen:
        hits = [s for s in milter.verdict(queue_id)["symbols"].split(",") if s.startswith("T_GEN_")]
        assert len(hits) == 1, (queue_id, hits)  # one set of rules judged it, whole
        generation = int(hits[0].removeprefix("T_GEN_"))
        assert generation >= began_with
        generations.add(generation)
    assert generations == set(range(ROUNDS + 1))


def test_reloads_faster_than_messages(start: StartMilter) -> None:
    """Signals that come while rules are loading are not lost: the last rules written are in force in the end."""
    milter = start(rules=generation_rules(0))
    senders = Senders(milter)
    for number in range(1, 101):
        (milter.rules / "new").write_text(generation_rules(number))
        (milter.rules / "new").rename(milter.rules / "test.cf")
        milter.reload()

    def is_last() -> bool:
        judge(str(milter.socket), HAM, Envelope(queue_id="4Glast"))
        return milter.verdict("4Glast")["symbols"] == "T_GEN_100"

    wait_for(is_last, "the last rules")
    senders.stop()
    assert senders.lost == [] and milter.process.is_running
    assert not milter.lines("reload: ")


BROKEN = {
    "missing include": ("include none.cf\n", "none.cf: No such file or directory"),
    "condition not closed": ("if (version > 3)\n", "is not closed"),
    "endif too many": ("endif\n", "endif without if"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_keeps_the_old_rules(start: StartMilter, kind: str) -> None:
    text, said = BROKEN[kind]
    milter = start(rules=generation_rules(0))
    path = milter.rules / "test.cf"
    new = generation_rules(1) + text
    line = len(new.splitlines())
    path.write_text(new)
    milter.reload()
    milter.wait_line("the old one stays in force")
    assert len(milter.lines(f"error: reload: {path}:{line}: .*{said}")) == 1
    judge(str(milter.socket), HAM, Envelope(queue_id="4Old"))
    assert milter.verdict("4Old")["symbols"] == "T_GEN_0"
    assert milter.counted("gatepost_reloads_total", 'result="failed"') == 1

    check = subprocess.run([build_folder() / "milter-spam" / "milter-spam", "-c", milter.config, "--check"],
                           capture_output=True, text=True, check=False)
    assert check.returncode == 78 and f"{path}:{line}: " in check.stderr

    path.write_text(generation_rules(2))
    milter.reload()
    milter.wait_line("configuration reloaded")
    judge(str(milter.socket), HAM, Envelope(queue_id="4New"))
    assert milter.verdict("4New")["symbols"] == "T_GEN_2"

    # At a start there are no better rules: what can be read serves.
    path.write_text(new)
    assert milter.stop() == 0
    milter.start()
    assert milter.lines(f"warning: {path}:{line}: .*{said}")
    judge(str(milter.socket), HAM, Envelope(queue_id="4Start"))
    assert milter.verdict("4Start")["symbols"] == "T_GEN_1"


def test_unreadable_folder_keeps_the_old_rules(start: StartMilter) -> None:
    milter = start(rules=generation_rules(0))
    milter.rules.rename(milter.folder / "elsewhere")
    milter.reload()
    milter.wait_line("the old one stays in force")
    assert milter.lines(rf"error: reload: {milter.config}:\d+: .*{milter.rules}: No such file")
    judge(str(milter.socket), HAM, Envelope(queue_id="4Old"))
    assert milter.verdict("4Old")["symbols"] == "T_GEN_0"


def test_bad_lines_cost_their_rules(start: StartMilter) -> None:
    """As in SpamAssassin: what is right is taken, and each bad line is named."""
    milter = start(rules=generation_rules(0))
    path = milter.rules / "test.cf"
    path.write_text(generation_rules(1).replace("/word-for-mark/", "/word-for-(mark/"))
    milter.reload()
    milter.wait_line("configuration reloaded")
    line = 1 + RULES.splitlines().index(next(text for text in RULES.splitlines() if "word-for-mark" in text))
    assert len(milter.lines(f"warning: {path}:{line}: T_MARK: pattern")) == 1
    assert milter.lines("1 lines in error")
    result = judge(str(milter.socket), MARK, Envelope(queue_id="4Bad"))
    assert milter.verdict("4Bad")["symbols"] == "T_GEN_1" and result.values("X-Spam") == []
