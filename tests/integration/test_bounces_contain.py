"""From a real Postfix's log to a held message: an account whose mail bounces is contained, and released again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from letters import Letter
from servers import smtp
from servers.dovecot import PASSWORD
from servers.milter import GROUP
from servers.policyd import Policyd
from servers.process import wait_for
from servers.site import Site

ALICE, BOB = "alice@example.org", "bob@example.org"


@pytest.fixture(scope="module")
def servers(module_world: Path) -> Iterator[tuple[Site, Policyd]]:
    folder = module_world / "policyd"
    site = Site(module_world, learns=True, settings={"controller": {"maillog": {
        "source": str(module_world / "postfix" / "mail.log"), "socket": f"unix:{folder}/control.sock"}}})
    policyd = Policyd(folder, site.postfix.queue / "gatepost" / "ratelimit.sock", "", {"policyd-ratelimit": {
        "control_group": GROUP,
        "limits": {"bounces": {"count": "bounces", "by": ["sasl_username"], "windows": ["3 per 1h"], "contain": "1h"}}}})
    site.postfix.configure(
        {"default_transport": "nowhere:"},
        {"submission": ["smtpd_data_restrictions=check_policy_service unix:gatepost/ratelimit.sock"]},
        more="nowhere unix - n n - - pipe user=nobody argv=/bin/false\n")
    site.postfix.log.touch()
    site.postfix.log.chmod(0o644)
    policyd.start()
    site.start()
    yield site, policyd
    site.stop()
    assert policyd.stop() == 0


def submit(site: Site, user: str, message: bytes, recipient: str) -> smtp.Answer:
    """Without waiting until it has left the queue."""
    return smtp.send(site.postfix.submission_port, message, user, [recipient], None, (user, PASSWORD))


def test_too_many_bounces_hold_what_follows(servers: tuple[Site, Policyd], letter: Letter) -> None:
    site, policyd = servers
    for n in range(4):
        site.submit_as(ALICE, letter("own")[0], [f"away{n}@example.net"])
    assert policyd.wait_line(f"contained=sasl_username key={ALICE}")
    held = submit(site, ALICE, letter("own")[0], "carol@example.org")
    assert held.code == 250
    site.postfix.wait_log(rf"{held.queue_id}: hold: DATA")
    assert held.queue_id in site.postfix.queue_ids()
    assert site.submit_as(BOB, letter("own")[0], ["carol@example.org"]).code == 250  # nobody else is

    rows, answer = policyd.order("release", key=ALICE, reset=1)
    assert answer == "OK"
    assert [row["queue_id"] for row in rows if row["type"] == "held"] == [held.queue_id]
    site.postfix.release(held.queue_id)
    site.postfix.wait_delivered(held.queue_id)
    wait_for(lambda: not policyd.order("list")[0], "release")
    assert site.submit_as(ALICE, letter("own")[0], ["carol@example.org"]).code == 250
