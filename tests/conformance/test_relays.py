"""The relay path is SpamAssassin's, byte for byte: over lines of many programs, and over real mail.

The lines below are written for this test, in the forms of the programs that their comments name; the second half takes a
thousand messages of the corpora ($GATEPOST_DATA, default ../shared/data from the tree's top).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from probe import DATA
from servers.milter import build_folder

STOCK = Path("/usr/share/spamassassin")
REFERENCE = Path(__file__).parent / "spamassassin_relays.pl"
SAMPLE = 1000

DATE = "; Sat, 21 Nov 2026 11:22:58 +0000"
LINES = [
    # Postfix
    "from a.example (r.example [192.0.2.7]) by mx.example (Postfix) with ESMTP id 4WxYz1 for <j@b.example>" + DATE + " (UTC)",
    "from a.example (unknown [IPv6:2001:db8::7]) (using TLSv1.3 with cipher X (256/256 bits)) (No client certificate "
    "requested) by mx.example (Postfix) with ESMTPS id 4WxYz1" + DATE,
    "from [10.0.0.5] (r.example [192.0.2.7]) (Authenticated sender: joe) by mx.example (Postfix) with ESMTPA id 4W1" + DATE,
    "from a.example (r.example [192.0.2.7]) (Authenticated sender: joe) by mx.example (Other) with ESMTP id 4W1" + DATE,
    "by mx.example (Postfix, from userid 33) id 4WxYz1" + DATE,
    # sendmail
    "from a.example (IDENT:joe@r.example [192.0.2.7] (may be forged)) by mx.example (8.17.1/8.17.1) with ESMTP id g1g" + DATE,
    "from a.example ([192.0.2.7]) by mx.example (8.17.1/8.17.1) with ESMTP id gabc" + DATE,
    "from a (r.example [192.0.2.7]) (authenticated bits=0) by mx.example (8.17.1/8.17.1) with ESMTP id gabc" + DATE,
    "from a (joe@[192.0.2.7]) by mx.example (8.17.1/8.17.1) with ESMTP id gabc" + DATE,
    "(from joe@localhost) by mx.example (8.17.1/8.17.1/Submit) id gabc" + DATE,
    "from localhost (localhost [[UNIX: localhost]]) by mx.example (8.17.1/8.17.1/Submit) id gabc" + DATE,
    # Exim
    "from r.example ([192.0.2.7] helo=a.example ident=joe) by mx.example with esmtps (TLS1.3) (Exim 4.96) "
    "(envelope-from <s@a.example>) id 1a-b" + DATE,
    "from r.example ([192.0.2.7]) by mx.example with esmtp (Exim 4.96) id 1abc" + DATE,
    "from [192.0.2.7] (helo=a.example) by mx.example with esmtp (Exim 4.96) id 1abc" + DATE,
    "from [192.0.2.7] (port=4711 helo=[10.1.1.1]) by mx.example with esmtpsa (Exim 4.96) id 1abc" + DATE,
    "from joe by mx.example with local (Exim 4.96) id 1abc" + DATE,
    # qmail
    "from unknown (HELO a.example) (192.0.2.7) by mx.example with SMTP; 21 Nov 2026 11:22:58 -0000",
    "from r.example (HELO a.example) (joe@192.0.2.7) by mx.example with SMTP; 21 Nov 2026 11:22:58 -0000",
    "from r.example (192.0.2.7) by mx.example with SMTP; 21 Nov 2026 11:22:58 -0000",
    "from unknown (HELO a) (joe@[192.0.2.7]) (envelope-sender <s@a.example>) by mx.example (qmail-ldap-1.03) with SMTP "
    "for <j@b.example>; 21 Nov 2026 11:22:58 -0000",
    "(qmail 4711 invoked by uid 0); 21 Nov 2026 11:22:58 -0000",
    "from s@a.example by mx.example by uid 0 with qmail-scanner-1.2; 21 Nov 2026 11:22:58 -0000",
    "from 192.0.2.9 by mx.example (envelope-from <s@a.example>, uid 1) with qmail-scanner-1.2; 21 Nov 2026 11:22:58 -0000",
    "from r.example (HELO a.example) (192.0.2.7) by mx.example (qpsmtpd/1.0) with ESMTP" + DATE,
    # Microsoft
    "from a.example ([192.0.2.7]) by mx.example with Microsoft SMTPSVC(6.0.3790.0)" + DATE,
    "from mail pickup service by mx.example with Microsoft SMTPSVC" + DATE,
    "from a.example ([fe80::1:2]) by b.example ([fe80::1:2%6]) with mapi id 15.20.1.2" + DATE,
    "from a.example (192.0.2.7) by mx.example (192.0.2.8) with Microsoft SMTP Server (version=TLS1_2, cipher=X) id 15.1.2.3"
    + DATE,
    # Courier, CommuniGate, Domino, MDaemon, XMail, Momentum
    "from a.example (r.example [192.0.2.7]) (AUTH: LOGIN joe, TLS: TLSv1) by mx.example with esmtp" + DATE,
    "from bush.example (softdnserr [::ffff:192.0.2.7]) by mx.example with esmtp" + DATE,
    "from [192.0.2.7] (account joe HELO a.example) by mx.example (CommuniGate Pro SMTP 6.1) with ESMTPSA id 1234" + DATE,
    "from a.example ([192.0.2.7] verified) by mx.example (CommuniGate Pro SMTP 6.1) with ESMTP id 1234" + DATE,
    "from a.example ([192.0.2.7]) by mx.example (Lotus Domino Release 8) with ESMTP id 2026" + DATE,
    "from a.example [192.0.2.7] by mx.example [192.0.2.8] with SMTP (MDaemon) for <j@b.example>" + DATE,
    "from a.example [(192.0.2.7)] by mx.example (192.0.2.8) (MDaemon PRO v20) with ESMTP id md5" + DATE,
    "from a.example (192.0.2.7:4711) by mx.example with [XMail 1.27 ESMTP Server] id <S1A2> for <j@b.example> from "
    "<s@a.example>" + DATE,
    "from ([192.0.2.7:4711] helo=a.example) by mx.example (ecelerity 4.2) with ESMTP id AB/12" + DATE,
    "from ([192.0.2.7:4711]) by mx.example (ecelerity 4.2) with ESMTP id AB/12" + DATE,
    # webmail
    "from 192.0.2.7 ([192.0.2.7]) by mx.example (IMP) with HTTP for <j@b.example>" + DATE,
    "from 192.0.2.7 (SquirrelMail authenticated user joe) by mx.example with HTTP" + DATE,
    "from [192.0.2.7] by web.mail.yahoo.example via HTTP" + DATE,
    "from joe.example (unknown) by ismtpd.example (SG) with HTTP id abc" + DATE,
    # gateways, and forms that are skipped
    "from r.example(192.0.2.7) by mx.example via smap (V2.1) id xma1" + DATE,
    "from r.example(192.0.2.7, HELO a.example) by mx.example via smap (V2.1) id xma1" + DATE,
    "from TCE(192.0.2.7), claiming to be \"a.example\" via SMTP by mx.example, id smtpdA; Sat Nov 21 14:50:12 2026",
    "FROM a.example (r.example [192.0.2.7]) BY mx.example ID 43.17.1" + DATE,
    "(from a.example [192.0.2.7]) by mx.example (NAVGW 2.5) with SMTP id M20 for <j@b.example>" + DATE,
    "from pop.example (192.0.2.7) by home.example with POP3; 21 Nov 2026 11:22:58 -0000",
    "from pop.example [192.0.2.7] by localhost with IMAP (fetchmail-6.4) for joe@localhost (single-drop)" + DATE,
    "from a.example by mx.example with ESMTP id abcd" + DATE,
    "from a.example by mx.example; Sat, 21 Nov 2026 11:22:58 +0000",
    "from a.example (r.example)by mx.example with LMTP" + DATE,
    "from a.example (LHLO a.example) (192.0.2.7) by mx.example with LMTP" + DATE,
    "from a.example ([unix socket]) by mx.example (Cyrus v2.4.17) with LMTPA" + DATE,
    "from a#<b (r.example. [192.0.2.7]) by mx.example; with ESMTP id x<y>z" + DATE,
    "nonsense", "from", "from ", "from a", "from [192.0.2.7", "from a (b [300.1.1.1]) by c (d)" + DATE,
    "from a ([192.0.2.7.4711]) by mx.example with esmtp id abcd" + DATE,
    "from a.example ([192.0.2.7] [192.0.2.8]) by mx.example with ESMTP" + DATE,
]

TRUSTS = [
    "",
    "originating_ip_headers X-Originating-IP",
    "trusted_networks !192.0.2.9 192.0.2.0/24 10.",
    "internal_networks 192.0.2/24 192.168/16",
    "trusted_networks 192.0.2.0/24 192.168.0.0/16\ninternal_networks 192.168.\nmsa_networks 192.0.2.8/32 192.168.18.120",
]

pytestmark = pytest.mark.skipif(not STOCK.exists(), reason="spamassassin is not installed: tests/install tests")


def both(folder: Path, config: str, messages: list[str]) -> list[tuple[str, str]]:
    """SpamAssassin's answer and ours for every message that they see differently."""
    given = "".join(f"{path}\t{path}\n" for path in messages)
    (folder / "trust.cf").write_text(config + "\n")
    programs = (["perl", str(REFERENCE), str(folder), config],
                [str(build_folder() / "tests" / "probe" / "gp-rule-probe"), "--relays", str(folder / "trust.cf")])
    answers = [subprocess.run(argv, input=given, text=True, encoding="latin-1", check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout.splitlines() for argv in programs]
    assert len(answers[0]) == len(answers[1]) == len(messages) > 0
    assert any("ip=" in line for line in answers[0])
    return [(a, b) for a, b in zip(*answers) if a != b]


@pytest.mark.parametrize("config", TRUSTS)
def test_lines_of_many_programs(tmp_path: Path, config: str) -> None:
    paths = []
    below = "Received: from c.example (c.example [192.0.2.8]) by d.example (Postfix) with ESMTP id 1234\n"
    for number, line in enumerate(LINES):
        path = tmp_path / f"{number}.eml"
        path.write_text(f"Received: {line}\n{below}X-Originating-IP: [203.0.113.4]\nSubject: x\n\nx\n")
        paths.append(str(path))
    assert not both(tmp_path, config, paths)


@pytest.mark.parametrize("config", TRUSTS[-2:])
def test_real_mail(tmp_path: Path, config: str) -> None:
    files = sorted(str(path) for path in (DATA / "mail").rglob("*") if path.is_file() and path.suffix != ".tsv")
    if not files:
        pytest.skip(f"no mail in {DATA}")
    step = max(1, len(files) // SAMPLE)
    assert not both(tmp_path, config, files[::step][:SAMPLE])
