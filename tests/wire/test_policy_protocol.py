"""The policy protocol as clients speak it, well and badly: answered, or closed and said once."""

from __future__ import annotations

import re
import signal
import threading
import time
from pathlib import Path

import pytest

from conftest import StartPolicyd
from servers.milter import TOP
from servers.policyd import Policyd, request
from servers.process import halt, wait_for
from servers.redis import Redis

# Every attribute up to Postfix 3.11, with a value of its kind.
EVERYTHING = {
    "protocol_name": "ESMTP", "queue_id": "4fXw2k6c1Zz1q", "recipient_count": 2, "size": 12345, "sasl_method": "PLAIN",
    "sasl_username": "alice@example.org", "sasl_sender": "", "ccert_subject": "CN=x", "ccert_issuer": "CN=y",
    "ccert_fingerprint": "AA:BB", "ccert_pubkey_fingerprint": "CC:DD", "encryption_protocol": "TLSv1.3",
    "encryption_cipher": "TLS_AES_256_GCM_SHA384", "encryption_keysize": 256, "etrn_domain": "", "stress": "yes",
    "client_port": 54321, "policy_context": "submission", "server_address": "192.0.2.2", "server_port": 587,
    "compatibility_level": "3.6", "mail_version": "3.11.0", "an_attribute_of_tomorrow": "a=b=c"}


@pytest.fixture
def policyd(start_policyd: StartPolicyd) -> Policyd:
    return start_policyd()


def wait_pending(policyd: Policyd, number: int) -> None:
    """So many requests have been read, and are not answered."""
    wait_for(lambda: policyd.counted("gatepost_policy_requests_pending") == number, f"{number} requests under way")


def test_each_stage_is_answered(policyd: Policyd) -> None:
    with policyd.client() as client:
        for stage in ("CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN"):
            assert client.ask(stage, **EVERYTHING) == "DUNNO", stage


def test_requests_may_come_together(policyd: Policyd) -> None:
    with policyd.client() as client:
        client.send(b"".join(request(instance=f"a.{i}") for i in range(500)))
        assert [client.answer() for _ in range(500)] == ["DUNNO"] * 500


def test_requests_may_come_in_pieces(policyd: Policyd) -> None:
    data = request(sender="a" * 200 + "@example.net")
    with policyd.client() as client:
        for i in range(len(data)):
            client.send(data[i:i + 1])
        assert client.answer() == "DUNNO"
        client.send(request() + request()[:40])
        assert client.answer() == "DUNNO"
        time.sleep(0.1)
        client.send(request()[40:])
        assert client.answer() == "DUNNO"


def test_a_client_that_only_stops_writing_is_answered(policyd: Policyd) -> None:
    with policyd.client() as client:
        client.send(request() * 3)
        client.half_close()
        assert [client.answer() for _ in range(4)] == ["DUNNO", "DUNNO", "DUNNO", None]


