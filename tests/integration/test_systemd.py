"""The units under a systemd that is process 1 of a machine of its own, with Debian's Postfix and Redis: installed as the
README says, the sample configuration with a few settings changed, all units started."""

from __future__ import annotations

import json
import re
import resource
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from letters import Letter
from servers import smtp
from servers.debian import Unavailable
from servers.machine import Machine
from servers.milter import build_folder, libconfig
from servers.process import wait_for

CONFIG = re.findall(r'GP_(?:SYSCONFDIR|DATADIR) "(.+)"', (build_folder() / "config.h").read_text())
DATA, ETC = sorted(CONFIG, key=lambda path: path.endswith("etc/gatepost"))
UNITS = {"milter-dkim": "gatepost-dkim", "milter-virus": "gatepost-virus", "milter-spam": "gatepost-spam",
         "policyd-ratelimit": "gatepost-ratelimit", "gatepost-controller": "gatepost-controller"}
SOCKETS = {"milter-dkim": "dkim", "milter-virus": "virus", "milter-spam": "spam", "policyd-ratelimit": "ratelimit"}
QUEUE = "/var/spool/postfix"
LONG = 60.0  # what takes a second or two where nobody else wants the processor
VIRUS = "GATEPOST-TEST-OF-SIGNATURES"
SETTINGS = {
    **{f"{name}.socket": f"unix:{QUEUE}/gatepost/{short}.sock" for name, short in SOCKETS.items()},
    "domains.own": ["example.org"],
    "dns.servers": ["127.0.0.1@53"],  # there is none
    "dns.timeout": "100ms",
    "milter-virus.on_error": "tempfail",
    "controller.maillog.source": "journal",
    "policyd-ratelimit.limits": {"bounces": {"count": "bounces", "by": ["sender"], "windows": ["1 per 1h"], "contain": "1h"}},
}
MAIN_CF = {
    "smtpd_milters": "{ unix:/gatepost/dkim.sock, default_action=accept } "
                     "{ unix:/gatepost/virus.sock, default_action=tempfail } "
                     "{ unix:/gatepost/spam.sock, default_action=accept }",
    "smtpd_data_restrictions": "check_policy_service unix:gatepost/ratelimit.sock",
    "inet_interfaces": "127.0.0.1",
    "mydestination": "example.org",
    "alias_maps": "",
    "smtpd_authorized_xclient_hosts": "127.0.0.1",
    "smtpd_peername_lookup": "no",
    "transport_maps": "inline:{ away.example.net=nowhere: }",
}


def edited(sample: str, settings: Mapping[str, Any]) -> str:
    """The sample with lines of settings made real, by their names with those of their groups before them."""
    left, groups, out = dict(settings), [], []
    for line in sample.splitlines():
        opened, setting = re.match(r"\t*([\w-]+) = \{$", line), re.match(r"(\t*)#([\w-]+) = ", line)
        if opened:
            groups.append(opened[1])
        elif re.match(r"\t*\};$", line):
            groups.pop()
        elif setting and ".".join([*groups, setting[2]]) in left:
            line = f"{setting[1]}{setting[2]} = {libconfig(left.pop('.'.join([*groups, setting[2]])))};"
        out.append(line)
    assert not left, f"the sample lacks {sorted(left)}"
    return "\n".join(out) + "\n"


