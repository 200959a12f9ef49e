"""The API, the command and the milter give a message the same verdict, with what Bayes learned and what the DNS says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from apiclient import ApiController
from conftest import GREY, HAM, MARK, REJECT, RULES, stop
from milterclient import Envelope, judge
from servers.dns import Dns
from servers.milter import DNS_TIMEOUT, TOP, MilterSpam, Value, build_folder, merged
from servers.process import wait_for
from servers.redis import Redis
from test_corpus import MAIL, sample

corpus = pytest.mark.skipif(not MAIL.is_dir(), reason=f"no test mail in {MAIL}; GATEPOST_DATA names another place")

IP, HELO, SENDER, RECIPIENT = "192.0.2.77", "mail.sender.example", "someone@sender.example", "alice@example.org"
ZONE = """\
sender.example TXT v=spf1 ip4:192.0.2.77 -all
77.2.0.192.list.example A 127.0.0.2
mail.sender.example A 192.0.2.77
77.2.0.192.in-addr.arpa PTR mail.sender.example
"""
MORE = """\
header   T_LISTED eval:check_rbl('t-lastexternal', 'list.example.')
describe T_LISTED Last relay is on the test's list
tflags   T_LISTED net
score    T_LISTED 2.25
header   T_SPF    eval:check_for_spf_pass()
tflags   T_SPF    net
score    T_SPF    -0.125
"""


@pytest.fixture(scope="module")
def trio(module_world: Path) -> Iterator[tuple[ApiController, MilterSpam]]:
    """A controller that has learned 60 messages, and a milter beside it on the same store, rules and DNS."""
    rules = module_world / "rules"
    rules.mkdir()
    (rules / "own.cf").write_text(RULES + MORE)
    with Dns(ZONE) as dns:
        shared: dict[str, Value] = {"rules": {"paths": [str(TOP / "rules"), str(rules)], "network": True},
                                    "dns": {"servers": [dns.address], "timeout": DNS_TIMEOUT}, "milter-spam": {"deadline": "60s"}}
        api = ApiController(module_world / "controller", merged(shared, {"milter-spam": {"recipients": ""}}), rules=rules)
        api.start()
        for kind in ("ham", "spam"):
            for path in sample(MAIL / "spamassassin" / kind, 40)[:30]:
                assert api.teach(kind, path.read_bytes()) in (200, 208)
        milter = MilterSpam(module_world / "milter", module_world / "milter/spam.sock", f"lmdb:{api.folder}/store", shared)
        milter.start()
        yield api, milter
        assert "list.example" in " ".join(dns.asked)
        stop(milter)
        stop(api)


def scan(api: ApiController, *paths: Path) -> list[tuple[float, dict[str, float]]]:
    done = subprocess.run([build_folder() / "cli/gatepost", "-c", api.config, "scan", "--json", "--ip", IP, "--helo", HELO,
                           "--from", SENDER, "--rcpt", RECIPIENT, *paths], capture_output=True, text=True, timeout=300)
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    return [(verdict["score"], {s["name"]: s["score"] for s in verdict["symbols"]}) for verdict in verdicts]


@corpus
def test_same_verdict_as_the_command(trio: tuple[ApiController, MilterSpam]) -> None:
    api, _ = trio
    seen: set[str] = set()
    paths = sample(MAIL / "spamassassin", 50)
    for path, scanned in zip(paths, scan(api, *paths), strict=True):
        asked = api.post("/checkv2", path.read_bytes(), Ip=IP, Helo=HELO, From=SENDER, Rcpt=RECIPIENT).json
        symbols = {name: s["score"] for name, s in asked["symbols"].items()}
        assert (asked["score"], symbols) == scanned, path
        seen |= symbols.keys()
    assert any(name.startswith("BAYES_") for name in seen), "what was learned has a say"
    assert {"T_SPF", "T_LISTED"} <= seen, "what the DNS says has a say"


@corpus
def test_same_verdict_as_the_milter(trio: tuple[ApiController, MilterSpam]) -> None:
    """The milter sees a message before Postfix writes its Received; the API is asked about what Postfix would deliver."""
    api, milter = trio
    received = (f"Received: from {HELO} ({HELO} [{IP}])\n\tby mx.example.org (Postfix) with ESMTP id 4ABC{{0:03d}}\n"
                f"\tfor <{RECIPIENT}>; Sat, 21 Nov 2026 09:00:00 +0000 (UTC)\n")
    for n, path in enumerate(sample(MAIL / "spamassassin", 50)):
        envelope = Envelope(address=IP, name=HELO, helo=HELO, sender=SENDER, recipients=(RECIPIENT,), queue_id=f"4ABC{n:03d}")
        judge(str(milter.socket), path.read_bytes(), envelope)
        line = milter.verdict(envelope.queue_id)
        asked = api.post("/checkv2", received.format(n).encode() + path.read_bytes(), Ip=IP, Helo=HELO, From=SENDER,
                         Rcpt=RECIPIENT).json
        assert set(line["symbols"].split(",")) == set(asked["symbols"]), path
        assert float(line["score"]) == pytest.approx(asked["score"], abs=0.006), path


def test_settings_of_a_recipient(world: Path) -> None:
    (world / "recipients").write_text("strict@example.org reject=6\nlenient@example.org reject=100 add_header=50 greylist=40\n")
    (world / "accounts").write_text("account reject=1\n")
    api = ApiController(world / "controller", {"milter-spam": {"recipients": str(world / "recipients"), "accounts": str(world / "accounts"),
                                                               "authenticated": "enforce"}}, rules=RULES)
    api.start()
    message = b"Subject: x\n\nword-for-mark\n"

    def action(**headers: str) -> str:
        name: str = api.post("/checkv2", message, **headers).json["action"]
        return name

    assert action() == action(Rcpt=RECIPIENT) == "add header"
    assert action(Rcpt="strict@example.org") == "reject" == action(Rcpt="<STRICT@example.org>")
    assert action(Deliver_To="strict@example.org") == "reject"
    assert action(Rcpt="lenient@example.org") == "no action"
    assert action(User="account") == "reject" and action(User="nobody@example.org") == "no action"
    stop(api)


def test_memory_of_a_user(world: Path) -> None:
    """What alice taught counts for alice, if users have a memory of their own."""
    api = ApiController(world / "controller", {"bayes": {"scope": "user", "min_spam": 1, "min_ham": 1}, "rules": {
        "paths": [str(TOP / "rules")]}}, rules=RULES)
    api.start()
    for n in range(8):
        api.teach("spam", f"Subject: buy {n}\n\ncheap watches casino lottery number {n}\n".encode(), User="alice@example.org")
        api.teach("ham", f"Subject: tea {n}\n\nmeeting garden holiday letter number {n}\n".encode(), User="alice@example.org")
    message = b"Subject: buy\n\ncheap watches casino lottery\n"
    alice = api.post("/checkv2", message, Rcpt="alice@example.org").json["symbols"]
    other = api.post("/checkv2", message, Rcpt="bob@example.org").json["symbols"]
    assert any(name.startswith("BAYES_") for name in alice) and not any(name.startswith("BAYES_") for name in other)
    stop(api)


@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_what_the_milter_counted(world: Path, kind: str) -> None:
    """/stat, /counters and /history show milter-spam's verdicts, from the store that both use."""
    redis = Redis(world / "redis")
    redis.start()
    store = redis.url if kind == "redis" else f"lmdb:{world}/controller/store"
    api = ApiController(world / "controller", store=store if kind == "redis" else "", rules=RULES)
    api.start()
    milter = MilterSpam(world / "milter", world / "spam.sock", store, {}, RULES)
    milter.start()
    for n, message in enumerate((HAM, GREY, MARK, MARK, REJECT)):
        judge(str(milter.socket), message, Envelope(queue_id=f"4STAT{n}"))
    wait_for(lambda: api.get("/stat").json["scanned"] == 5, "the milter's counts", 60)
    wait_for(lambda: len(api.get("/history").json) == 5, "the milter's history", 60)
    actions = api.get("/stat").json["actions"]
    assert {a: n for a, n in actions.items() if n} == {"no action": 1, "greylist": 1, "add header": 2, "reject": 1}
    api.post("/checkv2", MARK)
    assert api.get("/stat").json["actions"]["add header"] == 3, "what the API judged is added"
    counters = {c["symbol"]: c for c in api.get("/counters").json}
    assert (counters["T_MARK"]["hits"], counters["T_MARK"]["weight"]) == (2, 7.0) and counters["T_MARK"]["frequency"] > 0
    rows = api.get("/history").json
    assert [r["action"] for r in rows] == ["reject", "add header", "add header", "greylist", "no action"]
    assert rows[1]["symbols"] == {"T_MARK": {"score": 7}} and rows[1]["required_score"] == 15 and rows[1]["queue-id"] == "4STAT3"
    assert rows[1]["from"] == "stranger@example.net" and rows[1]["ip"] == "198.51.100.7" and rows[1]["size"] > 0
    assert len(api.get("/history?to=2").json) == 2 and api.get("/history?to=0").json == []
    assert api.ask("GET", "/history").status == 401, "whose mail there was is nobody's to see"
    api.get("/statreset")
    assert api.get("/stat").json["scanned"] == 0
    stop(api)
    api.start()
    assert api.get("/stat").json["scanned"] == 0, "a restart brings nothing back"
    judge(str(milter.socket), REJECT, Envelope(queue_id="4STAT9"))
    wait_for(lambda: api.get("/stat").json["scanned"] == 1, "the milter's next count", 60)
    stop(milter)
    stop(api)
    redis.stop()
