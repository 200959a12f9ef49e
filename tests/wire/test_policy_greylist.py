"""policyd-ratelimit's greylisting: who is the same when it comes back, who is let through, and what happens without store or DNS."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from conftest import StartDkim, StartPolicyd
from dkimmail import LETTER, make_key, signed
from milterclient import Envelope, judge
from servers.dns import Dns
from servers.milter import DNS_TIMEOUT, Value, merged
from servers.policyd import Policyd, PolicyClient, request
from servers.process import wait_for
from servers.redis import Redis

ZONE = """\
pool.example TXT v=spf1 ip4:198.18.0.0/15 -all
bulk.example TXT v=spf1 include:pool.example -all
bare.example A 192.0.2.80
"""
DELAY = 300
DEFERRED = "DEFER_IF_PERMIT 4.2.0 Greylisted, please come back in "


class Grey:
    """A policyd-ratelimit that greylists, and a clock."""

    def __init__(self, start_policyd: StartPolicyd, dns: Dns, store: str = "", limits: dict[str, Value] | None = None,
                 timeout: str = DNS_TIMEOUT, **settings: Value) -> None:
        dns.add(ZONE)
        self._settings: dict[str, Value] = {
            "dns": {"servers": [dns.address], "timeout": timeout},
            "policyd-ratelimit": {"greylist": {"enabled": True, **settings}, "limits": limits or {}}}
        self.policyd: Policyd = start_policyd(self._settings, store)
        self.client: PolicyClient = self.policyd.client()
        self._offset = 0

    def wait(self, seconds: int) -> None:
        """A reload with a clock that is later."""
        self._offset += seconds
        self.policyd.configure(merged(self._settings, {"policyd-ratelimit": {"clock_offset": f"{self._offset}s"}}))
        self.policyd.reload_and_wait()

    def ask(self, address: str = "192.0.2.1", sender: str = "joe@pool.example", recipient: str = "alice@example.org",
            state: str = "RCPT", **more: str) -> str:
        answer = self.client.ask(state, client_address=address, sender=sender, recipient=recipient, **more)
        assert answer is not None
        return answer

    def is_deferred(self, *args: str, **more: str) -> bool:
        answer = self.ask(*args, **more)
        assert answer.startswith((DEFERRED, "DUNNO", "PREPEND X-Greylist: ")), answer
        return answer.startswith(DEFERRED)


def test_what_is_deferred_uses_up_no_limit(start_policyd: StartPolicyd, dns: Dns) -> None:
    """A client with three messages of two recipients, all deferred, then all let in; a fourth is above its limits."""
    grey = Grey(start_policyd, dns, limits={
        "client": {"by": ["client_address"], "count": "recipients", "windows": ["6 per 1h"], "text": "{used} of {max}"},
        "mail": {"by": ["client_address"], "windows": ["3 per 1h"], "text": "{used} of {max}"}})
    to = ["a@example.org", "b@example.org"]
    for round_ in range(2):
        for n in range(3):
            answers = [grey.ask(sender=f"{'abc'[n]}@pool.example", recipient=f"{n}{one}", instance=f"{round_}.{n}") for one in to]
            assert all(a.startswith(DEFERRED) if round_ == 0 else a.startswith(("DUNNO", "PREPEND")) for a in answers), answers
            if round_ == 1:
                assert grey.ask(state="DATA", sender=f"{'abc'[n]}@pool.example", recipient="", recipient_count="2",
                                instance=f"{round_}.{n}") == "DUNNO"
        used = {row["limit"]: row["used"] for row in grey.policyd.order("list")[0]}
        assert used == ({} if round_ == 0 else {"client": 6, "mail": 3})
        grey.wait(DELAY)
    assert grey.ask(recipient="0a@example.org", sender="a@pool.example", instance="2.0").startswith("451 4.7.1 ")


@pytest.fixture
def grey(start_policyd: StartPolicyd, dns: Dns) -> Grey:
    return Grey(start_policyd, dns)


@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_a_pool_passes_at_its_first_retry(start_policyd: StartPolicyd, dns: Dns, world: Path, kind: str) -> None:
    """Fifteen addresses in as many networks, of which none ever retries itself."""
    redis = Redis(world / "redis")
    if kind == "redis":
        redis.start()
    try:
        grey = Grey(start_policyd, dns, redis.url if kind == "redis" else "")
        begun = time.monotonic()
        assert grey.ask("198.18.0.1") == DEFERRED + "5 minutes"
        for i in range(1, 15):
            assert grey.is_deferred(f"198.18.{i}.1")
        grey.wait(DELAY)
        told = re.fullmatch(r"PREPEND X-Greylist: delayed (\d+) seconds; known as @pool.example", str(grey.ask("198.19.200.1")))
        assert told and DELAY <= int(told[1]) <= DELAY + time.monotonic() - begun + 1  # the clock went on meanwhile
        assert not grey.is_deferred("198.18.77.1")
        assert grey.policyd.counted("gatepost_policy_greylist_total", 'result="returned"') == 1
        assert grey.policyd.counted("gatepost_policy_greylist_total", 'result="early"') == 14
    finally:
        redis.stop()


def test_who_has_no_domain_is_its_network(grey: Grey) -> None:
    assert grey.is_deferred("203.0.113.1", "joe@bare.example")
    grey.wait(DELAY)
    assert not grey.is_deferred("203.0.113.200", "joe@bare.example")
    assert grey.is_deferred("192.0.2.1", "joe@bare.example")
    assert grey.is_deferred("192.0.2.1")  # no address of that pool: SPF fails
    assert grey.is_deferred("2001:db8:1:2::1", "joe@bare.example")
    grey.wait(DELAY)
    assert not grey.is_deferred("2001:db8:1:2:ffff::1", "joe@bare.example")
    assert grey.is_deferred("2001:db8:1:3::1", "joe@bare.example")


@pytest.mark.parametrize(("sender", "again", "address", "is_same"), [
    ("joe@pool.example", "ann@pool.example", "198.18.0.1", True),  # the domain is proven
    ("joe@pool.example", "joe@bulk.example", "198.18.0.1", False),
    ("bounce-1-alice=example.org@bare.example", "bounce-22-alice=example.org@bare.example", "192.0.2.1", True),
    ("joe+1@bare.example", "joe+2@bare.example", "192.0.2.1", True),
    ("joe@bare.example", "ann@bare.example", "192.0.2.1", False),
    ("", "", "192.0.2.1", True),
])
def test_what_is_the_same_sender(grey: Grey, sender: str, again: str, address: str, is_same: bool) -> None:
    assert grey.is_deferred(address, sender)
    assert grey.is_deferred(address, sender, "bob@example.org")
    grey.wait(DELAY)
    assert grey.is_deferred(address, again) is not is_same


def test_a_bounce_is_known_by_its_helo(grey: Grey) -> None:
    assert grey.is_deferred("198.18.0.1", "", helo_name="pool.example")
    grey.wait(DELAY)
    assert not grey.is_deferred("198.18.9.1", "", helo_name="pool.example")
    assert grey.is_deferred("198.18.9.1", "", helo_name="bare.example")


def test_who_came_back_often_is_let_through(start_policyd: StartPolicyd, dns: Dns) -> None:
    grey = Grey(start_policyd, dns, allow_after=3)
    recipients = [f"user{i}@example.org" for i in range(3)]
    assert all(grey.is_deferred("198.18.0.1", recipient=r) for r in recipients)
    grey.wait(DELAY)
    assert not any(grey.is_deferred("198.18.1.1", recipient=r) for r in recipients)
    assert grey.ask("198.18.2.1", recipient="new@example.org") == "DUNNO"
    assert grey.is_deferred("192.0.2.1", "joe@bare.example", "new@example.org")
    assert grey.policyd.counted("gatepost_policy_greylist_total", 'result="allowed"') == 1


def test_once_for_a_message(grey: Grey) -> None:
    """RCPT and DATA both ask; the header is one for all recipients."""
    assert grey.is_deferred("198.18.0.1", instance="1")
    assert grey.is_deferred("198.18.0.1", recipient="bob@example.org", instance="1")
    grey.wait(DELAY)
    assert grey.ask("198.18.0.1", instance="2").startswith("PREPEND ")
    assert grey.ask("198.18.0.1", recipient="bob@example.org", instance="2") == "DUNNO"
    assert grey.ask("198.18.0.1", state="DATA", instance="2") == "DUNNO"
    assert grey.ask("198.18.0.1", state="END-OF-MESSAGE", instance="2") == "DUNNO"
    assert grey.policyd.counted("gatepost_policy_greylist_total", 'result="returned"') == 2


def test_who_is_not_greylisted(start_policyd: StartPolicyd, dns: Dns, world: Path) -> None:
    (world / "welcome").write_text("friend@bare.example\n@good.example\n203.0.113.0/24\n")
    (world / "recipients").write_text("postmaster@example.org\n")
    grey = Grey(start_policyd, dns, exempt=["198.51.100.0/24"], welcome=str(world / "welcome"),
                recipients=str(world / "recipients"))
    assert grey.ask(sasl_username="joe", sender="joe@example.org") == "DUNNO"
    assert grey.ask("127.0.0.1") == "DUNNO"  # networks.own
    assert grey.ask("198.51.100.9", "joe@bare.example") == "DUNNO"
    assert grey.ask("203.0.113.9", "joe@bare.example") == "DUNNO"
    assert grey.ask(sender="friend@bare.example") == "DUNNO"
    assert grey.ask(sender="any@good.example") == "DUNNO"
    assert grey.ask(sender="joe@bare.example", recipient="postmaster@example.org") == "DUNNO"
    assert grey.ask(sender="joe@bare.example").startswith(DEFERRED)
    assert grey.ask("unknown", "joe@bare.example") == "DUNNO"


def test_off_by_default(start_policyd: StartPolicyd) -> None:
    with start_policyd().client() as client:
        assert client.ask(sender="joe@bare.example") == "DUNNO"


def test_a_store_that_is_away_defers_nobody(start_policyd: StartPolicyd, dns: Dns, world: Path) -> None:
    redis = Redis(world / "redis")
    redis.start()
    grey = Grey(start_policyd, dns, redis.url)
    assert grey.is_deferred()
    redis.stop()
    assert not grey.is_deferred()
    assert not grey.is_deferred()
    assert len(grey.policyd.lines("greylist: the store does not answer")) == 1
    assert grey.policyd.counted("gatepost_policy_greylist_total", 'result="failed"') == 2


def test_a_dns_that_is_dead_leaves_the_network(start_policyd: StartPolicyd, dns: Dns) -> None:
    """The question of who it is ends with its time, long before Postfix gives up."""
    grey = Grey(start_policyd, dns, timeout="1s")
    dns.mood = "dead"
    assert grey.is_deferred("198.18.0.1")
    grey.wait(DELAY)
    assert not grey.is_deferred("198.18.0.2")
    assert grey.policyd.lines("who=198.18.0.0/24")


def test_busy_helpers_leave_the_network(start_policyd: StartPolicyd, dns: Dns) -> None:
    grey = Grey(start_policyd, dns, timeout="1s", threads=1)
    dns.mood = "dead"
    clients = [grey.policyd.client() for _ in range(40)]
    for i, client in enumerate(clients):
        client.send(request("RCPT", client_address=f"198.18.{i}.1", sender=f"joe@d{i}.pool.example"))
    answers = [client.answer() for client in clients]
    assert all(a and a.startswith((DEFERRED, "DUNNO")) for a in answers), answers
    assert grey.policyd.counted("gatepost_policy_greylist_busy_total") > 0
    for client in clients:
        client.close()


@pytest.mark.parametrize("kind", ["lmdb", "redis"])
def test_a_client_is_known_by_who_signed_earlier(start_policyd: StartPolicyd, start_dkim: StartDkim, dns: Dns, world: Path,
                                                 kind: str) -> None:
    """Two networks sent mail with valid signatures of signed.example, which has no SPF; a third did not."""
    redis = Redis(world / "redis")
    if kind == "redis":
        redis.start()
    try:
        pem, record = make_key(world / "key")
        dns.add(f"s1._domainkey.signed.example TXT {record}\n")
        letter = signed(pem, LETTER.replace(b"author@example.net", b"author@signed.example"), "signed.example")
        milter = start_dkim({"store": redis.url} if kind == "redis" else None)
        grey = Grey(start_policyd, dns, redis.url if kind == "redis" else f"lmdb:{milter.folder}/store")

        def is_noted(network: str) -> bool:
            """The milter gives a note 200 ms: on a busy machine it takes another message."""
            judge(str(milter.socket), letter, Envelope(queue_id="4NOTE", address=f"{network}.10", sender="bounce@news.signed.example"))
            grey.ask(f"{network}.20", "joe@signed.example", "noted@example.org")
            return bool(grey.policyd.lines(rf"who=@signed\.example\b.* client={network}\.20 "))

        for network in ("192.0.2", "198.51.100"):
            wait_for(lambda: is_noted(network), "the note about the client")
        judge(str(milter.socket), letter, Envelope(queue_id="4NOTE3", address="203.0.113.10", sender="eve@pool.example"))
        assert grey.is_deferred("192.0.2.77", "joe@signed.example")
        grey.wait(DELAY)
        assert grey.is_deferred("203.0.113.10", "joe@signed.example")
        assert grey.ask("198.51.100.77", "ann@signed.example").endswith("known as @signed.example")
        assert grey.is_deferred("198.51.100.77", "joe@unsigned.example")
    finally:
        redis.stop()


def test_a_stop_answers_who_is_looked_up(start_policyd: StartPolicyd, dns: Dns) -> None:
    grey = Grey(start_policyd, dns, timeout="10s")
    dns.mood = "dead"
    clients = [grey.policyd.client() for _ in range(20)]
    for i, client in enumerate(clients):
        client.send(request("RCPT", client_address=f"198.18.{i}.1", sender=f"joe@d{i}.pool.example"))
    wait_for(lambda: grey.policyd.counted("gatepost_policy_requests_pending") == 20, "requests under way")
    assert grey.policyd.stop() == 0
    answers = [client.answer() for client in clients]
    assert all(a and a.startswith(DEFERRED) for a in answers), answers
    for client in clients:
        client.close()
