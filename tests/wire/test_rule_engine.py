"""rules.engine: vectorscan, PCRE2 alone, and what is said where vectorscan cannot run; compiled rules that are not to be believed."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from conftest import MARK, StartMilter
from milterclient import judge
from servers.milter import SANITIZERS, MilterSpam, build_folder
from servers.process import ServerError, wait_for

NO_VECTORSCAN = build_folder() / "tests" / "fakes" / "no_vectorscan.so"
OLD_CPU = {"LD_PRELOAD": str(NO_VECTORSCAN), "ASAN_OPTIONS": SANITIZERS["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}
needs_vectorscan = pytest.mark.skipif(not NO_VECTORSCAN.exists(), reason="built without vectorscan")


def status(config: Path) -> dict[str, object]:
    program = build_folder() / "cli" / "gatepost"
    done = subprocess.run([program, "-c", config, "rules", "status", "--json"], env={**os.environ, **SANITIZERS},
                          capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def marks(milter: MilterSpam) -> bool:
    return judge(str(milter.socket), MARK).values("X-Spam") == ["Yes"]


@pytest.fixture
def old_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs started in the test find a CPU that vectorscan cannot run on."""
    monkeypatch.setenv("LD_PRELOAD", OLD_CPU["LD_PRELOAD"])
    monkeypatch.setitem(SANITIZERS, "ASAN_OPTIONS", OLD_CPU["ASAN_OPTIONS"])


def test_pcre2_alone_when_asked_for(start: StartMilter) -> None:
    milter = start({"rules": {"engine": "pcre2"}})
    assert marks(milter)
    assert len(milter.lines("PCRE2 runs alone, without vectorscan: the settings say so")) == 1
    assert status(milter.config)["engine"] == "pcre2"
    with pytest.raises(ServerError, match="ended with 69: .*PCRE2 alone, which needs no compiled files"):
        milter.gatepost("rules", "compile")


@needs_vectorscan
def test_engine_is_changed_by_a_reload(start: StartMilter) -> None:
    milter = start()
    assert not milter.lines("PCRE2 runs alone")
    milter.configure({"rules": {"engine": "pcre2"}})
    milter.reload()
    milter.wait_line("PCRE2 runs alone")
    assert marks(milter)
    milter.configure({"rules": {"engine": "vectorscan"}})
    milter.reload()
    wait_for(lambda: len(milter.lines("configuration reloaded")) == 2, "second reload")
    assert marks(milter) and len(milter.lines("PCRE2 runs alone")) == 1


@needs_vectorscan
def test_a_cpu_without_vectorscan(start: StartMilter, old_cpu: None) -> None:
    milter = start()
    assert marks(milter)
    assert len(milter.lines("PCRE2 runs alone, without vectorscan: this CPU")) == 1
    answer = status(milter.config)
    assert answer["engine"] == "pcre2" and "CPU" in str(answer["engine_reason"])
    with pytest.raises(ServerError, match=r"gatepost.conf:\d+: .*engine.*cannot run: this CPU"):
        start({"rules": {"engine": "vectorscan"}})


@needs_vectorscan
@pytest.mark.parametrize("harm", ["cut", "writable", "link", "folder"])
def test_cache_that_is_not_believed(start: StartMilter, harm: str) -> None:
    """It is said once, with the reason, and mail is judged all the same."""
    milter = start()
    milter.gatepost("rules", "compile")
    cache = milter.folder / "cache"
    files = sorted(cache.iterdir())
    before = {path: path.read_bytes() for path in files}
    assert milter.stop() == 0 and len(files) == 2  # body and header
    milter.start()
    assert not milter.lines("rules: cache:")
    assert milter.stop() == 0
    for path in files:
        if harm == "cut":
            path.write_bytes(before[path][:-100])
        elif harm == "writable":
            path.chmod(0o664)
        elif harm == "link":
            path.rename(milter.folder / path.name)
            path.symlink_to(milter.folder / path.name)
    if harm == "folder":
        cache.chmod(0o775)
    milter.start()
    said = {"cut": "is damaged", "writable": "can be written by others", "link": "is a symbolic link",
            "folder": "folder can be written by others"}[harm]
    assert len(milter.lines("rules: cache: ")) == len(milter.lines(f"warning: rules: cache: header: .*{said}; ")) == 1
    assert marks(milter)
    if harm == "cut":  # a new compilation puts it right, and the running program does not notice
        milter.gatepost("rules", "compile")
        assert {path: path.read_bytes() for path in files} == before
        assert [path.stat().st_mode & 0o777 for path in files] == [0o644, 0o644]
        assert marks(milter)


@needs_vectorscan
def test_compile_shows_progress_on_a_terminal(start: StartMilter) -> None:
    milter = start()
    argv = [build_folder() / "cli" / "gatepost", "-c", milter.config, "rules", "compile", "--force"]
    quiet = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert quiet.stderr == ""
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        process.wait(60)
        shown = os.read(ours, 65536).decode()
    os.close(ours)
    for text in ("compiling 1 of 6: header", "compiling 2 of 6: body", "compiling 6 of 6: mimeheader"):
        assert text in shown
    assert shown.endswith("\r\x1b[K")  # the line is gone when it is done
