"""`udasa chat` as people type it: from a pipe, on a terminal wide and narrow, and what it refuses."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import udasa_core
from udasa_core.chatting.answer import Answer
from udasa_core.chatting.chat import Chat
from udasa_core.cli import chat as chatting
from udasa_core.cli.main import main
from udasa_core.errors import UdasaError
from udasa_core.records import Message, Prompt, Response

ROOT = Path(__file__).parents[3]


def udasa(*arguments: object, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["chat", *(str(one) for one in arguments)], input=typed)


def test_prompts_from_a_pipe_are_answered_one_by_one(canned_run: udasa_core.Run) -> None:
    done = udasa(canned_run.folder, typed="What is 1?\n\nWhat is 2?\n")
    assert done.exit_code == 0, done.output
    shape = r"> What is 1\?\nbase:\n  answer 0 \w+\nexploratory:\n  answer 0 \w+\n\n> What is 2\?\nbase:\n"
    assert re.match(shape, done.stdout)
    assert "base and exploratory of run canned: greedy, up to 128 tokens" in done.stderr


def test_several_responses_have_their_scores_and_roles(canned_run: udasa_core.Run) -> None:
    done = udasa(canned_run.folder, "--responses", 3, "--only", "base", typed="What is 1?\n")
    assert done.exit_code == 0, done.output
    told = re.findall(r"\[(\d)\] · U (0\.\d{3})(?: · (chosen|rejected))?\n  answer", done.stdout)
    assert [place for place, _, _ in told] == ["1", "2", "3"]
    by_U = sorted(told, key=lambda one: one[1])
    assert [by_U[0][2], by_U[1][2], by_U[2][2]] == ["chosen", "", "rejected"]
    assert "exploratory" not in done.stdout
    assert "3 responses each, temperature 0.7" in done.stderr


def test_answers_are_saved_where_that_is_asked(canned_run: udasa_core.Run, tmp_path: Path) -> None:
    file = tmp_path / "said.jsonl"
    file.write_text('{"earlier": true}\n')
    udasa(canned_run.folder, "--save", file, "--responses", 2, "--system", "Be brief.", typed="What is 1?\n")
    earlier, base, aligned = map(json.loads, file.read_text().splitlines())
    assert earlier == {"earlier": True}
    assert (base["policy"], aligned["policy"]) == ("base", "exploratory")
    assert (base["prompt"], base["system"]) == ("What is 1?", "Be brief.")
    assert {one["role"] for one in base["responses"]} == {"chosen", "rejected"}
    assert all(0 <= one["U"] <= 1 for one in base["responses"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--only", "base", "--stage", "moderate"], "--only base asks the base alone"),
        (["--responses", "2", "--temperature", "0"], "greedy responses are all the same"),
        (["--stage", "moderat"], "has no stage 'moderat'; there are base, conservative, moderate"),
        (["--generator", "transformer"], 'did you mean "transformers"?'),
        (["--save", "nowhere/at/all.jsonl"], "cannot be written"),
    ],
)
def test_what_cannot_be_asked_is_told(canned_run: udasa_core.Run, arguments: list[str], told: str) -> None:
    done = udasa(canned_run.folder, *arguments, typed="hello\n")
    assert done.exit_code in (1, 2)
    assert told in done.output
    assert "not foreseen" not in done.output


def test_an_unknown_run_is_told() -> None:
    assert "there is no run 'nowhere'" in udasa("nowhere").output


def _answer(policy: str, text: str) -> Answer:
    one = Response(text, (1,), (-1.0,), (-1.0,), (0.5,), "stop")
    return Answer(policy, Prompt("1", (Message("user", "?"),)), (one,))


@pytest.mark.parametrize("columns", [80, 120])
def test_answers_stand_side_by_side_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    class Asked(Chat):
        def __init__(self) -> None:
            self.policies = {"base": None, "moderate": None}  # type: ignore[dict-item]

        def ask(self, text: str) -> list[Answer]:  # type: ignore[override]
            return [_answer("base", "left \x1b[31m" + "word " * 30), _answer("moderate", "right")]

    monkeypatch.setattr(chatting, "_lines", lambda: iter(["hello"]))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    chatting.answer_lines(Asked())
    shown = re.sub(r"\x1b\[[01]m", "", capsys.readouterr().out)
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) <= columns
    beside = [line for line in shown.splitlines() if "left" in line and "right" in line]
    assert len(beside) == (1 if columns == 120 else 0)


def test_a_prompt_that_fails_ends_a_script_and_no_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Chat):
        def __init__(self) -> None:
            self.policies = {"base": None}  # type: ignore[dict-item]

        def ask(self, text: str) -> list[Answer]:  # type: ignore[override]
            raise UdasaError(f"no answer to {text}")

    monkeypatch.setattr(chatting, "_lines", lambda: iter(["one", "two"]))
    with pytest.raises(UdasaError, match="no answer to one"):
        chatting.answer_lines(Failing())
    told: list[str] = []
    monkeypatch.setattr(chatting, "_is_terminal", lambda: True)
    monkeypatch.setattr(chatting, "say", lambda text, err: told.append(text))
    chatting.answer_lines(Failing())
    assert told == ["error: no answer to one", "error: no answer to two"]


@pytest.mark.slow
@pytest.mark.parametrize("key", [b"\x04", b"\x03"])
def test_a_terminal_is_left_by_ctrl_d_and_by_ctrl_c(canned_run: udasa_core.Run, key: bytes) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}
    command = [sys.executable, "-c", "from udasa_core.cli.main import main; main()"]
    with subprocess.Popen(
        [*command, "chat", str(canned_run.folder), "--only", "base"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
        preexec_fn=_own_terminal,
    ) as done:
        os.close(theirs)
        seen = _read_until(ours, rb"> ")
        os.write(ours, b"What is 1?\n")
        seen += _read_until(ours, rb"answer 0[^>]*> ")
        os.write(ours, key)
        assert done.wait(30) == 0
    assert b"Traceback" not in seen + _read_until(ours, rb"Traceback", 1.0)
    os.close(ours)


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _read_until(terminal: int, mark: bytes, seconds: float = 60.0) -> bytes:
    seen, end = b"", time.monotonic() + seconds
    while not re.search(mark, seen) and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                seen += os.read(terminal, 4096)
            except OSError:  # Linux's way to say that the other side is closed
                break
    return seen
