"""What prompts, plugins and servers say, on a terminal and in a log: no byte that moves a cursor."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import udasa_core
from tests.core.cli.test_main import udasa
from udasa_core import Interval, Table, UdasaError
from udasa_core.cli.command import Root, say
from udasa_core.cli.logs import configure

EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\rgone\x08"
ACTING = set("\x1b\x07\x9b\u202e\r\x08")


def spoken(tmp_path: Path, *arguments: str) -> str:
    """What a command that meets evil words says, and what its log holds."""

    @click.group(cls=Root)
    def root() -> None:
        """Nothing."""

    @root.command()
    def fails() -> None:
        raise UdasaError(f"prompt {EVIL} cannot be")

    @root.command()
    def breaks() -> None:
        raise ZeroDivisionError(EVIL)

    @root.command()
    def misused() -> None:
        raise click.UsageError(EVIL)

    @root.command()
    def warns() -> None:
        logging.getLogger("udasa.somewhere").warning("prompt %s\nis not asked", EVIL)
        say(f"said {EVIL}")

    log = tmp_path / "log"
    done = CliRunner().invoke(root, [*arguments, "--log-file", str(log)])
    return done.output + log.read_text()


@pytest.mark.parametrize("command", ["fails", "breaks", "misused", "warns"])
@pytest.mark.parametrize("verbosity", [(), ("-vv",)])
def test_a_command_shows_no_escape(tmp_path: Path, command: str, verbosity: tuple[str, ...]) -> None:
    told = spoken(tmp_path, *verbosity, command)
    assert not ACTING & set(told)
    assert "\\x1b[2J\\x1b]0;owned\\x07\\x9b31m\\u202e\\rgone\\x08" in told


def test_a_log_files_lines_begin_with_a_time(tmp_path: Path) -> None:
    spoken(tmp_path, "warns")
    first, second = (tmp_path / "log").read_text().splitlines()[:2]
    assert first.startswith("20")
    assert second == "    is not asked"


def test_warnings_are_shown_without_escapes_where_nothing_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr("sys.stderr", shown)
    configure(0, None)
    logging.getLogger("udasa.openai").warning("it says %s", EVIL)
    assert "it says \\x1b[2J" in shown.getvalue()
    assert not ACTING & set(shown.getvalue())


def test_an_unknown_command_is_told_without_escapes() -> None:
    assert not ACTING & set(udasa(EVIL).output)
    assert not ACTING & set(udasa("show", EVIL).output)
    assert not ACTING & set(udasa("run", f"{EVIL}.toml").output)


def test_tables_hold_no_escape() -> None:
    table = Table(EVIL, (EVIL, "n", "why"), [(EVIL, Interval(0.0, 1.0), f"{EVIL}\nnext line")], [EVIL])
    for told in (str(table), table.markdown()):
        assert not ACTING & set(told)
        assert "\\x1b[2J" in told
    assert "next line" in str(Table("", ("a", "b"), [("x", "why\nnext line")])).splitlines()[-1]
    assert Table("", ("a",), [("<img src=x> | b",)]).markdown().endswith("| \\<img src=x> \\| b |")
    said = Table("a\n# b <i>", ("a",), [], ["why\n# c <i>"]).markdown()
    assert said == "## a # b \\<i>\n\nwhy # c \\<i>"


def test_a_runs_figures_hold_no_escape(canned_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = udasa_core.Run(canned_run.folder).manifest
    before = manifest.path.read_bytes()
    config = manifest.plain["config"]
    try:
        manifest.update(status=EVIL, config={**config, "run": {**config["run"], "name": EVIL}})
        for arguments in ((), ("--json",), ("--pairs", "1")):
            done = udasa("show", canned_run.folder, *arguments)
            assert not ACTING & set(done.output)
            if arguments == ("--json",):
                json.loads(done.output)
    finally:
        manifest.path.write_bytes(before)
