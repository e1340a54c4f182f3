"""How a command begins and ends: -v and --log-file everywhere, and an exit code with a sentence for each end.

0: done. 1: a step failed. 2: bad configuration or usage. 130: interrupted.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from udasa_core.cli.typed import assignments, in_plain_words
from udasa_core.errors import FOREIGN, UdasaError, reason
from udasa_core.running.system import refuse_windows
from udasa_core.running.termination import terminable
from udasa_core.text.likeness import did_you_mean
from udasa_core.text.printable import excerpt, printable, printable_line

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from udasa_core.plugins.entry_points import EntryPoint

INTERRUPTED = 130
# The distribution that this is part of: what it offers itself is light to import.
OWN = "udasa"
# Words that other programs have for what is typed otherwise here.
_ELSEWHERE = {
    "help": "--help",
    "version": "--version",
    **dict.fromkeys(("train", "align", "start", "resume", "continue"), "run"),
    **dict.fromkeys(("list", "ls"), "runs"),
    **dict.fromkeys(("status", "info", "print"), "show RUN"),
    **dict.fromkeys(("new", "create"), "init"),
    **dict.fromkeys(("test", "validate"), "check FILE"),
    "compare": "runs A B, or for suites udasa eval compare A B",
}
_VERBOSITY, _LOG_FILE = "udasa.verbosity", "udasa.log_file"


def _more_verbose(context: click.Context, parameter: click.Parameter, count: int) -> None:
    context.meta[_VERBOSITY] = context.meta.get(_VERBOSITY, 0) + count


def _log_to(context: click.Context, parameter: click.Parameter, file: Path | None) -> None:
    if file is not None:
        context.meta[_LOG_FILE] = file


def _common() -> list[click.Parameter]:
    """Return the options that stand before a subcommand or behind it."""
    return [
        click.Option(
            ["-v", "--verbose"],
            count=True,
            expose_value=False,
            callback=_more_verbose,
            help="Tell what happens on stderr; -vv tells everything, with tracebacks.",
        ),
        click.Option(
            ["--log-file"],
            type=click.Path(dir_okay=False, path_type=Path),
            expose_value=False,
            callback=_log_to,
            help="Write everything to a file, with times.",
        ),
    ]


class Command(click.Command):
    """A subcommand: sets logging up once all options are known."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _common()
        _check_assignments(self)

    def invoke(self, ctx: click.Context) -> Any:
        """Set logging up, then do what the subcommand does."""
        _set_logging_up(ctx)
        return super().invoke(ctx)


def _set_logging_up(ctx: click.Context) -> None:
    # Always: left alone, logging tells warnings on stderr as they are, escapes and all.
    from udasa_core.cli.logs import configure

    configure(ctx.meta.get(_VERBOSITY, 0), ctx.meta.get(_LOG_FILE))


def _equip(command: click.Command) -> click.Command:
    """Give an offered command, and its subcommands, what the core's own have: -v and --log-file."""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            _equip(member)
    elif command.callback is not None and not any(option.name == "log_file" for option in command.params):
        command.callback = _with_logging(command.callback)
        command.params += _common()
        _check_assignments(command)
    return command


def _check_assignments(command: click.Command) -> None:
    for option in command.params:
        if "--set" in option.opts and option.callback is None:
            option.callback = assignments


