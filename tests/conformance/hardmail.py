"""Mail as programs and spammers write it when they get it wrong: small messages, each with one oddity, for parsers to be compared on.

messages() gives the same (name, bytes) every time. The texts carry what many rules look for (addresses, links, money, capitals,
encodings), so that a message read differently is one that hits differently.
"""

from __future__ import annotations

import base64
import quopri
import random
from collections.abc import Iterator

RECEIVED = ("Received: from mail.example.net (mail.example.net [198.51.100.7])\n"
            "\tby mx.example.org (Postfix) with ESMTP id 4ABCDEF for <alice@example.org>;\n"
            "\tSat, 21 Nov 2026 09:00:00 +0000 (UTC)\n")
TOP = ("From: Someone <someone@example.net>\nTo: alice@example.org\nSubject: An offer\n"
       "Date: Sat, 21 Nov 2026 09:00:00 +0000\nMessage-ID: <1@example.net>\nMIME-Version: 1.0\n")
PLAIN = ("Dear friend,\n\nCONGRATULATIONS! You have been selected to receive $10,000,000 USD. Click here to claim:\n"
         "http://www.example.com/claim?id=1 or write to claims@example.com now.\n\n"
         "100% free, no obligation, act now! Call 1-800-555-0100.\n\nTo unsubscribe reply with REMOVE in the subject.\n")
HTML = ("<html><head><title>An offer</title></head><body bgcolor=white><h1>CONGRATULATIONS!</h1>\n"
        "<p><font color=red size=+2>You have been selected</font> to receive <b>$10,000,000 USD</b>.\n"
        "<a href=\"http://www.example.com/claim?id=1\">Click here</a> to claim &amp; enjoy.</p>\n"
        "<img src=\"http://img.example.com/x.gif\" width=1 height=1></body></html>\n")
Message = tuple[str, bytes]


def mail(body: str | bytes, headers: str = "Content-Type: text/plain\n", top: str = RECEIVED + TOP) -> bytes:
    raw = body if isinstance(body, bytes) else body.encode()
    return (top + headers).encode("latin-1" if top.isascii() and not headers.isascii() else "utf-8") + b"\n" + raw


def html(body: str, charset: str = "us-ascii") -> bytes:
    return mail(body.encode(), f"Content-Type: text/html; charset={charset}\n")


def header_with(name: str, value: str) -> bytes:
    """The plain letter with one header replaced (or, if it had none, added)."""
    lines = [line for line in TOP.splitlines() if not line.startswith(name + ":")]
    return mail(PLAIN, top=RECEIVED + "\n".join([*lines, f"{name}:{value}"]) + "\n")


def senders() -> Iterator[Message]:
    values = [
        " someone@example.net", " <someone@example.net>", " \"Someone, Else\" <someone@example.net>", " Someone someone@example.net",
        " someone@example.net (Some One)", " =?utf-8?Q?S=C3=B6meone?= <someone@example.net>",
        " =?utf-8?B?U8O2bWVvbmU=?=\n =?utf-8?B?IEVsc2U=?= <someone@example.net>", " \"alice@example.org\" <someone@example.net>",
        " someone@example.net, other@example.com", " <>", "", " \"\" <someone@example.net>", " someone@example.net@example.com",
        " Some.One@EXAMPLE.NET", " \"some one\"@example.net", " some one@example.net", " <someone@example.net", " someone@[192.0.2.1]",
        " Group: a@example.net, b@example.com;", " undisclosed-recipients:;", " someone", " \"Someone\"\n\t<someone@example.net>",
        "someone@example.net", " =?iso-8859-1?Q?=22Some=22?= <someone@example.net>", " s\u00f6meone@b\u00fccher.example",
        " someone@xn--bcher-kva.example", " 12345678@163.com", " x1y2z3w4@hotmail.com", " <<someone@example.net>>",
        " someone @ example.net", " (comment) someone@example.net", " someone@example.net.", " =?x?Q?broken <someone@example.net>",
    ]
    for number, value in enumerate(values):
        yield f"from-{number:02}", header_with("From", value)
        if number % 3 == 0:
            yield f"to-{number:02}", header_with("To", value)
            yield f"reply-to-{number:02}", header_with("Reply-To", value)
    yield "from-two", mail(PLAIN, top=RECEIVED + TOP + "From: Other <other@example.com>\n")
    yield "from-none", mail(PLAIN, top=RECEIVED + TOP.split("\n", 1)[1])


