"""Step `score`: groups → columns. Each dimension scores every response, a shard at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from udasa_core import doors
from udasa_core.errors import PluginError
from udasa_core.job import Job
from udasa_core.records import Group
from udasa_core.stack import Plugin
from udasa_core.store import INFERENCE, Shards, versions
from udasa_core.tables import column_table, groups_from


def score(job: Job, groups: Shards) -> dict[str, Shards]:
    """Return each dimension's columns, by instance name: one shard for each shard of groups."""
    # Dimension by dimension, so that the models of one need not make way for another's at every shard.
    return {plugin.name: _score(job, plugin, groups) for plugin in job.stack.dimensions}


def _score(job: Job, plugin: Plugin, groups: Shards) -> Shards:
    ingredients = {"dimension": job.identity(plugin), "software": versions(*INFERENCE)}
    payloads = [
        {
            "dimension": plugin.name,
            "groups": key,
            "seed": (seed := job.seed("score", groups.split, number)),
            "output": job.fingerprint("score", {**ingredients, "seed": seed, "groups": key}),
        }
        for number, key in enumerate(groups.fingerprints)
    ]
    return job.map("score", groups, payloads, by=plugin.name)


def work(job: Job, payload: Mapping[str, Any]) -> None:
    """Score one shard in one dimension."""
    groups = groups_from(job.store.read_table("sample", payload["groups"]))
    plugin = next(one for one in job.stack.dimensions if one.name == payload["dimension"])
    try:
        answer = job.stack.call(plugin, "udasa_score", groups=groups, seed=payload["seed"])
    except PluginError:
        _blame(job, plugin, groups, payload["seed"])
        raise
    column = doors.check_column(plugin, groups, answer)
    job.store.write_table("score", payload["output"], column_table(column))


def _blame(job: Job, plugin: Plugin, groups: Sequence[Group], seed: int) -> None:
    """Ask again, a prompt at a time, so that the error names the prompt that it is about."""
    for group in groups:
        job.stack.call(plugin, "udasa_score", groups=(group,), seed=seed)
