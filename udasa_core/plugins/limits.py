"""How a suite's options hold it to fewer questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from udasa_core.errors import PluginError


def limits(suite: str, options: Any, items: int) -> dict[str, int]:
    """Return the options, by name, that hold a suite to about `items` questions; a lower limit of its own
    stays. {} where nothing limits it.

    Raises PluginError where `limited` of the options answers anything but counts (≥ 1) of options that exist.
    """
    asked = getattr(options, "limited", None)
    answer: Any = asked(items) if asked is not None else {}
    fields = type(options).model_fields
    if not isinstance(answer, Mapping) or not all(
        key in fields and isinstance(most, int) and not isinstance(most, bool) and most > 0
        for key, most in answer.items()
    ):
        raise PluginError(
            f"suite {suite} broke the contract of limited: it returned {answer!r}; that is a mapping of "
            'names of its options to counts, such as {"limit": 7}'
        )
    return {
        # None, and in some suites 0 or less, means all.
        key: min(most, own) if isinstance(own := getattr(options, key), int) and own > 0 else most
        for key, most in answer.items()
    }
