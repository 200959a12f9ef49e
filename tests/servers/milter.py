"""A filter that was built, with a configuration of its own in a folder of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket as sockets
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Union

from .process import LONG, Process, ServerError, tail, wait_for, whole_lines

Value = Union[str, int, float, bool, list["Value"], Mapping[str, "Value"]]
USER, GROUP = "nobody", "nogroup"  # whom a filter becomes; any user without rights will do
# For builds with sanitizers: any finding ends the program with 99, and freed memory is not kept for long, since tests
# look at how much memory there is.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:detect_stack_use_after_return=1:quarantine_size_mb=16",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
}
DNS_TIMEOUT = "60s"  # of tests that are not about it: an answer is waited for, however busy the machine
TOP = Path(__file__).resolve().parents[2]


def build_folder() -> Path:
    """Where the programs were built: $GATEPOST_BUILD, else build/ of the tree."""
    return Path(os.environ.get("GATEPOST_BUILD", TOP / "build")).resolve()


def libconfig(value: Value, indent: int = 0) -> str:
    """A value in libconfig's language; mappings become groups, sequences arrays or lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        ends = "()" if any(isinstance(v, (list, Mapping)) for v in value) else "[]"
        return ends[0] + " " + ", ".join(libconfig(v, indent) for v in value) + " " + ends[1]
    tabs = "\t" * (indent + 1)
    body = "".join(f"{tabs}{k} = {libconfig(v, indent + 1)};\n" for k, v in value.items())
    return "{\n" + body + "\t" * indent + "}"


