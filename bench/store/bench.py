"""The store's speed: layouts on Redis compared, then LMDB and Redis through lib/store's own interface."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import layouts

ENGINE = Path(__file__).parents[2] / "build/bench/store/gp-store-bench"
LIMITS = ENGINE.with_name("gp-limits-bench")


def through_interface(url: str, args: argparse.Namespace, redis: layouts.Redis | None) -> None:
    """Runs the engine and, for Redis, adds what each phase cost the server."""
    engine = subprocess.Popen([ENGINE, url, str(args.tokens), str(args.threads)], stdout=subprocess.PIPE, text=True)
    assert engine.stdout
    before = redis.cpu() if redis else 0.0
    for line in engine.stdout:
        spent = ""
        if redis:
            now = redis.cpu()
            spent = f"; Redis' CPU in this phase {now - before:.2f} s"
            before = now
        print(f"    {line.rstrip()}{spent}", flush=True)
    if engine.wait() != 0:
        raise SystemExit(f"{ENGINE} failed")


def limits(url: str, args: argparse.Namespace, redis: layouts.Redis | None) -> None:
    """Limits as policyd-ratelimit asks for them: 16 askers, two windows of one account in each call."""
    before = redis.cpu() if redis else 0.0
    done = subprocess.run([LIMITS, url, str(args.limit_seconds), "16", "2"], stdout=subprocess.PIPE, text=True, check=True)
    calls = float(done.stdout.split()[0]) * (args.limit_seconds + 0.7)  # it warms up, and ends
    spent = f"; Redis' CPU {(redis.cpu() - before) / calls * 1e6:.1f} us" if redis else ""
    print(f"    limits: {done.stdout.rstrip()}{spent}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--lookups", type=int, default=400, help="per layout")
    parser.add_argument("--learns", type=int, default=200, help="per layout")
    parser.add_argument("--limit-seconds", type=int, default=10, help="how long limits are asked for")
    parser.add_argument("--no-layouts", action="store_true", help="only what the store does, not what it might")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: does it run?")
    args = parser.parse_args()
    if args.quick:
        args.tokens, args.lookups, args.learns = args.tokens // 10, args.lookups // 10, args.learns // 10
        args.limit_seconds = 2
    if not args.no_layouts:
        layouts.compare(args)
    with tempfile.TemporaryDirectory() as folder:
        print("lmdb:")
        through_interface(f"lmdb:{folder}/store", args, None)
        size = sum(f.stat().st_blocks * 512 for f in Path(folder).rglob("data.mdb"))
        print(f"    on disk: {size / args.tokens:.1f} bytes a token (seen digests included)")
        limits(f"lmdb:{folder}/store", args, None)
    with tempfile.TemporaryDirectory() as folder:
        print("redis:")
        redis = layouts.Redis(Path(folder))
        try:
            empty = redis.memory()
            through_interface(f"redis+unix://{folder}/redis.sock", args, redis)
            print(f"    in memory: {(redis.memory() - empty) / args.tokens:.1f} bytes a token (seen digests included)")
            limits(f"redis+unix://{folder}/redis.sock", args, redis)
        finally:
            redis.stop()


if __name__ == "__main__":
    main()
