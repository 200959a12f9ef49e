"""milter-virus when its processes die, hang, or its signatures are not what they should be."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pwd
import shutil
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import StartVirus
from load import Load, until
from milterclient import Envelope, Result, Session, judge
from servers.milter import MilterVirus, Value, build_folder
from servers.process import cpu_seconds, halt, wait_for
from servers.virusmail import CLEAN, EICAR, MARK, SIGNATURES, forwarded, letter, ndb, zipped


def scan(milter: MilterVirus, message: bytes, queue_id: str = "4Faultxxxx") -> Result:
    return judge(str(milter.socket), message, Envelope(queue_id=queue_id))


def halt_all(milter: MilterVirus) -> list[int]:
    workers = milter.settled_workers()
    halt(*workers)
    return workers


def kill_all(milter: MilterVirus) -> None:
    for pid in milter.settled_workers():
        os.kill(pid, signal.SIGKILL)


def unhurried(milter: MilterVirus, **settings: Value) -> None:
    """Its deadline was of what had to be late; what comes now may take its time."""
    milter.configure({"milter-virus": {**settings, "deadline": "60s"}})
    milter.reload_and_wait()


def recovered(milter: MilterVirus, workers: int = 2) -> None:
    """All workers are there again, and scan."""
    milter.wait_status(lambda s: s["idle"] == workers)
    assert scan(milter, letter(EICAR)).reply.code == 550
    assert scan(milter, CLEAN).value("X-Virus-Status") == "Clean"


def in_background(milter: MilterVirus, message: bytes, queue_id: str) -> tuple[threading.Thread, list[Result]]:
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(scan(milter, message, queue_id)), daemon=True)
    thread.start()
    return thread, results


class Pending:
    """A message that waits for its answer, and the signs of life that have come meanwhile."""

    def __init__(self, milter: MilterVirus, message: bytes, queue_id: str) -> None:
        self._milter, self._message, self._envelope = milter, message, Envelope(queue_id=queue_id)
        self._result = Result()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        with Session(str(self._milter.socket)) as session:
            session.open(self._envelope)
            assert not session.begin(self._message, self._envelope)
            session.end_of_message(self._envelope, self._result)

    @property
    def signs_of_life(self) -> int:
        return self._result.progress

    def code(self) -> int:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self._result.reply.code


def test_a_worker_is_killed_before_it_scans(start_virus: StartVirus) -> None:
    """Its message had no part in that: it is scanned by another one, and has cost nothing, nor does the wait for that other
    one count as time of its scan."""
    milter = start_virus({"milter-virus": {"workers": 2, "deadline": "5s"}})
    [spawner], first = milter.processes("virus-spawner"), halt_all(milter)
    [loader] = milter.processes("virus-loader")
    thread, results = in_background(milter, letter(EICAR), "4Killedxxx")
    milter.wait_status(lambda s: s["busy"] == 1)
    halt(spawner, loader)  # so that no other one comes for now
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    milter.wait_status(lambda s: s["waiting"] == 1)
    time.sleep(5.5)
    for pid in (spawner, loader):
        os.kill(pid, signal.SIGCONT)
    thread.join(60)
    assert results and results[0].reply.code == 550
    assert "tries" not in milter.verdict("4Killedxxx")
    recovered(milter)
    assert milter.counted("gatepost_virus_workers_lost_total", 'while="scanning"') == 0
    assert not set(first) & set(milter.settled_workers())


def test_a_worker_is_killed_while_it_scans(start_virus: StartVirus) -> None:
    """Its message is scanned once more, by another one."""
    milter = start_virus({"milter-virus": {"workers": 2, "cache_size": 0}})
    tries = ""
    for n in range(20):  # once more where the scan was over before its worker was
        slow = letter(zipped(os.urandom(4 << 20) + bytes(60 << 20)))  # a second or so
        workers = milter.settled_workers()
        thread, results = in_background(milter, slow, f"4Killed{n}xx")
        # What it unpacks into its folder it has begun to scan.
        wait_for(lambda: bool(results) or any(size(file) > 1 << 20 for file in files_below(milter.temporary)), "a scan", step=0.001)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        thread.join(60)
        assert results and results[0].reply.action in ("accept", "continue")
        tries = milter.verdict(f"4Killed{n}xx").get("tries", "")
        if tries:
            break
    assert tries == "2"
    recovered(milter)
    assert milter.counted("gatepost_virus_workers_lost_total", 'while="scanning"') == 1


def files_below(folder: Path) -> list[Path]:
    """Whatever comes and goes there meanwhile."""
    return [Path(place) / name for place, _, names in os.walk(folder) for name in names]


def size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def test_workers_are_killed_under_load(start_virus: StartVirus) -> None:
    """No message is lost, deferred or passes: one that costs a worker is scanned by another, the rest do not notice."""
    milter = start_virus({"milter-virus": {"workers": 3, "cache_size": 0}})
    messages = [letter(os.urandom(100_000) + MARK) for _ in range(600)]
    begun: set[int] = set()
    results: dict[int, Result] = {}
    kills = 0

    def send(number: int) -> None:
        begun.add(number)
        results[number] = scan(milter, messages[number])

    with ThreadPoolExecutor(6) as pool:
        sent = [pool.submit(send, number) for number in range(len(messages))]
        while not all(one.done() for one in sent):
            for pid in milter.processes("virus-worker")[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
                wait_for(lambda: not is_alive(pid), "the end of the worker")  # until then it may take another order
            under_way = begun - results.keys()  # one of these may have lost a worker: no other one of its
            wait_for(lambda: under_way <= results.keys() or any(one.done() and one.exception() for one in sent), "their ends", 60)
    for one in sent:
        one.result()
    assert {result.reply.code for result in results.values()} == {550} and len(results) == len(messages)
    assert milter.counted("gatepost_virus_workers_lost_total") > 3 and kills > 3
    milter.wait_status(lambda s: s["idle"] == 3)


def test_idle_workers_are_killed(start_virus: StartVirus) -> None:
    milter = start_virus()
    for _ in range(3):
        kill_all(milter)
        recovered(milter)
    assert milter.counted("gatepost_virus_workers_lost_total", 'while="idle"') > 0


def test_a_scan_that_hangs(start_virus: StartVirus) -> None:
    """The deadline is kept: 451, the worker is killed; the second time the message is known, and held at once."""
    milter = start_virus({"milter-virus": {"deadline": "3s", "workers": 2}})
    halt_all(milter)
    began = time.monotonic()
    assert scan(milter, letter(MARK), "4Hangsxxx1").reply.code == 451
    assert 2.9 < time.monotonic() - began < 60
    assert milter.verdict("4Hangsxxx1")["outcome"] == "deadline"
    milter.wait_status(lambda s: s["idle"] == 2)
    halt_all(milter)
    held = scan(milter, letter(MARK), "4Hangsxxx2")
    assert held.quarantine and milter.verdict("4Hangsxxx2")["outcome"] == "killer"
    milter.wait_status(lambda s: s["idle"] == 2)
    stopped = halt_all(milter)
    again = scan(milter, letter(MARK), "4Hangsxxx3")
    assert again.quarantine and milter.verdict("4Hangsxxx3")["outcome"] == "killer"
    assert milter.settled_workers() == stopped, "no worker had it, nor was killed"
    for pid in stopped:
        os.kill(pid, signal.SIGKILL)
    unhurried(milter, workers=2)
    recovered(milter)


def test_workers_of_another_user(start_virus: StartVirus) -> None:
    """They cannot be killed by the front, and are all the same; nor may they read what is the front's."""
    milter = start_virus({"milter-virus": {"scan_user": "games", "deadline": "5s", "reload": "drain"}})
    for pid in milter.settled_workers():
        status = Path(f"/proc/{pid}/status").read_text()
        assert f"Uid:\t{pwd.getpwnam('games').pw_uid}\t" in status
        assert "NoNewPrivs:\t1" in status
        assert os.stat(f"/proc/{pid}/fd").st_uid == 0  # not dumpable: nobody of its user looks into it
    stopped = halt_all(milter)
    assert scan(milter, letter(MARK), "4Othersxxx").reply.code == 451
    assert milter.verdict("4Othersxxx")["outcome"] == "deadline"
    wait_for(lambda: sum(is_alive(pid) for pid in stopped) == 1, "the end of one worker")
    for pid in stopped:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    unhurried(milter, scan_user="games", reload="drain")
    recovered(milter)
    wait_for(lambda: (milter.copy / "good").is_dir(), "a copy")


