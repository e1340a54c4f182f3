"""Which systems udasa runs on: Linux and macOS. Windows is refused before anything is begun."""

from __future__ import annotations

import sys

from udasa_core.errors import UsageError


def refuse_windows() -> None:
    """Raise UsageError on Windows.

    It opens no folder to bring it to the disk, renames nothing over an open file, and has no process groups
    to end: a run would stop at its first file.
    """
    if sys.platform == "win32":
        raise UsageError(
            "udasa does not run on Windows, where files cannot be written as it writes them; it is made for "
            "Linux and macOS, and WSL is Linux"
        )
