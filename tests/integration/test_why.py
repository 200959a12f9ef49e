"""`gatepost why QUEUE-ID` tells what each filter did with a message that came through Postfix."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from servers import smtp
from servers.milter import GROUP, USER
from servers.process import wait_for
from servers.site import Site

ZONE = """
example.net TXT v=spf1 ip4:198.51.100.7 -all
_dmarc.example.net TXT v=DMARC1; p=none
"""
RULES = """\
body     T_MARK    /word-for-mark/
describe T_MARK    Test rule for marking
score    T_MARK    7
body     T_REJECT  /word-for-reject/
score    T_REJECT  20
"""
LETTER = "From: author@example.net\nTo: alice@example.org\nSubject: A letter\nMessage-ID: <{0}@example.net>\n\nDear Alice,\n\n{0}\n"


@pytest.fixture(scope="module")
def site(module_world: Path) -> Iterator[Site]:
    store = module_world / "store"
    store.mkdir()
    shutil.chown(store, USER, GROUP)
    store.chmod(0o2770)
    site = Site(module_world, settings={"store": f"lmdb:{store}"}, rules=RULES, zone=ZONE)
    site.start()
    yield site
    site.stop()


def why(site: Site, queue_id: str) -> list[dict[str, Any]]:
    """What the two filters kept, once both have written it."""
    def found() -> list[dict[str, Any]]:
        lines = site.milter.gatepost("history", "--json", "-n", "0").splitlines()
        return [i for i in map(json.loads, lines) if i["qid"] == queue_id]

    wait_for(lambda: len(found()) == 2, f"two items about {queue_id}")
    told = [json.loads(line) for line in site.milter.gatepost("why", "--json", queue_id).splitlines()]
    assert told == found()
    return told


def test_a_marked_message(site: Site) -> None:
    answer = site.send(LETTER.format("word-for-mark").encode(), "author@example.net", ["alice@example.org"], smtp.Client())
    dkim, spam = why(site, answer.queue_id)
    assert (dkim["program"], spam["program"]) == ("milter-dkim", "milter-spam")
    assert dkim["action"] == "accept" and dkim["spf"]["result"] == "pass" and dkim["dmarc"]["result"] == "pass"
    assert spam["action"] == "add header" and spam["auth"] == "sealed" and spam["to"] == ["alice@example.org"]
    text = site.milter.gatepost("why", answer.queue_id)
    assert text.index("milter-dkim: accept") < text.index("spf      pass") < text.index("milter-spam: add header, score 7.00")
    assert '"word-for-mark"' in text and "Test rule for marking" in text


def test_a_refused_message(site: Site) -> None:
    """Its queue id is in Postfix's log, and in the history, which is asked for what was refused."""
    answer = site.submit(LETTER.format("word-for-reject").encode(), "author@example.net", ["alice@example.org"], smtp.Client())
    assert answer.code == 550
    wait_for(lambda: site.milter.gatepost("history", "--action", "reject") != "", "the refused message")
    item = json.loads(site.milter.gatepost("history", "--json", "--action", "reject"))
    dkim, spam = why(site, item["qid"])
    assert dkim["action"] == "accept" and spam["action"] == "reject" and spam["score"] == 20


def test_a_message_of_our_own(site: Site) -> None:
    answer = site.submit_as("alice@example.org", LETTER.format("harmless").encode(), ["bob@example.org"])
    dkim, spam = why(site, answer.queue_id)
    assert dkim["origin"] == spam["origin"] == "authenticated" and spam["user"] == "alice@example.org"
    assert "signed" in dkim
