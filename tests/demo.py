"""The second half of ./demo: builds, starts the servers, sends the messages, shows what became of them.

Called by ./demo, which documents the options and has installed what is needed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from base64 import encodebytes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from servers import dovecot, smtp
from servers.build import build
from servers.milter import TOP, build_folder
from servers.process import ServerError, wait_for
from servers.progress import Step
from servers.site import Site

MAIL = TOP / "tests" / "data" / "mail"
USER, FRIEND, HASTY = "alice@example.org", "bob@example.org", "carol@example.org"
LIMIT = 3
ATTACHMENT_SIZE = 20 * 1024 * 1024
SELECTOR = "demo"
# Who may send for whom, as the senders' domains publish it.
ZONE = """
example.net TXT v=spf1 ip4:198.51.100.7 -all
_dmarc.example.net TXT v=DMARC1; p=reject
letters.example.net TXT v=spf1 ip4:198.51.100.7 -all
studio.example.net TXT v=spf1 ip4:198.51.100.7 -all
promo.example.com TXT v=spf1 ?all
bank.example.com TXT v=spf1 ip4:192.0.2.99 -all
_dmarc.bank.example.com TXT v=DMARC1; p=reject
"""
# Two lessons are enough here, and count at once: a demo has neither a corpus nor patience.
SETTINGS = {"domains": {"authserv_id": "mx.example.org"}, "milter-dkim": {"dmarc": {"reject": "reject"}},
            "bayes": {"min_spam": 1, "min_ham": 1}, "store_cache": "0"}
LIMITS = {"account": {"count": "messages", "by": ["sasl_username"], "windows": [f"{LIMIT} per 1h"], "action": "defer",
                      "text": "4.7.28 {max} messages per {window} are allowed; try again in {retry}"}}


@dataclass(frozen=True)
class Message:
    """A message of the demo and what should become of it."""

    name: str
    title: str
    sender: str
    client: smtp.Client | None  # None: Alice, on submission
    code: int
    folder: str
    score: Callable[[float | None], bool]
    auth: str  # what milter-dkim's line must say

    def content(self) -> bytes:
        raw = (MAIL / f"{self.name}.eml").read_bytes()
        if self.name == "attachment":  # random, so that nothing can be saved on it; from a fixed seed
            raw += encodebytes(random.Random(20).randbytes(ATTACHMENT_SIZE)) + b"\n--=_maps--\n"
        return smtp.stamped(raw, self.message_id)

    @property
    def message_id(self) -> str:
        return f"<{self.name}.demo@gatepost.example.net>"


STRANGER = smtp.Client("198.51.100.7", "mail.example.net", "mail.example.net")
DIALUP = smtp.Client("203.0.113.45", "", "friend")
BELOW = lambda top: lambda score: score is not None and score < top  # noqa: E731
MESSAGES = (
    Message("ham", "plain ham", "anna.lindqvist@example.net", STRANGER, 250, "INBOX", BELOW(4), "spf=pass.* dmarc=pass"),
    Message("newsletter", "HTML newsletter", "news@letters.example.net", STRANGER, 250, "INBOX", BELOW(4), "spf=pass"),
    Message("spam", "spam", "winner.8841207@promo.example.com", DIALUP, 250, "Junk", lambda s: s is not None and 6 <= s < 15,
            "spf=neutral"),
    Message("gtube", "GTUBE", "tester@example.net", STRANGER, 550, "-", lambda s: s is not None and s >= 15, "spf=pass"),
    Message("attachment", "20 MB attachment", "jan@studio.example.net", STRANGER, 250, "INBOX", BELOW(4), "spf=pass.* dmarc=pass"),
    Message("forged", "forged sender", "service@bank.example.com", DIALUP, 550, "-", lambda s: s is None, "dmarc=fail.* action=reject"),
    Message("own", "own, submitted", USER, None, 250, "INBOX", BELOW(4), f"signed=example.org:{SELECTOR}"),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a message."""

    message: Message
    answer: smtp.Answer
    folder: str
    score: float | None  # None: milter-dkim had refused it
    symbols: str
    auth: str  # milter-dkim's log line

    @property
    def is_right(self) -> bool:
        want = self.message
        return (self.answer.code == want.code and self.folder == want.folder and want.score(self.score)
                and bool(re.search(want.auth, self.auth)))


