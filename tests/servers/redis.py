"""A private Redis on a unix socket and on loopback ports with and without TLS, without persistence."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .process import Process, answers, free_port

PASSWORD = "redis secret, with spaces"


class Redis:
    """One redis-server. `url`, `tcp_url` and `tls_url` are what the `store` setting wants; its certificate is its own
    authority (`certificate`). `password` makes it ask for PASSWORD, which is in `password_file`."""

    def __init__(self, folder: Path, password: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.certificate = folder / "cert.pem"
        self.password_file = folder / "password"
        self._port, self._tls_port = free_port(), free_port()
        self.url = f"redis+unix://{self.socket}"
        self.tcp_url = f"redis://127.0.0.1:{self._port}"
        self.tls_url = f"rediss://127.0.0.1:{self._tls_port}"
        self.process = Process("redis", folder / "redis.log")
        self._has_password = password
        self._make_certificate()
        self.password_file.write_text(PASSWORD + "\n")

    def _make_certificate(self) -> None:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", str(self.folder / "key.pem"), "-out", str(self.certificate), "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
                       check=True, capture_output=True)

    def start(self) -> None:
        secret = ["--requirepass", PASSWORD] if self._has_password else []
        self.process.start(["/usr/bin/redis-server", "--port", str(self._port), "--bind", "127.0.0.1",
                            "--unixsocket", str(self.socket), "--unixsocketperm", "777",
                            "--tls-port", str(self._tls_port), "--tls-cert-file", str(self.certificate),
                            "--tls-key-file", str(self.folder / "key.pem"), "--tls-auth-clients", "no",
                            "--dir", str(self.folder), "--save", "", "--appendonly", "no", *secret],
                           lambda: answers(str(self.socket)) and answers(("127.0.0.1", self._tls_port)))

    def stop(self) -> None:
        self.process.stop()
