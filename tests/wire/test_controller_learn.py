"""Learning over the socket: outcomes, scopes, who may teach, what is refused, the log and undo; with both stores."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from conftest import stop
from servers.bayesdump import difference
from servers.learnclient import (DENIED, FAILED, HAM, IF_NEW, LATER, LOG, MOVED, NEW, QUEUED, REFUSED, REMOVED, SAME, SPAM, STATUS, UNDO,
                                 UNKNOWN, UNLEARN)
from servers.milter import Value
from servers.redis import Redis
from teaching import Place, message, place

Start = Callable[..., Place]
NOBODY = 65534


@pytest.fixture(params=["lmdb", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
def start(world: Path, kind: str) -> Iterator[Start]:
    """start(settings) gives a running controller with a store of the test's kind."""
    with ExitStack() as stack:

        def run(settings: Mapping[str, Value] | None = None) -> Place:
            redis = None
            if kind == "redis":
                redis = Redis(world / "redis")
                redis.start()
                stack.callback(redis.stop)
            where = place(world, redis, settings)
            where.controller.start()
            stack.callback(stop, where.controller)
            return where

        yield run


def test_outcomes(start: Start) -> None:
    where = start()
    with where.client() as client:
        assert client.outcome(UNLEARN, message(1)) == UNKNOWN
        assert client.outcome(SPAM, message(1)) == NEW
        assert where.totals() == (1, 0)
        assert client.outcome(SPAM, message(1)) == SAME
        assert client.outcome(HAM, message(1)) == MOVED
        assert where.totals() == (0, 1)
        assert client.outcome(UNLEARN, message(1)) == REMOVED
        assert where.dump() == {}, "nothing is left of it"


def test_a_message_that_changed_on_its_way_leaves_nothing(start: Start) -> None:
    """It is unlearned with the tokens that it was learned with, not with those of now."""
    where = start()
    with where.client() as client:
        assert client.outcome(SPAM, message(1, hop="first.example.com")) == NEW
        assert client.outcome(HAM, message(1, hop="second.example.org")) == MOVED
        assert client.outcome(UNLEARN, message(1, hop="third.example.net")) == REMOVED
    assert where.dump() == {}


def test_many_at_once_in_order(start: Start) -> None:
    """A window full of lessons about the same few messages: the last one counts."""
    where = start()
    with where.client() as client:
        for round_ in range(5):
            answers = client.teach_all(SPAM if round_ % 2 else HAM, (message(n) for n in range(60)))
            assert {a.status for a in answers} == {QUEUED}
        assert [a.id for a in answers] == sorted(a.id for a in answers)
        client.sync()
    assert where.totals() == (0, 60)


@pytest.mark.parametrize("scope, names", [("global", [""]), ("domain", ["@example.org"]), ("user", ["alice@example.org"]),
                                          ("global+user", ["", "alice@example.org"])])
def test_scopes(start: Start, scope: str, names: list[str]) -> None:
    where = start({"bayes": {"scope": scope}})
    with where.client() as client:
        assert client.outcome(SPAM, message(1), "alice@example.org") == NEW
        assert {key[0] for key in where.dump()} == set(names)
        listed = json.loads(where.controller.gatepost("stat", "--scopes", "--json"))
        assert {(s["scope"], s["spam"], s["ham"]) for s in listed} == {(name, 1, 0) for name in names}
        assert client.outcome(HAM, message(1), "alice@example.org") == MOVED
        assert [where.totals(name) for name in names] == [(0, 1)] * len(names)
        client.query(UNDO, "alice@example.org")
    assert where.dump() == {}


def test_undo_restores_everything(start: Start) -> None:
    """What alice did among what others did, over the same messages: every count is as before."""
    where = start({"bayes": {"scope": "global+user"}})
    with where.client() as client:
        client.teach_all(SPAM, (message(n) for n in range(60)), "bob")
        client.teach_all(HAM, (message(n) for n in range(60, 120)), "carol")
        client.sync()
        before = where.dump()
        client.teach_all(HAM, (message(n, hop="other.example") for n in range(0, 60, 2)), "alice")
        client.teach_all(SPAM, (message(n) for n in range(60, 150)), "alice")
        client.teach_all(UNLEARN, (message(n) for n in range(60, 70)), "alice")
        client.teach_all(HAM, (message(n) for n in range(65, 75)), "alice")
        client.sync()
        assert where.dump() != before
        assert client.query(UNDO, "alice") == [{"undone": 30 + 90 + 10 + 10, "kept": 0}]
        assert difference(before, where.dump()) == []
        assert client.query(UNDO, "alice") == [{"undone": 0, "kept": 0}], "once"
        rows = client.query(LOG, "alice")
        assert len(rows) == 140 and all(row["undone"] for row in rows)