BAD = {
    "no request line": b"protocol_state=RCPT\n\n",
    "another request": b"request=junk\nprotocol_state=RCPT\n\n",
    "no equals sign": b"request=smtpd_access_policy\nprotocol_state\n\n",
    "a stage that is none": request().replace(b"=RCPT", b"=LUNCH"),
    "an attribute twice": request().replace(b"\n\n", b"\nsender=x@y\n\n"),
    "a NUL": request(sender="a\0b"),
    "an empty request": b"\n",
    "another protocol": b"EHLO example.net\r\n\r\nMAIL FROM:<>\n\n",
    "as much as a request may have, without end": (request(sender="x" * 70000))[:65536],
    "one without end": b"request=smtpd_access_policy\nsender=" + b"x" * 300000,
    "noise": bytes(range(256)) * 4 + b"\n\n",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_what_is_no_request_is_closed_and_said_once(policyd: Policyd, data: bytes) -> None:
    with policyd.client() as good:
        assert good.ask() == "DUNNO"
        for _ in range(5):
            with policyd.client() as bad:
                try:
                    bad.send(data)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                assert bad.answer() is None
        assert good.ask() == "DUNNO"
    assert policyd.counted("gatepost_policy_malformed_total") == 5
    assert len(policyd.lines("policy socket: a client of uid 0 sent")) == 1


def test_the_longest_request(policyd: Policyd) -> None:
    longest = request(sender="x" * (65536 - len(request(sender=""))))
    with policyd.client() as client:
        for data, answer in ((longest, "DUNNO"), (longest.replace(b"=x", b"=xx"), None)):
            client.send(data)
            assert client.answer() == answer
    assert policyd.counted("gatepost_policy_malformed_total") == 1


def test_one_without_end_behind_one_that_waits(start_policyd: StartPolicyd, world: Path) -> None:
    """What fills the buffer while the first is judged is looked at afterwards."""
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd({"store_timeout": "10s"}, redis.url)
    with policyd.client() as client:
        assert client.ask("DATA", sasl_username="joe") == "DUNNO"
        halt(redis.process.pid)
        try:
            client.send(request("DATA", sasl_username="joe", instance="2"))
            wait_pending(policyd, 1)
            client.send(request(sender="x" * 70000)[:65536])
            assert client.answer() == "DUNNO"
            assert client.answer() is None
        finally:
            redis.process.send(signal.SIGCONT)
            redis.stop()


def test_clients_leave_files_for_the_rest(start_policyd: StartPolicyd) -> None:
    """However many come, the store and the metrics can be reached; who has to wait is served later."""
    policyd = start_policyd()
    assert policyd.stop() == 0
    policyd.under = ["prlimit", "--nofile=64:"]
    policyd.start()
    clients = [policyd.client() for _ in range(80)]
    for client in clients:
        client.send(request())
    assert [client.answer() for client in clients[:20]] == ["DUNNO"] * 20
    wait_for(lambda: policyd.counted("gatepost_policy_clients") == 32, "as many clients as may be")
    for client in clients[:60]:
        client.close()
    assert [client.answer() for client in clients[60:]] == ["DUNNO"] * 20
    for client in clients[60:]:
        client.close()


def test_a_bad_request_behind_good_ones_leaves_them_their_answers(policyd: Policyd) -> None:
    with policyd.client() as client:
        client.send(request() + request() + b"nonsense\n\n")
        assert client.answer() == "DUNNO"
        assert client.answer() == "DUNNO"
        assert client.answer() is None


def test_clients_that_go_away_leave_nothing(policyd: Policyd) -> None:
    for _ in range(200):
        with policyd.client() as client:
            client.send(request() + request()[:30])
    with policyd.client() as client:
        assert client.ask() == "DUNNO"
        wait_for(lambda: policyd.counted("gatepost_policy_clients") == 1, "the end of the others")
    policyd.wait_line("half a request")


def test_who_does_not_read_is_not_read_from(policyd: Policyd) -> None:
    """Its answers stop at what the kernel holds and one buffer; everybody else is served."""
    with policyd.client() as greedy, policyd.client() as good:
        greedy._socket.settimeout(1.0)
        with pytest.raises(TimeoutError):
            greedy.send(request() * 200000)
        assert good.ask() == "DUNNO"


def test_who_reads_late_gets_every_answer(policyd: Policyd) -> None:
    with policyd.client() as client:
        sender = threading.Thread(target=client.send, args=(request() * 20000,))
        sender.start()
        time.sleep(1)
        assert [client.answer() for _ in range(20000)] == ["DUNNO"] * 20000
        sender.join()


def test_idle_connections_are_closed(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd({"policyd-ratelimit": {"idle_timeout": "3s"}})
    with policyd.client() as client:
        assert client.ask() == "DUNNO"
        assert client.answer() is None


def test_further_clients_wait(start_policyd: StartPolicyd) -> None:
    policyd = start_policyd({"policyd-ratelimit": {"clients_max": 2}})
    with policyd.client() as one, policyd.client() as two, policyd.client() as three:
        assert (one.ask(), two.ask()) == ("DUNNO", "DUNNO")
        three.send(request())
        two.close()
        assert three.answer() == "DUNNO"
        assert one.ask() == "DUNNO"


def test_a_thousand_idle_connections_are_cheap(policyd: Policyd) -> None:
    def held() -> int:
        status = Path(f"/proc/{policyd.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024

    with policyd.client() as first:
        assert first.ask() == "DUNNO"
    before = held()
    clients = [policyd.client() for _ in range(1000)]
    assert {client.ask() for client in clients} == {"DUNNO"}
    grown = held() - before
    assert grown < 20 << 20, grown
    for client in clients:
        client.close()


def test_a_stop_answers_what_was_asked(policyd: Policyd) -> None:
    with policyd.client() as client:
        assert client.ask() == "DUNNO"
        assert policyd.stop() == 0
        assert client.answer() is None


def test_a_stop_answers_what_is_under_way(start_policyd: StartPolicyd, world: Path) -> None:
    """Though the store hangs; and nothing that comes afterwards."""
    redis = Redis(world / "redis")
    redis.start()
    policyd = start_policyd({"store_timeout": "10s"}, redis.url)
    clients = [policyd.client() for _ in range(20)]
    assert {client.ask("DATA", sasl_username="joe") for client in clients} == {"DUNNO"}
    halt(redis.process.pid)
    try:
        for i, client in enumerate(clients):
            client.send(request("DATA", sasl_username="joe", instance=f"s.{i}"))
        wait_pending(policyd, 20)
        policyd.process.send(signal.SIGTERM)
        assert [(client.answer(), client.answer()) for client in clients] == [("DUNNO", None)] * 20
    finally:
        redis.process.send(signal.SIGCONT)
        redis.stop()


def test_each_metric_is_in_the_page(policyd: Policyd) -> None:
    page = (TOP / "policyd-ratelimit/policyd-ratelimit.8").read_text()
    with policyd.client() as client:
        client.ask("DATA", sasl_username="joe@example.org", recipient_count=1)
    names = set(re.findall(r"(?m)^# TYPE (gatepost_policy_\w+) ", policyd.http("/metrics")[1]))
    assert len(names) > 20 and sorted(name for name in names if not re.search(rf"\b{name}\b", page)) == []
