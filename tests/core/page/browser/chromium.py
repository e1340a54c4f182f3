"""Where Chromium is."""

from __future__ import annotations

import os
import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str | None:
    """Return the program that UDASA_BROWSER names, or the first that is found; None where there is none."""
    named = os.environ.get("UDASA_BROWSER")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)