def deliver(site: Site, message: Message) -> Outcome:
    """Sends one message and follows it to its end."""
    if message.client:
        answer, to = site.send(message.content(), message.sender, [USER], message.client), USER
    else:
        answer, to = site.submit_as(USER, message.content(), [FRIEND]), FRIEND
    queue_id = answer.queue_id or site.postfix.refused_id(message.sender)
    auth = site.dkim.wait_line(rf"\bqid={queue_id}\b")
    folder = "-"
    if answer.queue_id:
        mail = site.mail(to, message.message_id)
        folder = mail.folder
        if not message.client:
            auth += f" verified={verify(site, mail.raw)}"
    if "action=reject" in auth:
        return Outcome(message, answer, folder, None, "", auth)
    verdict = site.milter.verdict(queue_id)
    return Outcome(message, answer, folder, float(verdict["score"]), verdict["symbols"], auth)


def publish(site: Site, folder: Path) -> None:
    """Makes the site's signing key with the command, and puts its record into the DNS and into a zone file."""
    made = site.dkim.gatepost("dkim", "genkey", "example.org", "--selector", SELECTOR, "--activate")
    site.dns.add(f"{SELECTOR}._domainkey.example.org TXT " + "".join(re.findall(r'"([^"]*)"', made)))
    (folder / "zone").write_text(made)


def verify(site: Site, raw: bytes) -> str:
    """What `gatepost dkim verify` says of a message that we signed."""
    zone = site.dkim.folder.parent / "zone"
    program = build_folder() / "cli" / "gatepost"
    done = subprocess.run([program, "dkim", "verify", "--zone", zone, "-"], input=raw, capture_output=True, timeout=60)
    return "pass" if done.returncode == 0 else f"FAILED ({done.stdout.decode(errors='replace')})"


def told(o: Outcome) -> str:
    """The results in milter-dkim's log line."""
    return ", ".join(re.findall(r"\b(?:spf|dkim|arc|dmarc|policy|signed|verified)=\S+", o.auth))


def show(outcomes: list[Outcome]) -> None:
    """Prints the table: a line per message; who it is from and its symbols below."""
    colour = {True: "\033[32m", False: "\033[31m", None: "\033[0m"} if sys.stdout.isatty() else {}
    print(f"\n  {'':3} {'message':17} {'score':>8}  {'folder':7} SMTP answer")
    for o in outcomes:
        mark = colour.get(o.is_right, "") + (" ok" if o.is_right else "BAD") + colour.get(None, "")
        score = "-" if o.score is None else f"{o.score:.2f}"
        print(f"  {mark} {o.message.title:17} {score:>8}  {o.folder:7} {o.answer}")
        print(f"      {told(o)}")
        for line in textwrap.wrap(o.symbols.replace(",", ", "), 96):
            print(f"      {line}")
    print()


@dataclass(frozen=True)
class Letter:
    """An issue of the newsletter: where it went, its score, and what Bayes said."""

    number: int
    folder: str
    score: float
    bayes: str

    @property
    def message_id(self) -> str:
        return message_id_of(self.number)

    def __str__(self) -> str:
        return f"letter no. {self.number}: score {self.score:.2f}, to {self.folder}{f' ({self.bayes})' if self.bayes else ''}"


def message_id_of(number: int) -> str:
    return f"<letter-{number}.demo@gatepost.example.net>"


def send_letter(site: Site, number: int) -> Letter:
    raw = (MAIL / "newsletter.eml").read_bytes().replace(b"\nSubject: ", b"\nSubject: No. %d: " % number)
    answer = site.send(smtp.stamped(raw, message_id_of(number)), "news@letters.example.net", [USER], STRANGER)
    verdict = site.milter.verdict(answer.queue_id)
    found = re.findall(r"BAYES_\d+", verdict["symbols"])
    return Letter(number, site.mail(USER, message_id_of(number)).folder, float(verdict["score"]), " ".join(found))


def learned(site: Site) -> str:
    """What Bayes holds now."""
    bayes = json.loads(site.controller.gatepost("stat", "--json"))
    return f"{bayes['spam']} spam, {bayes['ham']} ham"


def move(site: Site, letters: list[Letter], source: str, target: str, want: str) -> str:
    """Alice moves letters; waits until what she taught is learned."""
    with Step(f"move {len(letters)} to {target}"):
        site.dovecot.move(USER, [letter.message_id for letter in letters], source, target)
        wait_for(lambda: learned(site) == want, f"learning of {want}")
    return f"Alice moves {' and '.join(f'no. {letter.number}' for letter in letters)} to {target}: learned {want} in all"