def merged(base: Mapping[str, Value], more: Mapping[str, Value]) -> dict[str, Value]:
    """base with more's settings over it, group by group."""
    out = dict(base)
    for key, value in more.items():
        old = out.get(key)
        out[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return out


def log_fields(line: str) -> dict[str, str]:
    """The key=value pairs of a log line; quoted values without their quotes."""
    pairs = re.findall(r'(?:^|\s)([\w-]+)=("(?:[^"\\]|\\.)*"|\S*)', line)
    return {key: value[1:-1] if value.startswith('"') else value for key, value in pairs}


def is_ready(notify: sockets.socket) -> bool:
    """True if a READY=1 has come in on a socket of sd_notify(3)."""
    try:
        return b"READY=1" in notify.recv(4096).split(b"\n")
    except BlockingIOError:
        return False


class UnixHttp(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=LONG)
        self._path = path

    def connect(self) -> None:
        self.sock = sockets.socket(sockets.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Milter:
    """One program; `settings` (the tree of gatepost.conf) go over defaults that keep it off the network."""

    name = ""

    @property
    def group(self) -> str:
        """Its group in gatepost.conf, and its folder in the tree."""
        return self.name

    def __init__(self, folder: Path, socket: Path, settings: Mapping[str, Value] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        self.socket = socket
        self.log = folder / f"{self.name}.log"
        self.config = folder / "gatepost.conf"
        self.metrics = folder / "metrics.sock"
        self.process = Process(self.name, self.log)
        self.under: list[str] = []  # a command that becomes it
        self._base = self.defaults()
        store, cache = folder / "store", folder / "cache"  # as tmpfiles.d makes them
        for place in (store, cache):
            place.mkdir(exist_ok=True)
        shutil.chown(store, USER, GROUP)
        store.chmod(0o2770)
        cache.chmod(0o755)
        self.configure(settings or {})

    def defaults(self) -> dict[str, Value]:
        """The settings of the tests; a program's class adds its own."""
        return {
            "store": f"lmdb:{self.folder}/store",
            "domains": {"own": ["example.org"], "seal_key": f"{self.folder}/store/seal.key"},
            "metrics": {"listen": f"unix:{self.metrics}"},
            self.group: {"socket": f"unix:{self.socket}", "socket_group": "postfix", "user": USER},
        }

    def configure(self, settings: Mapping[str, Value]) -> None:
        """Writes gatepost.conf anew: the defaults of the tests with `settings` over them."""
        text = "".join(f"{k} = {libconfig(v)};\n" for k, v in merged(self._base, settings).items())
        self.config.write_text(text)

    def start(self, seconds: float = LONG) -> None:
        """Starts it as systemd does (Type=notify) and returns once it says that it is ready."""
        program = build_folder() / self.group / self.name
        path = self.folder / "notify.sock"
        path.unlink(missing_ok=True)
        with sockets.socket(sockets.AF_UNIX, sockets.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            path.chmod(0o777)
            notify.setblocking(False)
            self.process.start([*self.under, str(program), "-c", str(self.config)], lambda: is_ready(notify),
                               env={"NOTIFY_SOCKET": str(path), **SANITIZERS}, seconds=seconds)

    def stop(self) -> int:
        return self.process.stop()

    @property
    def is_sanitized(self) -> bool:
        """AddressSanitizer's own memory is no measure of ours, nor has it bounds."""
        return "libasan" in Path(f"/proc/{self.process.pid}/maps").read_text()

    def reload(self) -> None:
        self.process.send(signal.SIGUSR1)

    def reload_and_wait(self) -> None:
        """Returns when what was configured is in force."""
        name, labels = "gatepost_reloads_total", 'result="ok"'
        before = self.counted(name, labels)
        self.reload()
        wait_for(lambda: self.counted(name, labels) > before, "the reload")

    def lines(self, pattern: str = "") -> list[str]:
        """The log lines so far that match a pattern."""
        return [line for line in whole_lines(self.log) if re.search(pattern, line)]

    def wait_line(self, pattern: str, seconds: float = LONG) -> str:
        """Waits for a log line that matches and returns the last such."""
        try:
            wait_for(lambda: bool(self.lines(pattern)), f"line like {pattern!r}", seconds)
        except ServerError as e:
            raise ServerError(f"{e}; {self.log} ends:\n{tail(self.log)}") from None
        return self.lines(pattern)[-1]

    def verdict(self, queue_id: str) -> dict[str, str]:
        """The fields of the one log line about a message."""
        return log_fields(self.wait_line(rf"\bqid={queue_id}\b"))

    def gatepost(self, *args: str | Path) -> str:
        """Runs the command `gatepost` with this configuration, as root; its output."""
        program = build_folder() / "cli" / "gatepost"
        done = subprocess.run([program, "-c", self.config, *args], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise ServerError(f"gatepost {args} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def scan(self, *files: Path | str) -> list[dict[str, Any]]:
        """What `gatepost scan --json` says of messages; its exit status is the severest verdict."""
        program = build_folder() / "cli" / "gatepost"
        done = subprocess.run([program, "-c", self.config, "scan", "--json", *files], capture_output=True, text=True, timeout=300)
        if done.returncode > 5:
            raise ServerError(f"gatepost scan {files} ended with {done.returncode}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def http(self, path: str) -> tuple[int, str]:
        """Status and text of a page at the address for metrics: /metrics, /healthz."""
        connection = UnixHttp(self.metrics)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def counted(self, name: str, labels: str = "") -> float:
        """The value of a metric, summed over all label sets that contain `labels`; 0 if it is not there."""
        found = re.findall(rf"(?m)^{name}(?:{{([^}}]*)}})? (\S+)$", self.http("/metrics")[1])
        return sum(float(value) for set_, value in found if labels in set_)


class MilterSpam(Milter):
    """One milter-spam. `rules` is the text of the only rules file; None means the rules that are shipped."""

    name = "milter-spam"

    def __init__(self, folder: Path, socket: Path, store: str = "", settings: Mapping[str, Value] | None = None,
                 rules: str | None = None) -> None:
        self.rules = TOP / "rules"
        self._store = store
        if rules is not None:
            self.rules = folder / "rules.d"
            self.rules.mkdir(parents=True, exist_ok=True)
            (self.rules / "test.cf").write_text(rules)
        super().__init__(folder, socket, settings)

    def defaults(self) -> dict[str, Value]:
        own: dict[str, Value] = {"rules": {"paths": [str(self.rules)], "cache": str(self.folder / "cache"), "network": False}}
        return merged(super().defaults(), {**own, **({"store": self._store} if self._store else {})})


class MilterDkim(Milter):
    """One milter-dkim that asks the DNS server given ("ADDRESS@PORT"). It waits long for it: one in a test is slow at times."""

    name = "milter-dkim"

    def __init__(self, folder: Path, socket: Path, dns: str, settings: Mapping[str, Value] | None = None) -> None:
        self._dns = dns
        super().__init__(folder, socket, settings)

    def defaults(self) -> dict[str, Value]:
        keys = self.folder / "keys"
        return merged(super().defaults(), {
            "dns": {"servers": [self._dns], "timeout": DNS_TIMEOUT},
            self.name: {"sign": {"key_directory": str(keys)}},
        })


class MilterVirus(Milter):
    """One milter-virus over the signatures in `database`, which is also where a test changes them."""

    name = "milter-virus"

    def __init__(self, folder: Path, socket: Path, settings: Mapping[str, Value] | None = None) -> None:
        self.database = folder / "database"
        self.temporary = folder / "temporary"
        self.control = folder / "control.sock"
        self.copy = folder / "copy"
        for place in (self.database, self.temporary, self.copy):
            place.mkdir(parents=True, exist_ok=True)
        self._new = folder / "new"
        self._new.mkdir(exist_ok=True)
        for place in (self.temporary, self.copy):
            place.chmod(0o1777)  # for the filter's user, or its workers' own
        own = (settings or {}).get(self.name, {})
        self.workers = int(str(own["workers"])) if isinstance(own, Mapping) and "workers" in own else 2
        super().__init__(folder, socket, settings)

    def defaults(self) -> dict[str, Value]:
        return merged(super().defaults(), {self.name: {
            "control": f"unix:{self.control}", "scan_user": "", "database": str(self.database), "temporary": str(self.temporary), "database_copy": str(self.copy),
            "workers": self.workers}})

    def start(self, seconds: float = LONG, serving: bool = True) -> None:
        """Returns when it is ready; with `serving`, when its signatures are loaded and its workers are there."""
        super().start(seconds)
        if serving:
            self.wait_status(lambda s: s["serving"] and s["idle"] == self.workers, seconds)

    def publish(self, name: str, text: str | bytes) -> None:
        """Puts a file into the database, whole at once: who looks there finds nothing that is only begun."""
        new = self._new / name
        new.write_bytes(text.encode() if isinstance(text, str) else text)
        new.rename(self.database / name)

    def ask(self, request: bytes) -> dict[str, Any]:
        """A request to the control socket."""
        with sockets.socket(sockets.AF_UNIX) as s:
            s.settimeout(120)
            s.connect(str(self.control))
            s.sendall(request)
            answer = b""
            while data := s.recv(65536):
                answer += data
        return json.loads(answer)  # type: ignore[no-any-return]

    def status(self) -> dict[str, Any]:
        return self.ask(b"status\n")

    def wait_status(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = LONG) -> dict[str, Any]:
        status: dict[str, Any] = {}

        def has_come() -> bool:
            status.clear()
            status.update(self.status())
            return wanted(status)

        wait_for(has_come, "the wanted status", seconds)
        return status

    def scan_bytes(self, data: bytes) -> dict[str, Any]:
        """The verdict on a file, by the control socket."""
        return self.ask(b"scan %d\n" % len(data) + data)

    def processes(self, name: str) -> list[int]:
        """Its processes of a kind: virus-spawner, virus-loader, virus-worker."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            children = _children(pid)
            if children is None:
                continue
            if _name(pid) == name:
                found.append(pid)
            todo += children
        return found

    def settled_workers(self) -> list[int]:
        """Its workers, once these are all that its loaders have, and confined: a worker is idle for the front before it has its
        name and gives up its rights, and one that has tried a new engine may be there still."""
        workers: list[int] = []

        def settled() -> bool:
            workers[:] = self.processes("virus-worker")
            there = [pid for loader in self.processes("virus-loader") for pid in _children(loader) or []]
            return len(workers) == self.workers and sorted(workers) == sorted(there) and all(map(_is_confined, workers))

        wait_for(settled, "workers, and nothing beside them")
        return workers


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _is_confined(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return "\nSeccomp:\t2\n" in status and "\nState:\tZ" not in status
    except (FileNotFoundError, ProcessLookupError):
        return False


def _children(pid: int) -> list[int] | None:
    """None: it has just ended."""
    try:
        return [int(p) for t in Path(f"/proc/{pid}/task").iterdir() for p in (t / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return None
