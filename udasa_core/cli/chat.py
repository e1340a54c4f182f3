"""A chat on the command line: prompts read line by line, answers side by side where there is room."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from udasa_core.cli.command import say
from udasa_core.errors import UdasaError
from udasa_core.records import Abstain, Response
from udasa_core.report.written import number, wrap
from udasa_core.text.printable import printable

if TYPE_CHECKING:
    from udasa_core.chatting.answer import Answer
    from udasa_core.chatting.chat import Chat
    from udasa_core.store.runs import Run

_PROMPT = "> "
# Columns of a terminal from which two answers have room beside each other.
_WIDE = 100
_INDENT = "  "


def introduction(run: Run, chat: Chat) -> Iterator[str]:
    """Yield who answers, and how."""
    asking, of_run = chat.asking, chat.sampling
    way = "greedy" if asking.is_greedy else f"temperature {of_run.temperature:g}"
    several = f"{asking.responses} responses each, " if asking.responses > 1 else ""
    who = f"{' and '.join(chat.policies)} of run {run.name}"
    yield f"{who}: {several}{way}, up to {of_run.max_new_tokens} tokens. One prompt a line; end with Ctrl-D"
    if run.status != "finished":
        yield f"run {run.name} is not finished (status: {run.status})"


def answer_lines(chat: Chat, save: Path | None = None) -> None:
    """Answer each line of stdin until it ends, or somebody presses Ctrl-C where a line is awaited.

    save: a file to which each answer is appended, as JSON. Raises UdasaError where it cannot be written.
    """
    try:
        opened = save.open("a", encoding="utf-8") if save is not None else nullcontext()
    except OSError as error:
        raise UdasaError(f"{save} cannot be written: {error.strerror or error}") from error
    with opened as file:
        for line in _lines():
            try:
                _answer(chat, line, file)
            except UdasaError as error:
                if not _is_terminal():
                    raise
                # Whoever sits there may ask something else.
                say(f"error: {error}", err=True)
            click.echo()


def _answer(chat: Chat, line: str, file: TextIO | None) -> None:
    answers = []
    for answer in chat.ask(line):
        answers.append(answer)
        if file is not None:
            file.write(json.dumps(answer.to_json(), ensure_ascii=False) + "\n")
            file.flush()
        if not _is_wide(chat):
            _show_below(answer)
    if _is_wide(chat):
        _show_beside(answers)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _lines() -> Iterator[str]:
    """Yield the lines that are not empty. On a terminal each is asked for; elsewhere it is repeated, so that
    what comes out can be read by itself."""
    if not _is_terminal():
        for line in sys.stdin:
            if text := line.strip():
                say(f"{_PROMPT}{text}")
                yield text
        return
    # For what it does to `input`: lines can be edited, and had again. Not every Python has it.
    with suppress(ImportError):
        import readline as readline
    while True:
        try:
            text = input(_PROMPT).strip()
        except (EOFError, KeyboardInterrupt):
            click.echo()
            return
        if text:
            yield text


def _is_wide(chat: Chat) -> bool:
    return len(chat.policies) > 1 and sys.stdout.isatty() and shutil.get_terminal_size().columns >= _WIDE


def _show_below(answer: Answer) -> None:
    """Print an answer below what was printed; elsewhere than on a terminal its lines stay as they are."""
    width = shutil.get_terminal_size().columns - len(_INDENT) if sys.stdout.isatty() else sys.maxsize
    say(f"{answer.policy}:")
    for text in (*_responses(answer), *filter(None, (answer.told,))):
        for line in printable(text).split("\n"):
            for part in wrap(line, width):
                say(f"{_INDENT}{part}".rstrip())


def _show_beside(answers: Sequence[Answer]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), expand=True, show_edge=False)
    for answer in answers:
        table.add_column(Text(answer.policy, "bold"), ratio=1, overflow="fold")
    texts = [[*_responses(answer), *filter(None, (answer.told,))] for answer in answers]
    for cells in zip_longest(*texts, fillvalue=""):
        table.add_row(*(Text(printable(cell)) for cell in cells))
    Console(highlight=False).print(table)


def _responses(answer: Answer) -> Iterator[str]:
    """Yield each response as text; of several, with its number, its U and its role in a pair."""
    for place, one in enumerate(answer.responses):
        text = one.text.strip() or "(nothing)"
        notes = [*_remarks(one)]
        if len(answer.responses) == 1:
            yield "\n".join([text, *(f"({note})" for note in notes)])
            continue
        U = answer.U[place] if answer.U else None
        told = "" if U is None else f"U – ({U.reason})" if isinstance(U, Abstain) else f"U {number(U)}"
        yield "\n".join(
            [" · ".join(filter(None, (f"[{place + 1}]", told, answer.role(place), *notes))), text]
        )


def _remarks(one: Response) -> Iterator[str]:
    if not one.has_answer:
        yield f"cut off at {len(one.token_ids)} tokens while it thought"
        return
    if one.thought_tokens:
        yield f"thought for {one.thought_tokens} tokens"
    if one.finish_reason == "length":
        yield f"cut off at {len(one.token_ids)} tokens"