def test_undo_since_and_what_others_changed_since(start: Start) -> None:
    where = start()
    with where.client() as client:
        client.teach_all(SPAM, (message(n) for n in range(10)), "alice")
        client.sync()
        time.sleep(1.1)
        since = int(time.time())
        client.teach_all(SPAM, (message(n) for n in range(10, 20)), "alice")
        assert client.outcome(HAM, message(10), "bob") == MOVED
        assert client.query(UNDO, "alice", since) == [{"undone": 9, "kept": 1}]
        assert where.totals() == (10, 1)
        assert [r["user"] for r in client.query(LOG, max_=1)] == ["bob"]
        assert {r["class"] for r in client.query(LOG, "alice", since)} == {"spam"}
        assert len(client.query(LOG, "alice", since)) == 10
        assert len(client.query(LOG, max_=5)) == 5


def test_undo_leaves_what_another_taught_too(start: Start) -> None:
    """Who agreed changed nothing only because it was so already: it stays, until he is undone as well."""
    where = start()
    with where.client() as client:
        assert [client.outcome(SPAM, message(1), user) for user in ("alice", "bob")] == [NEW, SAME]
        assert client.query(UNDO, "alice") == [{"undone": 0, "kept": 1}] and where.totals() == (1, 0)
        assert client.query(UNDO, "bob") == [{"undone": 0, "kept": 0}] and where.totals() == (1, 0)
        assert client.query(UNDO, "alice") == [{"undone": 1, "kept": 0}] and where.totals() == (0, 0)
        assert client.outcome(SPAM, message(1), "bob") == NEW
        assert client.outcome(HAM, message(1), "alice") == MOVED and client.outcome(HAM, message(1), "bob") == SAME
        assert client.query(UNDO, "alice") == [{"undone": 0, "kept": 1}] and where.totals() == (0, 1)
        assert client.query(UNDO) == [{"undone": 2, "kept": 0}] and where.totals() == (0, 0)


def test_who_may_teach(start: Start) -> None:
    where = start({"bayes": {"scope": "user"}})
    with where.client(uid=NOBODY) as client:
        assert client.outcome(SPAM, message(1), "alice") == f"{DENIED}: this peer may not teach for another user"
        assert client.outcome(SPAM, message(1)) == NEW
        assert client.outcome(HAM, message(1), "nobody") == MOVED
        assert {key[0] for key in where.dump()} == {"nobody"}
        assert {row["user"] for row in client.query(LOG)} == {"nobody"}
        assert client.ask(LOG, "alice").status == DENIED
        assert client.ask(UNDO, "alice").status == DENIED
        assert client.query(UNDO) == [{"undone": 2, "kept": 0}]


def test_own_undo_leaves_what_others_share(start: Start) -> None:
    """What Dovecot taught everybody in a user's name is not taken back by the user who may change only his own memory."""
    where = start({"bayes": {"scope": "global+user"}})
    with where.client() as trusted, where.client(uid=NOBODY) as own:
        assert trusted.outcome(SPAM, message(1), "nobody") == NEW and own.outcome(SPAM, message(2)) == NEW
        assert (where.totals(), where.totals("nobody")) == ((1, 0), (2, 0))
        assert own.query(UNDO) == [{"undone": 1, "kept": 0}]
        assert (where.totals(), where.totals("nobody")) == ((1, 0), (1, 0))
        assert trusted.query(UNDO, "nobody") == [{"undone": 1, "kept": 0}]
        assert where.totals() == where.totals("nobody") == (0, 0)


