"""A page opens in a browser, where there is one: the short test; `make test-report` runs the long ones."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import udasa_core
from tests.core.page.browser.chromium import chromium_path
from udasa_core.page.html import write_page
from udasa_core.page.run_page import run_page


@pytest.mark.skipif(chromium_path() is None, reason="no Chromium is installed")
def test_a_runs_page_opens_at_a_pair_and_says_nothing_on_the_console(
    canned_run: udasa_core.Run, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    write_page(run_page(canned_run), path)
    _, pair = next(iter(canned_run.pairs()))
    program = chromium_path()
    assert program is not None
    done = subprocess.run(
        [
            *(
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={tmp_path / 'profile'}",
            ),
            *("--virtual-time-budget=10000", "--enable-logging=stderr", "--dump-dom"),
            f"{path.as_uri()}#pair={pair.id}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "CONSOLE" not in done.stderr
    body = re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL)
    assert f"Pair <bdi>{pair.id}</bdi>" in done.stdout
    assert pair.chosen.text.split()[-1] in done.stdout
    assert 'class="instead"' in body
