"""A broken distribution hides what it offers itself, and nothing else; none is imported to be listed."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.entry_points import entry_points

FINE = b"[udasa.dimension]\nmine = mine:Mine\n"
BROKEN = {
    "no group": b"mine = mine:Mine\n[udasa.dimension]\n",
    "no name": b"[udasa.dimension]\nmine\n",
    "not UTF-8": b"[udasa.dimension]\nm\xff = mine:Mine\n",
}


def lay(site: Path, name: str, entries: bytes, metadata: str = "") -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_bytes(entries)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{metadata}")


@pytest.mark.parametrize("entries", BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_read_hides_no_other(
    tmp_path: Path, entries: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    lay(tmp_path, "aaa", entries)
    lay(tmp_path, "bbb", FINE)
    with caplog.at_level(logging.WARNING, "udasa"):
        found = [one.distribution for one in entry_points("udasa.", [str(tmp_path)])]
    assert found == ["bbb"]
    assert "aaa-1.0.dist-info" in caplog.text


def test_what_is_odd_in_a_file_is_what_it_says(tmp_path: Path) -> None:
    lay(tmp_path, "odd", b"[udasa.dimension]\na%b = mine:100%\na%b = mine:Last [extra]\n[other]\n%(x)s = y\n")
    lay(tmp_path, "strange", b"\xff\xfe[nothing of ours")
    (found,) = entry_points("udasa.", [str(tmp_path), str(tmp_path), "", "/nowhere"])
    assert (found.name, found.target, found.version) == ("a%b", "mine:Last", "1.0")


def test_a_requirement_that_is_none_is_a_fault_of_its_distribution(tmp_path: Path) -> None:
    lay(tmp_path, "aaa", FINE, "Requires-Dist: udasa[[contract\n")
    (tmp_path / "mine.py").write_text("")
    (offer,) = read_catalog([str(tmp_path)]).offers
    assert "which no installer understands" in offer.fault


AS_UDASA = "import sys; sys.argv[0] = 'udasa'; from udasa_core.cli.main import main; main()"
SITE = {
    "udasa.command": "theirs = theirs_broken:command",
    "udasa.experiment": "theirs = theirs_broken:Experiment",
    "udasa.dimension": "theirs = theirs_broken:Dimension",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Where a distribution is installed whose module ends the process, beside one whose files are broken."""
    entries = "".join(f"[{group}]\n{line}\n" for group, line in SITE.items())
    lay(tmp_path, "theirs", entries.encode(), "Requires-Dist: udasa[contract-2]\n")
    lay(tmp_path, "udasa_plugin_zzz", BROKEN["no group"])
    (tmp_path / "theirs_broken.py").write_text(
        "import os, pathlib\npathlib.Path(__file__).with_name('imported').touch()\nos._exit(7)\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["--help"], "Offered by theirs."),
        (["plugins"], "theirs"),
        (["experiment", "--help"], "Offered by theirs."),
        (["complete", "udasa "], "theirs"),
        (["complete", "udasa experiment "], "theirs"),
        (["complete", "udasa experiment t"], "theirs"),
        (["complete", "udasa -"], "--log-file"),
        (["complete", "udasa check --s"], "--set"),
    ],
    ids=" ".join,
)
def test_nothing_of_a_third_party_is_imported_to_be_listed(site: Path, typed: list[str], told: str) -> None:
    asked = {}
    if typed[0] == "complete":
        words = typed[1].split(" ")
        asked = {
            "_UDASA_COMPLETE": "bash_complete",
            "COMP_WORDS": typed[1],
            "COMP_CWORD": str(len(words) - 1),
        }
        typed = []
    done = subprocess.run(
        [sys.executable, "-c", AS_UDASA, *typed],
        env={**os.environ, **asked, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert told in done.stdout
    assert "Traceback" not in done.stderr
    assert not (site / "imported").exists()
