"""SpamAssassin's own regression texts (`test NAME ok|fail TEXT` in its rule files) pass in our engine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from servers.milter import build_folder

STOCK = Path("/usr/share/spamassassin")
TEXTS = STOCK / "regression_tests.cf"


@pytest.mark.skipif(not TEXTS.exists(), reason="spamassassin is not installed: tests/install tests")
def test_spamassassins_texts() -> None:
    written = sum(len(re.findall(r"(?m)^test\s", path.read_text(encoding="utf-8", errors="replace"))) for path in STOCK.glob("*.cf"))
    done = subprocess.run([build_folder() / "cli" / "gatepost", "rules", "test", STOCK], text=True, capture_output=True, check=False)
    print(done.stdout.strip())
    assert done.stderr == ""
    assert done.stdout == f"{written} passed, 0 failed\n"
    assert written >= len(TEXTS.read_text(encoding="utf-8").split("\ntest ")) - 1 > 0
