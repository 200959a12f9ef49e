"""Each header compiles alone, before anything else was included: it brings what it needs.

Arguments: the tree's top, the build folder (for config.h), and the compiler with its options.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys


def alone(root: pathlib.Path, build: str, compiler: list[str], header: str) -> str:
    """The compiler's complaint about one header, or ""."""
    argv = [*compiler, "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
            f"-I{root}", f"-I{build}", "-x", "c", "-"]
    # Twice: the guard holds.
    text = f'#include "{header}"\n#include "{header}"\n'
    return subprocess.run(argv, input=text, capture_output=True, text=True).stderr


def check(root: pathlib.Path, build: str, compiler: list[str]) -> list[str]:
    headers = [str(f.relative_to(root)) for top in ("lib", "milter-spam", "milter-dkim", "milter-virus", "policyd-ratelimit", "cli") for f in sorted((root / top).rglob("*.h"))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        said = pool.map(lambda h: alone(root, build, compiler, h), headers)
        return [f"{h}: does not compile alone:\n{text}" for h, text in zip(headers, said) if text]


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
    print("\n".join(found) or "headers: ok")
    sys.exit(bool(found))
