"""Step `score`: groups → columns. Each dimension scores every response, a shard at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from udasa_core.errors import PluginError
from udasa_core.job.job import Job
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.registry import Registry
from udasa_core.plugins.returned.scores import check_column
from udasa_core.records import Abstain, Column, Group
from udasa_core.store.store import INFERENCE, Shards, versions
from udasa_core.store.tables import column_table, read_groups

# In place of a score.
UNANSWERED = Abstain("the response was cut off while it thought, and answers nothing")
# What a dimension may ask whose answers are outputs of their own.
_ASKED = {"generator", "judge"}


def score(job: Job, groups: Shards) -> dict[str, Shards]:
    """Return each dimension's columns, by instance name: one shard for each shard of groups.

    All dimensions score a shard before the next one comes, so that what one of them had a model read is still
    at hand for the others. Those that ask the reader go afterwards, by themselves: its model is large.
    """
    columns = {plugin.name: _shards(job, plugin, groups) for plugin in job.stack.dimensions}
    for by, asking in (("", False), ("reader", True)):
        plugins = [one for one in job.stack.dimensions if ("reader" in one.needs) is asking]
        payloads = [
            {
                "groups": key,
                "voters": groups.blocks(number),
                "seed": job.seed("score", groups.split, groups.number(number), *groups.fresh),
                "outputs": {one.name: columns[one.name].fingerprints[number] for one in plugins},
            }
            for number, key in enumerate(groups.fingerprints)
        ]
        if plugins:
            job.make(" ".join(filter(None, ("score", by, str(groups)))), "score", payloads)
    for plugin in job.stack.dimensions:
        if not _ASKED.isdisjoint(plugin.needs):
            job.outputs.point_at_asked("score", columns[plugin.name].fingerprints)
    return columns


def _shards(job: Job, plugin: BuiltPlugin, groups: Shards) -> Shards:
    """Return where a dimension's columns are to lie, and have the manifest point there."""
    ingredients = {"dimension": job.identity(plugin), "software": versions(*INFERENCE)}
    fingerprints = tuple(
        job.fingerprint(
            "score",
            {
                **ingredients,
                "seed": job.seed("score", groups.split, groups.number(number), *groups.fresh),
                "groups": key,
                "voters": groups.blocks(number),
            },
        )
        for number, key in enumerate(groups.fingerprints)
    )
    shards = replace(groups, step="score", fingerprints=fingerprints, voters=())
    job.outputs.point(shards.output(plugin.name), f"score {plugin.name} {shards}", fingerprints)
    return shards


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Score one shard in every dimension that has not scored it yet."""
    groups = read_groups(job.store, payload["groups"], payload["voters"])
    for plugin in job.stack.dimensions:
        output = payload["outputs"].get(plugin.name)
        if output is not None and not job.store.is_whole("score", output):
            _score(job, plugin, groups, payload["seed"], output)


def _score(job: Job, plugin: BuiltPlugin, groups: Sequence[Group], seed: int, output: str) -> None:
    before = len(job.outputs.pointed)
    column = scored(job.stack, plugin, groups, seed)
    asked = job.outputs.pointed_since(before)
    job.store.write_table("score", output, column_table(column), {"asked": asked} if asked else None)


def scored(registry: Registry, plugin: BuiltPlugin, groups: Sequence[Group], seed: int) -> Column:
    """Return a dimension's checked column for some groups. Raises PluginError, which names the prompt.

    Responses and voters that were cut off while they thought are not shown to it: they answer nothing that
    could be compared. Each such response has `UNANSWERED` in place of a score.
    """
    shown = [_answering(group) for group in groups if any(one.has_answer for one in group.responses)]
    if not shown:
        return Column(plugin.name, tuple((UNANSWERED,) * len(group.responses) for group in groups))
    try:
        answer = registry.call(plugin, "udasa_score", groups=shown, seed=seed)
    except PluginError:
        # Asked again, a prompt at a time, so that the error names the prompt that it is about.
        for group in shown:
            registry.call(plugin, "udasa_score", groups=(group,), seed=seed)
        raise
    column = check_column(plugin, shown, answer)
    found = (score for scores in column.scores for score in scores)
    return Column(
        column.dimension,
        tuple(
            tuple(next(found) if one.has_answer else UNANSWERED for one in group.responses)
            for group in groups
        ),
    )


def _answering(group: Group) -> Group:
    """Return a group without the responses and voters that have no answer."""
    if all(one.has_answer for one in group.heard):
        return group
    responses, voters = (
        tuple(one for one in some if one.has_answer) for some in (group.responses, group.voters)
    )
    return replace(group, responses=responses, voters=voters)