def subjects() -> Iterator[Message]:
    values = [
        "", " ", " RE: FREE MONEY FOR YOU", " =?utf-8?Q?Fr=C3=A9e_m=C3=B6ney?=", " =?utf-8?B?RnLDqWUgbcO2bmV5?=", " =?utf-8?q?_leading?=",
        " =?utf-8?q?trailing_?=", " =?iso-8859-1?Q?caf=E9?= and =?iso-8859-2?Q?=E8?=", " =?utf-8?Q?a?= =?utf-8?Q?b?=", " =?utf-8?Q?=C3?= =?utf-8?Q?=A9?=",
        " =?gb2312?B?ufq80rXjy8A=?=", " =?koi8-r?B?8NLJ18XU?=", " =?windows-1251?B?z/Do4uXy?=", " =?big5?B?p0GmbqFB?=", " =?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=",
        " =?utf-8?X?what?=", " =?utf-8?Q?unclosed", " =?us-ascii?Q?Get_=24_now=21?=", " Caf\u00e9 8-bit", " [ADV] Viagra V1agra V-i-a-g-r-a", " x" * 300,
        "\tA tab", " folded\n over\n\t three lines", " trailing blanks   ", " $$$ !!! ???", " \u202eright to left", " =?utf-8?B?4oCuZXZpbA==?=",
        " %RANDOM_TAG and #NUM#", " Your account 1234567890", " a" + " " * 60 + "k3jd9f",
    ]
    for number, value in enumerate(values):
        yield f"subject-{number:02}", header_with("Subject", value)
    yield "subject-two", mail(PLAIN, top=RECEIVED + TOP + "Subject: another\n")
    yield "subject-last", mail(PLAIN, top=RECEIVED + TOP.replace("Subject: An offer\n", "") + "X-Last: 1\nSubject:\n")


def dates() -> Iterator[Message]:
    values = [" Sat, 21 Nov 2026 10:00:3 +0000", " Sat, 21 Nov 2026", " 21 Nov 26 09:00 GMT", " Sat Nov 21 09:00:00 2026", " 2026-11-21T09:00:00Z", " yesterday", "",
              " Sat, 21 Nov 2026 09:00:00", " Sat, 28 Nov 2026 09:00:00 +0000", " Thu, 1 Jan 1970 00:00:00 +0000", " Sat, 21 Nov 2026 09:00:00 PDT",
              " Sat, 21 Nov 2026 09:00:00 +9999", " Sat, 31 Feb 2026 09:00:00 +0000", " Sat, 21 Nov 126 09:00:00 +0000"]
    for number, value in enumerate(values):
        yield f"date-{number:02}", header_with("Date", value)


