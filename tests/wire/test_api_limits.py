"""The API under load, beside slow and greedy clients, and while its workers die."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from apiclient import PASSWORD, ApiController, read_all
from conftest import HAM, MARK, RULES, stop
from servers.process import halt, wait_for


DISCARDED = 1 << 20  # DISCARD_MAX of controller/http.c


def start(world: Path, **http: object) -> ApiController:
    more: dict[str, object] = {k: v for k, v in http.items() if k in ("worker_timeout", "stop_grace")}
    controller = ApiController(world / "controller", {"controller": {**more, "http": {  # type: ignore[dict-item]
        k: v for k, v in http.items() if k not in more}}}, rules=RULES)
    controller.start()
    return controller


@pytest.fixture(scope="module")
def api(module_world: Path) -> Iterator[ApiController]:
    controller = start(module_world / "patient", size_max="950K")
    yield controller
    stop(controller)


@pytest.fixture(scope="module")
def impatient(module_world: Path) -> Iterator[ApiController]:
    controller = start(module_world / "impatient", timeout="1s")
    yield controller
    stop(controller)


def wait_busy(controller: ApiController) -> None:
    """A worker has a message."""
    wait_for(lambda: controller.counted("gatepost_controller_workers_busy") == 1, "a worker with a message")


def scanners(controller: ApiController) -> list[int]:
    """Pids of the controller's workers that scan (kind 1)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            argv = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if argv[1:3] == [b"--worker", b"1"] and str(controller.config).encode() in argv:
            found.append(int(path.parent.name))
    return found


