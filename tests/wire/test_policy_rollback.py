"""A store that comes back older than it was: what of policyd-ratelimit's is put back there, and what is said."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

from conftest import StartPolicyd
from limitmail import passed, settings
from servers.policyd import Policyd
from servers.process import halt, wait_for
from servers.redis import Redis

ANN, BEN, CID, DAN = (f"{name}@example.org" for name in ("ann", "ben", "cid", "dan"))
ROUNDS = 2.5  # of the keeper, which takes one a second
CAME_BACK = "the store came back without what was contained or released last"
OLDER = "the store came back older than it was"


def contained(policyd: Policyd) -> dict[str, str]:
    return {row["key"]: row["reason"] for row in policyd.order("list")[0] if row["type"] == "contained"}


def block(policyd: Policyd, key: str, reason: str) -> None:
    assert policyd.order("block", key=key, reason=reason, **{"for": 3600})[1] == "OK"


def release(policyd: Policyd, key: str) -> None:
    assert policyd.order("release", key=key)[1] == "OK"


def agree(hosts: list[Policyd], wanted: dict[str, str]) -> None:
    wait_for(lambda: all(contained(host) == wanted for host in hosts), f"{wanted} on all hosts")


def cli(redis: Redis, *words: str) -> str:
    return subprocess.run(["redis-cli", "-s", str(redis.socket), *words], check=True, capture_output=True, text=True).stdout


def put_back(hosts: list[Policyd]) -> int:
    return int(sum(host.counted("gatepost_policy_contained_restored_total") for host in hosts))


def come_back_older(redis: Redis) -> None:
    """As from the snapshot of the last SAVE."""
    redis.process.kill()
    redis.start()


def test_a_redis_that_comes_back_older_neither_frees_nor_contains(start_policyd: StartPolicyd, redis: Redis) -> None:
    """Contained, released and blocked anew since the snapshot: so it is afterwards, on all hosts and in the store."""
    hosts = [start_policyd({}, redis.url) for _ in range(2)]
    for key in (BEN, CID, DAN):
        block(hosts[0], key, "before")
    agree(hosts, {BEN: "before", CID: "before", DAN: "before"})
    cli(redis, "save")
    block(hosts[0], ANN, "since")
    release(hosts[1], BEN)
    block(hosts[1], CID, "since")
    after = {ANN: "since", CID: "since", DAN: "before"}
    agree(hosts, after)
    come_back_older(redis)
    wait_for(lambda: put_back(hosts) >= 3, "what is put back")
    wait_for(lambda: any(host.lines(CAME_BACK) for host in hosts), "the line about it")
    hosts.append(start_policyd({}, redis.url))  # knows what the store says
    agree(hosts, after)
    time.sleep(ROUNDS)
    assert [contained(host) for host in hosts] == [after] * 3
    release(hosts[2], ANN)  # and it goes on
    block(hosts[2], BEN, "again")
    agree(hosts, {BEN: "again", CID: "since", DAN: "before"})


def test_the_last_change_before_a_crash_is_not_lost(start_policyd: StartPolicyd, redis: Redis) -> None:
    """The host that made it has not read it in the store yet, and what it does while the store is away follows."""
    policyd = start_policyd({}, redis.url)
    for key in (BEN, CID, DAN):
        block(policyd, key, "before")
    cli(redis, "save")
    block(policyd, ANN, "since")
    release(policyd, BEN)
    redis.process.kill()
    assert policyd.order("release", key=CID)[1].startswith("LATER")
    redis.start()
    agree([policyd, start_policyd({}, redis.url)], {ANN: "since", DAN: "before"})


def test_who_was_away_undoes_nothing(start_policyd: StartPolicyd, redis: Redis) -> None:
    """A host that sees the loss later than others, and knows what was released meanwhile as contained."""
    hosts = [start_policyd({}, redis.url) for _ in range(2)]
    cli(redis, "save")
    for key in (ANN, BEN):
        block(hosts[0], key, "since")
    agree(hosts, {ANN: "since", BEN: "since"})
    halt(hosts[1].process.pid)
    come_back_older(redis)
    wait_for(lambda: put_back(hosts[:1]) == 2, "what is put back")
    release(hosts[0], ANN)
    os.kill(hosts[1].process.pid, signal.SIGCONT)
    agree(hosts, {BEN: "since"})
    time.sleep(ROUNDS)
    assert [contained(host) for host in hosts] == [{BEN: "since"}] * 2
    block(hosts[0], ANN, "again")
    agree(hosts, {ANN: "again", BEN: "since"})
    cli(redis, "flushall")
    hosts.append(start_policyd({}, redis.url))
    agree(hosts, {ANN: "again", BEN: "since"})


def test_limits_that_jump_back_are_told(start_policyd: StartPolicyd, redis: Redis) -> None:
    """What was counted cannot be put back. Each start is a look at the store's age, and so is every tenth second."""
    policyd = start_policyd(settings(out={"windows": ["3 per 1h"]}), redis.url)
    assert policyd.order("list") == ([], "OK")
    cli(redis, "save")
    with policyd.client() as client:
        assert passed(client, "joe") == 3
    for _ in range(3):
        assert policyd.stop() == 0
        policyd.start()
    assert policyd.order("list")[1] == "OK"  # behind the first look
    come_back_older(redis)
    policyd.wait_line(f"{OLDER}: what was counted and noted since is forgotten")
    assert policyd.counted("gatepost_policy_store_losses_total") == 1
    assert not policyd.lines(CAME_BACK) and put_back([policyd]) == 0
    with policyd.client() as client:
        assert passed(client, "joe") == 3


def test_an_older_copy_of_an_lmdb_store(start_policyd: StartPolicyd) -> None:
    """Put in its place under the daemon."""
    policyd = start_policyd()
    file = policyd.folder / "store/limits/data.mdb"
    block(policyd, BEN, "before")
    assert policyd.stop() == 0
    shutil.copy2(file, file.with_name("copy"))
    shutil.chown(file.with_name("copy"), file.stat().st_uid, file.stat().st_gid)
    policyd.start()
    block(policyd, ANN, "since")
    release(policyd, BEN)
    file.with_name("copy").replace(file)
    wait_for(lambda: put_back([policyd]) == 2, "what is put back")
    assert policyd.stop() == 0
    policyd.start()
    assert contained(policyd) == {ANN: "since"}
