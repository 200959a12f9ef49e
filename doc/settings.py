"""Turns `gatepost --print-settings` into the SETTINGS section of gatepost.conf(5).

usage: settings.py GATEPOST TEMPLATE OUTPUT
"""

import pathlib
import subprocess
import sys

KINDS = {
    "bool": "true or false", "int": "whole number", "double": "number", "string": "text", "duration": "time",
    "size": "size", "enum": "", "mode": "file mode", "list": "list of texts", "networks": "list of networks",
    "path": "path", "password_file": "path of a file with a password", "map": "path of a map file",
    "groups": "groups, each with the settings that follow",
}


def escape(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return "\\&" + text if text[:1] in (".", "'") else text


def section(tsv: str) -> str:
    out, group = [], None
    for line in tsv.splitlines():
        path, kind, default, bounds, unit, text = line.split("\t")
        here = path.split(".")[0] if "." in path else ""
        if here != group:
            group = here
            out.append(f".SS {escape(group) or 'At the top level'}")
        facts = [f for f in (KINDS.get(kind, kind), unit, bounds) if f]
        out += [".TP", f"\\fB{escape(path)}\\fR", escape(text), f"({escape(', '.join(facts))}; default: {escape(default)})"]
    return "\n".join(out)


def main() -> int:
    command, template, output = sys.argv[1:]
    tsv = subprocess.run([command, "--print-settings"], check=True, stdout=subprocess.PIPE, text=True).stdout
    pathlib.Path(output).write_text(pathlib.Path(template).read_text().replace("@SETTINGS@", section(tsv)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
