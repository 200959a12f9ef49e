"""What we load into Dovecot shows its entry points and nothing else: a symbol more could bind to one of Dovecot's.

Arguments: the modules built.
"""

import pathlib
import subprocess
import sys

ENDS = {
    "lib95_gatepost_learn_plugin.so": ("gatepost_learn_plugin", ["version", "dependencies", "init", "deinit"]),
    "lib95_doveadm_gatepost_learn_plugin.so": ("doveadm_gatepost_learn_plugin", ["version", "init", "deinit"]),
    "lib90_sieve_gatepost_learn_plugin.so": ("sieve_gatepost_learn_plugin", ["version", "load", "unload", "init", "deinit"]),
    "libgatepost_learn_settings.so": ("gatepost_learn_settings", ["version", "set_infos"]),
}


def check(module: pathlib.Path) -> list[str]:
    name, ends = ENDS[module.name]
    wanted = {f"{name}_{end}" for end in ends}
    lines = subprocess.run(["nm", "-D", "--defined-only", str(module)], check=True, stdout=subprocess.PIPE, text=True).stdout
    shown = {line.split()[-1] for line in lines.splitlines()}
    return [f"{module.name}: shows {s}" for s in sorted(shown - wanted)] + [
        f"{module.name}: does not show {s}" for s in sorted(wanted - shown)
    ]


if __name__ == "__main__":
    found = [line for module in sys.argv[1:] for line in check(pathlib.Path(module))]
    print("\n".join(found) or f"exports: ok ({len(sys.argv) - 1} modules)")
    sys.exit(bool(found))