def learn(site: Site) -> bool:
    """Shows that a move teaches: two letters to Junk, and the third goes there by itself; back, and it is forgotten."""
    site.controller.gatepost("learn", "ham", MAIL / "ham.eml", MAIL / "own.eml")
    letters, story = [], []
    for number in (1, 2):
        with Step(f"send letter {number}"):
            letters.append(send_letter(site, number))
    story += [str(letter) for letter in letters]
    story.append(move(site, letters, "INBOX", "Junk", "2 spam, 2 ham"))
    with Step("send letter 3"):
        third = send_letter(site, 3)
    story += [str(third), move(site, [*letters, third], "Junk", "INBOX", "0 spam, 5 ham")]
    with Step("send letter 4"):
        fourth = send_letter(site, 4)
    print("\n  learning from moves\n" + "".join(f"      {line}\n" for line in [*story, str(fourth)]))
    return ([letter.folder for letter in letters] == ["INBOX", "INBOX"] and third.folder == "Junk"
            and third.score > letters[0].score + 3 and fourth.folder == "INBOX" and fourth.score < 4)


def overdo(site: Site) -> bool:
    """Shows a limit: one message more than an account may send in an hour."""
    answers = []
    for number in range(LIMIT + 1):
        raw = (MAIL / "own.eml").read_bytes().replace(b"\nSubject: ", b"\nSubject: No. %d: " % (number + 1))
        with Step(f"submit message {number + 1}"):
            answers.append(site.submit_as(HASTY, smtp.stamped(raw, f"<hasty-{number}.demo@gatepost.example.net>"), [FRIEND]))
    print(f"\n  a limit of {LIMIT} messages an hour\n" + "".join(
        f"      {HASTY}, message {number}: {answer}\n" for number, answer in enumerate(answers, 1)))
    return [answer.code for answer in answers] == [250] * LIMIT + [451] and "try again in" in answers[-1].text


def invite(site: Site, folder: Path) -> None:
    """Tells how to use the running servers and waits for Ctrl-C."""
    text = textwrap.dedent(f"""\
        All servers stay up until Ctrl-C. To try it yourself:
          SMTP        127.0.0.1 port {site.postfix.port}, as any stranger to anybody@example.org
          submission  127.0.0.1 port {site.postfix.submission_port}, user {USER}, password {dovecot.PASSWORD}
          IMAP        127.0.0.1 port {site.dovecot.port}, user {USER} (or any other name), password {dovecot.PASSWORD}
          learning    move a message into Junk or out of it; {site.controller.log} tells what was learned
          command     build/cli/gatepost -c {site.milter.config} stat
          folder      {folder} (configurations, logs, mail)
        Mail from 127.0.0.1 is mail from an own network; to be judged as a stranger, send XCLIENT ADDR=198.51.100.7 first.
        """)
    try:
        print(text, flush=True)
        signal.pause()
    except KeyboardInterrupt:
        print("\nStopping.")


def run(folder: Path, store: str, once: bool) -> bool:
    """One demo in `folder`; True if every message came out as it should."""
    site = Site(folder, store, SETTINGS, zone=ZONE, learns=True, limits=LIMITS)
    try:
        publish(site, folder)
        site.start(show=True)
        outcomes = []
        for message in MESSAGES:
            with Step(f"send {message.title}"):
                outcomes.append(deliver(site, message))
        show(outcomes)
        has_learned = learn(site)
        is_limited = overdo(site)
        if not once:
            invite(site, folder)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave anybody running
        site.stop()
    return all(o.is_right for o in outcomes) and has_learned and is_limited


def run_in_folder(store: str, once: bool, keep: bool) -> bool:
    """run() in a folder of its own, removed at the end unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="gatepost-demo."))
    folder.chmod(0o755)  # Postfix and Dovecot come here as other users
    try:
        return run(folder, store, once)
    finally:
        if keep:
            print(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("store", choices=("lmdb", "redis"))
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _: sys.exit(128 + number))
    try:
        if not build(build_folder(), targets=("milter-spam/milter-spam", "milter-dkim/milter-dkim", "controller/gatepost-controller",
                                               "policyd-ratelimit/policyd-ratelimit",
                                               "dovecot-sieve-learn/lib95_gatepost_learn_plugin.so", "cli/gatepost")):
            return 1
        return 0 if run_in_folder(options.store, options.once, options.keep) else 1
    except ServerError as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
