"""Policy daemons from Debian, each on a unix socket of its own with a database of its own."""

from __future__ import annotations

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from servers.process import Process, answers  # noqa: E402


class _Daemon:
    """What both have: `address` for policyload, `pid`."""

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        folder.chmod(0o777)
        self.folder = folder
        self.socket = folder / "policy.sock"
        self.process = Process(name, folder / f"{name}.log")

    @property
    def address(self) -> str:
        return f"unix:{self.socket}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.stop()


class PolicydRateLimit(_Daemon):
    """policyd-rate-limit with SQLite, its default backend; limits by account that nobody meets."""

    def __init__(self, folder: Path) -> None:
        super().__init__("policyd-rate-limit", folder)
        self.config = folder / "policyd-rate-limit.yaml"
        self.config.write_text(
            f'debug: False\nuser: "root"\ngroup: "root"\npidfile: "{folder}/pid"\n'
            f'sqlite_config:\n    database: "{folder}/db.sqlite3"\nbackend: 0\nSOCKET: "{self.socket}"\n'
            'socket_permission: 0666\nlimits:\n    - [1000000, 60]\n    - [10000000, 86400]\nlimits_by_id: {}\n'
            'limit_by_sasl: True\nlimit_by_sender: False\nlimit_by_ip: False\nlimited_networks: []\n'
            'success_action: "dunno"\nfail_action: "defer_if_permit limit"\ndb_error_action: "dunno"\n'
            'report: False\ndelay_to_close: 300\n\n')

    def start(self) -> None:
        self.process.start(["/usr/bin/policyd-rate-limit", "--file", str(self.config)], lambda: answers(str(self.socket)))


class Postgrey(_Daemon):
    """postgrey with its Berkeley DB; a client that passed a few times is on its list and passes at once."""

    def __init__(self, folder: Path) -> None:
        super().__init__("postgrey", folder)
        self.db = folder / "db"
        self.db.mkdir()

    def start(self) -> None:
        self.process.start(["/usr/sbin/postgrey", f"--unix={self.socket}", f"--dbdir={self.db}", "--user=root", "--group=root",
                            "--delay=1", "--quiet"], lambda: answers(str(self.socket)))