class Host(Machine):
    """The machine of these tests."""

    def set_up(self) -> None:
        """Gatepost, installed already, is configured and started."""
        self.failed_at_boot = self.failed()
        self.sample = (self.root / DATA.lstrip("/") / "gatepost.conf.sample").read_text()
        self.configure({})
        self.write("/var/lib/clamav/test.ndb", f"Gatepost.Test:0:*:{VIRUS.encode().hex()}\n")
        # What the unit says is to be done for maillog.source.
        unit = (self.root / "lib/systemd/system/gatepost-controller.service").read_text()
        line = re.search(r"(?m)^#(SupplementaryGroups=systemd-journal)$", unit)
        assert line
        self.write("/etc/systemd/system/gatepost-controller.service.d/journal.conf", f"[Service]\n{line[1]}\n")
        self.run("useradd", "-m", "alice")
        self.run("postconf", "-e", *(f"{name}={value}" for name, value in MAIN_CF.items()))
        self.run("postconf", "-M", "nowhere/unix=nowhere unix - n n - - pipe user=nobody argv=/bin/false")
        # As the README has it.
        self.run("sh", "-c", "systemd-sysusers && systemd-tmpfiles --create")
        self.run("systemctl", "enable", "--now", *UNITS, "gatepost-rules.path")
        self.run("systemctl", "restart", "postfix")

    def configure(self, settings: Mapping[str, Any]) -> None:
        self.write(f"{ETC}/gatepost.conf", edited(self.sample, {**SETTINGS, **settings}))

    def socket(self, unit: str) -> str:
        path = f"{QUEUE}/gatepost/{SOCKETS[unit]}.sock" if unit in SOCKETS else "/run/gatepost/learn.sock"
        return f"{self.root}{path}"

    def answers(self, unit: str) -> bool:
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.socket(unit))
            except OSError:
                return False
        return True

    def messages(self, unit: str) -> list[str]:
        return [entry["MESSAGE"] for entry in self.journal(f"_SYSTEMD_UNIT={unit}.service")]

    def reloads(self, unit: str) -> list[str]:
        return [message for message in self.messages(unit) if "configuration reloaded" in message]

    def said(self, unit: str, pattern: str) -> int:
        """How often it has said such a thing so far."""
        return sum(bool(re.search(pattern, m)) for m in self.messages(unit))

    def wait_message(self, unit: str, pattern: str, n_before: int = 0) -> None:
        wait_for(lambda: self.said(unit, pattern) > n_before, f"{unit}'s line like {pattern!r}", LONG, 0.2)

    def wait_reload(self, unit: str, n_before: int) -> None:
        wait_for(lambda: len(self.reloads(unit)) > n_before, f"reload of {unit}", LONG, 0.2)

    def kill(self, unit: str) -> None:
        """Kills its main process and waits until it has been started again."""
        restarts = int(self.show(unit, "NRestarts"))
        self.run("systemctl", "kill", "--kill-whom=main", "-s", "KILL", unit)
        wait_for(lambda: int(self.show(unit, "NRestarts")) == restarts + 1 and self.show(unit, "ActiveState") == "active",
                 f"restart of {unit}", LONG, 0.1)

    def can_scan(self) -> bool:
        """The virus filter has its signatures, and workers."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(f"{self.root}/run/gatepost/virus-control.sock")
            s.sendall(b"status\n")
            status = json.loads(s.makefile().read())
        return bool(status["serving"] and status["idle"])

    def failed(self) -> list[str]:
        """The units that have failed."""
        return [line.split()[0] for line in self.run("systemctl", "list-units", "--failed", "--plain", "--no-legend").splitlines()]

    def send(self, message: bytes, sender: str = "anna@example.net", to: str = "alice@example.org",
             client: smtp.Client | None = smtp.Client()) -> smtp.Answer:
        wait_for(self.can_scan, "signatures", LONG, 0.1)
        return self.in_network(lambda: smtp.send(25, message, sender, [to], client))

    def mailbox(self) -> str:
        path = self.root / "var/mail/alice"
        return path.read_text(errors="replace") if path.exists() else ""


@pytest.fixture(scope="module")
def host(module_world: Path) -> Iterator[Host]:
    host = Host(module_world / "machine")
    try:
        host.start()
    except Unavailable as why:
        pytest.skip(f"no systemd of our own: {why}")
    try:
        host.install()
        if not (host.root / "lib/systemd/system/milter-spam.service").exists():
            pytest.skip("this build installs no units: was it configured without systemd?")
        host.set_up()
        yield host
    finally:
        host.stop()


def test_all_is_up(host: Host) -> None:
    for unit in UNITS:
        assert host.show(unit, "ActiveState") == "active", unit
        assert host.show(unit, "NRestarts") == "0", unit
        assert host.show(unit, "StatusText").startswith("Serving on unix:"), unit
        assert host.answers(unit), unit
    assert host.show("gatepost-rules.path", "ActiveState") == "active"
    assert host.failed() == host.failed_at_boot
    warned = host.journal("-p", "warning", *(f"_SYSTEMD_UNIT={unit}.service" for unit in UNITS))
    assert [entry["MESSAGE"] for entry in warned] == []


@pytest.mark.parametrize("unit", UNITS)
def test_confinement(host: Host, unit: str) -> None:
    """Of the program and of all processes that it starts."""
    user = int(host.run("id", "-u", UNITS[unit]))
    n_there = 0
    for pid in host.processes(unit):
        try:
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        except (FileNotFoundError, ProcessLookupError):
            continue  # a worker that has just been replaced
        n_there += 1
        assert status["Uid"].split() == [str(user)] * 4
        assert [status[f"Cap{set_}"] for set_ in ("Inh", "Prm", "Eff", "Bnd", "Amb")] == ["0" * 16] * 5
        assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    limits = (host.root / f"proc/{host.pid(unit)}/limits").read_text()
    allowed = re.search(r"Max open files +(\d+) +(\d+)", limits)
    assert n_there and allowed and allowed[1] == allowed[2]
    assert int(allowed[1]) >= min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    inside = ["nsenter", "-t", str(host.pid(unit)), "-m", "--"]
    assert "Read-only" in host.try_run(*inside, "touch", "/usr/x", f"{ETC}/gatepost.conf").stderr
    assert host.try_run(*inside, "ls", "/home/alice", "/root").returncode != 0
    assert host.run(*inside, "ls", "/tmp").strip() == ""


@pytest.mark.parametrize("unit", UNITS)
def test_killed(host: Host, unit: str) -> None:
    """It is there again within seconds, and the store is what it was."""
    before = host.pid(unit)
    host.kill(unit)
    assert host.pid(unit) != before and host.answers(unit)
    assert list((host.root / "var/lib/gatepost/store").rglob("*.unclean")) == []


@pytest.mark.parametrize("unit", UNITS)
def test_reload(host: Host, unit: str) -> None:
    """New settings hold, wrong ones are refused while it goes on with those that it has."""
    pid, before = host.pid(unit), len(host.reloads(unit))
    host.configure({"log.format": "json"})
    host.run("systemctl", "reload", unit)
    host.wait_reload(unit, before)
    host.configure({"log.format": "xml"})
    assert host.try_run("systemctl", "reload", unit).returncode != 0
    assert host.show(unit, "ActiveState") == "active" and host.answers(unit)
    host.configure({})
    host.run("systemctl", "reload", unit)
    host.wait_reload(unit, before + 1)
    assert len(host.reloads(unit)) == before + 2 and host.pid(unit) == pid


@pytest.mark.parametrize("unit", UNITS)
def test_stop(host: Host, unit: str) -> None:
    def stops() -> int:
        return host.messages(unit).count("info: stopped")

    before = stops()
    host.run("systemctl", "stop", unit)
    assert host.show(unit, "Result") == "success" and host.show(unit, "ActiveState") == "inactive"
    assert not Path(host.socket(unit)).exists() and not host.answers(unit)
    wait_for(lambda: stops() > before, "last line", LONG, 0.2)
    host.run("systemctl", "start", unit)
    assert host.answers(unit)


def test_boot(host: Host) -> None:
    """All that runs before mail comes is down, and up again as at boot: Postfix comes last."""
    host.run("systemctl", "stop", "postfix", "redis-server", "gatepost-rules.path", *UNITS)
    assert [unit for unit in UNITS if host.show(unit, "ActiveState") != "inactive"] == []
    host.run("rm", "-r", "/run/gatepost")
    host.run("systemd-tmpfiles", "--create")
    host.run("systemctl", "isolate", "multi-user.target")
    postfix = int(host.show("postfix@-.service", "InactiveExitTimestampMonotonic"))
    for unit in UNITS:
        assert host.show(unit, "ActiveState") == "active" and host.answers(unit)
        if unit in SOCKETS:
            assert int(host.show(unit, "ActiveEnterTimestampMonotonic")) <= postfix, unit


def test_wrong_settings_at_start(host: Host) -> None:
    """It says why and is not started over and over; with right ones it starts at once."""
    unit = "policyd-ratelimit"
    host.configure({"log.level": "loud"})
    assert host.try_run("systemctl", "restart", unit).returncode != 0
    assert host.show(unit, "ActiveState") == "failed" and host.show(unit, "Result") == "exit-code"
    host.wait_message(unit, "loud")
    host.configure({})
    host.run("systemctl", "start", unit)
    assert host.answers(unit)


def test_killed_again_and_again(host: Host) -> None:
    """However often it ends, it is started again."""
    unit = "policyd-ratelimit"
    for _ in range(6):
        host.kill(unit)
    assert host.answers(unit)


@pytest.mark.parametrize("target", ["stderr", "syslog"])
def test_journal(host: Host, target: str) -> None:
    """Lines have the priority of what they say, the program's name, and with syslog the facility that the settings name."""
    unit, kept = "policyd-ratelimit", "the old one stays in force"
    before = host.said(unit, kept)
    host.configure({"log.target": target})
    host.run("systemctl", "restart", unit)
    host.write(f"{ETC}/gatepost.conf", "wrong")
    host.run("systemctl", "kill", "--kill-whom=main", "-s", "USR1", unit)  # as `systemctl reload`, which looks first
    host.wait_message(unit, kept, before)
    host.configure({})
    host.run("systemctl", "restart", unit)
    entries = [e for e in host.journal(f"_SYSTEMD_UNIT={unit}.service") if e["_TRANSPORT"] == {"stderr": "stdout"}.get(target, target)]
    found = {e["MESSAGE"].partition(":")[0]: (e["PRIORITY"], e["SYSLOG_IDENTIFIER"], e["SYSLOG_FACILITY"]) for e in entries}
    facility = "3" if target == "stderr" else "2"
    for word, priority in (("error", "3"), ("info", "6")):
        assert found[word] == (priority, unit, facility)


