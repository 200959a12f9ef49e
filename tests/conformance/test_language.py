"""What the manual's rule language says, tried on SpamAssassin and on our engine: the rules of language/*.cf over the messages
of language/mail hit alike. Which rules hit which message is not written down: SpamAssassin says it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from servers.milter import build_folder

HERE = Path(__file__).parent
FOLDER = HERE / "language"
TLDS = Path("/usr/share/spamassassin/20_aux_tlds.cf")
PLUGINS = ("BodyEval", "HeaderEval", "MIMEEval", "RelayEval", "URIDetail", "FreeMail", "HTMLEval", "WLBLEval", "URIEval",
           "HashBL", "FromNameSpoof", "PDFInfo", "ImageInfo", "VBounce", "WelcomeListSubject", "SPF", "Shortcircuit")
# Rules that are there to not hit.
NEVER = re.compile(r"NOT_|NEVER")

pytestmark = pytest.mark.skipif(not TLDS.exists(), reason="spamassassin is not installed: tests/install tests")


def messages() -> list[str]:
    return sorted(str(path) for path in (FOLDER / "mail").glob("*.eml"))


def by_spamassassin(rules: Path) -> dict[str, set[str]]:
    done = subprocess.run(["perl", HERE / "spamassassin.pl", "--apart", rules, *PLUGINS], input="\n".join(messages()) + "\n", text=True,
                          stdout=subprocess.PIPE, check=True)
    return {name: set(hits) for name, *hits in (line.split("\t") for line in done.stdout.splitlines())}


def by_gatepost(rules: Path, folder: Path) -> dict[str, dict[str, str]]:
    """The hits, and what each matched."""
    conf = folder / "gatepost.conf"
    conf.write_text(f'store = "lmdb:{folder}/store";\nrules = {{ paths = [ "{rules}" ]; cache = "{folder}"; network = false; }};\n')
    command = [build_folder() / "cli" / "gatepost", "-c", conf]
    lint = subprocess.run([*command, "rules", "lint"], text=True, capture_output=True, check=False)
    assert (lint.returncode, lint.stderr) == (0, "")
    done = subprocess.run([*command, "scan", "--json", "--rules-trace", *messages()], text=True, stdout=subprocess.PIPE, check=False)
    answers = (json.loads(line) for line in done.stdout.splitlines())
    return {answer["file"]: {symbol["name"]: symbol.get("matched", "") for symbol in answer["symbols"]} for answer in answers}


def test_same_hits(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    for path in (*FOLDER.glob("*.cf"), TLDS):
        shutil.copy(path, rules)
    expected, found = by_spamassassin(rules), by_gatepost(rules, tmp_path)
    assert len(expected) == len(messages()) > 0
    differing = {Path(name).name: (sorted(hits - found[name].keys()), sorted(found[name].keys() - hits))
                 for name, hits in expected.items() if found[name].keys() != hits}
    assert not differing, f"(missing, too many): {differing}"
    traceless = {name for hits in found.values() for name, matched in hits.items() if not matched}
    assert not traceless, "hits of which the trace does not say what was seen"
    written = set(re.findall(r"(?m)^(?:header|body|rawbody|full|uri|uri_detail|mimeheader|meta)\s+(?!__)(\w+)",
                             "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.cf"))))
    silent = {name for name in written - set().union(*expected.values()) if not NEVER.search(name)}
    assert not silent, "hit by no message: they test nothing"