def sections() -> Iterator[Message]:
    """Where headers end, and what stands in them."""
    yield "empty-body", mail("")
    yield "blank-body", mail("\n\n  \n")
    yield "no-headers", PLAIN.encode()
    yield "only-a-blank-line", b"\n" + PLAIN.encode()
    yield "headers-only", (RECEIVED + TOP).encode()
    yield "one-header", b"Subject: x\n\n" + PLAIN.encode()
    yield "crlf", mail(PLAIN).replace(b"\n", b"\r\n")
    yield "mixed-ends", mail(PLAIN.replace("\n", "\r\n", 3))
    yield "no-last-end", mail(PLAIN.rstrip("\n"))
    yield "nul-bytes", mail(PLAIN.replace("free", "fr\0ee"))
    yield "long-line", mail(PLAIN + "word " * 4000 + "\n")
    yield "no-blanks", mail(PLAIN + "x" * 9000 + "\n")
    yield "many-headers", mail(PLAIN, top=RECEIVED + TOP + "".join(f"X-Filler-{i}: {i}\n" for i in range(300)))
    yield "long-header", mail(PLAIN, top=RECEIVED + TOP + "X-Long: " + "abc " * 1500 + "\n")
    yield "empty-headers", mail(PLAIN, top=RECEIVED + TOP + "X-Empty:\nX-Blank: \nX-Tab:\t\n")
    yield "lower-case", mail(PLAIN, top=RECEIVED + TOP.replace("From:", "from:").replace("Subject:", "subject:").replace("Date:", "DATE:"))
    yield "space-before-colon", mail(PLAIN, top=RECEIVED + TOP + "X-Odd : value\n")
    yield "8bit-headers", mail(PLAIN, top=RECEIVED + TOP + "X-Name: caf\u00e9\nX-Mailer: Pr\u00f6g 1.0\n")
    yield "fold-of-blanks", mail(PLAIN, top=RECEIVED + TOP + "X-Fold: a\n   \n b\n")
    for name, value in (("priority", "X-Priority: 1\nX-MSMail-Priority: High\n"), ("mailer", "X-Mailer: Microsoft Outlook Express 6.00.2800.1106\n"),
                        ("list", "List-Id: <l.example.com>\nList-Unsubscribe: <mailto:u@example.com>, <http://example.com/u>\nPrecedence: bulk\n"),
                        ("references", "In-Reply-To: <0@example.net>\nReferences: <0@example.net>\n"), ("ip", "X-Originating-IP: [192.0.2.77]\n"),
                        ("spam-headers", "X-Spam-Status: No, score=-5\nX-Spam-Level: *\n"), ("envelope", "Return-Path: <bounce@example.com>\nX-Envelope-From: <e@example.com>\n")):
        yield f"with-{name}", mail(PLAIN, top=RECEIVED + TOP + value)
    yield "return-path-first", mail(PLAIN, top="Return-Path: <bounce@example.com>\n" + RECEIVED + TOP)
    for number, value in enumerate(("<>", "1@example.net", "<@>", "<a b@c>", "<000001c2$12345678$0a00000a@host>", "<" + "A" * 200 + "@x>", "")):
        yield f"message-id-{number}", header_with("Message-ID", " " + value)


def relays() -> Iterator[Message]:
    lines = [
        "from [192.0.2.9] (helo=friend) by mx.example.org with smtp (Exim 4.92) id 1abcde-000001-AB; Sat, 21 Nov 2026 08:00:00 +0000",
        "from unknown (HELO localhost) (192.0.2.9) by mx.example.org with SMTP; 21 Nov 2026 08:00:00 -0000",
        "from host ([192.0.2.9]) by mx.example.org with Microsoft SMTPSVC(5.0.2195.6713); Sat, 21 Nov 2026 08:00:00 +0000",
        "from 192.0.2.9 (EHLO host) (192.0.2.9) by mta.example.org with SMTP; Sat, 21 Nov 2026 00:00:00 -0800",
        "by 10.0.0.1 with SMTP id abc; Sat, 21 Nov 2026 08:00:00 -0800 (PST)", "garbage without sense", "",
        "from mail.example.net ([2001:db8::7]) by mx.example.org with ESMTPS id x (version=TLS1_2 cipher=X); Sat, 21 Nov 2026 08:00:00 +0000",
        "(qmail 1234 invoked by uid 500); 21 Nov 2026 08:00:00 -0000", "from localhost (localhost [127.0.0.1]) by x (Postfix) with ESMTP id Y",
        "from adsl-1-2-3-4.dynamic.example.com (adsl-1-2-3-4.dynamic.example.com [1.2.3.4]) by mx.example.org with SMTP id z",
    ]
    for number, line in enumerate(lines):
        yield f"received-{number:02}", mail(PLAIN, top=f"Received: {line}\n" + RECEIVED + TOP)
        yield f"received-under-{number:02}", mail(PLAIN, top=RECEIVED + f"Received: {line}\n" + TOP)
    yield "received-none", mail(PLAIN, top=TOP)


