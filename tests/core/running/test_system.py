"""Windows is refused in one sentence, by the command and by the API, before anything is written."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import udasa_core
from tests.canned import configuration
from udasa_core.cli.main import main
from udasa_core.errors import UsageError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("command", [["run"], ["init", "mine.toml"], ["eval", "hf:a/b"]])
def test_every_command_refuses_windows(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert done.output.startswith("error: udasa does not run on Windows, ")
    assert done.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("windows")
def test_help_and_version_are_told_all_the_same() -> None:
    for option in ("--version", "--help"):
        assert CliRunner().invoke(main, [option]).exit_code == 0


def test_a_run_by_the_api_is_refused(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = configuration(tmp_path, tiny_model_dir)
    monkeypatch.setattr("udasa_core.running.system.sys.platform", "win32")
    with pytest.raises(UsageError, match="does not run on Windows"):
        udasa_core.run(plain)
    assert not list(tmp_path.rglob("manifest.json"))


def test_the_package_does_not_say_that_it_runs_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    systems = {one.rpartition(" :: ")[2] for one in project["classifiers"] if one.startswith("Operating")}
    assert systems == {"MacOS", "Linux"}
