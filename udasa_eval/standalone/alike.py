"""Whether two measurements may be compared: the same data, options, judge, and way of sampling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from udasa_core import Run, names_source

# What may differ between two measurements that are compared: the items that both have count.
_MAY_DIFFER = ("limit", "texts_limit", "prompts_limit", "per_category", "repeats", "max_unparsed")
# How a generator goes about it, not what it says.
_HOW = ("prompts_per_batch",)


def unlikeness(suite: str, one: Run, other: Run) -> str:
    """Return why two runs' measurements by a suite cannot be compared; "" where they can.

    Some suites' fingerprints hold the base, so with other bases they tell nothing of the data: see `doubts`.
    """
    ours, theirs = _plugin(one, "suite", suite), _plugin(other, "suite", suite)
    unlike = list(_unlike(ours, theirs, _MAY_DIFFER))
    if unlike:
        return f"the suite's {', '.join(unlike)} differ"
    if _told(ours, "fingerprint") != _told(theirs, "fingerprint") and _base(one) == _base(other):
        return "the data that the suite read are not the same"
    if not (_is_judged(one, suite) or _is_judged(other, suite)):
        return ""
    ours, theirs = _plugin(one, "judge"), _plugin(other, "judge")
    given = _reads_grades(ours) and _reads_grades(theirs)
    unlike = list(_unlike(ours, theirs, (*_MAY_DIFFER, *(("source",) if given else ()))))
    if unlike:
        return f"the judge's {', '.join(unlike)} differ"
    if _told(ours, "fingerprint") != _told(theirs, "fingerprint") and not given:
        return "the judges are not the same"
    return ""


def doubts(suite: str, one: Run, other: Run) -> Iterator[str]:
    """Yield what does not forbid a comparison and may explain a difference."""
    ours, theirs = _plugin(one, "suite", suite), _plugin(other, "suite", suite)
    if _told(ours, "fingerprint") != _told(theirs, "fingerprint"):
        yield "the data that the suite read, or the base that it compares with, are not the same"
    if _told(ours, "source") != _told(theirs, "source"):
        yield "the suite's program is not the same"
    ours, theirs = _plugin(one, "judge"), _plugin(other, "judge")
    if _is_judged(one, suite) and _told(ours, "fingerprint") != _told(theirs, "fingerprint"):
        yield "the grades come from other files, or from a file that has changed: were they given alike?"
    unlike = list(_unlike(_plugin(one, "generator"), _plugin(other, "generator"), _HOW))
    if unlike:
        yield f"the generators' {', '.join(unlike)} differ"


def _is_judged(run: Run, suite: str) -> bool:
    return any(row["name"] == "unparsed" for row in run.suites().get(suite, ()))


def _plugin(run: Run, kind: str, suite: str = "") -> Mapping[str, Any]:
    """Return the manifest's row of a suite, or of the run's judge or generator."""
    for one in run.manifest.plain["plugins"]:
        if one["kind"] == kind and (kind != "suite" or one["name"] == suite):
            row: Mapping[str, Any] = one
            return row
    return {}


def _unlike(ours: Mapping[str, Any], theirs: Mapping[str, Any], but: tuple[str, ...]) -> Iterator[str]:
    """Yield what differs between two plugins: which plugin it is, and each option but those named."""
    for key in ("plugin", "distribution"):
        if _told(ours, key) != _told(theirs, key):
            yield f"{key} ({_told(ours, key)!r} and {_told(theirs, key)!r})"
    digest = _told(ours, "fingerprint")
    same_data = digest != "" and digest == _told(theirs, "fingerprint")
    our_options, their_options = ours.get("options", {}), theirs.get("options", {})
    for key in sorted((our_options.keys() | their_options.keys()) - set(but)):
        here, there = our_options.get(key), their_options.get(key)
        only_named = key == "file" or (_names_data(here) and _names_data(there))
        if here != there and not (same_data and only_named):
            yield f"{key} ({here!r} and {there!r})"


def _reads_grades(judge: Mapping[str, Any]) -> bool:
    """Whether a judge reads grades that were given elsewhere, in a file: each model has its own."""
    return str(judge.get("options", {}).get("source", "")).startswith("file:")


def _names_data(value: Any) -> bool:
    """Whether a value is a source: only a name. What lies there is in the plugin's fingerprint."""
    return isinstance(value, str) and names_source(value)


def _told(plugin: Mapping[str, Any], key: str) -> str:
    return str(plugin.get(key, ""))


def _base(run: Run) -> Any:
    return run.manifest.plain["models"]["base"]