def charsets() -> Iterator[Message]:
    text = "Caf\u00e9 \u2013 \u201cquoted\u201d na\u00efve r\u00e9sum\u00e9 \u20ac100\n" + PLAIN
    for name in ("utf-8", "windows-1252", "iso-8859-15", "UTF-8", "utf8"):
        coding = name if name.lower() not in ("iso-8859-15",) else "windows-1252"
        yield f"charset-{name}", mail(text.encode(coding), f"Content-Type: text/plain; charset={name}\nContent-Transfer-Encoding: 8bit\n")
    yield "charset-wrong", mail(text.encode(), "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n")
    yield "charset-none", mail(text.encode(), "Content-Type: text/plain\nContent-Transfer-Encoding: 8bit\n")
    yield "charset-unknown", mail(text.encode(), "Content-Type: text/plain; charset=x-martian\n")
    yield "charset-quoted", mail(text.encode(), "Content-Type: text/plain; charset=\"utf-8\"; format=\"flowed\"\n")
    for name, word in (("koi8-r", "\u041f\u0440\u0438\u0432\u0435\u0442 \u0434\u0440\u0443\u0433"), ("windows-1251", "\u041a\u0443\u043f\u0438\u0442\u0435 \u0441\u0435\u0439\u0447\u0430\u0441"),
                       ("gb2312", "\u4f60\u597d\u670b\u53cb"), ("big5", "\u4f60\u597d\u670b\u53cb"), ("euc-kr", "\uc548\ub155\ud558\uc138\uc694"), ("iso-2022-jp", "\u30c6\u30b9\u30c8"), ("shift_jis", "\u30c6\u30b9\u30c8")):
        yield f"charset-{name}", mail((word + "\n\n" + PLAIN).encode(name), f"Content-Type: text/plain; charset={name}\nContent-Transfer-Encoding: 8bit\n")
    yield "utf-16", mail(PLAIN.encode("utf-16"), "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: binary\n")
    yield "zero-width", mail(PLAIN.replace("free", "f\u200bree").replace("Click", "Cl\u00adick"), "Content-Type: text/plain; charset=utf-8\n")
    yield "homoglyphs", mail(PLAIN.replace("o", "\u043e").replace("a", "\u0430"), "Content-Type: text/plain; charset=utf-8\n")
    yield "right-to-left", mail("\u202e" + PLAIN + "\u05e9\u05dc\u05d5\u05dd\n", "Content-Type: text/plain; charset=utf-8\n")
    yield "combining", mail("e\u0301 a\u0308 Z\u0351\u036b\u0343a\u0329\u032bl\u034dg\u0353o\n" + PLAIN, "Content-Type: text/plain; charset=utf-8\n")


def encodings() -> Iterator[Message]:
    def encoded(name: str, raw: bytes, kind: str = "text/plain") -> bytes:
        return mail(raw, f"Content-Type: {kind}\nContent-Transfer-Encoding: {name}\n")

    whole = base64.encodebytes(PLAIN.encode())
    yield "base64", encoded("base64", whole)
    yield "base64-html", encoded("base64", base64.encodebytes(HTML.encode()), "text/html")
    yield "base64-one-line", encoded("base64", base64.b64encode(PLAIN.encode()) + b"\n")
    yield "base64-upper", encoded("BASE64", whole)
    yield "base64-no-padding", encoded("base64", whole.rstrip(b"=\n") + b"\n")
    yield "base64-blank-lines", encoded("base64", whole.replace(b"\n", b"\n\n"))
    yield "base64-of-nothing", encoded("base64", b"")
    yield "qp", encoded("quoted-printable", quopri.encodestring(PLAIN.encode()))
    yield "qp-html", encoded("quoted-printable", quopri.encodestring(HTML.encode()), "text/html")
    yield "qp-all", encoded("quoted-printable", b"".join(b"=%02X" % c + (b"=\n" if i % 20 == 19 else b"") for i, c in enumerate(PLAIN.encode())))
    yield "qp-lower", encoded("quoted-printable", b"a=3d=3db =e9=c3 end=\n joined=20\ntrailing blanks   \n" + PLAIN.encode())
    yield "qp-broken", encoded("quoted-printable", b"50% =ZZ =4 = x=\n\n=" + PLAIN.encode())
    yield "cte-unknown", encoded("x-unknown", PLAIN.encode())
    yield "cte-empty", encoded("", PLAIN.encode())
    yield "7bit-with-8bit", encoded("7bit", "Caf\u00e9\n".encode("latin-1") + PLAIN.encode())
    yield "uuencode-in-text", mail(PLAIN + "\nbegin 644 a.txt\n+:&5L;&\\@=V]R;&0\n`\nend\n")
    yield "base64-in-text", mail(PLAIN + whole.decode())
    yield "format-flowed", mail(PLAIN.replace(" ", "  \n", 5), "Content-Type: text/plain; format=flowed; delsp=yes\n")


