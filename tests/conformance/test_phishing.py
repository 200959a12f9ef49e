"""Phishing: links of messages in feeds of phishing sites, as SpamAssassin's plugin finds them and as we do."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from servers.milter import build_folder

HERE = Path(__file__).parent
TLDS = Path("/usr/share/spamassassin/20_aux_tlds.cf")

pytestmark = pytest.mark.skipif(not TLDS.exists(), reason="spamassassin is not installed: tests/install tests")

RULES = """\
loadplugin Mail::SpamAssassin::Plugin::Phishing
report_safe 0
fold_headers 0
clear_headers
add_header all Hits _TESTS_
add_header all Report _REPORT_
body IN_FEED eval:check_phishing()
describe IN_FEED Stands in a feed
"""
OPENPHISH = """\
# a comment
  # another one, http://comment.example.com/a/b
http://open.example.com/a/b
https://open.example.com/a/b?user=1
http://open.example.com/
http://www.both.example.co.uk/x/y/z
http://192.0.2.7/login/now
http://open.example.com:8080/p/q
http://user@open.example.com/u/v
http://open.example.com/with%20blank/c
http://Open.Example.com/Capital/C
http://no-such-tld.example.invalid/a/b
open.example.com/no/scheme
http://open.example.com/\"quoted\"/x
http://open.example.com/a,b/c
mailto:joe@open.example.com

http://open.example.com/last/line"""
PHISHTANK = """\
phish_id,url,phish_detail_url,http://title.example.com/a/b,submission_time,verified
1,http://tank.example.com/a/b,http://detail.example.com/a/b,2026-01-01T00:00:00+00:00,yes
2,"https://tank.example.com/quoted/b?c=d&e=f",http://detail.example.com/x/y,,yes
3,"http://tank.example.com/a,comma/b",x,,yes
4,http://www.both.example.co.uk/x/y/z,x,,yes
#5,http://tank.example.com/comment/b,x,,yes
6
7,
,http://tank.example.com/no/id
8,http://tank.example.com/short/line
9, http://tank.example.com/blank/before,x
"""
PHISHSTATS = """\
"Date","Score","http://title.example.com/c/d","IP"
"2026-01-01 00:00:00","6.5","http://stats.example.com/high/x","192.0.2.1"
"2026-01-01 00:00:00","6.0","http://stats.example.com/just/x","192.0.2.1"
"2026-01-01 00:00:00","2.0","http://stats.example.com/low/x","192.0.2.1"
2026-01-01 00:00:00,9,http://stats.example.com/plain/x,192.0.2.1
"2026-01-01","8 of 10","http://stats.example.com/words/x","192.0.2.1"
"2026-01-01","none","http://stats.example.com/none/x","192.0.2.1"
"2026-01-01","-1","http://stats.example.com/minus/x","192.0.2.1"
"2026-01-01",".5","http://stats.example.com/half/x","192.0.2.1"
"2026-01-01","9"
"2026-01-01","9","http://www.both.example.co.uk/x/y/z","192.0.2.1"
"2026-01-01","9","http://stats.example.com/goto/x?to=http://a.example.org/","192.0.2.1"
"""
SETTINGS = {
    "as shipped": "",
    "without queries": "phishing_uri_noparam 1\n",
    "any score": "phishing_phishstats_minscore 0\nphishing_uri_noparam no\n",
    "high score": "phishing_phishstats_minscore 8.5\nphishing_uri_noparam yes\n",
}
LINKS = sorted(set(re.findall(r"(?:https?://|mailto:|\bopen\.)[^\s\"]+", OPENPHISH + PHISHTANK + PHISHSTATS)) | {
    "http://open.example.com", "HTTP://OPEN.EXAMPLE.COM/a/b", "http://open.example.com/A/B", "https://open.example.com/a/b",
    "http://open.example.com:80/a/b", "http://joe@open.example.com/a/b", "http://open.example.com/a/b/", "http://open.example.com/a/b#part",
    "http://open.example.com/a/b?q=1", "http://open.example.com/%61/b", "http://open.example.com/a/../a/b", "http:\\\\open.example.com\\a\\b",
    "www.both.example.co.uk/x/y/z", "open.example.com/a/b", "http://r.example.org/?to=http://open.example.com/a/b", "http://open.example.com./a/b",
    "http://tank.example.com/a", "https://tank.example.com/quoted/b", "https://tank.example.com/quoted/b?c=d", "http://open.example.com/with blank/c",
    "http://3221225991/login/now", "http://192.0.2.7:80/login/now", "ftp://open.example.com/a/b", "http://clean.example.org/a/b",
    "http://stats.example.com/goto/x", "http://stats.example.com/goto/x?to=http://b.example.org/", "//open.example.com/a/b", "http://open.example.com/a/b ",
})


