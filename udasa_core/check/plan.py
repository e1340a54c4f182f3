"""What `udasa check` prints of a configuration: the stack, and the plan step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from udasa_core.config.parse import PluginTable, RunConfig
from udasa_core.config.transitions import GateTable
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.stack import stage_names, takes_any_prompt
from udasa_core.report.table import Table


def stack_table(config: RunConfig, catalog: Catalog) -> Table:
    """Return every selected plugin: kind, instance name, which plugin it is, and who offers it."""
    rows = []
    for table in config.plugins():
        offer = catalog.find(table.kind, table.use)
        kind = table.path if table.kind == "trainer" else table.kind
        rows.append((kind, table.name, offer.name, f"{offer.distribution} {offer.version}".strip()))
    return Table("Stack", ("kind", "name", "plugin", "distribution"), rows)


def plan_table(config: RunConfig, catalog: Catalog) -> Table:
    """Return the steps in order, with what each does under this configuration."""
    stages = stage_names(config, catalog)
    anew = takes_any_prompt(config, catalog)
    rows = [(place, name, what) for place, (name, what) in enumerate(_steps(config, stages, anew), 1)]
    return Table("Plan", ("", "step", "what it does"), rows)


def _steps(config: RunConfig, stages: Sequence[str] | None, anew: bool) -> Iterator[tuple[str, str]]:
    """anew: whether responses are sampled, and not recorded."""
    run = config.run
    yield (
        "read prompts",
        f"{config.prompts.source}; {run.held_out:.0%} held out, in shards of {run.shard_size}",
    )
    yield "sample", _sampled(config) if anew else _recorded(config)
    weighted = ", ".join(f"{dimension.name} (weight {dimension.weight:g})" for dimension in config.dimensions)
    yield "score", f"how uncertain each response is: {weighted}"
    yield "fit calibration", f"{config.calibration.name}, to the training responses; then frozen"
    yield "aggregate", f"{config.aggregation.name} of the calibrated dimensions: U for each response"
    if config.controls.source:
        asked = f"{'sample and score' if anew else 'score'} control prompts ({config.controls.source})"
        only = '; those without a recorded response are not asked; to ask none: [controls] source = ""'
        yield "check controls", f"{asked}: who is unsure of these?{'' if anew else only}"
    yield "pair", f"{config.pairing.name}: a chosen over a rejected response"
    into = f"stages, trained in this order: {', '.join(stages)}" if stages else "stages, in training order"
    if stages and len(stages) == 1:
        into = f"one stage, {stages[0]}"
    yield "stage", f"{config.stages.name}: pairs into {into}"
    yield "train", _training(config)
    if suites := ", ".join(suite.name for suite in config.suites):
        yield "run suites", f"on the base, and on each stage's policy as soon as it is trained: {suites}"
    held = "sample the held-out prompts" if anew else "read the held-out prompts' recorded responses"
    watched = [f"{held} under its policy"] if config.watches_prompts else []
    watched += ["have it read the earlier stages' pairs"] if config.watches_pairs else []
    if watched:
        yield "after each stage", "; ".join(watched)
    if config.gates:
        yield "gates", "; ".join(map(_gate, config.gates))
    if run.held_out:
        scored = "sample and score the held-out prompts" if anew else held
        yield "measure", f"{scored}, before and after training"
        yield "guard", _guarded(config)
    yield "evaluate", "compare before with after"
    if config.rounds.count > 1:
        yield "rounds", _rounds(config)


def _sampled(config: RunConfig) -> str:
    sampling = config.sampling
    return (
        f"{sampling.responses} responses a prompt from {config.model.source} at temperature "
        f"{sampling.temperature:g}, at most {sampling.max_new_tokens} tokens"
        f"{f' after {sampling.thinking_tokens} of thought' if sampling.thinking_tokens else ''}"
        f"{f'; {config.voters} more that they are compared with' if config.voters else ''}"
    )


def _recorded(config: RunConfig) -> str:
    more = f"; {config.voters} recorded voters that they are compared with" if config.voters else ""
    return (
        f"nothing: up to {config.sampling.responses} recorded responses a prompt, read by "
        f"{config.model.source}{more}"
    )


def _gate(gate: GateTable) -> str:
    against = "the base" if gate.against == "base" else "the stage before"
    return f"{gate.figure}, if surely worse than {against} by {gate.max_drop:g}: {gate.action}"


def _guarded(config: RunConfig) -> str:
    guard = config.guard
    when = "each stage" if config.watches_prompts else "training"
    return (
        f"after {when}, beside the base: majority flips {guard.flips:g}, single cluster "
        f"{guard.single_cluster:g}, entropy {guard.entropy:g}: {guard.action}"
    )


def _rounds(config: RunConfig) -> str:
    until = f", as long as {config.rounds.until} surely gains" if config.rounds.until else ""
    return f"all of this up to {config.rounds.count} times{until}; the trained policy samples anew"


def _training(config: RunConfig) -> str:
    told = f"{config.trainer.name}, stage by stage, against reference {config.training.reference!r}"
    if config.training.replay:
        told = f"{told}, replaying {config.training.replay:.0%} of the earlier stages' pairs"
    if config.train.launcher != "none":
        ranks = config.train.processes * config.train.nodes
        told = f"{told}, by {ranks} process{'es' if ranks > 1 else ''} that {config.train.launcher} starts"
    own = "; ".join(_stage(name, table, config) for name, table in config.stage_trainers.items())
    return f"{told}; {own}" if own else told


def _stage(name: str, table: PluginTable, config: RunConfig) -> str:
    default = config.trainer
    usual, core = config.training.model_dump(), config.training_of(name).model_dump()
    changed = {key: value for key, value in core.items() if usual[key] != value}
    changed |= {key: value for key, value in table.options.items() if default.options.get(key) != value}
    options = ", ".join(f"{key} = {value!r}" for key, value in changed.items())
    trainer = f" by {table.name}" if table.use != default.use else ""
    return f"{name}{trainer}{f' with {options}' if options else ''}"
