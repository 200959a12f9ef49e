"""`gatepost learn --self-test`: all steps with a real Dovecot and controller, each failure with its message, nothing left."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers import trixie
from servers.debian import Unavailable
from servers.controller import Controller
from servers.dovecot import OWNER
from servers.imap import PASSWORD, Dovecot, Edition, Setup, why_no_namespace
from servers.milter import SANITIZERS, Value, build_folder, merged
from servers.process import halt, session_of, wait_for
from servers.redis import Redis

USER = "alice"
MASTER_PASSWORD = "master-of-all"
MASTER_24 = f"""
passdb masters {{
  driver = static
  passdb_static_password = {MASTER_PASSWORD}
  master = yes
}}
"""
MASTER = f"""
passdb {{
  driver = static
  args = password={MASTER_PASSWORD}
  master = yes
}}
"""
WAITED = "15s"  # for what does not come; all else must within that
ENOUGH = "60s"  # where all comes
STEPS = ["controller", "login", "folders", "clean", "store", "append", "move", "learned", "unlearned", "removed"]


@dataclass
class Place:
    """Dovecot with the plugin, the controller behind it, and the command."""

    folder: Path
    dovecot: Dovecot
    controller: Controller

    def argv(self, *args: str, way: str = "child") -> list[str]:
        program = build_folder() / "cli" / "gatepost"
        ways = {"child": ["--dovecot-config", str(self.dovecot.config)],
                "master": ["--imap", f"127.0.0.1:{self.dovecot.port}", "--master", "boss", "--password-file",
                           self.password(MASTER_PASSWORD)],
                "own": ["--imap", f"127.0.0.1:{self.dovecot.port}", "--password-file", self.password(PASSWORD)]}
        return [str(program), "-c", str(self.controller.config), "learn", "--self-test", "--user", USER, *ways[way], *args]

    def password(self, text: str) -> str:
        path = self.folder / f"password.{text}"
        path.write_text(text + "\n")
        return str(path)

    def run(self, *args: str, way: str = "child") -> tuple[int, dict[str, Value]]:
        done = subprocess.run(self.argv("--json", *args, way=way), capture_output=True, text=True, timeout=300,
                              env={**os.environ, **SANITIZERS})
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def fails(self, step: str, error: str, remedy: str, *args: str, way: str = "child") -> None:
        """The self-test fails at that step, says why and what helps, and leaves nothing in the folders."""
        status, report = self.run(*args, way=way)
        assert (status, report["ok"], report["failed"]) == (69, False, step), report
        failed = next(s for s in report["steps"] if s["step"] == step)
        assert re.search(error, failed["error"]), failed
        assert re.search(remedy, failed["remedy"]), failed
        assert [s["ok"] for s in report["steps"] if s["step"] == "removed"] in ([], [True]), report

    def canaries(self) -> int:
        found = 0
        with self.dovecot.session(USER) as session:
            for folder in ("INBOX", "Junk", "Trash"):
                if session.select(folder, readonly=True)[0] == "OK":
                    found += len(session.search(None, "HEADER", "Message-ID", "gatepost-canary")[1][0].split())
        return found

    def stat(self) -> dict[str, Value]:
        return json.loads(self.controller.gatepost("stat", "--user", USER, "--json"))["scopes"]


@contextmanager
def place(folder: Path, setup: Setup | None = None, settings: dict[str, Value] | None = None,
          store: str = "lmdb", edition: Edition | None = None) -> Iterator[Place]:
    why_not = why_no_namespace()
    if why_not:
        pytest.skip(f"Dovecot: {why_not}")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    redis = Redis(folder / "redis") if store == "redis" else None
    socket = folder / "dovecot" / "learn.sock"  # Dovecot may be in a tree of its own, but for this folder
    setup = setup or Setup()
    setup.settings = {"socket": str(socket), **setup.settings}
    dovecot = Dovecot(folder / "dovecot", edition or Edition("2.3", "", build_folder()), setup)
    base: dict[str, Value] = {"learn": {"trusted_uids": ["root", OWNER]}, "bayes": {"scope": "global+user"}}
    controller = Controller(folder / "controller", socket, redis.url if redis else "", merged(base, settings or {}))
    servers = [s for s in (redis, controller, dovecot) if s]
    try:
        for server in servers:
            server.start()
        yield Place(folder, dovecot, controller)
    finally:
        for server in reversed(servers):
            server.stop()


@pytest.fixture(scope="module", params=["lmdb", "redis"])
def site(request: pytest.FixtureRequest, module_world: Path) -> Iterator[Place]:
    with place(module_world / request.param, Setup(extra=MASTER), store=request.param) as found:
        yield found


@pytest.mark.parametrize("way", ["child", "master", "own"])
def test_all_steps(site: Place, way: str) -> None:
    before = site.stat()
    status, report = site.run(way=way)
    assert status == 0 and report["ok"] and report["failed"] is None, json.dumps(report, indent=1)
    assert [s["step"] for s in report["steps"]] == STEPS and all(s["ok"] for s in report["steps"])
    assert site.stat() == before and site.canaries() == 0
    rows = [json.loads(row) for row in site.controller.gatepost("learn", "log", "--user", USER, "--json").splitlines()]
    mine = [(row["class"], row["outcome"]) for row in rows if row["message_id"] == report["canary"]]
    assert mine == [("none", "unknown"), ("none", "removed"), ("spam", "new")]


def test_for_people(site: Place) -> None:
    done = subprocess.run(site.argv(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(STEPS) and all(re.match(r" ok  +\d+\.\d{3} s  \S", line) for line in lines), done.stdout
    assert subprocess.run(site.argv("--quiet"), capture_output=True, text=True, timeout=300).stdout == ""


def test_killed_half_way(site: Place) -> None:
    """At whatever moment: the next run takes all away, in the folders and in what is learned."""
    before = site.stat()
    children = []
    for delay in (0.05, 0.15, 0.25, 0.4, 0.6):
        child = subprocess.Popen(site.argv(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(delay)
        child.kill()
        child.wait()
        children.append(child.pid)
    wait_for(lambda: not any(session_of(pid) for pid in children), "end of the IMAP servers that they had started")
    with site.dovecot.session(USER):  # hands over what they could not
        site.dovecot.wait_no_references(USER)
    status, report = site.run()
    assert status == 0, report
    assert site.canaries() == 0 and site.stat() == before


def killed_in_time(site: Place) -> bool:
    """Kills a self-test as soon as it says that it has moved its canary; True if that stayed learned, and in Junk."""
    before = site.stat()
    child = subprocess.Popen(site.argv(), stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout
    for line in child.stdout:
        if "is moved into Junk" in line:
            child.kill()
            break
    child.wait()
    wait_for(lambda: not session_of(child.pid), "end of the IMAP server that it had started")
    with site.dovecot.session(USER):  # hands over what that one could not
        site.dovecot.wait_no_references(USER)
    return site.canaries() == 1 and site.stat() != before


def test_killed_after_learning(site: Place) -> None:
    """The canary stays learned and in Junk for certain; the next run takes both back."""
    before = site.stat()
    for _ in range(50):  # one that was quicker than its killer has cleaned up, or begun to
        if killed_in_time(site):
            break
        assert site.run()[0] == 0 and site.stat() == before
    else:
        pytest.fail("no self-test was killed in time")
    status, report = site.run()
    assert status == 0, report
    assert "1 messages removed" in next(s for s in report["steps"] if s["step"] == "clean")["detail"]
    assert site.canaries() == 0 and site.stat() == before


def test_interrupted(site: Place) -> None:
    """Ctrl-C cleans up."""
    before = site.stat()
    child = subprocess.Popen(site.argv(), stdout=subprocess.PIPE, text=True)
    assert child.stdout
    for line in child.stdout:
        if "put into INBOX" in line:
            child.send_signal(signal.SIGINT)
            break
    rest = child.stdout.read()
    assert child.wait() in (0, 69), rest
    assert "canary is removed" in rest and site.canaries() == 0 and site.stat() == before


def test_wrong_password(site: Place) -> None:
    (site.folder / "wrong").write_text("wrong\n")
    site.fails("login", "the server says: .*[Aa]uthentication failed", "master user",
               "--password-file", str(site.folder / "wrong"), way="master")
    site.fails("login", "the server says", "the user's", "--password-file", str(site.folder / "wrong"), way="own")


def test_no_imap_server(site: Place) -> None:
    site.fails("login", "connect: Connection refused", "is Dovecot running", "--imap", "127.0.0.1:1", way="own")


def test_controller_slow_and_gone(module_world: Path) -> None:
    with place(module_world / "gone") as here:
        halt(here.controller.process.pid)
        try:
            here.fails("controller", "controller: greeting: no answer in time", "hang", "--timeout", "1s")
        finally:
            here.controller.process.send(signal.SIGCONT)
        here.controller.stop()
        here.fails("controller", "learn.sock: ", "is gatepost-controller running")


def test_plugin_off(module_world: Path) -> None:
    with place(module_world / "off", Setup(mail_plugin=False)) as here:
        here.fails("learned", "the move was not taught", "is gatepost_learn in mail_plugins of protocol imap",
                   "--timeout", WAITED)
        assert here.canaries() == 0


def test_not_trusted(module_world: Path) -> None:
    with place(module_world / "denied", settings={"learn": {"trusted_uids": ["root"], "untrusted": "deny"}}) as here:
        here.fails("learned", "denied", "learn.trusted_uids", "--timeout", WAITED)
        assert here.canaries() == 0


def test_refused(module_world: Path) -> None:
    with place(module_world / "short", settings={"learn": {"words_min": 1000}}) as here:
        here.fails("learned", "spam, refused, short", "learn.words_min", "--timeout", ENOUGH)
        assert here.canaries() == 0


def test_no_junk(module_world: Path) -> None:
    with place(module_world / "junk", Setup(special_use=False)) as here:
        with here.dovecot.session(USER) as session:
            session.delete("Junk")
            session.create("Rubbish")
        done = here.run("--junk", "Rubbish", "--timeout", WAITED)[1]
        assert done["failed"] == "learned", "the plugin does not take it for Junk"
        here.fails("folders", "alice has no folder Rubish", "--junk", "--junk", "Rubish")


def test_store_down(module_world: Path) -> None:
    with place(module_world / "down", store="redis") as here:
        config = here.controller.config.read_text()
        here.controller.config.write_text(config.replace("redis.sock", "gone.sock"))
        here.fails("store", "store", "gatepost stat", "--timeout", ENOUGH)


def test_tls(module_world: Path) -> None:
    """To another host only by TLS, and the certificate must be the server's."""
    folder = module_world / "tls"
    folder.mkdir()
    address = "0.0.0.0"  # reaches this host, and is no loopback address
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-days", "2",
                    "-subj", "/CN=test", "-addext", f"subjectAltName=IP:{address}"], check=True, capture_output=True)
    extra = f"ssl = yes\nssl_cert = <{folder}/cert.pem\nssl_key = <{folder}/key.pem\n"
    with place(folder, Setup(extra=extra)) as here:
        to = ("--imap", f"{address}:{here.dovecot.port}")
        here.fails("login", "certificate", "--ca-file", *to, way="own")
        for trust in (("--ca-file", str(folder / "cert.pem")), ("--no-verify",)):
            status, report = here.run(*to, *trust, way="own")
            assert status == 0 and report["steps"][1]["detail"].endswith(", TLS"), report