def messages() -> dict[str, str]:
    html = "From: joe@example.com\nTo: me@example.org\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n<html><body>{}</body></html>\n"
    out = {}
    for i, link in enumerate(LINKS):
        out[f"a-{i}"] = html.format(f'<p>see <a href="{link}">here</a></p>')
        out[f"text-{i}"] = f"From: joe@example.com\nSubject: x\n\nsee {link} there\n"
    listed = "http://open.example.com/a/b"
    for kind, markup in {
        "img": '<img src="{}">', "form": '<form action="{}"><input></form>', "link": '<link rel="stylesheet" href="{}">', "area": '<map><area href="{}"></map>',
        "script": '<script src="{}"></script>', "frame": '<iframe src="{}"></iframe>', "single": "<a href='{}'>x</a>", "bare": "<a href={}>x</a>",
        "twice": '<img src="{0}"><a href="{0}">x</a>', "comment": '<!-- <a href="{}">x</a> -->', "shown": "<p>{}</p>", "base": '<base href="http://open.example.com/a/"><a href="b">x</a>',
        "background": '<table background="{}"><tr><td>x</table>', "blanks": '<a href=" {} ">x</a>', "broken": '<a href="{}', "image-in-link": '<a href="http://clean.example.org/"><img src="{}"></a>',
    }.items():
        out[kind] = html.format(markup.replace("{0}", listed).replace("{}", listed))
    out["subject"] = f"From: joe@example.com\nSubject: {listed}\n\nnothing\n"
    out["header"] = f"From: joe@example.com\nX-Link: {listed}\n\nnothing\n"
    out["base64"] = "From: joe@example.com\nContent-Transfer-Encoding: base64\n\naHR0cDovL29wZW4uZXhhbXBsZS5jb20vYS9iCg==\n"
    out["attached"] = f'From: joe@example.com\nMIME-Version: 1.0\nContent-Type: application/octet-stream; name=a\n\n{listed}\n'
    out["bracketed"] = f"From: joe@example.com\n\n<{listed}> or ({listed}), or {listed}.\n"
    out["wrapped"] = "From: joe@example.com\n\nhttp://open.example.com/a/\nb\n"
    return out


def verdict(header: dict[str, str]) -> tuple[str, str]:
    """The rules that hit, and what stands in brackets below."""
    return header["X-Spam-Hits"], " ".join(re.findall(r"\[.*?\]", header["X-Spam-Report"]))


def there(rules: Path, files: list[str]) -> dict[str, tuple[str, str]]:
    done = subprocess.run(["perl", HERE / "spamassassin_markup.pl", rules], input="\n".join(files) + "\n", stdout=subprocess.PIPE, check=True,
                          encoding="latin-1")
    answers = (json.loads(line) for line in done.stdout.splitlines())
    return {answer["file"]: verdict(dict(re.findall(r"(?ms)^(X-Spam-(?:Hits|Report)): ?(.*?)(?=^\S|\Z)", answer["message"] + "\n"))) for answer in answers}


def here(rules: Path, folder: Path, files: list[str]) -> dict[str, tuple[str, str]]:
    conf = folder / "gatepost.conf"
    conf.write_text(f'store = "lmdb:{folder}/store";\nrules = {{ paths = [ "{rules}" ]; cache = "{folder}"; network = false; }};\n'
                    'milter-spam = { headers = { from_rules = true; }; };\n')
    done = subprocess.run([build_folder() / "cli" / "gatepost", "-c", conf, "scan", "--json", "--headers", *files], text=True,
                          stdout=subprocess.PIPE, check=False)
    return {answer["file"]: verdict(dict(answer["headers"])) for answer in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", SETTINGS)
def test_links(name: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    feeds = {"openphish": OPENPHISH, "phishtank": PHISHTANK, "phishstats": PHISHSTATS}
    for feed, text in feeds.items():
        (tmp_path / feed).write_text(text)
    (rules / "10_phishing.cf").write_text(RULES + SETTINGS[name] + "".join(f"phishing_{feed}_feed {tmp_path / feed}\n" for feed in feeds))
    (rules / TLDS.name).write_bytes(TLDS.read_bytes())
    files = []
    for title, text in messages().items():
        (tmp_path / f"{title}.eml").write_text(text)
        files.append(str(tmp_path / f"{title}.eml"))
    expected, found = there(rules, files), here(rules, tmp_path, files)
    assert len(expected) == len(files)
    differing = {Path(file).stem: (expected[file], found[file], Path(file).read_text()) for file in files
                 if tuple(part.strip() for part in expected[file]) != tuple(part.strip() for part in found[file])}
    assert not differing
    hits = [file for file in files if "IN_FEED" in expected[file][0]]
    assert 20 < len(hits) < len(files) - 20, "some are in a feed, and some are not"