def types() -> Iterator[Message]:
    values = ["text/plain", "TEXT/PLAIN", "text", "text/", "/", "", "text/plain;", "text/plain; charset", "text/plain; charset=", "text/plain; charset=\"utf-8",
              "text/html; name=x", "text/richtext", "text/enriched", "text/calendar", "text/x-unknown", "application/octet-stream", "application/octet-stream; name=page.html",
              "image/gif; name=x.gif", "message/rfc822", "multipart/mixed", "multipart/mixed; boundary=", "multipart/mixed; boundary=none", "text/plain; format=flowed"]
    for number, value in enumerate(values):
        yield f"type-{number:02}", mail(PLAIN, f"Content-Type: {value}\n")
    yield "type-two", mail(HTML, "Content-Type: text/html\nContent-Type: text/plain\n")
    yield "type-folded", mail(HTML, "Content-Type:\n\ttext/html;\n\tcharset=\"us-ascii\"\n")
    yield "type-none", mail(HTML, "")


def part(body: str, headers: str = "Content-Type: text/plain\n") -> str:
    return headers + "\n" + body


def multipart(parts: list[str], boundary: str = "b1", kind: str = "mixed", pre: str = "", end: str = "--", post: str = "\n") -> bytes:
    body = pre + "".join(f"--{boundary}\n{one}\n" for one in parts) + (f"--{boundary}{end}{post}" if end else "")
    return mail(body, f"Content-Type: multipart/{kind}; boundary=\"{boundary}\"\n")


