"""What OpenDKIM, OpenDMARC and rspamd find of the same mail with the same zone, beside what we find.

One Postfix with opendkim, opendmarc (which checks SPF itself) and milter-dkim in a row (twice: by tree walk, by the list); rspamd is asked by HTTP. What we find
must be what verdictcases.py says the RFCs want, and so must what they find, but for the differences explained there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import dkim
import pytest

from servers import smtp
from servers.milter import TOP, USER, MilterDkim
from servers.nsd import Nsd
from servers.postfix import Postfix
from servers.process import wait_for
from verdictcases import CASES, Case, key, record, sealed, zone_file

sys.path.append(str(TOP / "bench"))
from peers.opendkim import OpenDkim, OpenDmarc  # noqa: E402
from peers.rspamd import Rspamd, unpack  # noqa: E402

OURS, OPENDKIM, OPENDMARC = "ours.example", "opendkim.example", "opendmarc.example"
BY_LIST = "list.example"  # a second milter-dkim, with the public suffix list in place of the tree walk
TO = "alice@local.example.org"
DNS_ADDRESS = f"127.55.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"  # opendkim and opendmarc know no port but 53
# rspamd's symbols as results.
SYMBOLS = {
    "spf": {"R_SPF_ALLOW": "pass", "R_SPF_PLUSALL": "pass", "R_SPF_FAIL": "fail", "R_SPF_SOFTFAIL": "softfail", "R_SPF_NA": "none",
            "R_SPF_NEUTRAL": "neutral", "R_SPF_PERMFAIL": "permerror", "R_SPF_DNSFAIL": "temperror"},
    "dkim": {"R_DKIM_ALLOW": "pass", "R_DKIM_REJECT": "fail", "R_DKIM_PERMFAIL": "permerror", "R_DKIM_TEMPFAIL": "temperror",
             "R_DKIM_NA": "none"},
    "dmarc": {"DMARC_POLICY_ALLOW": "pass", "DMARC_POLICY_REJECT": "reject", "DMARC_POLICY_QUARANTINE": "quarantine",
              "DMARC_POLICY_SOFTFAIL": "fail", "DMARC_NA": "none", "DMARC_BAD_POLICY": "permerror", "DMARC_DNSFAIL": "temperror"},
    "arc": {"ARC_ALLOW": "pass", "ARC_REJECT": "fail", "ARC_INVALID": "fail", "ARC_DNSFAIL": "temperror", "ARC_NA": "none"},
}
ARC_FIELDS = ("ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results")
Found = dict[str, str]  # by "who method"


def rspamd_cache() -> Path:
    return Path(tempfile.gettempdir()) / "gatepost-peers"


class World:
    def __init__(self, folder: Path, has_rspamd: bool) -> None:
        self._stack = ExitStack()
        suffixes = folder / "suffixes"  # on Debian's list example is no public suffix, since it is no top-level domain
        suffixes.write_text(Path("/usr/share/publicsuffix/public_suffix_list.dat").read_text() + "\nexample\n")
        zone = folder / "root.zone"
        zone.write_text(zone_file())
        self.nsd = Nsd(folder / "nsd", {".": zone, "servfail.example": folder / "there-is-none"}, also=f"{DNS_ADDRESS}@53")
        self.postfix = Postfix(folder / "postfix")
        sockets = self.postfix.queue / "gatepost"
        self.opendkim = OpenDkim(folder / "opendkim", DNS_ADDRESS, {"Mode": "v", "AuthservID": OPENDKIM, "UMask": "000"})
        self.opendmarc = OpenDmarc(folder / "opendmarc", DNS_ADDRESS, {
            "AuthservID": OPENDMARC, "TrustedAuthservIDs": OPENDKIM, "UMask": "000", "PublicSuffixList": str(suffixes)})
        for peer, name in ((self.opendkim, "opendkim"), (self.opendmarc, "opendmarc")):
            peer.socket = sockets / f"{name}.sock"
            peer.config.write_text(re.sub(r"(?m)^Socket .*$", f"Socket local:{peer.socket}", peer.config.read_text()))
        self.key = folder / "key.pem"
        self.key.write_bytes(key(1024)[0])
        self.key.chmod(0o600)
        shutil.chown(self.key, USER)
        table = folder / "keytable"
        table.write_text(f"sealer.example k={self.key}\n")
        self.ours = MilterDkim(folder / "gatepost", sockets / "dkim.sock", self.nsd.address, {
            "domains": {"authserv_id": OURS},
            "milter-dkim": {"arc": {"seal_as": "sealer.example"}, "sign": {"keys": str(table)}}})
        self.by_list = MilterDkim(folder / "gatepost-list", sockets / "list.sock", self.nsd.address, {
            "domains": {"authserv_id": BY_LIST},
            "milter-dkim": {"dmarc": {"organizational_domain": "psl", "psl_file": str(suffixes)}}})
        milters = (f"unix:/gatepost/{name}.sock" for name in ("opendkim", "opendmarc", "list", "dkim"))
        self.postfix.configure({
            "smtpd_milters": ", ".join(milters),
            "milter_default_action": "tempfail", "local_header_rewrite_clients": ""})
        self.rspamd = self._rspamd(folder / "rspamd", suffixes) if has_rspamd else None

    def _rspamd(self, folder: Path, suffixes: Path) -> Rspamd:
        folder.mkdir()
        sealing = folder / "seal.pem"  # for mail to example.org
        sealing.write_bytes(key(1024)[0])
        arc = f'sign_inbound = true;\nsign_local = true;\ndomain {{ example.org {{ path = "{sealing}"; selector = "k"; }} }}\n'
        return Rspamd(folder, rspamd_cache(), folder / "no-redis.sock", workers=1, nameserver=self.nsd.address.replace("@", ":"),
                      modules={"spf": "", "dkim": "", "dmarc": "", "arc": arc}, options=f'url_tld = "{suffixes}";\ntask_timeout = 60s;\n')

    def start(self) -> None:
        for server in (self.nsd, self.opendkim, self.opendmarc, self.by_list, self.ours, self.postfix, self.rspamd):
            if server:
                server.start()
                is_slow = isinstance(server, (OpenDkim, OpenDmarc))
                self._stack.callback(server.process.kill if is_slow else server.stop)

    def stop(self) -> None:
        self._stack.close()

    def deliver(self, case: Case, message: bytes = b"") -> bytes:
        """The message, or the case's own, as it was delivered."""
        mark = str(uuid.uuid4()).encode()
        client = smtp.Client(case.ip, case.helo, case.helo)
        marked = b"X-Mark: " + mark + b"\r\n" + (message or case.message())
        answer = smtp.send(self.postfix.port, marked, case.sender, [TO], client)
        assert answer.queue_id, (case.name, answer)
        found: list[bytes] = []

        def there() -> bool:
            found[:] = [raw for raw in (p.read_bytes() for p in self.postfix.maildir.glob("new/*")) if mark in raw]
            return bool(found)

        wait_for(there, f"message {case.name}")
        return found[0]

    def ask_rspamd(self, case: Case, message: bytes) -> tuple[Found, bytes]:
        """Its results, and the ARC set that it would put on top."""
        if not self.rspamd:
            return {}, b""
        envelope = {"IP": case.ip, "Helo": case.helo, "Hostname": case.helo, "From": f"<{case.sender}>",
                    "Rcpt": "alice@example.org"}
        answer = json.loads(self.rspamd.check(message, envelope))
        found = {f"rspamd {method}": next((result for symbol, result in names.items() if symbol in answer["symbols"]), "none")
                 for method, names in SYMBOLS.items()}
        fields = answer.get("milter", {}).get("add_headers", {})
        arc = "".join(f"{name}: {fields[name]['value']}\r\n" for name in ARC_FIELDS if name in fields)
        return found, arc.encode()