def test_rules_are_compiled(host: Host) -> None:
    """A rule that is added is compiled by itself, by a user who may write nothing else, and holds after a reload."""
    cache = host.root / "var/cache/gatepost"
    before = {path.name for path in cache.glob("*.db")}
    owner = int(host.run("id", "-u", "gatepost-rules"))
    assert before and {path.stat().st_uid for path in [cache, *cache.iterdir()]} == {owner}
    for _ in range(6):  # as often as one likes
        host.run("systemctl", "start", "gatepost-rules")

    def compiled() -> bool:
        # Again and again: a path unit does not see what changes while it runs its service for something else.
        host.write(f"{ETC}/rules.d/own.cf", "body OWN_WORD /zygomorphic shelves/\nscore OWN_WORD 20\n")
        return bool({path.name for path in cache.glob("*.db")} - before)

    wait_for(compiled, "newly compiled rules", LONG, 1)
    wait_for(lambda: host.show("gatepost-rules.service", "ActiveState") == "inactive", "end of compiling", LONG, 0.1)
    assert host.show("gatepost-rules.service", "Result") == "success"
    n = len(host.reloads("milter-spam"))
    host.run("systemctl", "reload", "milter-spam")
    host.wait_reload("milter-spam", n)
    answer = host.send(b"Subject: shelves\n\nzygomorphic shelves\n")
    assert answer.code == 550, answer


