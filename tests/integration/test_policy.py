"""Postfix asks policyd-ratelimit: accounts of Dovecot's on submission, strangers on port 25, at each stage; two hosts with one store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from letters import Letter
from servers import smtp
from servers.dns import Dns
from servers.dovecot import PASSWORD, Dovecot
from servers.milter import DNS_TIMEOUT, Value
from servers.policyd import Policyd
from servers.postfix import Postfix, smtpd_entry
from servers.process import answers, free_port, wait_for
from servers.redis import Redis

ASK = "check_policy_service unix:gatepost/ratelimit.sock"
RCPT, DATA, EOM = f"smtpd_recipient_restrictions={ASK},permit_sasl_authenticated,reject", f"smtpd_data_restrictions={ASK}", \
    f"smtpd_end_of_data_restrictions={ASK}"
# A submission service for each way to attach the daemon.
SERVICES = {"rcpt": (RCPT,), "data": (DATA,), "eom": (EOM,), "all": (RCPT, DATA, EOM)}
REFUSED = {"rcpt": "451 4.7.1 <bob@example.org>: Recipient address rejected: {}",
           "data": "451 4.7.1 <DATA>: Data command rejected: {}",
           "eom": "451 4.7.1 <END-OF-MESSAGE>: End-of-data rejected: {}"}
BOB = "bob@example.org"
MAX = 3
TEXT = f"4.7.1 {MAX} per 1h"
ZONE = "pool.example TXT v=spf1 ip4:198.18.0.0/15 -all\n"


class Host:
    """A Postfix with a submission service for each of SERVICES, Dovecot behind it and policyd-ratelimit beside it."""

    def __init__(self, folder: Path, settings: Mapping[str, Value], store: str = "", main: Mapping[str, str] | None = None) -> None:
        self.postfix = Postfix(folder / "postfix")
        self.dovecot = Dovecot(folder / "dovecot", self.postfix.queue)
        self.policyd = Policyd(folder / "policyd", self.postfix.queue / "gatepost" / "ratelimit.sock", store, settings)
        self.ports = {name: free_port() for name in SERVICES}
        login = ("smtpd_sasl_auth_enable=yes", "smtpd_client_restrictions=", "smtpd_relay_restrictions=permit_sasl_authenticated,reject")
        self.postfix.configure(main or {},
                               more="".join(smtpd_entry(self.ports[name], (*login, *options)) for name, options in SERVICES.items()))
        self._stack = ExitStack()

    def start(self) -> None:
        for server in (self.policyd, self.dovecot, self.postfix):
            server.start()
            self._stack.callback(server.stop)
        for name, port in self.ports.items():  # Postfix opens them one after the other
            wait_for(lambda port=port: answers(("127.0.0.1", port)), name)

    def stop(self) -> None:
        self._stack.close()

    def submit(self, service: str, user: str, message: bytes, sender: str = "", recipients: tuple[str, ...] = (BOB,)) -> smtp.Answer:
        return smtp.send(self.ports[service], message, sender or user, list(recipients), None, (user, PASSWORD))


StartHost = Callable[..., Host]


def limit(**settings: Value) -> dict[str, Value]:
    rule: dict[str, Value] = {"count": "messages", "by": ["sasl_username"], "windows": [f"{MAX} per 1h"], "action": "defer",
                              "text": "4.7.1 {max} per {window}"}
    return {"policyd-ratelimit": {"limits": {"x": {**rule, **settings}}}}


@pytest.fixture
def start(world: Path) -> Iterator[StartHost]:
    """start(settings) is a running Host."""
    with ExitStack() as stack:
        count = iter(range(9))

        def begin(settings: Mapping[str, Value], store: str = "", main: Mapping[str, str] | None = None) -> Host:
            host = Host(world / f"host{next(count)}", settings, store, main)
            stack.callback(host.stop)
            host.start()
            return host

        yield begin


def test_the_message_after_the_last_is_refused_at_each_stage(start: StartHost, letter: Letter) -> None:
    host = start(limit())
    for service in SERVICES:
        user = f"{service}@example.org"
        for _ in range(MAX):
            assert host.submit(service, user, letter("own")[0]).code == 250
        refused = REFUSED["rcpt" if service == "all" else service].format(TEXT.split(" ", 1)[1])
        for _ in range(2):
            assert str(host.submit(service, user, letter("own")[0])) == refused
    assert host.submit("rcpt", "other@example.org", letter("own")[0]).code == 250


def test_recipients_are_counted_once(start: StartHost, letter: Letter) -> None:
    """Three stages ask about each message; two recipients a message, five in all."""
    host = start(limit(count="recipients", windows=["5 per 1h"]))
    two = (BOB, "carol@example.org")
    assert host.submit("all", "joe@example.org", letter("own")[0], recipients=two).code == 250
    assert host.submit("all", "joe@example.org", letter("own")[0], recipients=two).code == 250
    assert host.submit("all", "joe@example.org", letter("own")[0]).code == 250
    assert str(host.submit("all", "joe@example.org", letter("own")[0])) == REFUSED["rcpt"].format("5 per 1h")


def test_bytes_at_the_end(start: StartHost, letter: Letter) -> None:
    host = start(limit(count="bytes", windows=["100K per 1h"]))
    big = letter("own")[0] + (b"y" * 70 + b"\n") * 800
    assert host.submit("all", "joe@example.org", letter("own")[0]).code == 250
    assert host.submit("all", "joe@example.org", big).code == 250
    assert str(host.submit("all", "joe@example.org", big)) == REFUSED["eom"].format("100K per 1h")
    assert host.submit("all", "joe@example.org", letter("own")[0]).code == 250  # what was refused used up nothing


def test_hold(start: StartHost, letter: Letter) -> None:
    host = start(limit(action="hold", windows=["1 per 1h"]))
    assert host.submit("data", "joe@example.org", letter("own")[0]).code == 250
    held = host.submit("data", "joe@example.org", letter("own")[0])
    assert held.code == 250
    host.postfix.wait_log(rf"{held.queue_id}: hold: DATA")
    assert held.queue_id in host.postfix.queue_ids()
    host.postfix.release(held.queue_id)
    host.postfix.wait_delivered(held.queue_id)


def test_each_answer_does_what_it_says(start: StartHost, letter: Letter, world: Path) -> None:
    """Each account has a limit of its own, of one message, with another answer."""
    rules: dict[str, Value] = {}
    for action in ("warn", "prepend", "defer_if_permit", "reject"):
        (world / action).write_text(f"{action}@example.org  1 per 1h\n")
        rules[action] = {"count": "messages", "windows": ["1000 per 1h"], "overrides": str(world / action), "action": action,
                         "text": "X-Limit: {limit} for {retry}" if action == "prepend" else "One {limit} per {window}"}
    host = start({"policyd-ratelimit": {"limits": rules}})

    def send(action: str) -> tuple[smtp.Answer, str]:
        message, message_id = letter("own")
        return host.submit("rcpt", f"{action}@example.org", message), message_id

    for action in rules:
        assert send(action)[0].code == 250
    assert send("warn")[0].code == 250
    host.postfix.wait_log("warn: RCPT from .*One warn per 1h")
    answer, message_id = send("prepend")
    assert answer.code == 250
    assert b"\nX-Limit: prepend for 60 minutes\n" in b"\n" + host.dovecot.wait_mail(BOB, message_id).raw.replace(b"\r", b"")
    assert str(send("defer_if_permit")[0]) == f"450 4.7.1 <{BOB}>: Recipient address rejected: One defer_if_permit per 1h"
    assert str(send("reject")[0]) == f"550 5.7.1 <{BOB}>: Recipient address rejected: One reject per 1h"


def test_senders(start: StartHost, letter: Letter, world: Path) -> None:
    (world / "senders").write_text("joe@example.org  sales@example.org\n")
    host = start({"policyd-ratelimit": {"sender": {"check": True, "map": str(world / "senders")}}})
    for sender, code in (("joe@example.org", 250), ("joe+x@example.org", 250), ("sales@example.org", 250), ("", 250)):
        assert host.submit("rcpt", "joe@example.org", letter("own")[0], sender or "<>").code == code
    for service in ("rcpt", "data", "eom"):
        refused = host.submit(service, "joe@example.org", letter("own")[0], "ann@example.org")
        assert str(refused) == REFUSED[service].format("This account may not send as that address").replace("451 4.7.1", "550 5.7.1")


def test_greylisting_on_port_25(start: StartHost, letter: Letter) -> None:
    """A pool: no two tries come from the same network."""
    with Dns(ZONE) as dns:
        def delaying(delay: str) -> dict[str, Value]:
            return {"dns": {"servers": [dns.address], "timeout": DNS_TIMEOUT},
                    "policyd-ratelimit": {"deadline": "60s", "greylist": {"enabled": True, "delay": delay}}}

        host = start(delaying("1h"), main={"smtpd_recipient_restrictions": f"permit_mynetworks, {ASK}"})

        def try_from(i: int, message: bytes) -> smtp.Answer:
            return smtp.send(host.postfix.port, message, "joe@pool.example", [BOB], smtp.Client(f"198.18.{i}.1"))

        first = try_from(0, letter("ham")[0])
        assert first.code == 450 or first.code == 451, first
        assert "4.2.0 <bob@example.org>: Recipient address rejected: Greylisted, please come back in" in first.text
        assert try_from(1, letter("ham")[0]).text.startswith("4.2.0 ")
        assert host.policyd.stop() == 0
        host.policyd.configure(delaying("1s"))  # which is over soon, since the first try
        host.policyd.start()
        time.sleep(1.1)
        message, message_id = letter("ham")
        assert try_from(2, message).code == 250
        raw = host.dovecot.wait_mail(BOB, message_id).raw
        assert b"\nX-Greylist: delayed " in raw and b"known as @pool.example" in raw
        assert host.submit("rcpt", "joe@example.org", letter("own")[0]).code == 250


def test_a_daemon_that_is_killed_and_comes_back(start: StartHost, letter: Letter) -> None:
    """Meanwhile Postfix has mail wait at its sender; then the count goes on where it was."""
    host = start(limit())
    for _ in range(MAX - 1):
        assert host.submit("rcpt", "joe@example.org", letter("own")[0]).code == 250
    host.policyd.process.kill()
    answer = host.submit("rcpt", "joe@example.org", letter("own")[0])
    assert answer.code == 451 and answer.text.startswith("4.3.5 "), answer
    host.policyd.start()
    assert host.submit("rcpt", "joe@example.org", letter("own")[0]).code == 250
    assert str(host.submit("rcpt", "joe@example.org", letter("own")[0])) == REFUSED["rcpt"].format("3 per 1h")


def test_two_hosts_count_together(start: StartHost, letter: Letter, world: Path) -> None:
    redis = Redis(world / "redis")
    redis.start()
    try:
        hosts = [start(limit(windows=["7 per 1h"]), redis.url) for _ in range(2)]
        for i in range(7):
            assert hosts[i % 2].submit("rcpt", "joe@example.org", letter("own")[0]).code == 250
        for host in hosts:
            assert str(host.submit("rcpt", "joe@example.org", letter("own")[0])) == REFUSED["rcpt"].format("7 per 1h")
    finally:
        redis.stop()
