"""The mail of bench/dkim: real messages under authors of domains of our own, with keys, SPF and DMARC records.

Every message is signed once, by OpenDKIM through its milter, and the signed ones also exist with the Authentication-Results
that OpenDKIM adds, for OpenDMARC, which believes those.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SELECTOR = "s2026"
AUTHSERV_ID = "bench.example"
CLIENT = "198.51.100.1"  # the first of the clients, all of them allowed by SPF
ENVELOPE = ["-f", "auto", "-e", "client.example"]  # sender from Return-Path, HELO a name that exists
HEADERS = "From,Subject,Date,To,Cc,Message-ID,Reply-To,MIME-Version,Content-Type,Content-Transfer-Encoding"
NAMES = [f"d{number}.example" for number in range(20)]


@dataclass
class Key:
    """One key of RSA-2048 for all domains; each publishes it under a name of its own."""

    path: Path

    def make(self) -> None:
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(self.path)],
                       check=True, stderr=subprocess.DEVNULL)
        self.path.chmod(0o600)

    def record(self) -> str:
        der = subprocess.run(["openssl", "pkey", "-in", str(self.path), "-pubout", "-outform", "DER"], check=True,
                             stdout=subprocess.PIPE).stdout
        text = "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()
        return " ".join(f'"{text[i:i + 255]}"' for i in range(0, len(text), 255))


def zone(key: Key) -> str:
    """One zone "example." with all domains; SPF by way of an include, as most have it."""
    lines = ["$ORIGIN example.", "$TTL 3600", "@ SOA ns hostmaster 1 3600 600 86400 300", "@ NS ns", "ns A 127.0.0.1",
             "spf.provider TXT \"v=spf1 ip4:192.0.2.0/24 ip4:198.51.0.0/16 -all\"", "mx A 192.0.2.25", "client A 198.51.100.1",
             'client TXT "v=spf1 ip4:198.51.0.0/16 -all"']
    for name in (n.removesuffix(".example") for n in NAMES):
        lines += [f'{name} TXT "v=spf1 mx include:spf.provider.example -all"', f"{name} MX 10 mx",
                  f'_dmarc.{name} TXT "v=DMARC1; p=reject; adkim=s; aspf=s"',
                  f"{SELECTOR}._domainkey.{name} TXT {key.record()}"]
    return "\n".join(lines) + "\n"


def rewritten(raw: bytes, number: int) -> bytes:
    """The message as if an author of one of our domains had written it."""
    header, separator, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    fields = re.split(rb"\n(?![ \t])", re.sub(rb"\A>?From .*\n", b"", header))
    dropped = (b"from:", b"sender:", b"return-path:", b"dkim-signature:", b"authentication-results:")
    kept = [f for f in fields if b":" in f and not f.lower().startswith(dropped)]
    address = f"author{number}@{NAMES[number % len(NAMES)]}".encode()
    return b"\n".join([b"Return-Path: <" + address + b">", *kept, b"From: The Author <" + address + b">"]) + separator + body


def write_unsigned(sources: list[Path], folder: Path) -> Path:
    """Rewritten messages and the list of their names."""
    folder.mkdir()
    names = []
    for number, source in enumerate(sources):
        path = folder / f"{number:05}.eml"
        path.write_bytes(rewritten(source.read_bytes(), number))
        names.append(path)
    return listed(folder, names)


def listed(folder: Path, names: list[Path]) -> Path:
    names_file = folder.with_suffix(".names")
    names_file.write_text("".join(f"{p}\n" for p in names))
    return names_file


def passed_through(loader: Path, milter: str, names: Path, field: str, *args: str) -> dict[Path, list[str]]:
    """What a milter says of each message: the values of the header fields of that name that it adds.

    One connection: OpenDKIM sets up its resolver with the first message, and crashes when there are several of them at once.
    """
    done = subprocess.run([str(loader), "-v", *ENVELOPE, "-l", str(names), *args, milter], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace",
                          env={**os.environ, "LC_ALL": "C.UTF-8"})
    said = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        said[Path(row["file"])] = [m["value"] for m in row["mods"] if m.get("name", "").lower() == field.lower()]
    return said


def with_field(said: dict[Path, list[str]], field: str, folder: Path) -> Path:
    """The messages with the one field on top that the milter added."""
    folder.mkdir()
    names = []
    for path, values in sorted(said.items()):
        if len(values) != 1:
            sys.exit(f"bench/dkim: {path}: {len(values)} fields {field}")
        value = values[0].strip().replace("\r\n", "\n")
        new = folder / path.name
        new.write_bytes(f"{field}: {value}\n".encode() + path.read_bytes())
        names.append(new)
    return listed(folder, names)


def must_say(said: dict[Path, list[str]], *words: str) -> None:
    """Every message got a field with all the words: nobody is fast by not finding out."""
    wrong = [(p, v) for p, v in said.items() if not all(w in " ".join(v) for w in words)]
    if wrong:
        sys.exit(f"bench/dkim: {len(wrong)} of {len(said)} messages without {', '.join(words)}, such as {wrong[0]}")
