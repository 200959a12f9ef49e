"""lib/ldap beside a real slapd: what is found, by every way in; and servers that are away, slow, wrong or restarted."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers.milter import TOP, build_folder
from servers.process import free_port, halt, wait_for
from servers.slapd import BASE, PASSWORD, READER, Gate, Slapd

PROBE = build_folder() / "tests/probe/gp-ldap-probe"
# libldap with GnuTLS does not give back the certificate and key that it makes a context of, once in a process.
SUPPRESSIONS = TOP / "tests" / "servers" / "libldap.lsan"
MANY = 10_000

pytestmark = pytest.mark.skipif(not PROBE.exists() or not Path("/usr/sbin/slapd").exists(),
                                reason="a build with LDAP, and slapd, are needed")


def person(uid: str, *lines: str) -> str:
    return "\n".join((f"dn: uid={uid},{BASE}", "objectClass: inetOrgPerson", f"uid: {uid}", f"cn: {uid}", f"sn: {uid}",
                      *lines)) + "\n\n"


LDIF = (person("joe", "mail: joe@example.org", "mail: joe.alias@example.org", "description: reject=12", "title: gold")
        + person("ann", "mail: ann@example.org")
        + person("star").replace("uid: star\n", "uid: star\nuid: star*(man)\\\n")
        + person("comma\\, space", "mail: comma@example.org").replace("uid: comma\\, space", "uid: comma, space")
        + f"dn: cn=team,{BASE}\nobjectClass: groupOfNames\ncn: team\nmember: uid=joe,{BASE}\nmember: uid=ann,{BASE}\n"
          f"member: cn=team,{BASE}\nmember: uid=gone,{BASE}\nmember: cn=inner,{BASE}\n\n"
        + f"dn: cn=inner,{BASE}\nobjectClass: groupOfNames\ncn: inner\nmember: uid=u1,{BASE}\n\n"
        + f"dn: ou=elsewhere,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: elsewhere\n"
          f"ref: ldap://192.0.2.1/{BASE}\n\n"
        + "".join(person(f"u{i}", f"mail: u{i}@many.example") for i in range(MANY)))


class Probe:
    """A running gp-ldap-probe: ask() gives what it found for one key."""

    def __init__(self, *options: object) -> None:
        self._child = subprocess.Popen([str(PROBE), *map(str, options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True,
                                       env={**os.environ, "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}:print_suppressions=0",
                                            "ASAN_OPTIONS": "quarantine_size_mb=1:thread_local_quarantine_size_kb=16"})

    def memory(self) -> int:
        """Bytes in memory that are its own."""
        status = Path(f"/proc/{self._child.pid}/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0]) * 1024

    def ask(self, line: str) -> dict[str, Any]:
        assert self._child.stdin and self._child.stdout and self._child.stderr
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline()
        assert answer, self._child.stderr.read()
        told: dict[str, Any] = json.loads(answer)
        return told

    def values(self, key: str) -> list[str]:
        return [text for _, text in self.ask(key)["values"]]

    def close(self) -> None:
        _, errors = self._child.communicate()
        assert self._child.returncode == 0, errors


Start = Callable[..., Probe]


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    server = Slapd(tmp_path_factory.mktemp("slapd"), LDIF)
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def nobody_asks_yet(slapd: Slapd) -> None:
    """Searches are counted."""
    slapd.wait_alone()


@pytest.fixture
def start(slapd: Slapd) -> Iterator[Start]:
    """start(*options, uri=…) is a probe that asks for the mail of a uid; more options add to these or come instead."""
    probes: list[Probe] = []

    def begin(*options: object, uri: str | None = None, bind: bool = True, filter: str = "(mail=%s)", base: str = BASE,
              result: str = "uid") -> Probe:
        words = ["--timeout", "60000", "--filter", filter, "--base", base, *(("--result", result) if result else ())]
        if bind:
            words += ["--bind", READER, str(slapd.password_file)]
        probes.append(Probe("--uri", uri or slapd.url, *words, *options))
        return probes[-1]

    yield begin
    for probe in probes:
        probe.close()


def test_values(start: Start) -> None:
    found = start("--result", "description", "--result", "title: class=%s", "--result", "mail").ask("joe@example.org")
    assert found["result"] == "ok" and found["entries"] == 1 and found["dn"] == f"uid=joe,{BASE}"
    assert found["values"] == [["uid", "joe"], ["description", "reject=12"], ["title", "class=gold"],
                               ["mail", "joe@example.org"], ["mail", "joe.alias@example.org"]]


def test_absent(start: Start) -> None:
    probe = start()
    assert probe.ask("nobody@example.org")["result"] == "no such thing" or probe.ask("nobody@example.org")["result"]
    assert probe.ask("nobody@example.org")["values"] == []
    assert probe.ask("ann@example.org")["result"] == "ok"


def test_no_attributes(start: Start) -> None:
    """An entry without any of the attributes is an entry."""
    probe = start(result="title")
    assert probe.ask("ann@example.org") | {"ms": 0, "server": ""} == {
        "result": "ok", "ms": 0, "why": "", "entries": 1, "values": [], "dn": f"uid=ann,{BASE}", "server": ""}
    assert start(result="").ask("ann@example.org")["result"] == "ok"


@pytest.mark.parametrize("way", ["plain", "starttls", "ldaps", "ldapi", "external", "certificate"])
def test_ways_in(slapd: Slapd, start: Start, way: str) -> None:
    ca = ("--ca", slapd.certificate)
    probe = {
        "plain": lambda: start(),
        "starttls": lambda: start("--starttls", *ca),
        "ldaps": lambda: start(*ca, "--tls13", uri=slapd.ldaps_url),
        "ldapi": lambda: start(uri=slapd.ldapi_url),
        "external": lambda: start("--external", uri=slapd.ldapi_url, bind=False),
        "certificate": lambda: start("--external", *ca, "--cert", slapd.client_certificate, "--key", slapd.client_key,
                                     uri=slapd.ldaps_url, bind=False),
    }[way]()
    assert probe.values("joe@example.org") == ["joe"]


@pytest.mark.parametrize("way", ["ldaps", "starttls"])
def test_untrusted_server(slapd: Slapd, start: Start, way: str) -> None:
    """A certificate that nobody vouches for, or for another name, is no server of ours."""
    other = slapd.client_certificate
    options: tuple[object, ...] = ("--ca", other) if way == "ldaps" else ("--starttls", "--ca", other)
    told = start(*options, uri=slapd.ldaps_url if way == "ldaps" else None).ask("joe@example.org")
    assert told["result"] == "temporary failure" and "certificate" in told["why"]


def test_wrong_password(slapd: Slapd, start: Start, tmp_path: Path) -> None:
    """Refused, said so; and as the file is read at each connect, right again when it is."""
    file = tmp_path / "password"
    file.write_text("wrong\n")
    probe = start("--bind", READER, file, "--rest", 1, bind=False)
    told = probe.ask("joe@example.org")
    assert told["result"] != "temporary failure" and "Invalid credentials" in told["why"]
    assert probe.ask("!up") == {"up": False, "why": told["why"]}
    file.write_text(PASSWORD)
    time.sleep(0.01)
    assert probe.values("joe@example.org") == ["joe"]
    assert probe.ask("!up")["up"]
    file.write_text("\n")
    assert "empty" in start("--bind", READER, file, bind=False).ask("joe@example.org")["why"]


def test_anonymous_sees_nothing(start: Start) -> None:
    assert start(bind=False).ask("joe@example.org")["result"] not in ("ok", "temporary failure")


@pytest.mark.parametrize("key", ["star*(man)\\", "*", "joe)(uid=*", "\\2a", "x\\", ")(|(uid=*"])
def test_escaping_in_filters(start: Start, key: str) -> None:
    """What a stranger puts into an address is a value, never a part of the filter."""
    found = start(filter="(uid=%s)").values(key)
    assert found == (["star", "star*(man)\\"] if key.startswith("star") else [])


def test_escaping_in_names(start: Start) -> None:
    probe = start("--scope", "base", base=f"uid=%s,{BASE}", filter="(objectClass=*)")
    assert probe.values("comma, space") == ["comma, space"]
    assert probe.values("joe") == ["joe"]
    for key in ("joe,dc=example", "+", "joe+cn=joe", "#", '"', " ", "<joe>", f"joe,{BASE}\\"):
        assert probe.values(key) == [], key


def test_templates(start: Start) -> None:
    assert start(filter="(&(uid=%u)(mail=*@%d))").values("joe@example.org") == ["joe"]
    assert start(filter="(uid=%n)").values("joe") == ["joe"]
    assert start(filter="(mail=%u@%2.%1)").values("joe@mx.example.org") == ["joe"]
    assert start(filter="(mail=%u@%2.%1)").ask("joe@org")["why"] == "the query is not for this key"
    assert start(filter="(uid=%d)").ask("joe")["why"] == "the query is not for this key"
    assert start(filter="(uid=joe)", result="mail: %u at %d for %S").values("x@y") == [
        "joe at example.org for x@y", "joe.alias at example.org for x@y"]
    assert start(filter="(uid=joe)", result="title: %d").values("x@y") == []  # gold has no domain


def test_domains(slapd: Slapd, start: Start) -> None:
    probe = start("--domain", "example.org", "--domain", "Many.Example")
    before = slapd.searches()
    assert probe.ask("joe@example.com")["result"] != "ok" and probe.ask("joe")["result"] != "ok"
    assert slapd.searches() == before, "asked for a domain that is not in the directory"
    assert probe.values("u7@many.example") == ["u7"]


def test_follow(start: Start) -> None:
    """Members of a group, of the groups in it, once each; loops and names of what is gone do no harm."""
    assert sorted(start("--follow", "member", filter="(cn=%s)", result="mail").values("team")) == [
        "ann@example.org", "joe.alias@example.org", "joe@example.org", "u1@many.example"]


def test_referral(start: Start) -> None:
    """Not followed: it would carry the password to whoever is named. It says so."""
    probe = start("--scope", "base", base=f"ou=elsewhere,{BASE}", filter="(objectClass=*)")
    told = probe.ask("x")
    assert told["result"] not in ("ok", "temporary failure") and "referral" in told["why"].lower()
    assert start().values("joe@example.org") == ["joe"]


def test_references_are_not_followed(start: Start) -> None:
    """Nor those that come beside entries, where a part of the tree lies elsewhere (here: at an address that nobody has)."""
    told = start().ask("joe@example.org")
    assert told["result"] == "ok"


def test_pages(start: Start) -> None:
    """More entries than the server gives at a time, all of them."""
    found = start(filter="(mail=*@many.example)").ask("x")
    assert found["entries"] == MANY and len(found["values"]) == MANY
    assert len({text for _, text in found["values"]}) == MANY


def test_many_at_once(start: Start) -> None:
    told = start(filter="(mail=%s@many.example)", result="uid").ask("*2000 u")
    assert (told["ok"], told["failed"]) == (2000, 0)


def test_cache(slapd: Slapd, start: Start) -> None:
    probe = start("--cache", 100, 60, 60)
    first = probe.ask("joe@example.org")
    nobody = probe.ask("nobody@example.org")
    before = slapd.searches()
    again = probe.ask("joe@example.org")
    assert again["values"] == first["values"] and again["dn"] == first["dn"] and again["entries"] == 1
    assert (first["server"], again["server"]) == (slapd.url, "")
    assert probe.ask("nobody@example.org")["result"] == nobody["result"]
    assert slapd.searches() == before
    probe.ask("!flush")
    probe.ask("joe@example.org")
    assert slapd.searches() == before + 1


def test_cache_expires(slapd: Slapd, start: Start) -> None:
    probe = start("--cache", 100, 1, 0)
    probe.ask("joe@example.org")
    before = slapd.searches()
    probe.ask("nobody@example.org")
    probe.ask("nobody@example.org")
    assert slapd.searches() == before + 2, "a negative answer was kept for 0 s"
    time.sleep(1.1)
    probe.ask("joe@example.org")
    assert slapd.searches() == before + 3


@pytest.mark.parametrize("words", [
    ("--filter", "(uid=%x)"), ("--filter", "(uid=%"), ("--filter", ""), ("--filter", "(uid=%s"),
    ("--filter", "(uid=%s)", "--result", "not an attribute"), ("--filter", "(uid=%s)", "--follow", ""),
    ("--filter", "(uid=%s)", "--result", "uid: %q"),
])
def test_bad_words(slapd: Slapd, words: tuple[str, ...]) -> None:
    done = subprocess.run([PROBE, "--uri", slapd.url, *words], input="", text=True, capture_output=True)
    assert done.returncode == 78 and done.stderr.strip()


@pytest.mark.parametrize("uri", ["http://127.0.0.1", "", "ldap:/x"])
def test_bad_address(uri: str) -> None:
    done = subprocess.run([PROBE, "--uri", uri, "--filter", "(uid=%s)"], input="", text=True, capture_output=True)
    assert done.returncode == 78 and "ldaps://" in done.stderr


def test_bad_filter_on_the_wire(start: Start) -> None:
    """What only the server can know is wrong with the question is no reason to ask again later."""
    told = start(base="not a name").ask("joe")
    assert told["result"] not in ("ok", "temporary failure") and told["why"]


# Failures.

def test_failover(slapd: Slapd, start: Start) -> None:
    """The first server is down: the next one answers."""
    probe = start("--uri", slapd.url, uri=f"ldap://127.0.0.1:{free_port()}")
    told = probe.ask("joe@example.org")
    assert told["values"] == [["uid", "joe"]] and told["server"] == slapd.url


def test_down_then_up(tmp_path: Path, slapd: Slapd) -> None:
    """Down at the start: fails, then (the breaker) at once; up: answers by itself. Restarted in between: nobody notices."""
    server = Slapd(tmp_path / "own", person("joe", "mail: joe@example.org"))
    words = ("--timeout", 60000, "--uri", server.url, "--filter", "(mail=%s)", "--base", BASE, "--result", "uid",
             "--bind", READER, server.password_file)
    for rest in (60000, 300):
        probe = Probe(*words, "--rest", rest)
        for _ in range(3):
            assert probe.ask("joe@example.org")["result"] == "temporary failure"
        if rest == 60000:
            assert "not asked" in probe.ask("joe@example.org")["why"]
            assert not probe.ask("!up")["up"]
            probe.close()
    server.start()
    wait_for(lambda: probe.values("joe@example.org") == ["joe"], "the server that is up")
    assert probe.ask("!up") == {"up": True, "why": ""}
    server.stop()
    server.start()
    assert probe.values("joe@example.org") == ["joe"]
    server.stop()
    probe.close()


class Silent:
    """Accepts connections and says nothing."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ldap://127.0.0.1:{self._listener.getsockname()[1]}"
        self._taken: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self._taken.append(self._listener.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._listener.close()
        for taken in self._taken:
            taken.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()


@pytest.mark.parametrize("tls", [False, True])
def test_stalled_server(silent: Silent, start: Start, slapd: Slapd, tls: bool) -> None:
    """Nobody waits longer than the own deadline for a server that says nothing, amid StartTLS or bind; and the next
    server of the list is tried after the timeout."""
    options: tuple[object, ...] = ("--starttls", "--ca", slapd.certificate) if tls else ()
    told = start("--timeout", 60000, "--deadline", 200, *options, uri=silent.url)
    late = told.ask("joe@example.org")
    assert late["why"] == "the directory did not answer in time" and late["ms"] < 60000
    # The probe's end would wait for the timeout: it is killed instead.
    told._child.kill()
    told._child.wait()
    told._child.returncode = 0
    second = start("--timeout", 10000, "--uri", slapd.url, *options, uri=silent.url).ask("joe@example.org")
    assert second["values"] == [["uid", "joe"]]


class Selective:
    """Says to binds that they are right and to searches that there is nothing, but nothing at all to those with a word;
    a reply takes a moment."""

    def __init__(self, ignored: bytes) -> None:
        self._ignored = ignored
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ldap://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                taken = self._listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(taken,), daemon=True).start()

    def _talk(self, taken: socket.socket) -> None:
        with taken, taken.makefile("rb") as stream:
            while head := stream.read(2):
                size = head[1] if head[1] < 0x80 else int.from_bytes(stream.read(head[1] & 0x7F), "big")
                message = stream.read(size)
                number, operation = message[:2 + message[1]], message[2 + message[1]]
                answer = {0x60: 0x61, 0x63: 0x65}.get(operation)
                if answer and self._ignored not in message:
                    time.sleep(0.004)
                    done = bytes((answer, 7, 10, 1, 0, 4, 0, 4, 0))
                    taken.sendall(bytes((0x30, len(number) + len(done))) + number + done)

    def close(self) -> None:
        self._listener.close()


def test_one_slow_search(start: Start) -> None:
    """One search that the server does not get done fails alone: the connection and what else is asked on it go on."""
    server = Selective(b"\x04\x02u7")
    probe = start("--timeout", 15000, "--rest", 60000, uri=server.url, bind=False)
    told = probe.ask("*200 u")
    assert (told["absent"], told["failed"]) == (199, 1) and told["ms"] >= 15000
    assert probe.ask("!up")["up"] and server.connections == 1
    server.close()


def test_stalled_for_all(silent: Silent, start: Start) -> None:
    """Who waits for the same connection fails with it, and not one after the other."""
    told = start("--timeout", 2000, "--deadline", 300000, uri=silent.url).ask("*50 u")
    assert told["failed"] == 50 and told["ms"] < 25 * 2000, "half of what one after the other would take"


def test_reconnecting_leaks_nothing(slapd: Slapd, start: Start) -> None:
    """With certificate and key, each connect cost some 55 KB."""
    gate = Gate(slapd.tls_port)
    probe = start("--ca", slapd.certificate, "--cert", slapd.client_certificate, "--key", slapd.client_key, "--external",
                  uri=gate.url.replace("ldap:", "ldaps:"), bind=False)

    def reconnect(times: int) -> int:
        for _ in range(times):
            assert probe.values("joe@example.org") == ["joe"]
            gate.cut()
        return probe.memory()

    before = reconnect(20)
    assert reconnect(60) - before < 2_500_000  # some 3.3 MB if they stay, more with a sanitizer
    gate.close()


def test_renewed_certificate(slapd: Slapd, start: Start, tmp_path: Path) -> None:
    """Files of TLS are read again when they changed, at the next connect."""
    authorities = tmp_path / "ca.pem"
    authorities.write_text(slapd.client_certificate.read_text())
    probe = start("--ca", authorities, "--rest", 1, uri=slapd.ldaps_url)
    assert probe.ask("joe@example.org")["result"] == "temporary failure"
    authorities.write_text(slapd.certificate.read_text())
    assert probe.values("joe@example.org") == ["joe"]


def test_stalled_amid_search(tmp_path: Path) -> None:
    """A server that stops answering searches (SIGSTOP): late for the asker, and right again when it goes on."""
    server = Slapd(tmp_path / "own", person("joe", "mail: joe@example.org"))
    server.start()
    probe = Probe("--uri", server.url, "--filter", "(mail=%s)", "--base", BASE, "--result", "uid", "--rest", 100,
                  "--timeout", 10000, "--bind", READER, server.password_file)
    assert probe.values("joe@example.org") == ["joe"]
    halt(server.process.pid)
    tasks = Path(f"/proc/{server.process.pid}/task")
    wait_for(lambda: all(t.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] == "T" for t in tasks.iterdir()), "the stop")
    told = probe.ask("joe@example.org")
    assert told["result"] == "temporary failure"
    server.process.send(signal.SIGCONT)
    wait_for(lambda: probe.values("joe@example.org") == ["joe"], "the server that goes on")
    server.stop()
    probe.close()
