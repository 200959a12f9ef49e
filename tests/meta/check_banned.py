"""House rules a script can check: banned functions, and every file begins with what it is for."""

import pathlib
import re
import sys

BANNED = {
    "strcpy": "gp_str_copy", "strcat": "gp_buf_add", "strncpy": "gp_str_copy", "strncat": "gp_buf_add",
    "sprintf": "snprintf or gp_buf_printf", "vsprintf": "vsnprintf", "gets": "gp_file_read",
    "strtok": "gp_str_next", "atoi": "gp_num_parse_int", "atol": "gp_num_parse_int", "atof": "gp_num_parse_double",
    "strtol": "gp_num_parse_int", "strtoul": "gp_num_parse_uint", "alloca": "an arena",
    "localtime": "localtime_r", "gmtime": "gmtime_r", "strerror_l": "gp_diag_errno", "tmpnam": "mkostemp",
    "mktemp": "mkostemp", "system": "posix_spawn", "rand": "gp_rand_bytes", "time": "gp_clock_real_s",
}
ALLOWED = {("lib/base/clock.c", "time")}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def check(root: pathlib.Path) -> list[str]:
    errors = []
    for top in ("lib", "milter-spam", "milter-dkim", "milter-virus", "policyd-ratelimit", "cli", "dovecot-sieve-learn"):
        for file in sorted((root / top).rglob("*.[ch]")):
            name = str(file.relative_to(root))
            text = file.read_text()
            if not text.startswith("/*"):
                errors.append(f"{name}:1: begin with a comment that says what the file is for")
            code = COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)
            for number, line in enumerate(code.split("\n"), 1):
                for match in CALL.finditer(line):
                    if (name, match.group(1)) not in ALLOWED:
                        errors.append(f"{name}:{number}: {match.group(1)}: use {BANNED[match.group(1)]}")
    return errors


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found) or "banned functions: ok")
    sys.exit(bool(found))
