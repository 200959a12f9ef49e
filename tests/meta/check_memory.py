"""Out of memory: the Nth allocation of a command fails, for many N.

Ours ends the program at once with a message (SIGABRT); one of a library is reported and ends it with a status, or the
library did without. It never goes on half-built: no other signal, and what it prints then is what it always prints.
libcrypto of OpenSSL 3.0 crashes by itself then, so no command here takes a digest.

Arguments: the failing_malloc module and the program `gatepost`.
"""

import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

RULES = """\
header __A Subject =~ /pills?/i
body B /\\bcheap\\s+(?:pills|watches)\\b/i
uri C /example/
meta D __A && B
score B 2.5
describe B Sells things
"""
MESSAGE = """\
From: =?utf-8?q?J=C3=BCrgen?= <j@example.net>
To: a@example.org
Subject: cheap pills
Content-Type: multipart/alternative; boundary=x

--x
Content-Type: text/plain; charset=koi8-r
Content-Transfer-Encoding: base64

Y2hlYXAgcGlsbHMgaHR0cDovL2IuZXhhbXBsZS9h
--x
Content-Type: text/html

<p>cheap <a href="http://b%C3%BCcher.example/">pills</a>
--x--
"""
COUNT = 240   # runs of each command


def run(argv: list[str], preload: str = "", fail_at: int = 0) -> tuple[int, str, str]:
    env = {**os.environ, "FAIL_AT": str(fail_at), "LANG": "C", **({"LD_PRELOAD": preload} if preload else {})}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr


def complaint(argv: list[str], preload: str, fail_at: int, usual: tuple[int, str, str]) -> str:
    status, out, err = run(argv, preload, fail_at)
    if status == -signal.SIGABRT and "out of memory" in err:
        return ""
    if (status, out) == usual[:2] or (status > 0 and err):
        return ""
    return f"{' '.join(argv[-2:])}: allocation {fail_at} failed: status {status}, instead of {usual[0]}\n{out}{err}"


def points() -> list[int]:
    """Each of the first, then ever fewer."""
    found, n = [], 1.0
    while len(found) < COUNT:
        found.append(int(n))
        n = max(n + 1, n * 1.035)
    return found


def main() -> int:
    preload, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "r.cf").write_text(RULES)
        (folder / "m").write_text(MESSAGE)
        (folder / "c").write_text(f'store = "lmdb:{folder}/store";\nrules = {{ paths = [ "{folder}/r.cf" ]; cache = ""; }};\n')
        base = [program, "-c", str(folder / "c")]
        run([*base, "learn", "ham", str(folder / "m")])
        found = []
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for command in (["scan", "-q", "m"], ["check"], ["rules", "lint"]):
                argv = [*base, *(str(folder / "m") if word == "m" else word for word in command)]
                usual = run(argv)
                found += [text for text in pool.map(lambda n: complaint(argv, preload, n, usual), points()) if text]
    print("\n".join(found) or "memory: ok")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