@pytest.fixture(scope="module")
def world(module_world: Path, say: Callable[[str], None]) -> Iterator[World]:
    try:
        unpack(rspamd_cache())
        has_rspamd = True
    except (OSError, subprocess.CalledProcessError) as e:
        say(f"no rspamd to compare with: {e}")
        has_rspamd = False
    world = World(module_world, has_rspamd)
    world.start()
    yield world
    world.stop()
    peers = ["opendkim", "opendmarc"] + ["rspamd"] * has_rspamd
    differing = sum(who.split()[0] in peers for case in CASES for who in case.not_so)
    say(f"{len(CASES)} messages; {', '.join(peers)} differ from the RFCs in {differing} results, we in none ")



def results(raw: bytes, authserv_id: str) -> Found:
    """Method and result, as that host's Authentication-Results have it; a DMARC failure as the policy."""
    head = re.sub(r"\n[ \t]+", " ", raw.partition(b"\n\n")[0].decode("utf-8", "replace"))
    found: Found = {}
    for value in re.findall(rf"(?m)^Authentication-Results: *{re.escape(authserv_id)};(.*)$", head):
        policy = re.search(r"\(p=(\w+)", value)
        for part in re.sub(r"\([^()]*\)", "", value).split(";"):
            words = dict(re.findall(r"([\w.-]+)=(\S+)", part))
            for method in ("spf", "dkim", "dmarc", "arc"):
                if method in words and "smtp.helo" not in words or method == "spf" and method in words and "spf" not in found:
                    found[method] = words[method]
            if words.get("dmarc") == "fail":
                published = words.get("policy.dmarc") or (policy[1] if policy else "")
                found["dmarc"] = "fail" if published == "none" else published
    return found


