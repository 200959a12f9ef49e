"""OpenDKIM and OpenDMARC from Debian, each on a unix socket of its own, without logging."""

from __future__ import annotations

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from servers.process import Process, answers  # noqa: E402


class _Peer:
    """What both have: `milter` (address for milterload), `pid`, a configuration of lines KEY VALUE."""

    def __init__(self, name: str, folder: Path, settings: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.socket = folder / "milter.sock"
        self.config = folder / f"{name}.conf"
        self.config.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
        self.process = Process(name, folder / f"{name}.log")

    @property
    def milter(self) -> str:
        return f"unix:{self.socket}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.stop()


class OpenDkim(_Peer):
    """One opendkim. Its libunbound asks the server at port 53 of `dns` (an address) and caches.

    ("ResolverConfiguration", which could name a port, is read anew again and again, without a lock: it crashes under load.)
    """

    def __init__(self, folder: Path, dns: str, settings: dict[str, str]) -> None:
        super().__init__("opendkim", folder, {
            "Syslog": "no", "UserID": "root", "Socket": f"local:{folder}/milter.sock", "Background": "no",
            "Nameservers": dns, **settings})

    def start(self) -> None:
        self.process.start(["/usr/sbin/opendkim", "-f", "-x", str(self.config)], lambda: answers(str(self.socket)))


class OpenDmarc(_Peer):
    """One opendmarc that checks SPF itself. Its resolver (libspf2, libc) knows only port 53 and /etc/resolv.conf: it gets
    one of its own, in a mount namespace, that names the server at `dns` (an address)."""

    def __init__(self, folder: Path, dns: str, settings: dict[str, str]) -> None:
        super().__init__("opendmarc", folder, {
            "Syslog": "false", "UserID": "root", "Socket": f"local:{folder}/milter.sock", "Background": "false",
            "SPFSelfValidate": "true", "SPFIgnoreResults": "true", "RejectFailures": "false",
            "PublicSuffixList": "/usr/share/publicsuffix/public_suffix_list.dat", **settings})
        (folder / "resolv.conf").write_text(f"nameserver {dns}\n")

    def start(self) -> None:
        script = 'mount --bind "$1" /etc/resolv.conf && exec /usr/sbin/opendmarc -f -c "$2"'
        self.process.start(["unshare", "--mount", "sh", "-c", script, "sh", str(self.folder / "resolv.conf"), str(self.config)],
                           lambda: answers(str(self.socket)))
