"""Where log lines go: to stderr as -v asks, and to a file with times."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from pathlib import Path

from udasa_core.errors import ConfigError, Fault, reason
from udasa_core.text.printable import printable

LOGGER = "udasa"
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class _Printable(logging.Formatter):
    """Lines without what a terminal would act on: prompts' ids, servers' words and exceptions are in them."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


class _Indented(_Printable):
    """The same, further lines indented: what begins a line of the file is a time, and no text's own."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\n    ")


class _Terminal(logging.StreamHandler):  # type: ignore[type-arg]  # generic in the stubs alone
    """Lines to whatever sys.stderr is at the time: bars that are being drawn take its place."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _File(logging.FileHandler):
    """Lines to the file of --log-file. Where no more can be written, that is told once."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)  # a fault of ours
        elif self in logging.getLogger(LOGGER).handlers:
            logging.getLogger(LOGGER).removeHandler(self)
            sys.stderr.write(f"warning: the log file ends here: {error.strerror}\n")

    def close(self) -> None:
        with suppress(OSError):
            super().close()


def configure(verbosity: int, file: Path | None) -> None:
    """Send the lines of the logger "udasa" to stderr: warnings, from -v on INFO, from -vv on DEBUG.

    file: everything from DEBUG on, with times. Raises ConfigError where it cannot be written.
    """
    logger = logging.getLogger(LOGGER)
    for handler in [handler for handler in logger.handlers if isinstance(handler, _Terminal | _File)]:
        logger.removeHandler(handler)
        handler.close()
    terminal = _Terminal()
    terminal.setLevel(_LEVELS[min(verbosity, len(_LEVELS) - 1)])
    terminal.setFormatter(_Printable("%(message)s"))
    logger.addHandler(terminal)
    if file is not None:
        try:
            written = _File(file, encoding="utf-8")
        except OSError as error:
            fault = Fault("--log-file", f"{file} cannot be written: {reason(error)}")
            raise ConfigError([fault], "command line") from error
        written.setLevel(logging.DEBUG)
        written.setFormatter(_Indented("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(written)
    logger.setLevel(logging.DEBUG if file is not None else terminal.level)
