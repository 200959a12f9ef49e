"""Limits under load: 108,000 requests of many processes at two daemons on one store, of which exactly 100,000 pass."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from conftest import StartPolicyd
from limitmail import settings
from servers.milter import merged
from servers.policyd import PolicyClient, request

MOST = 100000
REQUESTS = 108000
PROCESSES = 4
CONNECTIONS = 4  # of each process
TOGETHER = 50    # requests that a connection sends at once


def ask(number: int, sockets: list[Path], total: int, answers: multiprocessing.Queue[dict[str, int]]) -> None:
    """One client process: messages of one recipient, each asked about once, over its connections in turn."""
    clients = [PolicyClient(sockets[i % len(sockets)], 60) for i in range(CONNECTIONS)]
    template = request("DATA", sasl_username="joe", recipient_count=1, instance="%s")
    seen: dict[str, int] = {}
    for begin in range(0, total, CONNECTIONS * TOGETHER):
        for i, client in enumerate(clients):
            client.send(b"".join(template.replace(b"%s", f"{number:x}.{begin + i * TOGETHER + k:x}".encode())
                                 for k in range(TOGETHER)))
        for client in clients:
            for _ in range(TOGETHER):
                answer = str(client.answer()).split(" ")[0]
                seen[answer] = seen.get(answer, 0) + 1
    for client in clients:
        client.close()
    answers.put(seen)


@pytest.mark.alone
def test_a_hundred_thousand_at_once_come_out_exactly(start_policyd: StartPolicyd, store: str, world: Path) -> None:
    limits = settings(out={"windows": [f"{MOST} per 1d", f"{MOST + 1} per 2d"], "action": "reject"})
    shared = store or f"lmdb:{world}/policyd0/store"
    policyds = [start_policyd(merged(limits, {"log": {"level": "error"}, "store_timeout": "60s",
                                              "policyd-ratelimit": {"deadline": "60s"}}), shared) for _ in range(2)]
    answers: multiprocessing.Queue[dict[str, int]] = multiprocessing.Queue()
    clients = [multiprocessing.Process(target=ask, args=(n, [p.socket for p in policyds], REQUESTS // PROCESSES, answers))
               for n in range(PROCESSES)]
    for client in clients:
        client.start()
    seen = [answers.get(timeout=240) for _ in clients]
    for client in clients:
        client.join()
    assert sum(one.get("DUNNO", 0) for one in seen) == MOST
    assert sum(one.get("550", 0) for one in seen) == REQUESTS - MOST
    rows, answer = policyds[1].order("list")
    assert answer.startswith("OK"), answer
    assert {(row["limit"], row["window"]): row["used"] for row in rows if "window" in row} == {
        ("out", "1d"): MOST, ("out", "2d"): MOST}
