"""Progress bars: only on a terminal, only for what lasts, and gone at the end."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path
from typing import Literal

import pytest

from udasa_core import Event
from udasa_core.cli import console as console_module
from udasa_core.cli.console import ConsoleProgress, console_progress
from udasa_core.report.written import clock

ROOT = Path(__file__).parents[3]
Kind = Literal["run", "step", "stage", "suite", "work"]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """What a test redirects stderr to; patience is a tenth of a second."""
    monkeypatch.setattr(console_module, "PATIENCE", 0.1)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


@pytest.fixture
def console() -> Iterator[ConsoleProgress]:
    made = ConsoleProgress(ConsoleProgress.Options(), "console", None)
    yield made
    made.close()


def started(console: ConsoleProgress, kind: Kind, name: str, total: int | None = None, done: int = 0) -> None:
    console.udasa_observe(Event("started", kind, name, done, total))


def advanced(console: ConsoleProgress, kind: Kind, name: str, done: int, total: int | None) -> None:
    console.udasa_observe(Event("advanced", kind, name, done, total))


def finished(console: ConsoleProgress, kind: Kind, name: str) -> None:
    console.udasa_observe(Event("finished", kind, name))


def seen(stream: Terminal) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


def test_what_is_short_is_not_shown(terminal: Terminal, console: ConsoleProgress) -> None:
    with redirect_stderr(terminal):
        started(console, "run", "r")
        for number in range(20):
            started(console, "step", f"step {number}", 1)
            finished(console, "step", f"step {number}")
        finished(console, "run", "r")
        time.sleep(0.3)
        assert terminal.getvalue() == ""


def test_what_lasts_is_shown_and_leaves_a_line(terminal: Terminal, console: ConsoleProgress) -> None:
    with redirect_stderr(terminal):
        started(console, "run", "r")
        started(console, "step", "sample training", 4, 1)
        time.sleep(0.5)
        advanced(console, "step", "sample training", 3, 4)
        time.sleep(0.5)
        assert "sample training" in seen(terminal)
        assert "3/4" in seen(terminal)
        advanced(console, "step", "sample training", 4, 4)
        console.udasa_observe(Event("finished", "step", "sample training", 4, 4))
        assert "sample training · 3 of 4 · 1 s" in seen(terminal)
        assert terminal.getvalue().rstrip().endswith("\x1b[2K") or "\x1b[?25h" in terminal.getvalue()
        finished(console, "run", "r")


def test_work_without_a_total_is_shown(terminal: Terminal, console: ConsoleProgress) -> None:
    with redirect_stderr(terminal):
        started(console, "work", "load a model")
        time.sleep(0.6)
        finished(console, "work", "load a model")
        assert "load a model" in seen(terminal)


def test_a_step_gives_way_to_its_work_of_the_same_name(terminal: Terminal, console: ConsoleProgress) -> None:
    with redirect_stderr(terminal):
        started(console, "step", "train first", 1)
        started(console, "work", "train first", 10)
        advanced(console, "work", "train first", 5, 10)
        time.sleep(0.6)
        frames = [line for line in re.split(r"[\r\n]", seen(terminal)) if line.strip()]
        assert frames
        assert all(line.count("train first") == 1 for line in frames)
        assert any("5/10" in line for line in frames)


def test_the_end_of_a_run_restores_the_terminal(terminal: Terminal, console: ConsoleProgress) -> None:
    """An error or Ctrl-C inside a step: the step never finishes, the run does."""
    with redirect_stderr(terminal):
        started(console, "run", "r")
        started(console, "step", "sample", 4)
        started(console, "work", "load", None)
        time.sleep(0.4)
        finished(console, "run", "r")
        text = terminal.getvalue()
        assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
        time.sleep(0.4)
        assert terminal.getvalue() == text


def test_events_in_any_order_break_nothing(terminal: Terminal, console: ConsoleProgress) -> None:
    with redirect_stderr(terminal):
        finished(console, "work", "never started")
        advanced(console, "step", "never started", 3, 4)
        finished(console, "stage", "conservative")
        started(console, "work", "twice", 5)
        started(console, "work", "twice", 5)
        started(console, "step", "between", 0)
        time.sleep(0.4)
        advanced(console, "work", "twice", 7, 5)
        finished(console, "step", "between")
        time.sleep(0.3)
        finished(console, "work", "twice")
        finished(console, "work", "twice")
        finished(console, "run", "unknown")
        started(console, "work", "after the end", 2)
        time.sleep(0.4)
        finished(console, "work", "after the end")
        assert "after the end" in seen(terminal)


@pytest.mark.parametrize("kind", ["pipe", "dumb"])
def test_no_terminal_no_bars(kind: str, console: ConsoleProgress, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal() if kind == "dumb" else io.StringIO()
    monkeypatch.setattr(console_module, "PATIENCE", 0.1)
    monkeypatch.setenv("TERM", "dumb" if kind == "dumb" else "xterm")
    with redirect_stderr(stream):
        started(console, "step", "long", 4)
        time.sleep(0.3)
        finished(console, "step", "long")
    assert stream.getvalue() == ""


def test_without_a_terminal_what_lasts_says_so_line_by_line(
    console: ConsoleProgress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_module, "BETWEEN_LINES", 0.1)
    log = io.StringIO()
    with redirect_stderr(log):
        started(console, "suite", "short-answers", 1)
        started(console, "work", "sample", 40)
        advanced(console, "work", "sample", 10, 40)
        deadline = time.monotonic() + 10
        while log.getvalue().count("\n") < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        finished(console, "work", "sample")
        finished(console, "suite", "short-answers")
        finished(console, "run", "r")
    lines = log.getvalue().splitlines()
    # On a busy machine a line may come late, or between two others.
    assert re.fullmatch(r"short-answers: \d+ s", lines[0])
    assert any(re.match(r"sample: 10/40, \d+ s, about ", line) for line in lines)
    assert re.fullmatch(r"short-answers: done in \d+ s", lines[-1])
    assert "\x1b" not in log.getvalue()


def test_rich_is_imported_only_when_something_lasts() -> None:
    code = (
        "import sys\n"
        "from udasa_core import Event\n"
        "from udasa_core.cli.console import ConsoleProgress\n"
        "one = ConsoleProgress(ConsoleProgress.Options(), 'console', None)\n"
        "one.udasa_observe(Event('started', 'step', 's', 0, 2))\n"
        "one.udasa_observe(Event('finished', 'step', 's', 2, 2))\n"
        "print('rich' in sys.modules)\n"
    )
    main, side = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=side,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        )
    finally:
        os.close(side)
        os.close(main)
    assert done.stdout == "False\n"


def test_work_outside_a_run(terminal: Terminal) -> None:
    with redirect_stderr(terminal):
        with console_progress()("copying", 3) as advance:
            advance(2)
            time.sleep(0.5)
        assert "copying" in seen(terminal)
        assert "2/3" in seen(terminal)


def test_clock() -> None:
    assert [clock(one) for one in (0.4, 41, 59.4, 185, 7800)] == [
        "0 s",
        "41 s",
        "59 s",
        "3 min 05 s",
        "2 h 10 min",
    ]
