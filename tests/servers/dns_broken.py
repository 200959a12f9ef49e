"""A DNS server that answers some names in every wrong way there is: for tests of those who ask it."""

from __future__ import annotations

import struct
import time

from .dns import Dns, question_of

RCODES = {"formerr": 1, "servfail": 2, "notimp": 4, "refused": 5}
HEADER = 12


def _rcode(answer: bytes, code: int) -> bytes:
    """Only header and question, with that code."""
    return answer[:2] + struct.pack("!H", 0x8180 | code) + b"\0\1\0\0\0\0\0\0" + question_of(answer)[2]


def _one_record(answer: bytes, owner: bytes, size: int, data: bytes) -> bytes:
    """The question, and one record of its type whose data may be of another size than they say."""
    question = question_of(answer)[2]
    head = answer[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
    return head + question + owner + question[-4:] + struct.pack("!IH", 300, size) + data


def _spoilt(kind: str, answer: bytes) -> bytes:
    """What becomes of a right answer."""
    question = question_of(answer)[2]
    if kind in RCODES:
        return _rcode(answer, RCODES[kind])
    return {
        "dead": b"",
        "slow": answer,
        "header only": answer[:HEADER],
        "cut": answer[:HEADER + len(question) + 7],
        "garbage": answer[:2] + b"\x81\x80" + bytes(range(200)),
        "wrong id": bytes([answer[0] ^ 1]) + answer[1:],
        "wrong question": answer[:HEADER] + b"\1x" + answer[HEADER:],
        "not an answer": answer[:2] + b"\1\0" + answer[4:],
        "pointer to itself": _one_record(answer, struct.pack("!H", 0xC000 | HEADER + len(question)), 5, b"\4oops"),
        "pointer beyond": _one_record(answer, b"\xff\xff", 5, b"\4oops"),
        "more data than there are": _one_record(answer, b"\xc0\x0c", 4000, b"\4oops"),
        "a string beyond its record": _one_record(answer, b"\xc0\x0c", 5, b"\xc8oops"),
        "truncated for ever": answer[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + question,
    }[kind]


class BrokenDns(Dns):
    """A Dns with `trouble`: what is wrong with each name. `slow_s` is how long "slow" takes."""

    kinds = (*RCODES, "dead", "header only", "cut", "garbage", "wrong id", "wrong question", "not an answer", "pointer to itself",
             "pointer beyond", "more data than there are", "a string beyond its record", "truncated for ever")

    def __init__(self, zone: str = "") -> None:
        self.trouble: dict[str, str] = {}
        self.slow_s = 0.3
        super().__init__(zone)

    def answer(self, packet: bytes) -> bytes:
        right = super().answer(packet)
        kind = self.trouble.get(question_of(packet)[0])
        if kind == "slow":
            time.sleep(self.slow_s)
        return _spoilt(kind, right) if kind and right else right
