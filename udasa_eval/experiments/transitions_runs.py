"""The runs of `udasa experiment transitions`: stages as configured, and the same pairs in other orders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from udasa_core import ConfigError, Run, Steps, UdasaError
from udasa_eval.experiments.transitions_figures import ByItem, Difference, compared

SHUFFLED, REVERSED = "shuffled orders", "the reverse order"


@dataclass(frozen=True, slots=True)
class Order:
    """One order of the first round's pairs, as it was trained.

    name: of its run. stages: the labels of those that were trained, in order. pairs: how many these had.
    undone: the stages that a gate, or the guard, rolled back. label: the last one that stands.
    """

    name: str
    stages: tuple[str, ...]
    pairs: int
    undone: tuple[str, ...]
    label: str


@dataclass(frozen=True, slots=True)
class Orders:
    """What was trained and how it compares.

    run: as configured. trained: its order first, then the others. differences: by what the configured order
    is compared with, "shuffled orders" or "the reverse order". left_out: why an order was not trained.
    """

    run: Run
    trained: tuple[Order, ...]
    differences: Mapping[str, Sequence[Difference]]
    left_out: tuple[str, ...]


def measure_orders(config: Mapping[str, Any], steps: Steps, *, shuffles: int, reverse: bool) -> Orders:
    """Train a configuration, measuring every stage; and its first round's pairs in other orders.

    Raises what training raises.
    """
    watched = {**config, "transitions": {**config.get("transitions", {}), "measure": True}}
    run = steps.align(watched, "configured")
    first = order_of(run)
    if len(first.stages) < 2:
        return Orders(run, (first,), {}, (f"{len(first.stages)} stage was trained: there is no order",))
    # Later rounds have pairs of their own, so the first one's are compared.
    once = {key: value for key, value in watched.items() if key != "rounds"}
    trained, left_out = [first], []
    figures: dict[str, list[Mapping[str, ByItem]]] = {}
    for kind, name, stages in _others(config, run, shuffles, reverse):
        try:
            other = steps.align({**once, "stages": stages}, name)
        except ConfigError as error:
            told = "; ".join(fault.message for fault in error.faults)
            left_out.append(f"{kind}: the stage policy {stages.get('of', stages['use'])} has none ({told})")
            continue
        order = order_of(other)
        if kind == REVERSED and order.stages == first.stages:
            left_out.append(f"{kind}: the stage policy {stages['use']} sets its own")
            continue
        trained.append(order)
        figures.setdefault(kind, []).append(figures_of(other, order.label))
    ours = figures_of(run, first.label)
    differences = {kind: compared(ours, others, config) for kind, others in figures.items()}
    return Orders(run, tuple(trained), differences, tuple(dict.fromkeys(left_out)))


def _others(
    config: Mapping[str, Any], run: Run, shuffles: int, reverse: bool
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each other order: what it is compared as, its run's name, its [stages]."""
    stages = dict(config.get("stages", {}))
    if reverse:
        names = [str(one["name"]) for one in run.staging()["stages"]]
        yield REVERSED, "reversed-order", {**stages, "order": names[::-1]}
    own = {key: value for key, value in stages.items() if key != "use"}
    for number in range(shuffles):
        dealt = {"use": "shuffled", "of": stages.get("use"), "options": own, "draw": number}
        yield SHUFFLED, f"shuffled-order-{number + 1}", dealt


def order_of(run: Run) -> Order:
    """Return the order of a run's first round. Raises UdasaError where all of its stages were rolled back."""
    stages = [stage for stage in run.stages() if stage.trained and not stage.round]
    standing = [stage.label for stage in stages if not stage.rolled_back]
    if not standing:
        raise UdasaError(
            f"every stage of {run.folder} was rolled back, so no order can be compared: have gates and guard "
            "warn, or loosen their bounds"
        )
    return Order(
        run.name,
        tuple(stage.label for stage in stages),
        sum(stage.size for stage in stages),
        tuple(stage.label for stage in stages if stage.rolled_back),
        standing[-1],
    )


def figures_of(run: Run, label: str) -> dict[str, ByItem]:
    """Return a policy's figures: of held-out prompts by prompt, of pairs by prompt, of suites by item."""
    found: dict[str, ByItem] = {
        name: values
        for name, values in run.meters(label).items()
        # How often chance flips a majority is the guard's own; and raw scores say what calibrated ones do.
        if name != "halves differ" and not name.endswith("(raw)")
    }
    moves = run.pair_moves(label)
    for place, name in enumerate(("chosen logp", "pair accuracy")):
        found[name] = {prompt: both[place] for prompt, both in moves.items()}
    for suite in run.suites():
        found |= {f"{suite} {name}": values for name, values in run.suite_items(suite, label).items()}
    return {name: values for name, values in found.items() if values}