def test_mail(host: Host, letter: Letter) -> None:
    """Through Postfix, whose smtpd is chrooted as Debian has it, and all four programs that it asks."""
    ham, message_id = letter("ham")
    answer = host.send(ham)
    assert answer.code == 250, answer
    wait_for(lambda: message_id in host.mailbox(), "the letter", LONG, 0.1)
    for header in ("Authentication-Results: ", "X-Spam-Status: "):
        assert re.search(rf"(?m)^{header}", host.mailbox())
    for unit in ("milter-dkim", "milter-virus", "milter-spam"):
        host.wait_message(unit, rf"\bqid={answer.queue_id}\b")
    assert host.send(letter("gtube")[0]).code == 550
    answer = host.send(f"Subject: a file\n\n{VIRUS}\n".encode())
    assert answer.code == 550 and "Gatepost.Test" in answer.text, answer


def test_bounces(host: Host, letter: Letter) -> None:
    """The controller reads what Postfix tells the journal, and the policy daemon counts it."""
    for _ in range(3):
        answer = host.send(letter("own")[0], "bob@example.org", "nobody@away.example.net", None)
        assert answer.code == 250, answer
    host.wait_message("policyd-ratelimit", "contained=sender key=bob@example.org")
    answer = host.send(letter("own")[0], "bob@example.org", "alice@example.org", None)
    waiting = [json.loads(line) for line in host.run("postqueue", "-j").splitlines()]
    assert [row["queue_name"] for row in waiting if row["queue_id"] == answer.queue_id] == ["hold"]


def test_redis(host: Host, letter: Letter) -> None:
    """Debian's, with a password that the units hand over as a credential."""
    if "redis-server.service" in host.failed_at_boot:
        pytest.skip("Debian's Redis does not start in this machine")
    config = host.root / "etc/redis/redis.conf"
    config.write_text(config.read_text() + "\nrequirepass open-sesame\n")
    host.write(f"{ETC}/redis.password", "open-sesame\n")
    (host.root / ETC.lstrip("/") / "redis.password").chmod(0o600)
    for unit in UNITS:
        text = (host.root / f"lib/systemd/system/{unit}.service").read_text()
        line = re.search(r"(?m)^#(LoadCredential=redis:.*)$", text)
        assert line, unit
        host.write(f"/etc/systemd/system/{unit}.service.d/redis.conf", f"[Service]\n{line[1]}\n")
    host.configure({"store": "redis://127.0.0.1:6379/0", "store_password_file": "redis"})
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "restart", "redis-server", *UNITS)
    answer = host.send(letter("ham")[0])
    assert answer.code == 250, answer
    assert host.send(letter("own")[0], "carl@example.org", "alice@example.org", None).code == 250
    wait_for(lambda: host.run("redis-cli", "-a", "open-sesame", "--no-auth-warning", "dbsize").strip() != "0", "keys", LONG, 0.1)
    assert host.failed() == host.failed_at_boot
