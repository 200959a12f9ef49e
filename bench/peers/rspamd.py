"""Rspamd from Debian, unpacked into a folder (its libhyperscan5 conflicts with libvectorscan5), with a private Redis.

Everything that asks the network is switched off but what the caller wants; Bayes, its regexp rules and its other local
modules stay on.  Two proxy workers scan by themselves (milter protocol), a controller learns.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from servers.process import Process, answers, free_port  # noqa: E402

PACKAGES = ("rspamd", "libhyperscan5")
NETWORK_MODULES = (
    "arc", "asn", "antivirus", "clickhouse", "clustering", "dcc", "dkim", "dkim_signing", "dmarc", "elastic",
    "external_services", "fuzzy_check", "greylist", "history_redis", "metadata_exporter", "metric_exporter", "milter_headers",
    "mx_check", "neural", "p0f", "phishing", "ratelimit", "rbl", "replies", "reputation", "spf", "surbl", "emails", "hfilter",
    "url_redirector", "url_reputation", "known_senders", "bimi", "spamassassin", "trie", "whitelist", "mid", "aws_s3",
)


def unpack(folder: Path) -> Path:
    """Downloads and unpacks the packages into folder/root, once, whoever else does so at the same time."""
    root, new, debs = folder / "root", folder / "root.new", folder / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "usr/bin/rspamd").exists():
            debs.chmod(0o777)  # apt downloads as its own user
            subprocess.run(["apt-get", "-q", "download", *PACKAGES], cwd=debs, check=True, stdout=subprocess.DEVNULL)
            shutil.rmtree(new, ignore_errors=True)
            for deb in sorted(debs.glob("*.deb")):
                subprocess.run(["dpkg", "-x", str(deb), str(new)], check=True)
            shutil.rmtree(root, ignore_errors=True)
            new.rename(root)
    return root


class Rspamd:
    """One Rspamd: `milter` (address for milterload), `learn_url`, `pids` of its scanning workers."""

    def __init__(self, folder: Path, cache: Path, redis_socket: Path, workers: int = 2, min_learns: int = 10,
                 modules: Mapping[str, str] | None = None, nameserver: str = "127.0.0.1", options: str = "") -> None:
        """modules: those of NETWORK_MODULES that stay on, with their settings; nameserver: whom they ask; options: more for
        options.inc."""
        self.folder = folder
        self.root = unpack(cache)
        self.redis_socket = redis_socket
        self.workers = workers
        self.min_learns = min_learns
        self.modules = modules or {}
        self.nameserver = nameserver
        self.options = options
        self.socket = folder / "milter.sock"
        self.controller_port = free_port()
        self.normal_port = free_port()
        self._process = Process("rspamd", folder / "rspamd.out")

    @property
    def milter(self) -> str:
        return f"unix:{self.socket}"

    def _configure(self) -> Path:
        """Writes local.d; returns the local configuration directory."""
        local = self.folder / "etc"
        (local / "local.d").mkdir(parents=True, exist_ok=True)
        (local / "override.d").mkdir(exist_ok=True)
        files = {
            "worker-normal.inc": f'bind_socket = "127.0.0.1:{self.normal_port}";\ncount = 1;\n',
            "worker-fuzzy.inc": "enabled = false;\ncount = -1;\n",
            "worker-controller.inc": f'bind_socket = "127.0.0.1:{self.controller_port}";\nsecure_ip = "127.0.0.1";\n',
            "worker-proxy.inc": f'bind_socket = "{self.socket} mode=0666";\ncount = {self.workers};\nmilter = yes;\n'
                                'upstream "local" { default = yes; self_scan = yes; }\n',
            "redis.conf": f'servers = "{self.redis_socket}";\n',
            "classifier-bayes.conf": f'backend = "redis";\nservers = "{self.redis_socket}";\nmin_learns = {self.min_learns};\n'
                                     "autolearn = false;\n",
            "logging.inc": f'type = "file";\nfilename = "{self.folder}/rspamd.log";\nlevel = "error";\n',
            "options.inc": f'dns {{ nameserver = ["{self.nameserver}"]; timeout = {20 if self.modules else 0.1}s; retransmits = 1; }}\n'
                           f'filters = "chartable,regexp{",dkim" * ("dkim" in self.modules)}";\nlocal_addrs = "127.0.0.0/8";\n'
                           + self.options,
        }
        for module in NETWORK_MODULES:
            files[f"{module}.conf"] = self.modules.get(module, "enabled = false;\n")
        for name, text in files.items():
            (local / "local.d" / name).write_text(text)
        languages = self.root / "usr/share/rspamd/languages"
        (local / "rspamd.conf.local").write_text(f'lang_detection {{ languages = "{languages}"; }}\n')
        return local

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        local = self._configure()
        share, root = self.root / "usr/share/rspamd", self.root
        variables = {
            "CONFDIR": root / "etc/rspamd", "LOCAL_CONFDIR": local, "DBDIR": self.folder / "db", "RUNDIR": self.folder,
            "LOGDIR": self.folder, "SHAREDIR": share, "PLUGINSDIR": share / "plugins", "RULESDIR": share / "rules",
            "LUALIBDIR": share / "lualib", "WWWDIR": share / "www", "EXAMPLESDIR": share,
        }
        (self.folder / "db").mkdir(exist_ok=True)
        argv = [str(root / "usr/bin/rspamd"), "-f", "-i", "-c", str(root / "etc/rspamd/rspamd.conf")]
        for name, value in variables.items():
            argv += ["--var", f"{name}={value}"]
        libraries = f"{root}/usr/lib/rspamd:{root}/usr/lib/x86_64-linux-gnu"
        env = {"LD_LIBRARY_PATH": libraries, "RSPAMD_LUALIBDIR": str(share / "lualib")}
        for name, value in variables.items():
            env[f"RSPAMD_{name}"] = str(value)
        self._process.start(argv, lambda: answers(str(self.socket)) and all(
            answers(("127.0.0.1", port)) for port in (self.controller_port, self.normal_port)), env=env, seconds=120)

    def stop(self) -> None:
        self._process.stop()

    @property
    def worker_pids(self) -> list[int]:
        """The proxy workers: what scans."""
        pids = []
        for stat in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = stat.read_bytes()
                parent = int((stat.parent / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == self._process.pid and b"rspamd_proxy" in line:
                pids.append(int(stat.parent.name))
        return pids

    def learn(self, message: bytes, is_spam: bool) -> int:
        """Teaches one message; the HTTP status (208: learned already)."""
        verb = "learnspam" if is_spam else "learnham"
        # bulk: also what it would have got right already, which it refuses otherwise
        request = urllib.request.Request(f"http://127.0.0.1:{self.controller_port}/{verb}", data=message,
                                         headers={"Learn-Type": "bulk"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as e:
            return int(e.code)

    def check(self, message: bytes, envelope: Mapping[str, str] | None = None) -> bytes:
        """Scans one message with the normal worker; its JSON answer. envelope: IP, Helo, From, Rcpt, Hostname."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.normal_port}/checkv2", data=message,
                                         headers=dict(envelope or {}))
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())