def all_found(world: World, case: Case) -> Found:
    raw = world.deliver(case)
    ours, opendkim, opendmarc = (results(raw, who) for who in (OURS, OPENDKIM, OPENDMARC))
    found = {f"ours {method}": ours.get(method, "none") for method in case.expected}
    found["list dmarc"] = results(raw, BY_LIST).get("dmarc", "none")
    found["opendkim dkim"] = opendkim.get("dkim", "none")
    found.update({f"opendmarc {method}": opendmarc.get(method, "none") for method in ("spf", "dmarc")})
    return {**found, **world.ask_rspamd(case, case.message())[0]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_verdicts(world: World, case: Case) -> None:
    found = all_found(world, case)
    expected = {who: case.not_so.get(who, (case.expected[who.split()[1]],))[0] for who in found}
    assert found == expected


def arc_of(message: bytes) -> bytes:
    status, _, _ = dkim.arc_verify(message, dnsfunc=record)
    return status


def test_forwarded_by_each_in_turn(world: World) -> None:
    """milter-dkim seals, rspamd validates and seals, milter-dkim, python3-dkim, and milter-dkim validate that and what was
    before."""
    case = CASES[0]
    delivered = world.deliver(case)
    message = delivered[delivered.index(b"ARC-Seal:"):].replace(b"\n", b"\r\n")
    assert arc_of(message) == b"pass"
    found, arc_set = world.ask_rspamd(case, message)
    sets = 1
    if found:
        assert found["rspamd arc"] == "pass" and b"i=2" in arc_set
        message = arc_set + message
        sets += 1
        assert arc_of(message) == b"pass"
    delivered = world.deliver(case, message)
    assert f"arc=pass (i={sets})" in delivered.decode()
    message = delivered[delivered.index(b"ARC-Seal:"):].replace(b"\n", b"\r\n")
    assert arc_of(message) == b"pass"
    message = sealed("beta.example", b"pass")(message)
    assert not found or world.ask_rspamd(case, message)[0]["rspamd arc"] == "pass"
    assert f"arc=pass (i={sets + 2})" in world.deliver(case, message).decode()
