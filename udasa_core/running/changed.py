"""In what a configuration differs from the one that a run was made by before, in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from udasa_core.report.run_list import settings

# Tables that ask or watch the policies that are made, and shape none of them.
_WATCHING = ("suite", "judge", "observer")
_SHOWN = 5


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say in what two plain configurations differ, and what comes of it: nothing that was made is in the way
    of tables that only watch; anything else replaces what was made before."""
    old, new = dict(settings(before)), dict(settings(now))
    differing = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    added = dict.fromkeys(_table(key, now) for key in differing)
    known = {_table(key, before) for key in old}
    is_watching = all(key not in old and key.partition(".")[0] in _WATCHING for key in differing)
    if differing and is_watching and known.isdisjoint(added):
        return (
            f"goes on with what is new in its configuration, {_listed(list(added))}: what was made is taken "
            "over, only what is new is done, and no other run.name is needed"
        )
    told = [f"{key} ({_value(old, key)} → {_value(new, key)})" for key in differing]
    return (
        f"was made by another configuration, which this one replaces. What differs: {_listed(told)}. What "
        "only that one used is removed by the next `udasa clean`; another run.name keeps both"
    )


def _table(key: str, plain: Mapping[str, Any]) -> str:
    """Return the table of a key as a TOML heads it, an array's with its member's name."""
    head, _, rest = key.partition(".")
    if not isinstance(plain.get(head), list):
        return f"[{head}]"
    # A name may hold dots.
    names = [str(one.get("name", one.get("use", ""))) for one in plain[head]]
    return f"[[{head}]] {max((name for name in names if rest.startswith(f'{name}.')), key=len, default=rest)}"


def _value(values: Mapping[str, str], key: str) -> str:
    return values.get(key, "left out")


def _listed(told: Collection[str]) -> str:
    more = f", and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return ", ".join(list(told)[:_SHOWN]) + more
