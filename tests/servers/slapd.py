"""A private OpenLDAP server on a unix socket and on loopback, in the clear, with StartTLS and with TLS."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
import urllib.parse
from pathlib import Path
from typing import Any

from .process import Process, answers, free_port, wait_for

BASE = "dc=example,dc=org"
READER = f"cn=reader,{BASE}"
PASSWORD = "directory secret"
SCHEMAS = ("core", "cosine", "inetorgperson", "nis")
GATEPOST = Path(__file__).resolve().parents[2] / "lib/ldap/gatepost.schema"


class Slapd:
    """One slapd over `ldif` (text). `url`, `ldaps_url`, `ldapi_url` are its addresses; its certificate is its own authority
    (`certificate`), for 127.0.0.1; `client_certificate` and `client_key` are what SASL EXTERNAL takes. Anonymous readers
    see nothing; READER reads with PASSWORD, which is in `password_file`; so does root over ldapi by EXTERNAL."""

    def __init__(self, folder: Path, ldif: str, schema: str | Path = "", options: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        self.port, self.tls_port = free_port(), free_port()
        self._socket = folder / "ldapi"
        self.url = f"ldap://127.0.0.1:{self.port}"
        self.ldaps_url = f"ldaps://127.0.0.1:{self.tls_port}"
        self.ldapi_url = "ldapi://" + urllib.parse.quote(str(self._socket), safe="")
        self.certificate, self.key = folder / "cert.pem", folder / "key.pem"
        self.client_certificate, self.client_key = folder / "client.pem", folder / "client.key"
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD + "\n")
        self.process = Process("slapd", folder / "slapd.log")
        self._options = options
        self._make_certificates()
        self._configure(schema)
        self._load(ldif)

    def _make_certificates(self) -> None:
        for cert, key, name in ((self.certificate, self.key, "/CN=localhost"),
                                (self.client_certificate, self.client_key, "/CN=reader")):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", name,
                            "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"], check=True, capture_output=True)
        (self.folder / "authorities.pem").write_text(self.certificate.read_text() + self.client_certificate.read_text())

    def _configure(self, schema: str | Path) -> None:
        (self.folder / "data").mkdir()
        includes = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in SCHEMAS)
        if schema:
            includes += f"include {schema}\n"
        (self.folder / "slapd.conf").write_text(f"""{includes}
pidfile {self.folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {self.folder}/authorities.pem
TLSCertificateFile {self.certificate}
TLSCertificateKeyFile {self.key}
TLSVerifyClient try
sizelimit size.soft=500 size.hard=1000 size.pr=500 size.prtotal=unlimited
authz-regexp "^cn=reader$" "{READER}"
authz-regexp "gidNumber=0\\\\+uidNumber=0,cn=peercred,cn=external,cn=auth" "{READER}"
{self._options}
database mdb
maxsize 268435456
suffix "{BASE}"
rootdn "cn=admin,{BASE}"
rootpw admin
directory {self.folder}/data
index objectClass,mail,uid,member,cn eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{READER}" read by * none
""")

    def _load(self, ldif: str) -> None:
        entries = f"""dn: {BASE}
objectClass: dcObject
objectClass: organization
o: example
dc: example

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {PASSWORD}

{ldif}"""
        subprocess.run(["/usr/sbin/slapadd", "-q", "-f", str(self.folder / "slapd.conf")], input=entries, text=True,
                       check=True, capture_output=True)

    def start(self) -> None:
        self.process.start(["/usr/sbin/slapd", "-d", "stats", "-f", str(self.folder / "slapd.conf"),
                            "-h", f"{self.url}/ {self.ldaps_url}/ {self.ldapi_url}"],
                           lambda: answers(("127.0.0.1", self.tls_port)) and answers(str(self._socket)))

    def stop(self) -> None:
        self.process.stop()

    def settings(self, uri: str = "", **more: Any) -> dict[str, Any]:
        """The group `ldap` of gatepost.conf for it; READER by password."""
        return {"servers": [uri or self.url], "bind": "simple", "bind_dn": READER, "password_file": str(self.password_file),
                "timeout": "60s", "rest": "500ms", "cache": 0, **more}

    def asked(self) -> str:
        """What it says of the questions so far."""
        return (self.folder / "slapd.log").read_text(errors="replace")

    def searches(self) -> int:
        """How many searches it has begun so far."""
        return self.asked().count(" SRCH base=")

    def wait_alone(self) -> None:
        """Until nobody is connected: who has ended may have asked what is not begun yet."""
        def is_alone() -> bool:
            said = self.asked().rpartition(" slapd starting")[2]
            return len(re.findall(r"fd=\d+ ACCEPT ", said)) == len(re.findall(r"fd=\d+ closed", said))

        wait_for(is_alone, "end of its connections")


class Gate:
    """A way to a TCP server that can be shut: bytes then wait, both ways, and new connections hear nothing."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ldap://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def shut(self) -> None:
        self._open.clear()

    def reopen(self) -> None:
        self._open.set()

    def cut(self) -> None:
        """Ends all connections that there are."""
        for one in self._sockets[1:]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        del self._sockets[1:]

    def close(self) -> None:
        self._open.set()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self._open.wait()
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
