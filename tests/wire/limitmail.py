"""Messages as Postfix asks about them, for the limits of policyd-ratelimit."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from servers.milter import Value
from servers.policyd import PolicyClient

message = (f"i.{n}" for n in itertools.count())


def settings(**limits: Mapping[str, Value]) -> dict[str, Value]:
    return {"policyd-ratelimit": {"limits": limits}}


def send(client: PolicyClient, account: str = "joe", n: int = 1, stages: str = "rde", size: int = 1000,
         to: list[str] | None = None) -> str | None:
    """One message to n recipients, asked about at RCPT (r), DATA (d) and END-OF-MESSAGE (e); the last answer."""
    recipients = to or [f"r{i}@example.net" for i in range(n)]
    about: dict[str, str | int] = {"instance": next(message), "sasl_username": account}
    answer: str | None = "DUNNO"
    for recipient in recipients if "r" in stages else []:
        answer = client.ask("RCPT", recipient=recipient, size=size, **about)
        if answer != "DUNNO":
            return answer
    later = {"recipient": recipients[0] if len(recipients) == 1 else "", "recipient_count": len(recipients), "size": size, **about}
    for letter, stage in (("d", "DATA"), ("e", "END-OF-MESSAGE")):
        if letter in stages and answer == "DUNNO":
            answer = client.ask(stage, **later)
    return answer


def passed(client: PolicyClient, account: str, most: int = 12) -> int:
    return ([send(client, account, stages="d") == "DUNNO" for _ in range(most)] + [False]).index(False)
