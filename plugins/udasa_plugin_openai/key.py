"""The key of a server: read from the environment when it is needed, and shown to nobody else."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import lru_cache

from udasa_core import UdasaError
from udasa_plugin_openai.spellings import spelled

REDACTED = "<key>"
# Local servers want any key at all ("x", "EMPTY"): what is this short is a word that answers may hold.
_SECRET_FROM = 8
# A pattern takes a millisecond to make, and a session has a key or two.
_spelled = lru_cache(maxsize=8)(spelled)


class Key:
    """The key in an environment variable; `variable` is its name, "" for no key.

    The key stays inside: neither `repr`, nor an error, nor a pickled object shows it.
    """

    def __init__(self, variable: str) -> None:
        self._variable = variable

    def headers(self) -> dict[str, str]:
        """Return the request's header with the key, none where no variable is named.

        Raises UdasaError, without the key, where the variable is not set or cannot be sent.
        """
        key = self._read()
        if not self._variable:
            return {}
        if not key:
            raise UdasaError(
                f"api_key_env names {self._variable}, which is not set here: "
                f"export {self._variable}=…, or leave api_key_env out where the server wants no key"
            )
        # The standard library would repeat such a key in its error.
        if not key.isascii() or not key.isprintable():
            raise UdasaError(
                f"the key in {self._variable} holds a character that no header can: set it again, as it was "
                "given to you"
            )
        return {"Authorization": f"Bearer {key}"}

    def redact(self, text: str) -> str:
        """Return a text that a server sent, the key blotted out wherever it stands, however it is written."""
        key = self._read()
        if len(key) < _SECRET_FROM:
            return text
        return _spelled(key).sub(REDACTED, text)

    def _read(self) -> str:
        return os.environ.get(self._variable, "").strip() if self._variable else ""


@dataclass(frozen=True)
class WithoutKey:
    """A filter of log records that blots the key in a variable out of what a library logs."""

    variable: str

    def filter(self, record: logging.LogRecord) -> bool:
        """Take every record, without the key."""
        record.msg, record.args = Key(self.variable).redact(record.getMessage()), ()
        if record.exc_info:
            # A traceback ends in words that nobody has read.
            record.exc_info, record.exc_text = None, None
        return True
