"""add_header, rewrite_header and their kin: the headers that SpamAssassin writes, and those that we would."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from servers.milter import build_folder

REFERENCE = Path(__file__).parent / "spamassassin_markup.pl"
TLDS = Path("/usr/share/spamassassin/20_aux_tlds.cf")

pytestmark = pytest.mark.skipif(not TLDS.exists(), reason="spamassassin is not installed: tests/install tests")

BASE = """\
body ONE /one/
describe ONE The first word, with a description that is so long that it does not stand on one line of a report
score ONE 1.25
body TWO /two/
describe TWO The second word
score TWO 3.5
header THREE Subject =~ /three/
score THREE -0.1
rawbody FOUR /four/
describe FOUR In the raw text
score FOUR 12
body __SUB /one|two/
tflags __SUB multiple
header __CAUGHT From:addr =~ /^(?<CAUGHT>[^@]+)/
required_score 5
report_safe 0
report_hostname mx.example.org
report_contact postmaster@example.org
"""
DETAILS = """\
loadplugin Mail::SpamAssassin::Plugin::FreeMail
loadplugin Mail::SpamAssassin::Plugin::WLBLEval
loadplugin Mail::SpamAssassin::Plugin::TextCat
freemail_domains example.com
freemail_max_body_emails 9
freemail_max_body_freemails 9
ok_languages de
header FM_FROM eval:check_freemail_from('^joe')
describe FM_FROM From a free mailer
header FM_TO eval:check_freemail_header('To')
header FM_REPLY eval:check_freemail_replyto('replyto')
header FM_BODY eval:check_freemail_body()
header FM_ONE eval:check_freemail_body('^other')
header FM_SECRET eval:check_freemail_from()
tflags FM_SECRET nolog
enlist_uri_host (MINE) listed.example.net
header HOST eval:check_uri_host_listed('MINE')
score HOST 11
body LANGUAGE eval:check_language()
loadplugin Mail::SpamAssassin::Plugin::OLEVBMacro
body OFFICE_LINK eval:check_olemacro_redirect_uri()
body OFFICE_PAGE eval:check_olemacro_mhtml_uri()
"""


def document() -> str:
    """With links that are followed when it is opened."""
    links = ["http://example.com/template", "https://example.org/a/second/template/whose/name/is/as/long/as/names/are", "http://example.com/template",
             "mhtml:http://example.net/page.html!x-usc:http://example.net/page.html", "file:///c:/local"]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("word/_rels/document.xml.rels", "<Relationships>" + "".join(
            f'<Relationship Id="r{i}" Target="{link}" TargetMode="External"/>' for i, link in enumerate(links)) + "</Relationships>")
    return ("From: joe@example.com\nSubject: office\nMIME-Version: 1.0\nContent-Type: application/msword; name=a.docx\n"
            "Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(content.getvalue()).decode())


MESSAGES = {
    "office": document(),
    "letter": "From: Joe <Joe@Example.com>, a.second@example.com\nTo: me@example.com\n"
              "Reply-To: somebody.else@example.com, nobody.with.a.name.that.is.long@example.com\nSubject: more\n\n"
              "http://listed.example.net/x and other@example.com is what one has to say of two of them. " + "This is a letter in English. " * 12 + "\n",
    "ham": "From: Joe <joe@example.com>\nTo: me@example.org\nSubject: three words\n\none here\n",
    "spam": "From: Joe <joe@example.com>\nTo: Me <me@example.org>\nSubject: hello\n\none and two and one\n",
    "raw": "From: joe@example.com\nTo: me@example.org\nSubject: =?utf-8?q?sch=C3=B6n?=\n  folded\n\n<b>four</b>\n\nmore text here\n",
    "no-subject": "From: joe@example.com\n\ntwo, four\n",
    "twice": "From: joe@example.com\nSubject: [SPAM] (9.0) seen before\n\ntwo and four\n",
}
HEADERS = """\
clear_headers
add_header spam Flag _YESNOCAPS_
add_header all Level _STARS(*)_
add_header all Level-Many _STARS(spam, )_
add_header all Status "_YESNO_, score=_SCORE_ required=_REQD_ tests=_TESTS_ autolearn=_AUTOLEARN_ version=_VERSION_"
add_header all Padded [_SCORE(000)_] [_SCORE(  )_] [_SCORE_] [_HITS_]
add_header all Answer it is_YESNO(, not)_ spam: _YESNOCAPS(aye,nay)_
add_header all Tests _TESTS( )_ and _TESTSSCORES_ and _TESTSSCORES(; )_
add_header all Sub _SUBTESTS_ _SUBTESTS(;)_ _SUBTESTSCOLLAPSED_ _SUBTESTSCOLLAPSED( | )_
add_header all Bayes _BAYES_ _BAYESTC_ _TOKENSUMMARY_.
add_header all Who _CONTACTADDRESS_ at _HOSTNAME_, _REMOTEHOSTNAME_ _REMOTEHOSTADDR_
add_header all Relays [_LASTEXTERNALIP_] [_LASTEXTERNALRDNS_] [_LASTEXTERNALHELO_] [_FIRSTTRUSTEDIP_]
add_header all Signed [_DKIMDOMAIN_] [_DKIMIDENTITY_]
add_header all Unknown _NOSUCHTAG_ __TESTS_ _TESTS_REQD_ _lower_ _RELAYCOUNTRY_
add_header all Caught _CAUGHT_
add_header all Escapes a\\tb\\\\n c\\xd
add_header all Lines first\\n  second _SCORE_\\nthird
add_header all Long word, _TESTS_ and many more words that are here to make the line longer than it may be, which it now is
add_header all Odd gr\u00fc\u00dfe aus K\u00f6ln, _SCORE_
add_header all Odder \u65e5\u672c\u8a9e and then plain
add_header all Odd-Lines plain\\ngr\u00fcn is not
add_header ham Ham only _YESNO_
add_header all Gone x
remove_header all Gone
add_header spam Half x
add_header ham Half x
remove_header spam Half
add_header all Again first
add_header all Again second
"""
SETS = {
    "defaults of report_safe 0": "clear_headers\nreport_safe 0\nadd_header all Level _STARS(*)_\n",
    "every tag": HEADERS,
    "unfolded": HEADERS + "fold_headers 0\n",
    "threshold": "clear_headers\nrequired_score 3.5\nadd_header all Status _YESNO_ _SCORE_ _REQD_\n",
    "old threshold": "clear_headers\nrequired_hits 20\nadd_header all Status _YESNO_ _SCORE_ _REQD_ _STARS(x)_\n",
    "subject": "clear_headers\nrequired_score 3\nrewrite_header Subject [SPAM] (_SCORE_)\nrewrite_header From (really _YESNO_)\n",
    "subject, no more": "clear_headers\nrequired_score 3\nrewrite_header subject X\nrewrite_header Subject\nrewrite_header To spam\n",
    "prefixes": "clear_headers\nrequired_score 3\nrewrite_header Subject *SPAM*\nsubjprefix TWO [2]\nsubjprefix THREE [3]\n"
                "add_header all Subjprefix _SUBJPREFIX_\n",
    "report": "clear_headers\nrequired_score 3\nreport_wrap_width 60\nadd_header all Report _REPORT_\nadd_header all Summary _SUMMARY_\n",
    "details": DETAILS + "clear_headers\nrequired_score 3\nadd_header all Report _REPORT_\nadd_header all Summary _SUMMARY_\n",
    "fewer details": DETAILS + "freemail_add_describe_email 0\nclear_headers\nadd_header all Report _REPORT_\n",
}


def reference(folder: Path, files: list[str]) -> dict[str, tuple[bool, list[tuple[str, str]]]]:
    done = subprocess.run(["perl", REFERENCE, folder], input="\n".join(files) + "\n", stdout=subprocess.PIPE, check=True,
                          encoding="latin-1")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return {answer["file"]: (bool(answer["is_spam"]), fields(answer["message"])) for answer in answers}


def fields(head: str) -> list[tuple[str, str]]:
    """(name, value) of each header, folds as they are."""
    out: list[tuple[str, str]] = []
    for line in head.split("\n"):
        if line[:1] in (" ", "\t") and out:
            out[-1] = (out[-1][0], out[-1][1] + "\n" + line)
        else:
            name, _, value = line.partition(":")
            out.append((name, value[1:] if value[:1] == " " else value))
    return out


def ours(folder: Path, rules: Path, files: list[str]) -> dict[str, dict[str, str]]:
    conf = folder / "gatepost.conf"
    conf.write_text(f'store = "lmdb:{folder}/store";\nrules = {{ paths = [ "{rules}" ]; cache = "{folder}"; network = false; }};\n'
                    'milter-spam = { headers = { from_rules = true; }; };\n')
    done = subprocess.run([build_folder() / "cli" / "gatepost", "-c", conf, "scan", "--json", "--headers", *files], text=True,
                          stdout=subprocess.PIPE, check=False)
    return {answer["file"]: dict(answer["headers"]) for answer in map(json.loads, done.stdout.splitlines())}


def normal(name: str, value: str) -> object:
    """What may differ: the version; the order of rules in reports; how to say that nothing is learned."""
    value = value.replace("gatepost-0.1.0", "VERSION").replace("autolearn=disabled", "autolearn=no").rstrip()
    if name in ("X-Spam-Report", "X-Spam-Summary"):
        entries = value.replace("\n\t*      ", "\n\t        ").replace("\n\t* ", "\n\t").split("\n\t")
        return sorted(entry.strip() for entry in entries)
    return value


@pytest.mark.parametrize("name", SETS)
def test_headers(name: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "10_base.cf").write_text(BASE + SETS[name], encoding="utf-8")
    (rules / TLDS.name).write_bytes(TLDS.read_bytes())
    files = []
    for message, text in MESSAGES.items():
        path = tmp_path / f"{message}.eml"
        path.write_text(text, encoding="utf-8")
        files.append(str(path))
    expected, found = reference(rules, files), ours(tmp_path, rules, files)
    for file, (is_spam, headers) in expected.items():
        text = MESSAGES[Path(file).stem]
        before = dict(fields(text.split("\n\n")[0]))
        changed = {key: value for key, value in headers
                   if key.startswith("X-Spam-") and not key.startswith(("X-Spam-Prev-", "X-Spam-Checker-"))
                   or key in ("Subject", "From", "To") and value != before.get(key)}
        got = {key: value for key, value in found[file].items() if not key.startswith("X-Spam-Checker-")}
        assert {key: normal(key, value) for key, value in got.items()} == \
            {key: normal(key, value) for key, value in changed.items()}, f"{Path(file).name}: spam: {is_spam}"
