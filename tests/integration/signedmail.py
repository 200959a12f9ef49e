"""Two Postfix instances for test_interop.py: what is signed at the first is verified behind the second.

	 client ── A: a port for each canonicalisation of us and of them ── SMTP ── B: opendkim, then milter-dkim ── Maildir

At "our" ports milter-dkim signs with both algorithms; at "their" ports opendkim does (with one algorithm a process), and
python3-dkim may have signed before. The envelope's recipient says which message it was.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import smtplib
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from servers.milter import TOP, USER, MilterDkim
from servers.nsd import Nsd
from servers.postfix import Postfix, smtp_entry, smtpd_entry
from servers.process import answers, free_port, wait_for

sys.path.append(str(TOP / "bench"))
from peers.opendkim import OpenDkim  # noqa: E402

CANONS = ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed")
DOMAIN = "sender.example"
RSA, ED25519 = "rsa-sha256", "ed25519-sha256"
# Selectors: whose signature, and which algorithm; one key for each algorithm.
SELECTORS = {"or": RSA, "oe": ED25519, "tr": RSA, "te": ED25519, "pr": RSA, "pe": ED25519}
OUR_SELECTORS, OPENDKIM_SELECTORS, DKIMPY_SELECTORS = ("or", "oe"), ("tr", "te"), ("pr", "pe")
OURS, OPENDKIM = "ours.example", "opendkim.example"  # names in Authentication-Results
# Debian's opendkim makes Ed25519 signatures that do not hold with "simple" for the header: see test_interop.py.
OPENDKIM_SIGNS = {canon: OPENDKIM_SELECTORS if canon.startswith("relaxed") else OPENDKIM_SELECTORS[:1] for canon in CANONS}
# How A sends, by the recipient's domain. As Postfix is: lines above 998 bytes are broken, and 8 bits become
# quoted-printable for a host that has no 8BITMIME; both after the milters. Or with the remedies of milter-dkim(8).
PLAIN, LONG, SEVEN, KEPT = "plain.b.example", "long.b.example", "seven.b.example", "kept.b.example"
DNS_ADDRESS = f"127.54.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"  # opendkim knows no port but 53


@dataclass(frozen=True)
class Letter:
    """What a client hands in: at which port, with what envelope."""

    port: int
    sender: str
    recipient: str
    message: bytes
    options: Sequence[str] = ("BODY=8BITMIME",)


def openssl(*args: str, text: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *args], input=text, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


class Keys:
    """An RSA-2048 and an Ed25519 key: files, PEM for python3-dkim, records."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o755)
        self.paths = {RSA: folder / "rsa.pem", ED25519: folder / "ed25519.pem"}
        self.paths[RSA].write_bytes(openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))
        self.paths[ED25519].write_bytes(openssl("genpkey", "-algorithm", "ed25519"))
        der = {a: openssl("pkey", "-in", str(p), "-pubout", "-outform", "DER") for a, p in self.paths.items()}
        self.records = {RSA: "v=DKIM1; k=rsa; p=" + base64.b64encode(der[RSA]).decode(),
                        ED25519: "v=DKIM1; k=ed25519; p=" + base64.b64encode(der[ED25519][-32:]).decode()}
        seed = openssl("pkey", "-in", str(self.paths[ED25519]), "-outform", "DER")[-32:]
        self.private = {RSA: self.paths[RSA].read_bytes(), ED25519: base64.b64encode(seed)}
        for path in self.paths.values():
            path.chmod(0o600)
            shutil.chown(path, USER)
        self.table = folder / "table"
        files = " ".join(f"{selector}={self.paths[SELECTORS[selector]]}" for selector in OUR_SELECTORS)
        self.table.write_text(f"* d={DOMAIN} {files}\n")

    def zone(self) -> str:
        lines = ["$ORIGIN example.", "$TTL 3600", "@ SOA ns hostmaster 1 3600 600 86400 300", "@ NS ns", "ns A 127.0.0.1"]
        for selector, algorithm in SELECTORS.items():
            record = self.records[algorithm]
            parts = " ".join(f'"{record[i:i + 255]}"' for i in range(0, len(record), 255))
            lines.append(f"{selector}._domainkey.{DOMAIN.removesuffix('.example')} TXT {parts}")
        return "\n".join(lines) + "\n"

    def find(self, name: bytes, timeout: int = 5) -> bytes | None:
        """The resolver for python3-dkim."""
        algorithm = SELECTORS.get(name.decode().partition("._domainkey.")[0])
        return self.records[algorithm].encode() if algorithm else None