def structures() -> Iterator[Message]:
    both = [part(PLAIN), part(HTML, "Content-Type: text/html\n")]
    yield "mp-alternative", multipart(both, kind="alternative")
    yield "mp-html-first", multipart(both[::-1], kind="alternative")
    yield "mp-different", multipart([part("Other words altogether.\n"), both[1]], kind="alternative")
    yield "mp-empty-text", multipart([part(""), both[1]], kind="alternative")
    yield "mp-only-html", multipart(both[1:], kind="alternative")
    yield "mp-related", multipart([both[1], part("R0lGODlhAQABAAAAACw=\n", "Content-Type: image/gif; name=\"a.gif\"\nContent-Transfer-Encoding: base64\nContent-ID: <a>\n")], kind="related")
    yield "mp-no-end", multipart(both, end="")
    yield "mp-preamble", multipart(both, pre="This is a multi-part message in MIME format.\n" + PLAIN, post="\n" + PLAIN)
    yield "mp-no-parts", multipart([])
    yield "mp-empty-parts", multipart(["", "\n", "\n\n"])
    yield "mp-no-part-headers", multipart(["\n" + PLAIN, "\n" + HTML])
    yield "mp-boundary-prefix", multipart([part(PLAIN + "--b1x\nnot a boundary\n--b\n"), both[1]])
    yield "mp-odd-boundary", multipart(both, boundary="=_(a)'+/,.:=? b")
    yield "mp-long-boundary", multipart(both, boundary="-" * 60 + "x")
    yield "mp-blank-behind", mail(f"--b1  \n{both[0]}\n--b1\t\n{both[1]}\n--b1--  \n", "Content-Type: multipart/mixed; boundary=b1\n")
    yield "mp-crlf", multipart(both).replace(b"\n", b"\r\n")
    inner = f"Content-Type: multipart/alternative; boundary=i\n\n--i\n{both[0]}\n--i\n{both[1]}\n--i--\n"
    yield "mp-nested", multipart([inner, part("attached", "Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment\n")])
    yield "mp-nested-open", multipart([inner.replace("--i--\n", ""), part("a third part")])
    yield "mp-same-boundary", multipart([inner.replace("=i", "=b1").replace("--i", "--b1"), both[1]])
    deep = part(PLAIN)
    for level in range(8):
        deep = f"Content-Type: multipart/mixed; boundary=d{level}\n\n--d{level}\n{deep}\n--d{level}--\n"
    yield "mp-deep", multipart([deep])
    yield "mp-many", multipart([part(f"Part {i}: {PLAIN}") for i in range(25)])
    letter = TOP + "Content-Type: text/html\n\n" + HTML
    yield "mp-message", multipart([part(PLAIN), "Content-Type: message/rfc822\n\n" + letter])
    yield "mp-digest", multipart(["\n" + letter, "\n" + letter], kind="digest")
    yield "mp-report", multipart([part("Delivery failed.\n"), part("Final-Recipient: rfc822; a@b.example\nAction: failed\n", "Content-Type: message/delivery-status\n"),
                                  part(TOP, "Content-Type: text/rfc822-headers\n")], kind="report")
    for name in ("a.exe", "invoice.pdf", "page.html", "a.txt.scr", "=?utf-8?Q?=C3=A9.doc?=", "x.zip"):
        yield f"attached-{name[:8].strip('=?')}", multipart([part(PLAIN), part(base64.encodebytes(b"MZ\x90\0" + PLAIN.encode()).decode(),
            f"Content-Type: application/octet-stream; name=\"{name}\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"{name}\"\n")])
    yield "mp-text-attached", multipart([part("Short.\n"), part(PLAIN, "Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment; filename=a.txt\n")])
    yield "mp-html-attached", multipart([part("Short.\n"), part(HTML, "Content-Type: text/html; name=a.html\nContent-Disposition: attachment; filename=a.html\n")])


