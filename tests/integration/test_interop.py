"""What we sign OpenDKIM, python3-dkim and we verify; what they sign we verify: from one Postfix to another.

Every algorithm and every canonicalisation, over a fixed sample of real mail (every n-th message of $GATEPOST_DATA/mail that
python3-dkim can read at all) and the messages of hardmail.py. All must pass; what cannot has a test of its own that says why.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import dkim
import pytest

from hardmail import EIGHT, HARD, Hard, hard
from servers.milter import TOP, log_fields
from signedmail import (CANONS, DKIMPY_SELECTORS, DOMAIN, KEPT, LONG, OPENDKIM, OPENDKIM_SIGNS, OUR_SELECTORS, OURS, PLAIN,
                        SELECTORS, SEVEN, Keys, Letter, Relay, said)

MAIL = Path(os.environ.get("GATEPOST_DATA", TOP.parent / "shared" / "data")) / "mail"
SAMPLE = 300
LINE_MAX = 998  # smtp_line_length_limit

Failures = dict[str, object]
counted: Counter[str] = Counter()  # signatures that passed


@pytest.fixture(scope="module")
def relay(module_world: Path, say: Callable[[str], None]) -> Iterator[Relay]:
    relay = Relay(module_world)
    relay.start()
    yield relay
    relay.stop()
    if not sample():
        say(f"no {MAIL}: set GATEPOST_DATA; only the messages of hardmail.py were tried")
    for key, number in sorted(counted.items()):
        say(f"{key}: {number} pass")


def is_readable(message: bytes) -> bool:
    """By python3-dkim, which gives up on a header line that is none and on a blank before the colon."""
    try:
        fields, _ = dkim.rfc822_parse(message)
    except (dkim.MessageFormatError, IndexError):
        return False
    return any(name.lower() == b"from" for name, _ in fields)


@cache
def sample() -> tuple[Hard, ...]:
    files = sorted(path for path in MAIL.rglob("*") if path.is_file() and path.suffix != ".tsv")
    messages = []
    for path in files[::max(1, len(files) // (SAMPLE + SAMPLE // 8))]:
        message = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if is_readable(message):
            messages.append(Hard(str(path.relative_to(MAIL)), message, EIGHT, b"\r" in message.replace(b"\r\n", b"")))
    return tuple(messages[:SAMPLE])


@cache
def messages() -> tuple[Hard, ...]:
    return tuple(m for m in HARD if not m.is_large) + sample()


def letter(port: int, number: int, message: Hard, signed: bytes | None = None, domain: str = "") -> Letter:
    """A's default settings where lines are short, else the remedy."""
    is_long = any(len(line) > LINE_MAX for line in message.message.split(b"\r\n"))
    return Letter(port, message.sender, f"{message.local}.{number}@{domain or (LONG if is_long else PLAIN)}",
                  message.message if signed is None else signed, message.options)


def dkimpy_signed(keys: Keys, message: Hard, canon: str) -> bytes:
    """The message with both of python3-dkim's signatures; without, if it could not hold or cannot be made."""
    if message.is_altered or not is_readable(message.message):
        return message.message
    header, body = canon.encode().split(b"/")
    fields = [dkim.sign(message.message, selector.encode(), DOMAIN.encode(), keys.private[SELECTORS[selector]],
                        canonicalize=(header, body), signature_algorithm=SELECTORS[selector].encode())
              for selector in DKIMPY_SELECTORS]
    return b"".join(fields) + message.message


def dkimpy_says(keys: Keys, raw: bytes) -> dict[str, bool] | None:
    """Of each signature of our domain, by selector; None if it cannot read the message."""
    message = raw.replace(b"\n", b"\r\n")
    if not is_readable(message):
        return None
    verifier = dkim.DKIM(message)
    values = [value for name, value in verifier.headers if name.lower() == b"dkim-signature"]
    found = {}
    for index, value in enumerate(values):
        tags = dict(re.findall(r"([a-z]+)=([^;\s]+)", value.decode("utf-8", "replace")))
        if tags.get("d") == DOMAIN:
            try:
                found[tags["s"]] = verifier.verify(idx=index, dnsfunc=keys.find)
            except dkim.DKIMException:
                found[tags["s"]] = False
    return found


def verified(relay: Relay, raw: bytes, selectors: Sequence[str], canon: str) -> Failures:
    """Checks what all three say of the signatures; counts those that pass, gives back the others."""
    failures: Failures = {}
    for verifier in (OURS, OPENDKIM):
        results = said(raw, verifier)
        failures.update({f"{verifier} {s}": results.get(s, "no result") for s in selectors if results.get(s, ("",))[0] != "pass"})
    by_dkimpy = dkimpy_says(relay.keys, raw)
    if by_dkimpy is not None:
        failures.update({f"python3-dkim {s}": by_dkimpy.get(s, "no result") for s in selectors if not by_dkimpy.get(s)})
    if not failures:
        for selector in selectors:
            signer = {"o": "our", "t": "opendkim's", "p": "python3-dkim's"}[selector[0]]
            counted[f"{signer} signatures, {SELECTORS[selector]}, {canon}: by us and opendkim"] += 1
            counted[f"{signer} signatures, {SELECTORS[selector]}, {canon}: by python3-dkim"] += by_dkimpy is not None
    return failures


