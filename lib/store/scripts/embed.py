"""Lua scripts as C: embed.py OUTPUT SCRIPT...  One struct gp_script per file, with its SHA-1, comments and indentation removed."""

import hashlib
import pathlib
import sys

output, *scripts = sys.argv[1:]
parts = ['/* Made from lib/store/scripts/ by embed.py. */\n#include "lib/store/scripts.h"\n']
for name in scripts:
    path = pathlib.Path(name)
    lines = (line.strip() for line in path.read_text().splitlines())
    text = "\n".join(line for line in lines if line and not line.startswith("--")) + "\n"
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').split("\n")[:-1]
    body = "\n\t".join(f'"{line}\\n"' for line in quoted)
    parts.append(
        f'\nconst struct gp_script gp_script_{path.stem} = {{\n\t.name = "{path.stem}",\n'
        f'\t.sha1 = "{hashlib.sha1(text.encode()).hexdigest()}",\n\t.len = {len(text.encode())},\n\t.text =\n\t{body},\n}};\n'
    )
pathlib.Path(output).write_text("".join(parts))