def test_workers_hold_nothing_of_the_front(start_virus: StartVirus) -> None:
    """Its log, the folder of its loader, its socket: no descriptor by which the front, or mail, is reached."""
    milter = start_virus()
    for pid in milter.settled_workers():
        folder = Path(f"/proc/{pid}/fd")
        held = [os.readlink(fd) for fd in folder.iterdir() if int(fd.name) > 2]
        assert len(held) == 2
        assert sorted(what.split(":")[0] for what in held if not what.startswith(str(milter.temporary))) == ["socket"]


@pytest.mark.plain
def test_workers_are_bounded(start_virus: StartVirus) -> None:
    """By the kernel: memory, files, processes, the size of a file, CPU time; hard limits, and no core."""
    milter = start_virus({"milter-virus": {"worker_memory": "256M", "max_scan_size": "50M", "max_file_size": "20M", "deadline": "7s"}})
    assert scan(milter, CLEAN).value("X-Virus-Status") == "Clean"
    bounds = {}
    cpu = []
    for pid in milter.settled_workers():
        for line in Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]:
            bounds.setdefault(line[:26].strip(), set()).add(tuple(line[26:].split()[:2]))
            if line.startswith("Max cpu time") and line.split()[3] != "unlimited":
                cpu.append(int(line.split()[3]) - int(cpu_seconds(pid)))
        assert "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()
    assert bounds["Max processes"] == bounds["Max core file size"] == {("0", "0")}
    assert bounds["Max open files"] == {("512", "512")}
    assert bounds["Max file size"] == {(str((50 << 20) + (1 << 20)),) * 2}
    [(soft, hard)] = bounds["Max address space"]
    # AddressSanitizer reserves more than any such bound, so that there is none with it.
    assert soft == hard and (soft == "unlimited" if milter.is_sanitized else 256 << 20 < int(soft) < 1 << 30)
    assert cpu and 7 <= min(cpu) <= max(cpu) <= 10  # the deadline's, from where it was; one that has scanned nothing has none