@pytest.mark.parametrize("canon", CANONS)
def test_ours(relay: Relay, canon: str) -> None:
    delivered = relay.pass_on(letter(relay.our_ports[canon], n, m) for n, m in enumerate(messages()))
    failures = {}
    for number, message in enumerate(messages()):
        raw = delivered[letter(0, number, message).recipient]
        failures[message.name] = verified(relay, raw, OUR_SELECTORS, canon)
    assert not {name: f for name, f in failures.items() if f}


@pytest.mark.parametrize("canon", CANONS)
def test_theirs(relay: Relay, canon: str) -> None:
    signed = [dkimpy_signed(relay.keys, m, canon) for m in messages()]
    delivered = relay.pass_on(letter(relay.their_ports[canon], n, m, signed[n]) for n, m in enumerate(messages()))
    failures = {}
    for number, message in enumerate(messages()):
        selectors = OPENDKIM_SIGNS[canon] + (DKIMPY_SELECTORS if signed[number] is not message.message else ())
        failures[message.name] = verified(relay, delivered[letter(0, number, message).recipient], selectors, canon)
    assert not {name: f for name, f in failures.items() if f}


def test_20_megabytes(relay: Relay) -> None:
    (large,) = [m for m in HARD if m.is_large]
    ours, theirs = "relaxed/relaxed", "relaxed/simple"
    letters = [letter(relay.our_ports[ours], 0, large),
               letter(relay.their_ports[theirs], 1, large, dkimpy_signed(relay.keys, large, theirs))]
    delivered = relay.pass_on(letters)
    assert not verified(relay, delivered[letters[0].recipient], OUR_SELECTORS, ours)
    assert not verified(relay, delivered[letters[1].recipient], OPENDKIM_SIGNS[theirs] + DKIMPY_SELECTORS, theirs)


@pytest.mark.parametrize("name", ["line of 999", "line of 100,000 words", "field line of 999"])
def test_long_lines_without_the_remedy(relay: Relay, name: str) -> None:
    """Postfix breaks lines above 998 bytes (RFC 5321, 4.5.3.1.6) when it sends, after the milters: whoever signed, it does not
    verify. smtp_line_length_limit = 0 is the remedy, with which test_ours and test_theirs pass; the log tells."""
    (message,) = [replace(m, sender=re.sub(r"\W+", "-", name) + "@" + DOMAIN) for m in HARD if m.name == name]
    for canon in ("simple/simple", "relaxed/relaxed"):
        letters = [letter(port, n, message, domain=PLAIN)
                   for n, port in enumerate((relay.our_ports[canon], relay.their_ports[canon]))]
        delivered = relay.pass_on(letters)
        ours, theirs = (delivered[one.recipient] for one in letters)
        for verifier in (OURS, OPENDKIM):
            assert {said(ours, verifier)[s][0] for s in OUR_SELECTORS} == {"fail"}
            assert said(theirs, verifier)["tr"][0] == "fail"
        assert int(log_fields(relay.signers[canon].wait_line(f"from=<{message.sender}>"))["longline"]) > LINE_MAX


def test_next_hop_without_8bitmime(relay: Relay) -> None:
    """Postfix makes quoted-printable of 8 bits for a host that does not announce 8BITMIME (RFC 6152), after the milters.
    disable_mime_output_conversion = yes is the remedy; 7-bit mail needs none."""
    port = relay.our_ports["relaxed/relaxed"]
    latin = next(m for m in HARD if m.name == "latin-1 declared")
    plain = hard("seven bits")
    letters = [letter(port, 0, latin, domain=SEVEN), letter(port, 1, plain, domain=SEVEN), letter(port, 2, latin, domain=KEPT)]
    converted, seven, kept = (relay.pass_on(letters)[one.recipient] for one in letters)
    assert b"quoted-printable" in converted
    assert {said(converted, OURS)[s][0] for s in OUR_SELECTORS} == {"fail"}
    assert not verified(relay, seven, OUR_SELECTORS, "relaxed/relaxed")
    assert not verified(relay, kept, OUR_SELECTORS, "relaxed/relaxed")


def test_opendkims_ed25519_with_simple_header(relay: Relay, say: Callable[[str], None]) -> None:
    """Its own bug: it signs its field as it was before the fold in front of b= (RFC 6376, 3.4.1: "simple" changes
    nothing). Nobody verifies that, opendkim neither; everybody does as soon as the fold is gone."""
    message = hard("ed25519 of opendkim")
    sent = letter(relay.their_ports["simple ed25519"], 0, message)
    raw = relay.pass_on([sent])[sent.recipient]
    assert said(raw, OURS)["te"][0] == said(raw, OPENDKIM)["te"][0] == "fail"
    assert dkimpy_says(relay.keys, raw) == {"te": False}
    repaired = re.sub(rb"\n\tb=", rb" b=", raw[raw.index(b"DKIM-Signature:"):], count=1)
    again = letter(relay.relay_port, 1, Hard(message.name, repaired.replace(b"\n", b"\r\n")))
    assert not verified(relay, relay.pass_on([again])[again.recipient], ["te"], "simple/simple repaired")
    say("opendkim's signatures, ed25519-sha256, simple/*: nobody verifies them, opendkim neither; not in the matrix ")