def test_dovecot_24(module_world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        edition = trixie.edition()
    except Unavailable as why:
        pytest.skip(f"Dovecot 2.4: {why}")
    folder = module_world / "trixie"
    with place(folder, Setup(extra=MASTER_24), edition=edition) as here:
        own = folder / "bin"  # doveadm of that tree
        own.mkdir()
        argv = here.dovecot.edition.inside(here.dovecot.folder, ["/usr/bin/doveadm"])
        (own / "doveadm").write_text(f'#!/bin/sh\nexec {shlex.join(argv)} "$@"\n')
        (own / "doveadm").chmod(0o755)
        monkeypatch.setenv("PATH", str(own), prepend=":")
        for way in ("child", "master"):
            status, report = here.run(way=way)
            assert status == 0, json.dumps(report, indent=1)
        assert here.canaries() == 0


def test_usage(site: Place) -> None:
    program = build_folder() / "cli" / "gatepost"
    for args, why in (([], "say --user"), (["--user", "a", "--imap", "localhost"], "belong together"),
                      (["--user", "a", "--timeout", "soon"], "is no time"),
                      (["--user", "a", "--master", "b"], "belong together")):
        done = subprocess.run([program, "learn", "--self-test", *args], capture_output=True, text=True)
        assert done.returncode == 64 and why in done.stderr, done.stderr
