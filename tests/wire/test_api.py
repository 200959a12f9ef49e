"""The controller's HTTP API: every path, every refusal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from apiclient import PASSWORD, ApiController
from conftest import GREY, HAM, MARK, REJECT, RULES, stop
from servers.controller import Controller
from servers.process import free_port

CHANGES = ("/learnspam", "/learnham", "/learnclass", "/statreset")
SECRETS = ("/history", "/errors")
READS = ("/stat", "/counters", "/auth", "/symbols", "/actions", "/metrics")
OPEN = ("/ping", "/healthy", "/ready")
POSTS = ("/learnspam", "/learnham", "/learnclass", "/checkv2", "/check", "/scan")
LETTER = b"From: a@example.net\nTo: b@example.org\nSubject: %s\nMessage-ID: <%s@example.net>\n\nWords to be learned of the letter %s.\n"


def method(path: str) -> str:
    return "POST" if path in POSTS else "GET"


@pytest.fixture(scope="module")
def api(module_world: Path) -> Iterator[ApiController]:
    controller = ApiController(module_world / "controller", rules=RULES)
    controller.start()
    yield controller
    stop(controller)


def test_signs_of_life(api: ApiController) -> None:
    ping = api.ask("GET", "/ping")
    assert (ping.status, ping.body, ping.headers["Content-Type"]) == (200, b"pong\r\n", "text/plain")
    for path in ("/healthy", "/ready"):
        assert api.ask("GET", path).json == {"success": True}
    metrics = api.ask("GET", "/metrics").body.decode()
    assert "gatepost_api_requests_total" in metrics and "gatepost_controller_workers" in metrics
    assert api.ask("HEAD", "/ping").status == 200


@pytest.mark.parametrize(("message", "action"), [(HAM, "no action"), (GREY, "greylist"), (MARK, "add header"), (REJECT, "reject")])
@pytest.mark.parametrize("path", ["/checkv2", "/check", "/scan"])
def test_check(api: ApiController, path: str, message: bytes, action: str) -> None:
    answer = api.ask("POST", path, message, {"Ip": "192.0.2.1", "From": "<a@example.net>", "Rcpt": "b@example.org",
                                             "Helo": "mail.example.net", "Queue-Id": "4XyZ", "User-Agent": "rspamc",
                                             "Flags": "pass_all,body_block", "Settings-ID": "x", "Hostname": "mail.example.net"})
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json", answer
    verdict = answer.json
    assert verdict["action"] == action and verdict["required_score"] == 15.0 and verdict["is_skipped"] is False
    assert verdict["thresholds"] == {"reject": 15.0, "add header": 6.0, "greylist": 4.0}
    assert verdict["score"] == sum(s["score"] for s in verdict["symbols"].values())
    for name, symbol in verdict["symbols"].items():
        assert symbol["name"] == name and symbol["metric_score"] == symbol["score"] and "description" in symbol
    assert verdict["message-id"].endswith("@example.net") and verdict["queue-id"] == "4XyZ"
    assert verdict["time_real"] >= 0 and verdict["urls"] == [] and verdict["emails"] == [] and verdict["messages"] == {}


def test_learning(api: ApiController) -> None:
    def counts() -> tuple[int, int]:
        files = {f["symbol"]: f["revision"] for f in api.get("/stat").json["statfiles"]}
        return files["BAYES_SPAM"], files["BAYES_HAM"]

    message = LETTER % ((b"learning",) * 3)

    def learns(path: str, **headers: str) -> bool:
        answer = api.post(path, message, **headers)
        if answer.status == 202:  # it took long; once it is learned it is known
            return api.settled(path, message, **headers).status == 208
        return (answer.status, answer.json) == (200, {"success": True})

    spam, ham = counts()
    assert learns("/learnspam")
    again = api.settled("/learnspam", message)
    assert again.status == 208 and "already learned as spam" in again.error
    assert counts() == (spam + 1, ham)
    assert learns("/learnham")
    assert counts() == (spam, ham + 1)
    assert learns("/learnclass", Class="spam")
    assert counts() == (spam + 1, ham)
    assert api.post("/learnclass", message, Class="eggs").status == 404
    assert api.ask("POST", "/learnham", message, by_socket=True).json["success"] is True, "root needs no password there"


def test_learning_for_a_user(api: ApiController) -> None:
    assert api.post("/learnspam", LETTER % ((b"user",) * 3), User="alice@example.org").status in (200, 202)
    api.wait_line("lesson=.*user=alice@example.org")
    assert api.post("/learnspam", HAM, User="no name").status == 400
    assert api.post("/learnspam", HAM, User="x" * 300).status == 400


def test_what_cannot_be_learned(api: ApiController) -> None:
    empty = api.post("/learnspam", b"")
    assert empty.status == 400 and "no message" in empty.error
    assert api.post("/checkv2", b"").status == 400
    assert api.post("/learnspam", b"X" * 5_000_000).status == 413, "learn.size_max"


def test_counts(api: ApiController) -> None:
    before = api.get("/stat").json
    for message in (HAM, MARK, REJECT):
        api.post("/checkv2", message)
    after = api.get("/stat").json
    assert after["scanned"] == before["scanned"] + 3 == sum(after["actions"].values())
    assert after["actions"]["reject"] == before["actions"]["reject"] + 1
    assert after["spam_count"] == before["spam_count"] + 2 and after["ham_count"] == before["ham_count"] + 1
    assert after["uptime"] >= before["uptime"] and after["read_only"] is False and len(after["scan_times"]) == 31
    auth = api.get("/auth").json
    assert auth["auth"] == "ok" and auth["scanned"] == after["scanned"] and auth["uptime"] >= after["uptime"]
    reset = api.get("/statreset")
    assert reset.status == 200 and reset.json["scanned"] == after["scanned"]
    assert api.get("/stat").json["scanned"] == 0
    api.post("/checkv2", HAM)
    assert api.get("/stat").json["scanned"] == 1
    assert api.get("/counters").json == [], "nobody has counted symbols in this store"


def test_rules_and_thresholds(api: ApiController) -> None:
    groups = api.get("/symbols").json
    rules = {r["symbol"]: r for group in groups for r in group["rules"]}
    assert rules["T_MARK"] == {"symbol": "T_MARK", "weight": 7.0, "description": "Test rule for marking"}
    actions = {a["action"]: a["value"] for a in api.get("/actions").json}
    assert actions["reject"] == 15.0 and actions["add header"] == 6.0 and actions["no action"] is None


def test_errors_and_history(api: ApiController) -> None:
    assert api.ask("GET", "/errors").status == 401
    errors = api.get("/errors").json
    assert all(e.keys() >= {"ts", "type", "module", "message"} for e in errors)
    assert any("API: refused" in e["message"] for e in errors)
    assert api.get("/history").json == []


@pytest.mark.parametrize("path", ["/fuzzyadd", "/fuzzydel", "/fuzzydelhash", "/nothing", "/", "/checkv2/", "//ping", "/maps", "/graph"])
def test_what_is_not_there(api: ApiController, path: str) -> None:
    answer = api.post(path, HAM)
    assert answer.status == 404 and answer.error


def test_methods(api: ApiController) -> None:
    for path in (*READS, *SECRETS, *OPEN):
        assert api.post(path, HAM).status == 405, path
    for path in POSTS:
        assert api.get(path).status == 405, path
    assert api.ask("DELETE", "/stat").status == 405
    assert api.ask("OPTIONS", "/learnspam", headers={"Origin": "http://evil.example"}).status == 403


@pytest.mark.parametrize("path", CHANGES + SECRETS)
def test_password(api: ApiController, path: str) -> None:
    body = HAM if path in POSTS else None
    assert api.ask(method(path), path, body).status == 401
    for wrong in ("", "wrong", PASSWORD[:-1], PASSWORD + "x", PASSWORD.upper()):
        assert api.ask(method(path), path, body, {"Password": wrong}).status == 401, wrong
    for query in ("?password=", "?Password=", "?x=1&password="):
        answer = api.ask(method(path), path + query + PASSWORD.replace(" ", "%20"), body)
        assert answer.status == 400 and "never into the address" in answer.error
    # a uid is what the kernel says, not what a header says
    assert api.ask(method(path), path, body, {"X-Real-IP": "127.0.0.1", "X-Forwarded-For": "::1"}).status == 401


@pytest.mark.parametrize("path", READS)
def test_wrong_password_is_refused_where_none_is_needed(api: ApiController, path: str) -> None:
    assert api.ask("GET", path).status == 200
    assert api.ask("GET", path, headers={"Password": PASSWORD}).status == 200
    assert api.ask("GET", path, headers={"Password": "wrong"}).status == 401


def by_user(api: ApiController, user: str, path: str, headers: dict[str, str]) -> int:
    """The status that another user of this host gets by the unix socket."""
    code = ("import http.client, socket, sys, json\n"
            "c = http.client.HTTPConnection('localhost'); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); c.sock = s\n"
            "c.request(sys.argv[2], sys.argv[3], sys.argv[5].encode() or None, json.loads(sys.argv[4]))\n"
            "print(c.getresponse().status)")
    done = subprocess.run([sys.executable, "-I", "-c", code, str(api.api_socket), method(path), path, json.dumps(headers),
                           HAM.decode() if path in POSTS else ""], user=user, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize("path", CHANGES + SECRETS)
def test_peers_of_the_unix_socket(api: ApiController, path: str) -> None:
    assert by_user(api, "daemon", path, {}) == 401
    assert by_user(api, "daemon", path, {"Password": PASSWORD}) != 401
    assert by_user(api, "root", path, {}) != 401
    assert by_user(api, "root", path, {"Password": "wrong"}) == 401
    assert by_user(api, "daemon", "/stat", {}) == 200


@pytest.mark.parametrize("name", ["File", "file", "Path", "Shm", "Shm-Offset", "SHM-LENGTH"])
@pytest.mark.parametrize("path", ["/checkv2", "/learnspam", "/ping", "/stat"])
def test_files_are_never_named(api: ApiController, path: str, name: str) -> None:
    for headers, query in (({name: "/etc/passwd"}, ""), ({}, f"?{name}=/etc/passwd")):
        answer = api.ask(method(path), path + query, HAM if path in POSTS else None, {"Password": PASSWORD, **headers})
        assert answer.status == 400 and "never from files" in answer.error
        assert b"root:" not in answer.body


@pytest.mark.parametrize("path", ["/learnspam", "/checkv2", "/stat", "/ping", "/nothing"])
def test_strangers_names_and_pages(api: ApiController, path: str) -> None:
    def ask(**headers: str) -> int:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return api.ask(method(path), path, HAM if path in POSTS else None, {"Password": PASSWORD, **named}).status

    right = ask()
    assert right != 403
    here = f"127.0.0.1:{api.port}"
    for host in ("evil.example", f"evil.example:{api.port}", "localhost.evil.example", "127.0.0.1.evil.example", ""):
        assert ask(Host=host) == 403, host
    assert ask(Host="localhost") == ask(Host="[::1]:80") == right or path == "/learnspam"
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "https://localhost", "file://"):
        assert ask(Origin=origin) == 403, origin
    assert ask(Origin=f"http://{here}") != 403
    assert ask(Sec_Fetch_Site="cross-site") == 403


def test_bad_envelopes(api: ApiController) -> None:
    assert api.post("/checkv2", HAM, Ip="999.1.1.1").status == 400
    assert api.post("/checkv2", HAM, Ip="127.0.0.1; rm").status == 400
    assert api.post("/checkv2", HAM, Ip="").status == 200
    assert api.post("/checkv2", HAM, From="<>", Helo="\xff\xfe", User="\xe4", Rcpt="<>").status == 200


def test_compressed_bodies(api: ApiController) -> None:
    packed = subprocess.run(["zstd", "-qc"], input=MARK, capture_output=True, check=True).stdout
    bomb = subprocess.run(["zstd", "-qc"], input=bytes(200_000_000), capture_output=True, check=True).stdout
    plain = api.post("/checkv2", MARK).json
    for header in ("Compression", "Content_Encoding"):
        answer = api.post("/checkv2", packed, **{header: "zstd"})
        if answer.status == 415:
            pytest.skip("built without libzstd")
        assert answer.json["symbols"] == plain["symbols"]
    assert api.post("/checkv2", bomb, Compression="zstd").status == 413
    assert api.post("/checkv2", b"no zstd", Compression="zstd").status == 400
    assert api.post("/checkv2", packed[:-3], Compression="zstd").status == 400
    assert api.post("/checkv2", packed, Compression="gzip").status == 415


def test_hostile_content_gives_json(api: ApiController) -> None:
    nasty = (b'Message-ID: <"\\\xff\x01\x00\x7f\xed\xa0\x80>\nSubject: \xc3\nFrom: "\\" <\xf0\x9f\x98@\xff>\n'
             b"word-for-mark \x00 http://a\xff\"b.example/\x01 mailto:\xff\"}@x https://\xe2\x80\xae.example/\n")
    for message in (nasty, nasty * 50, b"\x00" * 1000, b"\xff" * 1000, b"\n", b"A: " + b"x" * 70000, bytes(range(256)) * 40):
        answer = api.post("/checkv2", message, Queue_Id="\x7f\xff\"", From="\"\\\xff")
        assert answer.status == 200 and answer.json["action"]


def test_without_password(world: Path) -> None:
    controller = ApiController(world / "controller", {"controller": {"http": {"password_file": ""}}}, rules=RULES)
    controller.start()
    for path in CHANGES + SECRETS:
        for headers in ({}, {"Password": ""}, {"Password": PASSWORD}):
            assert controller.ask(method(path), path, HAM if path in POSTS else None, headers).status == 403, path
    assert controller.ask("GET", "/stat").status == 200
    assert controller.ask("GET", "/statreset", by_socket=True).status == 200, "root by the unix socket"
    stop(controller)


def test_empty_password_file_lets_nobody_in(world: Path) -> None:
    controller = ApiController(world / "controller", rules=RULES)
    controller.password_file.write_text("\n")
    controller.start()
    controller.wait_line("no password is accepted")
    for password in ("", "\n", " "):
        assert controller.ask("GET", "/statreset", headers={"Password": password.strip()}).status == 403
    stop(controller)


def test_reads_may_ask_for_the_password_too(world: Path) -> None:
    controller = ApiController(world / "controller", {"controller": {"http": {"read_password": True}}}, rules=RULES)
    controller.start()
    assert controller.ask("GET", "/stat").status == 401
    assert controller.ask("POST", "/checkv2", HAM).status == 401
    assert controller.get("/stat").status == 200
    assert controller.ask("GET", "/ping").status == 200
    stop(controller)


def test_reload_takes_the_new_password(world: Path) -> None:
    controller = ApiController(world / "controller", rules=RULES)
    controller.start()
    assert controller.get("/statreset").status == 200
    controller.password_file.write_text("another\n")
    controller.reload()
    controller.wait_line("configuration reloaded")
    assert controller.get("/statreset").status == 401
    assert controller.ask("GET", "/statreset", headers={"Password": "another"}).status == 200
    stop(controller)


def test_address_of_the_network(world: Path) -> None:
    """Who listens there is asked for the password by everybody: that a client is on this host opens nothing."""
    port = free_port()
    controller = ApiController(world / "controller", {"controller": {"http": {"listen": [f"inet:{port}@0.0.0.0"]}}}, rules=RULES)
    controller.port = port
    controller.start()
    for path in (*READS, "/checkv2", *CHANGES, *SECRETS):
        assert controller.ask(method(path), path, HAM if path in POSTS else None).status == 401, path
    assert controller.get("/stat").status == 200 and controller.ask("GET", "/ping").status == 200
    stop(controller)


def test_default_address_that_cannot_be_had(world: Path) -> None:
    """Nobody asked for the API, so learning goes on without it."""
    controller = Controller(world / "controller", world / "learn.sock", settings={"controller": {"user": "nobody"}})
    blocker = Path("/run/gatepost")
    if blocker.exists():
        pytest.skip("/run/gatepost is there: the default address can be had")
    controller.start()
    controller.wait_line("the API is not served")
    stop(controller)


def test_address_that_is_taken(world: Path) -> None:
    first = ApiController(world / "first", rules=RULES)
    first.start()
    second = ApiController(world / "second", {"controller": {"http": {"listen": [f"inet:{first.port}@127.0.0.1"]}}}, rules=RULES)
    with pytest.raises(Exception, match="ended|exit"):
        second.start()
    stop(first)


@pytest.mark.parametrize("lengths", ["Content-Length: 5\r\nContent-Length: 60", "Content-Length: 5\r\nTransfer-Encoding: chunked",
                                     "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"])
@pytest.mark.parametrize("path", ["/checkv2", "/ping", "/nothing"])
def test_body_with_two_ends(api: ApiController, path: str, lengths: str) -> None:
    """Who passes it on may see another request behind it than we do: refused, and nothing behind it is read."""
    sent = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{lengths}\r\n\r\n0\r\n\r\nGET /stat HTTP/1.1\r\nHost: localhost\r\n\r\n"
    got = api.raw(sent.encode())
    assert got.count(b"HTTP/1.1 ") == 1 and got.startswith(b"HTTP/1.1 400 ")