def test_bodies_that_are_too_large(api: ApiController) -> None:
    assert api.post("/checkv2", MARK + b"x" * 900_000).status == 200
    for size in (DISCARDED, DISCARDED + 1, 3_000_000):
        try:
            assert api.post("/checkv2", b"x" * size).status == 413
        except (BrokenPipeError, ConnectionResetError):
            assert size > DISCARDED, "a body that is refused is read if it is small"
    expecting = api.raw(b"POST /checkv2 HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9999999999\r\n\r\n")
    assert expecting.startswith(b"HTTP/1.1 413 ")
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with api.connect() as s:
        s.sendall(b"POST /checkv2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            for _ in range(200):
                s.sendall(chunk)
                sent += 65536
        except OSError:
            pass
        assert sent < 200 * 65536, "it must not be read for ever"
    assert api.get("/ping").status == 200


def test_requests_that_are_none(api: ApiController, impatient: ApiController) -> None:
    for data in (b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET /ping HTTP/9.9\r\n\r\n",
                 b"GET /ping HTTP/1.1\r\n\r\n", b"GET /" + b"a" * 200_000 + b" HTTP/1.0\r\n\r\n", b"\x00" * 100,
                 b"GET /ping HTTP/1.0\r\n" + b"X: y\r\n" * 30_000 + b"\r\n",
                 b"POST /checkv2 HTTP/1.0\r\nContent-Length: -1\r\n\r\n",
                 b"POST /checkv2 HTTP/1.0\r\nContent-Length: 18446744073709551617\r\n\r\n"):
        answer = impatient.raw(data)  # some of them have no end
        assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")), (data[:60], answer[:60])
    fields = b"".join(b"Rcpt: r%d@example.org\r\n" % n for n in range(1000))
    head = b"POST /checkv2 HTTP/1.0\r\nContent-Length: %d\r\n%s\r\n"
    assert b" 200 " in api.raw(head % (len(HAM), fields) + HAM)[:20], "a message to 1000 recipients"
    assert b" 400 " in api.raw(head % (len(HAM), fields + b"X: y\r\n" * 200) + HAM)[:20]


@pytest.mark.parametrize("what", ["nothing", "header", "body", "reading", "idle"])
def test_slow_clients_are_cut(impatient: ApiController, what: str) -> None:
    """A byte now and then holds a connection no longer than none: it is cut while they come."""
    api, begin = impatient, time.monotonic()
    before = api.counted("gatepost_api_slow_total")
    with api.connect() as s:
        s.settimeout(60)
        if what == "header":
            s.sendall(b"GET /ping HTTP/1.0\r\n")
        elif what == "body":
            s.sendall(b"POST /checkv2 HTTP/1.0\r\nContent-Length: 100000\r\n\r\n")
        elif what == "idle":
            s.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        elif what == "reading":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        try:
            while time.monotonic() - begin < 60:
                time.sleep(0.1)
                if what in ("header", "body"):
                    s.sendall(b"X")
                elif what == "reading":
                    s.sendall(b"")
                    if api.counted("gatepost_api_slow_total") > before:
                        break
                elif not read_all(s):
                    break
        except OSError:
            pass
    assert 0.5 < time.monotonic() - begin < 60
    assert api.counted("gatepost_api_slow_total") > before


def test_greedy_clients(world: Path) -> None:
    """Connections are counted; those that come later wait or are refused, and the server lives."""
    api = start(world, connections=5, timeout="2s")
    held = [api.connect() for _ in range(20)]
    for s in held:
        try:
            s.sendall(b"GET /stat HTTP/1.0\r\n")
        except OSError:
            pass
    wait_for(lambda: api.counted("gatepost_api_connections") > 0, "connections")
    assert api.counted("gatepost_api_connections") <= 5
    wait_for(lambda: answers(api), "a place")
    for s in held:
        s.close()
    stop(api)


def answers(api: ApiController) -> bool:
    try:
        return api.ask("GET", "/ping", timeout=1).status == 200
    except (OSError, http.client.HTTPException):
        return False


def test_many_at_once(world: Path) -> None:
    api = start(world)

    def one(n: int) -> int:
        if n % 4 == 3:
            status = api.teach("spam", MARK.replace(b"Nothing", b"Number%d nothing" % n))
            return 200 if status == 208 else status  # it was asked about again
        answer = api.post("/checkv2", MARK if n % 2 else HAM)
        assert answer.status != 200 or answer.json["action"] == ("add header" if n % 2 else "no action")
        return answer.status

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        results = list(pool.map(one, range(640)))
    assert results.count(200) == 640
    assert api.get("/stat").json["statfiles"][0]["revision"] == 160
    stop(api)


def test_worker_that_is_killed_costs_nothing(world: Path) -> None:
    api = start(world, scanners=1)
    assert api.post("/checkv2", HAM).status == 200
    for _ in range(3):
        for pid in scanners(api):
            os.kill(pid, signal.SIGKILL)
        assert api.post("/checkv2", MARK).json["action"] == "add header"
    stop(api)


def test_worker_that_hangs(world: Path) -> None:
    """The answer is an error in time; the worker is replaced and later requests are answered."""
    api = start(world, scanners=1, worker_timeout="4s", answer_timeout="1s")
    wait_for(lambda: api.post("/checkv2", HAM).status == 200, "a worker that is ready")
    [pid] = scanners(api)
    halt(pid)
    begin = time.monotonic()
    answer = api.post("/checkv2", MARK)  # after the worker's time another one would answer
    assert answer.status == 504 and "too long" in answer.error
    assert 0.9 < time.monotonic() - begin
    api.wait_line("a worker takes too long", 30)
    wait_for(lambda: api.post("/checkv2", MARK).status == 200, "a new worker")
    wait_for(lambda: pid not in scanners(api), "the end of the old one")
    stop(api)


def test_worker_that_dies_with_a_message(world: Path) -> None:
    """The message is scanned by the next one."""
    api = start(world, scanners=1)
    assert api.post("/checkv2", HAM).status == 200
    [first] = scanners(api)
    halt(first)  # it holds the message until it is killed
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: api.post("/checkv2", MARK))
        wait_busy(api)
        assert not asked.done()
        os.kill(first, signal.SIGKILL)
        assert asked.result(60).json["action"] == "add header"
    api.wait_line("a worker died: its message is tried again")
    stop(api)


def test_stop_answers_what_is_under_way(world: Path) -> None:
    api = start(world, scanners=1)
    assert api.post("/checkv2", HAM).status == 200
    [pid] = scanners(api)
    halt(pid)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: api.post("/checkv2", MARK))
        wait_busy(api)
        os.kill(api.process.pid, signal.SIGTERM)
        time.sleep(0.3)  # either way; as a rule it is stopping by now
        os.kill(pid, signal.SIGCONT)
        assert asked.result(60).json["action"] == "add header"
    stop(api)


def test_store_that_is_away(world: Path) -> None:
    controller = ApiController(world / "controller", store=f"redis+unix://{world}/no.sock", rules=RULES)
    controller.start()
    assert controller.ask("GET", "/ready").status == 503
    assert controller.ask("GET", "/healthy").status == 200
    verdict = controller.post("/checkv2", MARK)
    assert verdict.status == 200 and verdict.json["action"] == "add header" and verdict.json["missing"] == "bayes"
    assert controller.get("/stat").status == 503
    learned = controller.post("/learnspam", MARK)
    assert learned.status == 202 and learned.json["success"] is True, "it is in the queue"
    assert json.loads(learned.body)["message"]
    stop(controller)


def test_password_is_in_no_log(api: ApiController) -> None:
    api.get("/statreset")
    api.ask("GET", "/statreset?password=" + PASSWORD.replace(" ", "+"))
    assert not api.lines(PASSWORD) and not api.lines(PASSWORD.replace(" ", r"\+"))
