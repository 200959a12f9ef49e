"""A DNS server of a few lines of zone, for tests: answers over UDP and TCP on a loopback port, or misbehaves as told.

A line is NAME TYPE DATA (A, AAAA, TXT, MX, NS, CNAME, PTR); a name that is in no line does not exist. `mood` says what every question meets:
"" (answered), "dead" (silence), "servfail"; `delay` is in seconds.
"""

from __future__ import annotations

import errno
import ipaddress
import socketserver
import struct
import threading
import time
from types import TracebackType

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}


def wire_name(name: str) -> bytes:
    labels = [label.encode() for label in name.strip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def wire_data(kind: str, data: str) -> bytes:
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(data).packed
    if kind == "TXT":
        strings = [raw[i:i + 255] for raw in data.encode("latin-1").split(b"\x1f") for i in range(0, len(raw) or 1, 255)]
        return b"".join(bytes([len(string)]) + string for string in strings)
    if kind == "MX":
        preference, host = data.split()
        return struct.pack("!H", int(preference)) + wire_name(host)
    return wire_name(data)


def question_of(packet: bytes) -> tuple[str, int, bytes]:
    """Name, type and the question's bytes."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    return ".".join(labels), int.from_bytes(packet[at + 1:at + 3], "big"), packet[12:at + 5]


def listen(tcp: type[socketserver.BaseRequestHandler], udp: type[socketserver.BaseRequestHandler]
           ) -> tuple[socketserver.ThreadingTCPServer, socketserver.ThreadingUDPServer]:
    """Servers on one port, which is free for both: one that the kernel gives for TCP a resolver may just ask from by UDP."""
    while True:
        by_tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), tcp)
        try:
            return by_tcp, socketserver.ThreadingUDPServer(by_tcp.server_address, udp)
        except OSError as e:
            by_tcp.server_close()
            if e.errno != errno.EADDRINUSE:
                raise


class Dns:
    """with Dns(ZONE) as dns: … dns.address …"""

    def __init__(self, zone: str = "") -> None:
        self._zone: dict[str, list[tuple[str, str]]] = {}
        self.mood = ""
        self.delay = 0.0
        self.asked: list[str] = []
        self.add(zone)
        dns = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                packet, sock = self.request
                answer = dns.answer(packet)
                if answer and len(answer) > 1232:  # truncated: ask by TCP
                    answer = answer[:2] + struct.pack("!H", 0x8780) + answer[4:6] + b"\0\0\0\0\0\0" + question_of(packet)[2]
                if answer:
                    sock.sendto(answer, self.client_address)

        class Tcp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                size = int.from_bytes(self.request.recv(2), "big")
                answer = dns.answer(self.request.recv(size))
                if answer:
                    self.request.sendall(struct.pack("!H", len(answer)) + answer)

        self._tcp, self._udp = listen(Tcp, Udp)
        for server in (self._tcp, self._udp):
            server.daemon_threads = True

    @property
    def address(self) -> str:
        return f"127.0.0.1@{self._tcp.server_address[1]}"

    def add(self, zone: str) -> None:
        """Adds lines to the zone; what a resolver has cached it does not hear of."""
        for line in zone.splitlines():
            if line.strip():
                self.put(*line.split(None, 2))

    def put(self, name: str, kind: str, data: str) -> None:
        """Adds one record, with data that a line cannot hold; strings of TXT are cut at \\x1f."""
        self._zone.setdefault(name.strip(".").lower(), []).append((kind, data))

    def drop(self, name: str) -> None:
        """Takes a name out of the zone."""
        del self._zone[name.strip(".").lower()]

    def replace(self, name: str, kind: str, data: str) -> None:
        """Gives a name one record of that type in place of those it had."""
        there = self._zone.setdefault(name.strip(".").lower(), [])
        there[:] = [*((k, d) for k, d in there if k != kind), (kind, data)]

    def answer(self, packet: bytes) -> bytes:
        name, kind, question = question_of(packet)
        self.asked.append(name)
        time.sleep(self.delay)
        if self.mood == "dead":
            return b""
        found: list[tuple[int, bytes]] = []
        for _ in range(10):
            there = self._zone.get(name, [])
            found += [(TYPES[k], wire_data(k, d)) for k, d in there if TYPES[k] in (kind, TYPES["CNAME"])]
            alias = [d for k, d in there if k == "CNAME"]
            if not alias or kind == TYPES["CNAME"]:
                break
            name = alias[0].strip(".").lower()
        exists = name in self._zone or any(n.endswith("." + name) for n in self._zone)
        code = 2 if self.mood == "servfail" else 0 if exists else 3
        head = packet[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, 0 if code else len(found), 0, 0)
        body, owner = b"", wire_name(question_of(packet)[0])
        for type_, data in [] if code else found:
            body += owner + struct.pack("!HHIH", type_, 1, 300, len(data)) + data
            if type_ == TYPES["CNAME"]:
                owner = data
        return head + question + body

    def start(self) -> None:
        for server in (self._tcp, self._udp):
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self) -> Dns:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        for server in (self._tcp, self._udp):
            server.shutdown()
            server.server_close()