def _with_logging(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def with_logging(*args: Any, **kwargs: Any) -> Any:
        _set_logging_up(click.get_current_context())
        return callback(*args, **kwargs)

    return with_logging


class OfferedCommands(click.Group):
    """A group whose commands may be a third party's: to be listed or completed, none of those is imported."""

    def distribution(self, ctx: click.Context, name: str) -> str:
        """Say which distribution a command is of. Only what is `OWN` is imported before it is typed."""
        raise NotImplementedError

    def _told(self, ctx: click.Context) -> Iterator[tuple[str, str]]:
        """Yield each command's name, with its short help or with who offers it."""
        for name in self.list_commands(ctx):
            whose = self.distribution(ctx, name)
            if whose != OWN:
                yield printable_line(name), printable_line(f"Offered by {whose}.")
            elif command := self.get_command(ctx, name):
                yield name, printable_line(command.get_short_help_str(60))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._told(ctx)))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options that begin as what was typed."""
        from click.shell_completion import CompletionItem

        known = self._told(ctx)
        found = [CompletionItem(name, help=told) for name, told in known if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


class Root(OfferedCommands):
    """The command `udasa`: whatever ends a subcommand becomes a sentence and an exit code.

    Subcommands that are not the core's come by the entry-point group `udasa.command`, each a click command,
    which gets -v and --log-file here. The core's own go first; one that cannot be imported is told of when it
    is typed, and stops no other.
    """

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += _common()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the core's and of all offered subcommands, sorted."""
        return sorted({*super().list_commands(ctx), *_offered()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand by its name, importing it where it is an offered one."""
        own = super().get_command(ctx, cmd_name)
        offer = None if own else _offered().get(cmd_name)
        if offer is None:
            return own
        try:
            command = offer.load()
        except FOREIGN as error:  # a third party's module may do anything at import
            told = printable_line(f"{type(error).__name__}: {error}")
            return click.Command(
                cmd_name,
                help=f"Cannot be imported: {told}",
                callback=_raising(cmd_name, told),
                # Whatever was typed behind it: what is told is why it cannot be had.
                context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
            )
        return _equip(command) if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the subcommand that is meant; a file or a run in its place is told with what to type."""
        typed = args[0]
        if self.get_command(ctx, typed) is None and not typed.startswith("-"):
            ctx.fail(_no_command(typed, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def distribution(self, ctx: click.Context, name: str) -> str:
        """Say which distribution a subcommand is of; the core's own go first."""
        return OWN if name in self.commands else _offered()[name].distribution.replace("_", "-")

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand. Never lets a traceback out: -vv shows it, a log file keeps it."""
        try:
            refuse_windows()
            with terminable():
                answer = super().invoke(ctx)
                sys.stdout.flush()
                return answer
        except UdasaError as error:
            _tell(f"error: {error}")
            ctx.exit(error.exit_code)
        except (KeyboardInterrupt, click.Abort):
            continues = (
                "; the same command continues where it stopped" if ctx.invoked_subcommand == "run" else ""
            )
            _tell(f"interrupted{continues}")
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            # Whoever read this has read enough (`| head`). What is left has nowhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except OSError as error:
            if error.filename is None:
                self._end_unforeseen(ctx, error)
            # A path of the user's that the system refuses: too long, forbidden, on a disk that is gone.
            _tell(f"error: {excerpt(str(error.filename))}: {reason(error)}")
            ctx.exit(1)
        except click.ClickException as error:
            object.__setattr__(error, "message", printable(in_plain_words(error.message)))
            raise
        except click.exceptions.Exit:
            raise
        except Exception as error:
            self._end_unforeseen(ctx, error)

    def _end_unforeseen(self, ctx: click.Context, error: Exception) -> NoReturn:
        _tell(
            f"error: {type(error).__name__}: {error}\n"
            "This was not foreseen. Type the same command with -vv for the traceback, and report it."
        )
        ctx.exit(1)


def _no_command(typed: str, commands: list[str]) -> str:
    told, path = f"{typed!r} is no command", Path(typed)
    if path.suffix == ".toml":
        there = path.is_file()
        return f"{told}, but a configuration: udasa {'run' if there else 'init'} {shlex.quote(typed)}"
    if path.suffix in (".jsonl", ".json", ".csv", ".tsv", ".txt", ".parquet"):
        source = shlex.quote(f"file:{typed}")
        return f"{told}. To align a model on these prompts: udasa init --prompts {source}"
    if (path / "manifest.json").is_file():
        return f"{told}, but a run: udasa show {shlex.quote(typed)}"
    if typed in _ELSEWHERE:
        return f"{told}; write udasa {_ELSEWHERE[typed]}"
    return f"{told}; {did_you_mean(typed, commands, 'commands')}"


@cache
def _offered() -> dict[str, EntryPoint]:
    """Return the offered subcommands' entry points by name; the first distribution found wins."""
    from udasa_core.plugins.catalog import COMMANDS
    from udasa_core.plugins.entry_points import entry_points

    found = [one for one in entry_points(COMMANDS) if one.group == COMMANDS]
    return {one.name: one for one in reversed(found)}


def _raising(name: str, told: str) -> Callable[[], None]:
    def command() -> None:
        raise UdasaError(f"the subcommand {name} cannot be imported: {told}")

    return command


def say(text: object, *, err: bool = False) -> None:
    """Print a text; what a terminal would act on is written out, wherever it came from."""
    click.echo(printable(str(text)), err=err)


def _tell(text: str) -> None:
    """Tell of the error that is being handled on stderr; its traceback goes to the log."""
    import logging

    say(text, err=True)
    logging.getLogger("udasa").debug("traceback:", exc_info=True)
