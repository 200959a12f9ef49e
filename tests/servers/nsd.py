"""A private NSD (authoritative name server) on a loopback port, serving zone files."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from .process import Process, free_port


def query(port: int, name: str, qtype: int = 6, seconds: float = 0.5) -> bytes:
    """The answer of the server at 127.0.0.1:port to one question by UDP, or nothing."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.strip(".").split(".") if label)
    packet = struct.pack(">6H", 0x4750, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", qtype, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(seconds)
        try:
            s.connect(("127.0.0.1", port))
            s.send(packet)
            return s.recv(65535)
        except OSError:
            return b""


class Nsd:
    """One nsd. `zones` are names with their files; `address` is what dns.servers wants. It listens at `also`, too."""

    def __init__(self, folder: Path, zones: dict[str, Path], also: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.zones = zones
        self.also = also
        self.port = free_port()
        self.address = f"127.0.0.1@{self.port}"
        self.process = Process("nsd", folder / "nsd.log")

    def _configure(self) -> Path:
        conf = self.folder / "nsd.conf"
        addresses = "".join(f"  ip-address: {a}\n" for a in (self.address, self.also) if a)
        conf.write_text(
            f'server:\n{addresses}  username: ""\n  chroot: ""\n  zonesdir: "{self.folder}"\n'
            f'  database: ""\n  pidfile: "{self.folder}/nsd.pid"\n  xfrdfile: "{self.folder}/xfrd"\n'
            f'  zonelistfile: "{self.folder}/zonelist"\n  xfrdir: "{self.folder}"\n  server-count: 1\n  rrl-ratelimit: 0\n'
            "remote-control:\n  control-enable: no\n"
            + "".join(f'zone:\n  name: "{name}"\n  zonefile: "{file}"\n' for name, file in self.zones.items()))
        return conf

    def start(self) -> None:
        name = next(iter(self.zones))
        self.process.start(["/usr/sbin/nsd", "-d", "-c", str(self._configure())], lambda: bool(query(self.port, name)))

    def stop(self) -> None:
        self.process.stop()
