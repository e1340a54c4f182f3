"""`udasa report`, and `udasa run --report`: which file is written, and what is said of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import udasa_core
from udasa_core.cli.main import main


def udasa(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture
def folder(canned_run: udasa_core.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a copy of the run."""
    shutil.copytree(canned_run.folder.parent, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_lies_in_the_runs_folder_and_its_path_is_the_last_line(folder: Path) -> None:
    done = udasa("report", "canned")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == ["runs/canned/report.html"]
    assert "udasa: canned" in (folder / "runs" / "canned" / "report.html").read_text()


def test_charts_and_the_page_lie_where_they_are_wanted(folder: Path) -> None:
    done = udasa("report", "canned", "--out", "here/page.html", "--figures", "charts", "--no-texts")
    assert done.exit_code == 0, done.output
    *charts, page = done.output.splitlines()
    assert page == "here/page.html"
    assert {Path(chart).suffix for chart in charts} == {".svg", ".pdf", ".csv"}
    assert all((folder / chart).stat().st_size for chart in charts)
    assert 'id="block-pair-texts' not in (folder / page).read_text()


def test_two_runs_are_compared_in_the_working_folder(folder: Path) -> None:
    shutil.copytree(folder / "runs" / "canned", folder / "runs" / "other")
    done = udasa("report", "canned", "other")
    assert done.output.splitlines() == ["report-canned-other.html"], done.output
    assert "Comparison" in (folder / "report-canned-other.html").read_text()


def test_an_evaluation_is_found_by_its_name(folder: Path) -> None:
    (folder / "runs" / "eval").mkdir()
    shutil.move(folder / "runs" / "canned", folder / "runs" / "eval" / "measured")
    shutil.move(folder / "runs" / "store", folder / "runs" / "eval" / "store")
    assert udasa("report", "measured").output.splitlines() == ["runs/eval/measured/report.html"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nosuch"], "there is no run 'nosuch'"),
        (["canned", "runs/canned"], "name each once"),
        (["canned", "--out", "/proc/nowhere/page.html"], "/proc/nowhere"),
    ],
)
def test_what_cannot_be_written_is_told(folder: Path, arguments: list[str], told: str) -> None:
    done = udasa("report", *arguments)
    assert done.exit_code in (1, 2)
    assert told in done.output


def test_a_run_ends_with_the_path_of_its_page(config_file: Callable[..., Path]) -> None:
    path = config_file()
    for _ in range(2):
        done = udasa("run", path, "--report")
        assert done.exit_code == 0, done.output
        page = Path(done.output.splitlines()[-1])
        assert page.name == "report.html"
        assert "finished" in page.read_text()
        page.unlink()