@pytest.mark.parametrize("untrusted, scope, expected", [("own", "global", DENIED), ("own", "domain", DENIED), ("deny", "user", DENIED),
                                                        ("shared", "global", NEW), ("own", "global+user", NEW)])
def test_settings_for_untrusted(start: Start, untrusted: str, scope: str, expected: str) -> None:
    where = start({"bayes": {"scope": scope}, "learn": {"untrusted": untrusted}})
    with where.client(uid=NOBODY) as client:
        assert client.outcome(SPAM, message(1))[0] == expected
    scopes = {key[0] for key in where.dump()} if expected == NEW else set()
    assert scopes == {("own", "global+user"): {"nobody"}, ("shared", "global"): {""}}.get((untrusted, scope), set())


def test_what_is_not_learned(start: Start) -> None:
    where = start({"learn": {"words_min": 5, "scanned_only": True, "size_max": "64K"}})
    scanned = b"X-Spam-Score: 1.0\n"
    with where.client() as client:
        assert client.outcome(SPAM, scanned + message(1, words=1)) == FAILED
        assert client.outcome(SPAM, message(1)) == FAILED
        assert client.outcome(SPAM, scanned + message(1)) == NEW
        assert client.outcome(SPAM, b"") == FAILED
        assert client.outcome(SPAM, scanned + message(2) + b"x" * 65536) == f"{REFUSED}: the message is too large"
        assert client.outcome(SPAM, scanned + message(1), "a user") == f"{REFUSED}: no name of a user"
        assert [row.get("reason", "") for row in client.query(LOG)] == ["unreadable", "", "unscanned", "short"]
    assert where.totals() == (1, 0)
    assert where.controller.counted("gatepost_controller_refused_total") == 3
    assert where.controller.counted("gatepost_controller_turned_down_total", "refused") == 2


def test_balance(start: Start) -> None:
    """A user's class that is far ahead is not learned further; the administrator's is, and what moves is."""
    where = start({"learn": {"balance_max": 2, "balance_from": 10}})
    with where.client() as client:
        outcomes = [client.outcome(SPAM, message(n), "alice") for n in range(12)]
        assert outcomes == [NEW] * 10 + [FAILED] * 2
        assert client.outcome(SPAM, message(50)) == NEW
        assert client.outcome(HAM, message(0), "alice") == MOVED
        assert client.outcome(SPAM, message(0), "alice") == MOVED
        for n in range(100, 106):
            assert client.outcome(HAM, message(n), "alice") == NEW
        assert client.outcome(SPAM, message(10), "alice") == NEW


def test_rate(start: Start) -> None:
    where = start({"learn": {"rate": 3}})
    with where.client() as client:
        if time.time() % 3600 > 3590:  # an hour of the clock is counted: it shall not end amid this
            time.sleep(11)
        assert [client.teach(SPAM, message(n), "alice").status for n in range(5)] == [QUEUED] * 3 + [LATER] * 2
        assert client.teach(SPAM, message(1), "bob").status == QUEUED, "another user"
        assert [client.teach(SPAM, message(n)).status for n in range(5)] == [QUEUED] * 5, "the administrator"
        client.sync()
        for _ in range(5):
            assert client.outcome(SPAM, message(1), "carol", IF_NEW) == SAME, "what is known costs nothing"


def test_log_line_and_metrics(start: Start) -> None:
    where = start()
    with where.client() as client:
        client.outcome(SPAM, message(7), "alice@example.org")
        line = where.controller.wait_line("message_id=")
        assert "user=alice@example.org class=spam outcome=new message_id=<7@example.net>" in line
        assert where.controller.counted("gatepost_controller_learned_total", 'class="spam",outcome="new"') == 1
        status = client.query(STATUS)[0]
        assert (status["waiting"], status["held"]) == (0, False)
    health = where.controller.http("/healthz")
    assert health[0] == 200 and "learning" in health[1]


def test_reload(start: Start) -> None:
    """New limits hold for what comes next; a client that is connected stays."""
    where = start()
    with where.client() as client:
        assert client.outcome(SPAM, message(1)) == NEW
        where.controller.configure({"learn": {"words_min": 500}})
        where.controller.reload()
        where.controller.wait_line("configuration reloaded")
        assert client.outcome(SPAM, message(2)) == FAILED
