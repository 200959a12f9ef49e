"""Messages that are hard to sign and verify across SMTP; each with what it needs on its way.

They are as a client hands them to SMTP: CRLF but where the case is about something else, dots not yet doubled.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
TOP = (b"From: Joe <joe@sender.example>\r\nTo: alice@b.example\r\nDate: Sat, 21 Nov 2026 09:00:00 +0000\r\n"
       b"Message-ID: <%s@sender.example>\r\n")
TEXT = b"Dear Alice,\r\n\r\nnothing is new.\r\n"
LATIN = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n"
UTF8 = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"


@dataclass(frozen=True)
class Hard:
    """One message. `is_altered`: the first Postfix changes it before anybody can sign in it, so a signature made before
    that cannot hold; why stands beside the case."""

    name: str
    message: bytes
    options: tuple[str, ...] = ()
    is_altered: bool = False
    sender: str = "joe@sender.example"
    local: str = "mark"  # of the recipient, together with the number of the message
    is_large: bool = False


def hard(name: str, fields: bytes = b"", body: bytes = TEXT, top: bytes | None = None, **more: object) -> Hard:
    head = TOP % name.replace(" ", "-").encode() if top is None else top
    return Hard(name, head + fields + b"\r\n" + body, **more)  # type: ignore[arg-type]


EIGHT = ("BODY=8BITMIME",)
EAI = ("BODY=8BITMIME", "SMTPUTF8")

HARD = [
    # Bodies
    hard("no body", body=b""),
    hard("one empty line", body=b"\r\n"),
    hard("empty lines only", body=b"\r\n" * 50),
    hard("blanks only", body=b" \t \r\n\t\r\n"),
    hard("empty lines at end", body=TEXT + b"\r\n" * 20),
    hard("blank lines at end", body=TEXT + b" \r\n\t\r\n  \t \r\n"),
    hard("no final newline", body=b"the end has none"),
    # SMTP ends the last line; python3-dkim alone takes blanks for a line's end only where a CRLF follows
    hard("no final newline after blanks", body=b"the end has none \t ", is_altered=True),
    hard("trailing blanks", body=b"one \r\ntwo\t\r\nthree \t \r\n  indented   by  two\t\tand more\r\n"),
    hard("dots", body=b".\r\n..\r\n...\r\n.x\r\n. \r\n ..\r\nx.\r\n.\r\n"),
    hard("a dot alone", body=b".\r\n"),
    hard("dots at the end", body=TEXT + b"\r\n.\r\n\r\n.\r\n\r\n"),
    hard("From at the start of lines", body=b"From here to there\r\n>From there\r\nFrom \r\n"),
    hard("lines like commands", body=b"QUIT\r\nDATA\r\nMAIL FROM:<>\r\n"),
    hard("a line like a field", body=b"Subject: not mine\r\n folded\r\n\r\nText\r\n"),
    hard("controls", body=bytes(c for c in range(1, 32) if c not in (10, 13)) + b"\x7f\r\n"),
    hard("line of 998", body=b"a" * 998 + b"\r\n" + b". " + b"b" * 996 + b"\r\n"),
    hard("line of 997 and a blank", body=b"a" * 997 + b" \r\nx\r\n"),
    hard("line of 999", body=b"a" * 999 + b"\r\nb\r\n"),
    hard("line of 2048", body=b"." + b"a" * 2047 + b"\r\nb\r\n"),  # Postfix reads by 2048
    hard("line of 2049", body=b"a" * 2048 + b".\r\nb\r\n"),
    hard("line of 100,000 words", body=b"word " * 100000 + b"\r\nb\r\n"),
    hard("many short lines", body=b"x\r\n" * 50000),
    hard("20 MB", body=(b"0123456789abcdef" * 4 + b" \r\n") * (20 * MIB // 67), is_large=True),
    # Eight bits
    hard("latin-1 declared", LATIN, b"Gr\xfc\xdfe aus K\xf6ln\r\n", options=EIGHT),
    hard("latin-1 undeclared", b"", b"Gr\xfc\xdfe aus K\xf6ln\r\n"),
    hard("every byte", LATIN, bytes(c for c in range(1, 256) if c not in (10, 13)) + b"\r\n", options=EIGHT),
    hard("latin-1 in a field", b"Subject: Gr\xfc\xdfe\r\n", options=EIGHT),
    hard("utf-8 body", UTF8, "Grüße, 你好, \U0001f4e8\r\n".encode(), options=EIGHT),
    hard("multipart of 8 bits", b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_x\"\r\n",
         b"pre\r\n--=_x\r\n" + LATIN + b"\r\nGr\xfc\xdfe \r\n"
         b"--=_x\r\nContent-Type: text/html\r\n\r\n<p>\xe9</p>\r\n--=_x--\r\npost\r\n",
         options=EIGHT),
    # SMTPUTF8
    hard("utf-8 fields", "Subject: Grüße aus 東京\r\nComments: \U0001f4e8\r\n".encode(), options=EAI),
    hard("utf-8 author", UTF8, "Grüße\r\n".encode(), options=EAI,
         top="From: Jörg <jörg@sender.example>\r\nTo: 爱丽丝@b.example\r\nSubject: ü\r\n".encode()),
    hard("utf-8 author's domain", UTF8, options=EAI, top="From: Jörg <jörg@grüße.example>\r\nSubject: ü\r\n".encode()),
    hard("utf-8 envelope", UTF8, "Grüße\r\n".encode(), options=EAI, sender="jörg@sender.example", local="爱丽丝",
         top="From: Jörg <jörg@sender.example>\r\nTo: 爱丽丝@b.example\r\nSubject: ü\r\n".encode()),
    # Header
    hard("no field but From", top=b"From: joe@sender.example\r\n"),
    hard("folded by tabs and blanks", b"Subject: one\r\n two\r\n\tthree\r\n \t four   five\t\tsix \t\r\n"),
    hard("value on the next line", b"Subject:\r\n the subject\r\nReply-To:\r\n\tjoe@sender.example\r\n"),
    hard("empty values", b"Subject:\r\nReply-To: \r\nCc:\t\r\nComments:\r\n"),
    hard("no blank behind the colon", b"Subject:x\r\nCc:bob@b.example\r\n"),
    hard("many blanks behind the colon", b"Subject:   \t x\r\nCc: \t bob@b.example  \r\n"),
    hard("folded line of blanks", b"Subject: one\r\n \t\r\n two\r\nCc: a@b.example,\r\n \r\n\tb@b.example\r\n"),
    hard("ends in a folded line of blanks", b"Subject: one\r\n \r\n"),
    hard("blanks at line ends", b"Subject: one  \r\n two \t \r\n three   \r\n"),
    hard("blank before the colon", b"Subject : x\r\nCc\t: bob@b.example\r\n"),
    hard("odd case", b"SUBJECT: x\r\nrEPLY-tO: joe@sender.example\r\nmime-version: 1.0\r\n"),
    hard("fields many times", b"Comments: a\r\nComments: b\r\nReferences: <1@x>\r\nComments: a\r\nReferences: <2@x>\r\n"),
    hard("two Subjects", b"Subject: one\r\nSubject: two\r\n"),
    hard("two From fields", b"From: Jim <jim@sender.example>\r\n"),
    hard("two addresses in From",
         top=b"From: joe@sender.example,\r\n jim@other.example\r\nSender: joe@sender.example\r\nSubject: x\r\n"),
    hard("quoted author", top=b"From: \"Joe; d=x, <i@y>\" (a \\) comment)\r\n\t<\"joe \\\" x\"@sender.example>\r\nSubject: x\r\n"),
    hard("field line of 998", b"Subject: " + b"a" * 989 + b"\r\n"),
    hard("field line of 999", b"Subject: " + b"a" * 990 + b"\r\n"),
    hard("field line of 20,000", b"Subject: " + b"word " * 4000 + b"\r\n"),
    hard("field of 60,000, folded", b"To: " + b",\r\n\t".join(b"person%d@b.example" % i for i in range(2500)) + b"\r\n",
         top=b"From: joe@sender.example\r\n"),
    hard("5,000 folds", b"Subject: x" + b"\r\n y" * 5000 + b"\r\n"),
    hard("900 fields", b"".join(b"X-Field-%d: value %d\r\n" % (i, i) for i in range(900))),
    hard("200 times To", b"".join(b"To: person%d@b.example\r\n" % i for i in range(200))),
    hard("signs of tags", b"Subject: v=1; a=b; bh=; b=;;; d=sender.example\r\n"),
    hard("a broken signature there", b"DKIM-Signature: v=1; a=rsa-sha256; d=elsewhere.example; s=x; h=from; bh=AAAA; b=AAAA\r\n"),
    hard("Received and Return-Path", b"Received: from x by y; Sat, 21 Nov 2026 09:00:00 +0000\r\nX-Spam: Yes\r\n"),
    # What Postfix changes: cleanup_replace_stray_cr_lf makes blanks of bare CRs, its smtpd ends lines at a bare LF, so that
    # SMTP's rule (RFC 5321, 2.3.8: neither but together) holds behind it; message_drop_headers takes Bcc and Return-Path.
    hard("bare CR", b"", b"one\rtwo\r\nthree\r\r\n", is_altered=True),
    hard("bare LF", b"Comments: a\n b\n", b"one\ntwo\r\n.\n..\n\n.x\n", is_altered=True),
    hard("bare CR in a field", b"Subject: one\rtwo\r\n", is_altered=True),
    hard("NUL", b"", b"one\0two\r\n", is_altered=True),
    hard("Bcc", b"Bcc: eve@b.example\r\nSubject: x\r\n"),
    hard("mailbox line", top=b"From joe@sender.example Sat Nov 21 09:00:00 2026\r\n" + TOP % b"mbox", is_altered=True),
    hard("no colon in the header", b"this is no field\r\n", is_altered=True),
    hard("no blank line before the body", top=TOP % b"none", body=b"", fields=b"text at once, no field\r\nSubject: of the body\r\n",
         is_altered=True),
]
