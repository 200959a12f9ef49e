"""Who may include whom (doc/layers.md): fails on an upward or sideways include.

A folder may include itself and folders of a lower rank; the few sideways edges
are listed.  Foreign libraries are fenced into the files listed.
"""

import pathlib
import re
import sys

RANK = {
    "lib/base": 0, "lib/proto": 0,
    "lib/io": 1, "lib/conf": 1, "lib/dns": 1, "lib/store": 1, "lib/ldap": 1, "lib/mail": 1,
    "lib/auth": 2, "lib/score": 2,
    "lib/daemon": 3,
    "milter-spam": 4, "milter-dkim": 4, "milter-virus": 4, "cli": 4, "controller": 4, "policyd-ratelimit": 4,
    "dovecot-sieve-learn": 0.5,  # in Dovecot's process: lib/proto alone
    "tests": 9, "bench": 9,
}
# What lives in, or is linked into, a stranger's process includes these and nothing else.
ONLY = {"dovecot-sieve-learn": {"lib/proto"}, "lib/proto": set()}
SIDEWAYS = {("lib/dns", "lib/io"), ("lib/store", "lib/io"), ("lib/ldap", "lib/io"), ("lib/score", "lib/auth")}
# The command checks every program's settings and gives its verdict, the controller gives the latter: they may see these.
SHOWN = {"milter-spam/options.h", "milter-spam/policy.h", "milter-spam/lists.h", "milter-spam/whole.h",
         "milter-spam/asked.h",
         "milter-dkim/options.h", "milter-dkim/keyring.h", "milter-dkim/keydir.h",
         "milter-dkim/txtrecord.h", "milter-dkim/setup.h", "milter-dkim/newkey.h", "milter-dkim/published.h",
         "milter-virus/options.h", "milter-virus/action.h", "milter-virus/category.h",
         "controller/options.h",
         "policyd-ratelimit/options.h", "policyd-ratelimit/limit_override.h", "policyd-ratelimit/limit_stage.h",
         "policyd-ratelimit/report.h", "policyd-ratelimit/request.h"}
FENCED = {
    r"libmilter/": ["lib/daemon/milter.c"],
    r"unbound\.h": ["lib/dns/"],
    r"hiredis/|lmdb\.h": ["lib/store/"],
    r"ldap\.h|lber\.h": ["lib/ldap/"],
    r"openssl/ssl": ["lib/io/tls.c"],
    r"openssl/": ["lib/base/digest.c", "lib/io/tls.c", "lib/auth/crypto.c"],
    r"libconfig\.h": ["lib/conf/"],
    r"hs/|hs\.h": ["lib/score/rule_vs"],
    r"pcre2\.h": ["lib/score/"],
    r"microhttpd\.h": ["lib/daemon/", "controller/"],
    r"seccomp\.h": ["lib/daemon/sandbox"],
    r"zlib\.h": ["lib/base/inflate.c"],
    r"xxhash\.h": ["lib/base/hash.c"],
    r"systemd/": ["controller/maillog_journal.c"],
    r"idn2\.h": ["lib/mail/", "lib/dns/"],
    r"libpsl\.h": ["lib/auth/psl.c"],
    r"clamav\.h": ["milter-virus/engine_"],
    r"zstd\.h": ["controller/http_zstd.c"],
    r"dovecot/": ["dovecot-sieve-learn/"],
    r"jansson\.h": ["cli/", "milter-spam/", "controller/", "bench/", "tests/"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def folder_of(path: str) -> str:
    return max((f for f in RANK if path.startswith(f + "/")), key=len, default="")


def check(root: pathlib.Path) -> list[str]:
    errors = []
    files = [f for top in sorted({f.split("/")[0] for f in RANK}) for f in (root / top).rglob("*.[ch]")]
    for file in files:
        name = str(file.relative_to(root))
        here = folder_of(name)
        for kind, target in INCLUDE.findall(file.read_text()):
            where = f"{name}: includes {target}"
            if kind == '"':
                there = folder_of(target)
                if (here, there) == ("lib/score", "lib/auth") and target != "lib/auth/result.h":
                    errors.append(f"{where}: lib/score reads lib/auth/result.h only")
                if target == "config.h" or here == there or (here in ("cli", "controller") and target in SHOWN):
                    continue
                if here in ONLY and there not in ONLY[here]:
                    errors.append(f"{where}: {here} may not use {there or 'that'}")
                elif not there:
                    errors.append(f"{where}: write includes from the root of the tree")
                elif RANK[there] >= RANK[here] and (here, there) not in SIDEWAYS:
                    errors.append(f"{where}: {here} (rank {RANK[here]}) may not use {there} (rank {RANK[there]})")
            for pattern, allowed in FENCED.items():
                if re.match(pattern, target) and not name.startswith(("tests/", "bench/")):
                    if not any(name.startswith(a) for a in allowed) and not any(
                        re.match(p, target) and any(name.startswith(a) for a in al) for p, al in FENCED.items()
                    ):
                        errors.append(f"{where}: fenced into {', '.join(allowed)}")
    return errors


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found) or "layers: ok")
    sys.exit(bool(found))
