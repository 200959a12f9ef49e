"""gp-auth-probe (tests/probe/auth_probe.h), and zones in the language of tests/fakes/fake_dns.h."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from servers.milter import SANITIZERS, TOP, build_folder

DATA = Path(os.environ.get("GATEPOST_DATA", TOP.parent / "shared" / "data"))


def run_probe(cases: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The probe's answers, one a case, in order."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([str(build_folder() / "tests" / "probe" / "gp-auth-probe")], input=lines, text=True,
                          stdout=subprocess.PIPE, check=True, env={**os.environ, **SANITIZERS})
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == lines.count("\n")
    for answer in answers:
        assert "error" not in answer, answer["error"]
    return answers


def zone_name(name: str) -> str:
    """A name as fake_dns has it: no final dot, blanks and other odd bytes as \\DDD."""
    escaped = "".join(chr(byte) if 32 < byte < 127 and chr(byte) not in '\\"();@$,<>[]{}' else f"\\{byte:03}"
                      for byte in name.encode())
    return escaped.removesuffix(".") or "."


def zone_text(*strings: bytes) -> str:
    """The data of a TXT record: its strings, cut where the wire needs it; no string is one that is empty."""
    pieces = [s[i:i + 255] for s in strings for i in range(0, len(s) or 1, 255)]
    return " ".join('"' + "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03}"
                                  for byte in piece) + '"' for piece in pieces or [b""])