def documents() -> Iterator[Message]:
    bodies = [
        HTML, HTML.upper().replace("HTTP://", "http://"), "<p>" + PLAIN, PLAIN, HTML.replace("</", "< /"), HTML.replace(">", "  >"), HTML.replace("\"", "'"), HTML.replace("\"", ""),
        "<b>un<i>closed " + HTML, HTML + "<!-- a comment " + PLAIN + "-->" + HTML, "<!-- unclosed " + HTML, "<style>p { color: red }</style>" + HTML, "<style>" + HTML,
        "<script>document.write('x')</script>" + HTML, "<title>" + HTML, "<textarea>" + HTML + "</textarea>" + HTML, "<pre>a  b\n\n c</pre>" + HTML,
        "V<b></b>i<i></i>a<u></u>g<x></x>r<!-- -->a C1ALIS " + HTML, "<font color=white>hidden words here</font>" + HTML, "<font size=1>tiny words here</font>" + HTML,
        "<span style='display:none'>hidden words</span>" + HTML, "<div style=\"font-size:0px; color:#fefefe\">words</div>" + HTML,
        "<table><tr><td>a<td>b<tr><td>c</table>" + HTML, "<ul><li>one<li>two</ul><hr><h2>x</h2><blockquote>q</blockquote>" + HTML,
        "&lt;b&gt; &nbsp; &eacute; &#233; &#xe9; &#8364; &bogus; &amp &#0; &#x110000;" + HTML, "a&nbsp;&nbsp;b<br><br/><br />c" + HTML,
        "<base href='http://base.example.com/d/'><a href='x'>x</a><a href='/y'>y</a><a href='../z'>z</a>" + HTML,
        "<a href='http://www.example.com@evil.example.net/'>x</a><a href='http://%77ww.example.com/%41'>y</a>", "<a href='http://0x7f000001/'>x</a><a href='http://2130706433/'>y</a>",
        "<a href='HTTP://WWW.EXAMPLE.COM:80/a/./b/../c'>http://other.example.org/</a>", "<a href=javascript:alert(1)>x</a><a href='mailto:a@example.com?subject=x'>y</a>",
        "<a href=\"\nhttp://www.example.com/a\nb\">x</a>", "<a href>x</a><a href=''>y</a><img src>", "<form action='http://f.example.com/'><input type=password></form>",
        "<iframe src='http://i.example.com/'></iframe><object data=x></object><embed src='http://e.example.com/'>", "<body background='http://b.example.com/x' onload='x()'>" + PLAIN,
        "<meta http-equiv=refresh content='0;url=http://r.example.com/'>" + HTML, "<img src='cid:a'><img src='data:image/gif;base64,R0lG'><img width=600 height=400 src=http://i.example.com/a.gif>",
        "<html><html><body><body>" + HTML, "</p></b></html>" + HTML, HTML + "text behind the end", "<" + PLAIN, "a < b > c <3 <<>> <!x> <?php echo 1 ?> </ >" + HTML,
        "<b" + " x=1" * 60 + ">" + HTML, "<p\n\n\nclass=a>" + HTML, "<o:p>Word</o:p><st1:City>Rome</st1:City>" + HTML, "<![CDATA[ x ]]>" + HTML, "\ufeff" + HTML,
        "<big><big>BIG</big></big><small>small</small><font face=\"Comic Sans, 123\">x</font>" + HTML, "<map><area href='http://a.example.com/'></map><link href='http://l.example.com/x.css' rel=stylesheet>" + HTML,
    ]
    for number, body in enumerate(bodies):
        yield f"html-{number:02}", html(body, "utf-8" if not body.isascii() else "us-ascii")


def links() -> Iterator[Message]:
    texts = [
        "http://www.example.com.", "(http://www.example.com/a_(b))", "<http://www.example.com/>", "\"www.example.com\"", "www.example.com,next", "example.com", "ftp.example.com",
        "http://user:pass@www.example.com:8080/p?q#f", "HTTP://EXAMPLE.COM/UPPER", "http://192.0.2.1/x", "http://[2001:db8::1]/", "http://b\u00fccher.example/", "http://xn--bcher-kva.example/",
        "mailto:a@example.com", "a@example.com", "write to a@example.com.", "http://example.com/%7Euser/%2e%2e/", "http://r.example.com/?u=http://t.example.org/&x=1", "http://example.com/a\nb",
        "http:// www.example.com", "hxxp://www.example.com", "http://www.example.com/" + "a" * 600, "http://localhost/", "http://example/", "http://www.example.invalid/", "//www.example.com/x",
        "https://www.example.com/<b>", "http://a.b.c.d.e.example.com/", "http://www.example.com\u3002cn/", "http://www..example.com/", "tel:+1-800-555-0100", "file:///etc/passwd",
    ]
    for number, text in enumerate(texts):
        yield f"link-{number:02}", mail(f"Look at {text} now\n", "Content-Type: text/plain; charset=utf-8\n")


def mixtures(count: int = 40) -> Iterator[Message]:
    """Pieces of all of these put together at random, always the same."""
    chance = random.Random(20261121)
    oddities = [body for _, body in [*documents(), *encodings(), *structures()]]
    heads = [body.partition(b"\nMIME-Version: 1.0\n")[0] + b"\nMIME-Version: 1.0\n" for _, body in [*senders(), *subjects(), *dates(), *relays()]
             if b"\nMIME-Version: 1.0\n" in body]
    for number in range(count):
        rest = chance.choice(oddities).partition(b"\nMIME-Version: 1.0\n")[2]
        yield f"mixture-{number:02}", chance.choice(heads) + rest


def messages() -> Iterator[Message]:
    for group in (senders, subjects, dates, sections, relays, charsets, encodings, types, structures, documents, links, mixtures):
        yield from group()
