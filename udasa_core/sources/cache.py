"""Where the user's cache lies: $XDG_CACHE_HOME/udasa, or ~/.cache/udasa where that is not set.

Everything in it can be deleted at any time between runs: it is fetched or made again.
"""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """Return the cache's folder; it need not exist yet."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says to ignore a relative path.
    base = Path(configured) if configured.startswith("/") else Path("~/.cache").expanduser()
    return base / "udasa"