def without(number: int, what: Callable[[], MilterVirus]) -> MilterVirus:
    """Does it on a thread that has no such system call (ENOSYS), nor have the processes that it starts."""
    def instruction(code: int, yes: int, no: int, k: int) -> bytes:
        return struct.pack("HBBI", code, yes, no, k)

    code = instruction(0x20, 0, 0, 0) + instruction(0x15, 0, 1, number) + instruction(0x06, 0, 0, 0x50000 + errno.ENOSYS) + \
        instruction(0x06, 0, 0, 0x7FFF0000)  # load the number; equal?; fail; allow
    buffer = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer)), 16)
    found: list[MilterVirus] = []

    def run() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program) == 0  # no_new_privs, seccomp
        found.append(what())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return found[0]


def test_a_kernel_without_landlock(start_virus: StartVirus) -> None:
    """A worker's own folder is all that it has of the file system, nevertheless."""
    if subprocess.run(["unshare", "-U", "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    landlock_create_ruleset = 444
    milter = without(landlock_create_ruleset, lambda: start_virus({"milter-virus": {"cache_size": 0}}))
    assert not milter.lines("no landlock")
    for pid in milter.settled_workers():
        wait_for(lambda: os.readlink(f"/proc/{pid}/root").startswith(f"{milter.temporary}/gatepost-virus-"), "a root of its own")
        wait_for(lambda: "CapEff:\t0000000000000000\n" in Path(f"/proc/{pid}/status").read_text(), "an end of its rights")
        assert [fd for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_dir()] == []  # none leads out of it
    large = os.urandom(3_000_000)
    for message in (letter(EICAR), letter(zipped(large + EICAR, times=2)), forwarded(letter(large + EICAR), 2)):
        assert scan(milter, message).reply.code == 550
    assert scan(milter, letter(zipped(large))).value("X-Virus-Status") == "Clean"
    recovered(milter)


@pytest.mark.parametrize(("on_killer", "code", "action"), [("hold", 0, "continue"), ("tempfail", 451, "reply"), ("reject", 550, "reply"),
                                                           ("quarantine", 0, "discard"), ("discard", 0, "discard"), ("mark", 0, "continue")])
def test_what_becomes_of_a_killer(start_virus: StartVirus, world: Path, on_killer: str, code: int, action: str) -> None:
    """A message that cost two workers, each time it comes; others are scanned."""
    kept = world / "quarantine"
    kept.mkdir(mode=0o777)
    kept.chmod(0o777)
    milter = start_virus({"milter-virus": {"deadline": "4s", "workers": 2, "on_killer": on_killer, "quarantine": str(kept)}})
    for n in range(2):
        milter.wait_status(lambda s: s["idle"] == 2)
        halt_all(milter)
        result = scan(milter, letter(MARK), f"4Killer{n}xx")
    for n in range(2, 4):
        assert (result.reply.code, result.reply.action.replace("accept", "continue")) == (code, action)
        assert bool(result.quarantine) == (on_killer == "hold")
        result = scan(milter, letter(MARK), f"4Killer{n}xx")
        assert milter.verdict(f"4Killer{n}xx")["outcome"] == "killer"
    assert len(list(kept.glob("*.eml"))) == (3 if on_killer == "quarantine" else 0)
    kill_all(milter)
    unhurried(milter, workers=2, on_killer=on_killer, quarantine=str(kept))
    recovered(milter)


def memory(pid: int) -> bytes:
    """All that a process has in memory and may read."""
    found = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            where, rights, *rest = line.split()
            if rights[0] != "r" or rest[-1] in ("[vvar]", "[vsyscall]"):
                continue
            start, end = (int(part, 16) for part in where.split("-"))
            if end - start > 1 << 30:  # a sanitizer's
                continue
            mem.seek(start)
            try:
                found.append(mem.read(end - start))
            except OSError:
                pass  # beyond the end of a file
    return b"".join(found)


def test_without_its_scanner(start_virus: StartVirus, world: Path) -> None:
    """The program says what is missing, and does not start to let mail pass."""
    milter = start_virus()
    alone = world / "elsewhere" / "milter-virus"
    alone.parent.mkdir()
    shutil.copy(build_folder() / "milter-virus" / "milter-virus", alone)
    milter.stop()
    done = subprocess.run([alone, "-c", milter.config], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 71
    assert "libexec/gatepost/virus-scanner: No such file" in done.stderr
    shutil.copy(build_folder() / "milter-virus" / "virus-scanner", alone.parent)
    stranger = subprocess.run([alone.parent / "virus-scanner"], capture_output=True, text=True, timeout=60, check=False)
    assert stranger.returncode == 1 and "milter-virus(8)" in stranger.stderr


def test_one_program_links_libclamav() -> None:
    """It is GPL-2.0."""
    found = []
    for path in build_folder().rglob("*"):
        if path.parts[len(build_folder().parts)] in ("tests", "bench", "pycache") or not path.is_file() or path.is_symlink():
            continue
        with path.open("rb") as file:
            if file.read(4) != b"\x7fELF" or file.read(14)[12] == 1:  # an object file
                continue
        dynamic = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True)
        if "libclamav" in dynamic.stdout:
            found.append(path.name)
    assert found == ["virus-scanner"]


def test_workers_know_nothing_of_the_front(start_virus: StartVirus, world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No password, no setting, nothing of its environment is in their memory; nor do they lie where the front lies."""
    password, address, token = "pass-4f1c9a", "postmaster-9b3d@example.org", "token-77aa02"
    secret = world / "password"
    secret.write_text(password + "\n")
    secret.chmod(0o644)
    monkeypatch.setenv("SOME_TOKEN", token)
    milter = start_virus({"store": "redis://127.0.0.1:1", "store_password_file": str(secret),
                          "milter-virus": {"notify": {"to": [address]}}})
    assert scan(milter, letter(EICAR)).reply.code == 550
    secrets = [text.encode() for text in (password, address, token)]
    front = memory(milter.process.pid)
    milter.settled_workers()
    assert all(text in front for text in secrets)
    for kind in ("virus-spawner", "virus-loader", "virus-worker"):
        for pid in milter.processes(kind):
            held = memory(pid)
            assert len(held) > 1 << 20 and [text for text in secrets if text in held] == [], kind
    places = [next(line.split("-")[0] for line in Path(f"/proc/{pid}/maps").read_text().splitlines()
                   if line.endswith(os.readlink(f"/proc/{pid}/exe"))) for pid in (milter.process.pid, *milter.settled_workers())]
    assert places[0] not in places[1:]
    for pid in milter.settled_workers():
        assert os.readlink(f"/proc/{pid}/exe") == str(build_folder() / "milter-virus" / "virus-scanner")


def test_verdicts_of_a_dead_worker_are_forgotten(start_virus: StartVirus) -> None:
    """Clean ones and others: it may have been in a stranger's hands."""
    milter = start_virus({"milter-virus": {"workers": 1}})
    kinds = {"Good": letter(os.urandom(20000)), "Evil": letter(os.urandom(20000) + MARK)}
    for kind, part in kinds.items():
        for n in range(2):
            scan(milter, part.replace(b"<bad@", b"<%d@" % n), f"4{kind}{n}xxxx")
        assert milter.verdict(f"4{kind}1xxxx")["known"] == "1"
    kill_all(milter)
    milter.wait_line("died between messages")
    milter.wait_status(lambda s: s["idle"] == 1)
    for kind, part in kinds.items():
        scan(milter, part.replace(b"<bad@", b"<2@"), f"4{kind}2xxxx")
        assert "known" not in milter.verdict(f"4{kind}2xxxx")


def test_the_loader_is_killed(start_virus: StartVirus) -> None:
    """No message notices; another one is there soon."""
    milter = start_virus()
    load = Load(str(milter.socket), letter(EICAR))
    until(lambda: len(load.results) > 10, load)
    milter.settled_workers()  # one that begins still has its loader's name
    [loader] = milter.processes("virus-loader")
    os.kill(loader, signal.SIGKILL)
    milter.wait_status(lambda s: s["generation"] == 2)
    until(lambda: len(load.results) > 50, load)
    load.stop()
    assert {r.reply.code for r in load.results} == {550} and not load.lost
    recovered(milter)


def test_the_spawner_is_killed(start_virus: StartVirus) -> None:
    """It ends, so that who supervises starts it anew."""
    milter = start_virus()
    [spawner] = milter.processes("virus-spawner")
    os.kill(spawner, signal.SIGKILL)
    assert milter.process.wait() == 70


def test_nothing_is_left_behind(start_virus: StartVirus) -> None:
    """The front is killed: loaders and workers end, also one that hangs, and the temporary folder is empty."""
    milter = start_virus()
    workers = halt_all(milter)
    os.kill(milter.process.pid, signal.SIGKILL)
    assert milter.process.wait() == -signal.SIGKILL
    wait_for(lambda: not any(is_alive(pid) for pid in workers), "the workers' end")
    wait_for(lambda: not list(milter.temporary.iterdir()), "an empty folder")


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("reload", ["overlap", "drain"])
def test_reload_under_load(start_virus: StartVirus, reload: str) -> None:
    """New signatures come while mail is scanned: no message is lost, deferred or passes unscanned."""
    milter = start_virus({"milter-virus": {"reload": reload}})
    load = Load(str(milter.socket), letter(EICAR))
    for n in range(3):
        until(lambda: len(load.results) > 20 * (n + 1), load)
        milter.publish("more.ndb", "".join(ndb(f"More.{i}", b"new signature %d of %d" % (i, n)) for i in range(50 + n)))
        milter.wait_status(lambda s: s["signatures"] == 52 + n and not s["loading"])
    load.stop()
    assert {r.reply.code for r in load.results} == {550} and not load.lost
    assert scan(milter, letter(b"new signature 7 of 2")).reply.code == 550
    assert milter.counted("gatepost_virus_reloads_total") == 4
    wait_for(lambda: len(milter.processes("virus-loader")) == 1, "the end of the other loaders")


@pytest.mark.parametrize("kind", ["virus-worker", "virus-loader"])
def test_a_process_that_does_not_end_holds_no_reload_up(start_virus: StartVirus, kind: str) -> None:
    """The old engine goes before the new one comes, though one of its processes does not hear that it should."""
    milter = start_virus({"milter-virus": {"reload": "drain"}})
    wait_for(lambda: (milter.copy / "good").exists() and not milter.processes("virus-copier"), "a copy")
    milter.settled_workers()  # one that begins still has its loader's name
    stopped = milter.processes(kind)[0]
    halt(stopped)
    milter.ask(b"reload\n")
    milter.wait_status(lambda s: s["generation"] == 2 and s["serving"] and s["idle"] == 2)
    wait_for(lambda: not is_alive(stopped), "the end of the one that was stopped")
    milter.wait_line("should have ended is killed")
    recovered(milter)


def test_worker_memory_changes_with_the_settings(start_virus: StartVirus) -> None:
    """A limit that loaders give to their workers: a reload of the settings brings other workers."""
    milter = start_virus()
    milter.reload()
    time.sleep(1)
    assert milter.status()["generation"] == 1
    milter.configure({"milter-virus": {"worker_memory": "64M"}})
    milter.reload()
    milter.wait_status(lambda s: s["generation"] == 2 and s["idle"] == 2)
    recovered(milter)


def test_fewer_workers_by_the_settings(start_virus: StartVirus) -> None:
    """They go at once, and more come as they are wanted; what cannot change so is told."""
    milter = start_virus({"milter-virus": {"workers": 4}})
    first = milter.settled_workers()
    for number in (1, 3, 2):
        milter.configure({"milter-virus": {"workers": number}})
        milter.reload_and_wait()
        milter.workers = number
        milter.wait_status(lambda s, n=number: s["workers"] == s["idle"] == n)
        assert number > 1 or set(milter.settled_workers()) < set(first)
        assert scan(milter, letter(EICAR)).reply.code == 550
    milter.configure({"milter-virus": {"workers": 2, "cache_size": 7, "quarantine": str(milter.folder)}})
    milter.reload_and_wait()
    assert milter.lines("milter-virus.cache_size, milter-virus.quarantine")
    assert milter.counted("gatepost_virus_workers_lost_total") == 0


def test_manual_reload(start_virus: StartVirus) -> None:
    milter = start_virus({"milter-virus": {"reload": "manual"}})
    milter.publish("more.ndb", ndb("More", b"a signature that came later"))
    time.sleep(2.5)
    assert milter.status()["signatures"] == 2
    milter.reload()
    milter.wait_status(lambda s: s["signatures"] == 3)
    assert milter.ask(b"reload\n") == {"ok": True}
    milter.wait_status(lambda s: s["generation"] == 3)


def test_broken_signatures_in_drain(start_virus: StartVirus) -> None:
    """The old ones went before: their copy is read; good ones take its place."""
    milter = start_virus({"milter-virus": {"reload": "drain"}})
    wait_for(lambda: (milter.copy / "good" / "test.ndb").exists(), "a copy")
    milter.publish("broken.ndb", "this is no signature\n")
    milter.wait_line("error: signatures: .*the copy of the last good ones is taken")
    status = milter.wait_status(lambda s: s["serving"] and not s["loading"])
    assert "broken.ndb" in status["failure"] and status["signatures"] == 2
    recovered(milter)
    time.sleep(1.5)
    assert milter.status()["generation"] == status["generation"]
    milter.publish("broken.ndb", ndb("Good", b"now there is a good one"))
    assert "failure" not in milter.wait_status(lambda s: s["signatures"] == 3)
    wait_for(lambda: b"now there".hex() in (milter.copy / "good" / "broken.ndb").read_text()
             if (milter.copy / "good" / "broken.ndb").exists() else False, "a new copy")
    wait_for(lambda: not (milter.copy / "old").exists(), "the end of the old copy")


def test_a_copy_is_there_before_it_is_needed(start_virus: StartVirus) -> None:
    """Also where the old ones could stay until now: memory is scarce one day, or the settings change."""
    milter = start_virus({"milter-virus": {"reload": "overlap"}})
    wait_for(lambda: (milter.copy / "good" / "test.ndb").exists(), "a copy")
    milter.configure({"milter-virus": {"reload": "drain"}})
    milter.reload_and_wait()
    milter.publish("broken.ndb", "this is no signature\n")
    milter.wait_line("error: signatures: .*the copy of the last good ones is taken")
    milter.wait_status(lambda s: s["serving"] and not s["loading"] and s["idle"] == 2)
    recovered(milter)


def test_broken_signatures(start_virus: StartVirus) -> None:
    """The old ones stay; the log, the metrics and the status say so; good ones end it."""
    milter = start_virus()
    milter.publish("broken.ndb", "this is no signature\n")
    milter.wait_line("error: signatures: .*the old ones stay")
    status = milter.wait_status(lambda s: s["failures"] == 1)
    assert status["serving"] and "broken.ndb" in status["failure"]
    assert milter.counted("gatepost_virus_reload_failures_total") == 1
    recovered(milter)
    (milter.database / "broken.ndb").unlink()
    milter.publish("good.ndb", ndb("Good", b"now there is a good one"))
    assert "failure" not in milter.wait_status(lambda s: s["signatures"] == 3)


def test_database_is_deleted(start_virus: StartVirus) -> None:
    milter = start_virus()
    (milter.database / "test.ndb").unlink()
    milter.wait_line("error: signatures: .*the old ones stay")
    recovered(milter)


def test_the_folder_is_deleted(start_virus: StartVirus) -> None:
    """The folder itself goes while mail is scanned, and comes again: the old signatures stay until then."""
    milter = start_virus({"milter-virus": {"database_check": "1s"}})
    load = Load(str(milter.socket), letter(EICAR))
    until(lambda: len(load.results) > 10, load)
    shutil.rmtree(milter.database)
    milter.wait_line("error: signatures: .*the old ones stay")
    again = milter.folder / "again"
    again.mkdir()
    for name, text in {**SIGNATURES, "more.ndb": ndb("More", b"a signature that came later")}.items():
        (again / name).write_text(text)
    again.rename(milter.database)
    milter.wait_status(lambda s: s["signatures"] == 3 and not s["loading"])
    load.stop()
    assert {r.reply.code for r in load.results} == {550} and not load.lost
    assert scan(milter, letter(b"a signature that came later")).reply.code == 550


def cvd(signed: bool) -> bytes:
    """The beginning of a file as ClamAV's are; its signature cannot be right."""
    text = f"ClamAV-VDB:21 Nov 2026 09-00 +0000:27000:2000000:90:{'0' * 32}:{'A' * 172 if signed else ''}:builder:1795000000"
    return text.encode().ljust(512)


HALVES = {"a line": ("daily.ndb", (ndb("Half", b"first") + ndb("Half.Two", b"second line of it"))[:-20].encode()),
          "a header": ("daily.cvd", cvd(True)[:300]),
          "an archive": ("daily.cvd", cvd(True) + os.urandom(3000)),
          "nothing yet": ("daily.cvd", b""),
          "a local one": ("daily.cld", cvd(False) + b"\0" * 700)}


@pytest.mark.parametrize("half", HALVES)
def test_half_of_a_database(start_virus: StartVirus, half: str) -> None:
    """What freshclam left when it was killed amid writing is not taken; the whole is, when it comes."""
    milter = start_virus()
    name, data = HALVES[half]
    milter.publish(name, data)
    milter.wait_line("error: signatures: .*the old ones stay")
    assert name in milter.status()["failure"]
    recovered(milter)
    (milter.database / name).unlink()
    milter.publish("daily.ndb", ndb("Half", b"first") + ndb("Half.Two", b"second line of it"))
    milter.wait_status(lambda s: s["signatures"] == 4)
    assert scan(milter, letter(b"second line of it")).reply.code == 550


@pytest.mark.parametrize(("on_error", "code"), [("tempfail", 451), ("accept", 0), ("accept-and-mark", 0)])
def test_start_without_signatures(start_virus: StartVirus, on_error: str, code: int) -> None:
    milter = start_virus({"milter-virus": {"on_error": on_error}}, {}, serving=False)
    milter.wait_line("error: signatures: .*mail cannot be scanned")
    result = scan(milter, letter(EICAR), "4Nothingxx")
    assert result.reply.code == code
    assert milter.verdict("4Nothingxx")["outcome"] == "no-engine"
    assert bool(result.values("X-Virus-Status")) == (on_error == "accept-and-mark")
    assert milter.http("/healthz")[0] == 503
    for name, text in SIGNATURES.items():
        milter.publish(name, text)
    recovered(milter)


def test_a_signature_that_fits_all(start_virus: StartVirus) -> None:
    """An engine that finds something in a harmless message does not come to serve."""
    milter = start_virus()
    milter.publish("all.ndb", ndb("All", b"Nothing to see"))
    milter.wait_line("finds something in a harmless message; the old ones stay")
    recovered(milter)


def test_overload(start_virus: StartVirus) -> None:
    """More wait than may: they are deferred at once, and who waits gets its answer."""
    milter = start_virus({"milter-virus": {"workers": 1, "queue_max": 1, "deadline": "60s"}})
    [worker] = halt_all(milter)
    first = in_background(milter, letter(EICAR), "4Overl1xxx")
    milter.wait_status(lambda s: s["busy"] == 1)
    second = in_background(milter, letter(EICAR + b" "), "4Overl2xxx")
    milter.wait_status(lambda s: s["waiting"] == 1)
    assert scan(milter, letter(EICAR + b"  "), "4Overl3xxx").reply.code == 451
    assert milter.verdict("4Overl3xxx")["outcome"] == "overload"
    os.kill(worker, signal.SIGCONT)
    for thread, results in (first, second):
        thread.join(60)
        assert results[0].reply.code == 550


def test_signs_of_life(start_virus: StartVirus) -> None:
    """Who waits for a worker, or for a scan that takes long, has the MTA told so: it would give up."""
    milter = start_virus({"milter-virus": {"workers": 1, "deadline": "120s"}})
    [worker] = halt_all(milter)
    scanned = Pending(milter, letter(EICAR), "4Alive1xxx")
    milter.wait_status(lambda s: s["busy"] == 1)
    waiting = Pending(milter, letter(EICAR + b" "), "4Alive2xxx")
    milter.wait_status(lambda s: s["waiting"] == 1)
    wait_for(lambda: scanned.signs_of_life >= 1 and waiting.signs_of_life >= 1, "signs of life of both")
    os.kill(worker, signal.SIGCONT)
    assert scanned.code() == waiting.code() == 550


def test_signs_of_life_in_a_long_drain(start_virus: StartVirus) -> None:
    """Signatures that take long to read: mail waits, its MTA is told so, and it is scanned."""
    milter = start_virus({"milter-virus": {"reload": "drain"}})
    wait_for(lambda: (milter.copy / "good").exists() and not milter.processes("virus-copier"), "a copy")
    [spawner] = milter.processes("virus-spawner")
    halt(spawner)  # so that no loader is there
    milter.ask(b"reload\n")
    milter.wait_status(lambda s: s["loading"] and not s["serving"])
    waiting = Pending(milter, letter(EICAR), "4Drainsxxx")
    wait_for(lambda: waiting.signs_of_life >= 1, "a sign of life")
    os.kill(spawner, signal.SIGCONT)
    assert waiting.code() == 550
    assert float(milter.verdict("4Drainsxxx")["wait_ms"]) > 5000


def test_the_temporary_folder_is_full(start_virus: StartVirus, world: Path) -> None:
    """What could not be unpacked whole is not called clean (libclamav does not notice); what fits is scanned."""
    small = world / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k,mode=1777", "tmpfs", small], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        milter = start_virus({"milter-virus": {"temporary": str(small)}})
        large = os.urandom(2000000)
        for message in (letter(large + MARK), letter(large), forwarded(letter(large + MARK), 2), letter(zipped(large + MARK)),
                        letter(zipped(bytes(5000000) + MARK))):
            assert scan(milter, message, "4Fullxxxxx").reply.code == 451
            assert milter.verdict("4Fullxxxxx")["outcome"] == "engine-error"
        recovered(milter)
        assert milter.stop() == 0
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_the_temporary_folder_is_removed(start_virus: StartVirus) -> None:
    """By somebody who tidies up there, or with the whole place: nothing is called clean for want of it (libclamav does not
    notice), and when there is a place again there are workers again that have a folder."""
    milter = start_virus({})
    milter.settled_workers()  # those that have no folder from the beginning do not come up
    for folder in milter.temporary.iterdir():
        shutil.rmtree(folder)
    for _ in range(2):
        assert scan(milter, letter(EICAR), "4Tidiedxxx").reply.code in (451, 550)
        assert milter.verdict("4Tidiedxxx")["outcome"] in ("engine-error", "found")
    recovered(milter)
    milter.settled_workers()
    shutil.rmtree(milter.temporary)
    for _ in range(milter.workers):
        assert scan(milter, letter(EICAR), "4Removedxx").reply.code == 451
        assert milter.verdict("4Removedxx")["outcome"] == "engine-error"
    milter.wait_line("starting a scan worker: No such file or directory")
    milter.temporary.mkdir()
    milter.temporary.chmod(0o1777)
    recovered(milter)
    assert milter.counted("gatepost_virus_workers_lost_total") == 0


def test_the_memory_limit(start_virus: StartVirus) -> None:
    """A worker that gets no memory says so; nothing passes as clean."""
    milter = start_virus({"milter-virus": {"worker_memory": "16M"}})
    message = letter(zipped(bytes(60000000) + MARK))
    assert scan(milter, message, "4Memoryxxx").reply.code in (451, 550)
    assert milter.verdict("4Memoryxxx")["outcome"] in ("engine-error", "found", "killer")
    recovered(milter)


def test_workers_are_replaced(start_virus: StartVirus) -> None:
    milter = start_virus({"milter-virus": {"workers": 1, "worker_messages": 5}})
    [before] = milter.settled_workers()
    for _ in range(12):
        assert scan(milter, letter(EICAR)).reply.code == 550
    milter.wait_status(lambda s: s["idle"] == 1)
    assert milter.settled_workers() != [before]
    assert milter.counted("gatepost_virus_workers_lost_total") == 0