class Relay:
    """Both instances with all that signs and verifies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys = Keys(folder / "keys")
        self._stack = ExitStack()
        self.our_ports = {canon: free_port() for canon in CANONS}
        self.their_ports = {name: free_port() for name in (*CANONS, "simple ed25519")}
        self.relay_port = free_port()  # signs nothing
        self.port_7bit = free_port()  # B's, without 8BITMIME
        zone = folder / "example.zone"
        zone.write_text(self.keys.zone())
        self.nsd = Nsd(folder / "nsd", {"example": zone}, also=f"{DNS_ADDRESS}@53")
        self.a, self.b = Postfix(folder / "a", "a.example"), Postfix(folder / "b", "b.example")
        self._make_signers()
        self._make_verifiers()

    def _make_signers(self) -> None:
        self.signers: dict[str, MilterDkim] = {canon: self._our_signer(canon) for canon in CANONS}
        self.their_signers = {canon: [self._their_signer(canon, selector) for selector in OPENDKIM_SIGNS[canon]] for canon in CANONS}
        self.their_signers["simple ed25519"] = [self._their_signer("simple/simple", "te")]
        services = smtpd_entry(self.relay_port, ["local_header_rewrite_clients="])
        for canon in CANONS:
            services += smtpd_entry(self.our_ports[canon], [chain(self.signers[canon])])
        for name, signers in self.their_signers.items():
            services += smtpd_entry(self.their_ports[name], [chain(*signers), "local_header_rewrite_clients="])
        services += smtp_entry("long", ["smtp_line_length_limit=0"])
        services += smtp_entry("kept", ["disable_mime_output_conversion=yes"])
        to_b, to_7bit = f"[127.0.0.1]:{self.b.port}", f"[127.0.0.1]:{self.port_7bit}"
        self.a.configure({
            "default_transport": "smtp", "relayhost": to_b, "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "transport_maps": f"inline:{{ {LONG}=long:{to_b}, {SEVEN}=smtp:{to_7bit}, {KEPT}=kept:{to_7bit} }}",
        }, more=services)

    def _our_signer(self, canon: str) -> MilterDkim:
        name = f"ours-{canon.replace('/', '-')}"
        return MilterDkim(self.folder / name, self.a.queue / "gatepost" / f"{name}.sock", self.nsd.address, {"milter-dkim": {
            "sign": {"keys": str(self.keys.table), "domain_from": "envelope", "canonicalization": canon}}})

    def _their_signer(self, canon: str, selector: str) -> OpenDkim:
        name = f"opendkim-{selector}-{canon.replace('/', '-')}"
        folder = self.folder / name
        folder.mkdir()
        algorithm = SELECTORS[selector]
        (folder / "keytable").write_text(f"key {DOMAIN}:{selector}:{self.keys.paths[algorithm]}\n")
        (folder / "signingtable").write_text("* key\n")
        return self._opendkim(name, self.a, {
            "Mode": "s", "KeyTable": f"file:{folder}/keytable", "SigningTable": f"refile:{folder}/signingtable",
            "InternalHosts": "127.0.0.1", "Canonicalization": canon, "SignatureAlgorithm": algorithm})

    def _opendkim(self, name: str, postfix: Postfix, settings: dict[str, str]) -> OpenDkim:
        peer = OpenDkim(self.folder / name, DNS_ADDRESS, {"RequireSafeKeys": "no", "UMask": "000", **settings})
        socket = postfix.queue / "gatepost" / f"{name}.sock"
        peer.config.write_text(re.sub(r"(?m)^Socket .*$", f"Socket local:{socket}", peer.config.read_text()))
        peer.socket = socket
        return peer

    def _make_verifiers(self) -> None:
        self.ours = MilterDkim(self.folder / "verify", self.b.queue / "gatepost" / "verify.sock", self.nsd.address, {
            "networks": {"own": []}, "domains": {"authserv_id": OURS},
            "milter-dkim": {"spf": {"enabled": False}, "dmarc": {"enabled": False}, "arc": {"enabled": False}}})
        self.theirs = self._opendkim("opendkim-verify", self.b, {"Mode": "v", "AuthservID": OPENDKIM, "MaximumSignaturesToVerify": "10"})
        self.b.configure({
            "virtual_mailbox_domains": f"{PLAIN}, {LONG}, {SEVEN}, {KEPT}", "virtual_transport": "virtual", "transport_maps": "",
            "smtpd_milters": chain(self.theirs, self.ours).partition("=")[2],
            "local_header_rewrite_clients": "", "smtpd_relay_restrictions": "reject_unauth_destination",
        }, more=smtpd_entry(self.port_7bit, ["smtpd_discard_ehlo_keywords=8bitmime,smtputf8"]))

    def start(self) -> None:
        theirs = [peer for peers in self.their_signers.values() for peer in peers]
        for server in (self.nsd, *self.signers.values(), *theirs, self.ours, self.theirs, self.b, self.a):
            server.start()
            # opendkim takes seconds to end, like every libmilter filter without our care: ten of them are not waited for
            self._stack.callback(server.process.kill if isinstance(server, OpenDkim) else server.stop)
        for port in (self.relay_port, self.port_7bit, *self.our_ports.values(), *self.their_ports.values()):
            wait_for(lambda port=port: answers(("127.0.0.1", port)), f"port {port}")

    def stop(self) -> None:
        self._stack.close()

    def pass_on(self, letters: Iterable[Letter], seconds: float = 600.0) -> dict[str, bytes]:
        """Sends all, one session a port; what was delivered, by recipient."""
        letters = list(letters)
        for port in {letter.port for letter in letters}:
            send_all(port, [letter for letter in letters if letter.port == port])
        wait_for(lambda: len(self._new_files()) >= len(letters), f"{len(letters)} messages delivered", seconds, 0.2)
        delivered = {}
        for path in self._new_files():
            raw = path.read_bytes()
            recipient = re.search(rb"(?m)^X-Original-To: (.*)$", raw)
            assert recipient, raw[:500]
            delivered[recipient[1].decode()] = raw
            path.unlink()
        return delivered

    def _new_files(self) -> list[Path]:
        return list(self.b.maildir.glob("new/*"))


def send_all(port: int, letters: Iterable[Letter]) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost", timeout=120) as client:
        client.command_encoding = "utf-8"
        client.ehlo()
        for letter in letters:
            steps = (client.mail(letter.sender, letter.options), client.rcpt(letter.recipient), client.data(letter.message))
            assert all(code == 250 for code, _ in steps), (letter.recipient, steps)


def chain(*milters: MilterDkim | OpenDkim) -> str:
    """smtpd_milters for Postfix in its chroot."""
    return "smtpd_milters=" + ", ".join(f"{{ unix:/gatepost/{m.socket.name}, default_action=tempfail }}" for m in milters)


def said(raw: bytes, authserv_id: str) -> dict[str, tuple[str, str]]:
    """What a host's Authentication-Results say of DKIM: result and all its words, by selector, for our domain."""
    head = re.sub(rb"\n[ \t]+", b" ", raw.partition(b"\n\n")[0])
    values = re.findall(rb"(?m)^Authentication-Results: *" + authserv_id.encode() + rb"([ ;].*)$", head)
    found = {}
    for value in re.split(r"; *(?=dkim=)", re.sub(r"\([^()]*\)", "", b";".join(values).decode("utf-8", "replace"))):
        words = dict(re.findall(r"([\w.]+)=(\S+?)(?=[;\s]|$)", value))
        if words.get("header.d") == DOMAIN:
            found[words.get("header.s", "")] = (words["dkim"], value)
    return found
