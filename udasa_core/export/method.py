"""What the model card tells of how a model was made: who said the responses, and in which order pairs were
trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from udasa_core.export.places import Places
from udasa_core.export.terms import named_voices
from udasa_core.report.written import share
from udasa_core.store.runs import Run


def method(run: Run, base: str, figures: Mapping[str, Any], places: Places) -> tuple[str, str]:
    """Return the title, and what was done: by whom the pairs were made shows in any of them."""
    pair = next((pair for _, pair in run.pairs()), None)
    said = (
        f"Several responses to each prompt were {_said_by(run, places)} and scored for how uncertain each "
        "one is, in the dimensions below."
    )
    staged = _staged(run, figures)
    if pair is None or pair.gap is not None:
        paired = "The most reliable response was preferred to a less reliable one."
        return f"# {base}, aligned with its own uncertainty", f"{said} {paired} {staged}"
    paired = (
        "The pairs that were trained on were not made by that uncertainty, but by the strategy "
        f"`{pair.origin}`."
    )
    return f"# {base}, trained on pairs of its responses", f"{said} {paired} {staged}"


def _said_by(run: Run, places: Places) -> str:
    """Say where responses are from. A generator that names a server or a source is not known to be the base:
    responses may be another model's."""
    table, rounds = run.manifest.plain["config"].get("generator", {}), len(run.rounds())
    name = table.get("use", "")
    voice = next(named_voices(table), {})
    if voice:
        model = voice.get("model") or voice.get("source")
        called = f" `{places.source(model)}`" if model else ""
        kind = f"asked of a server's model{called}" if "base_url" in voice else f"taken from{called}"
        kind = f"{kind} by the generator `{name}` (they may be another model's than the base's)"
        return f"{kind}, in each of {rounds} rounds," if rounds > 1 else f"{kind},"
    if rounds > 1:
        return (
            f"sampled in each of {rounds} rounds, at first from the base model, then from the model trained"
        )
    return "sampled from the base model"


def _staged(run: Run, figures: Mapping[str, Any]) -> str:
    """Say by which policy pairs came into which stages, in the order of training; "from clear to doubtful"
    where the mean gap falls from stage to stage."""
    rows = {row["stage"]: row for row in figures["pairs"]["stages"]}
    trained = [stage for stage in run.stages() if stage.trained and not stage.rolled_back]
    if not trained:
        return "Nothing of them is in this model."
    policy = run.manifest.plain["config"].get("stages", {}).get("use", "")
    names = ", ".join(f"`{stage.label}`" for stage in trained)
    by = f"by the policy `{policy}`"
    if len(trained) == 1:
        return f"They were trained on in one stage, {names}, {by}."
    of_rounds = [
        [rows[stage.label]["gap"]["mean"] for stage in stages]
        for _, stages in groupby(trained, key=lambda stage: stage.round)
    ]
    told = ", from clear preferences to doubtful ones" if all(map(_falls, of_rounds)) else ""
    return f"They were trained on in {len(trained)} stages, {by}: {names}{told}."


def _falls(gaps: Sequence[float | None]) -> bool:
    known = [gap for gap in gaps if gap is not None]
    return len(known) == len(gaps) > 1 and all(before > after for before, after in pairwise(known))


def warnings_of(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield what speaks against trusting the model, without what its maker could do about it."""
    responses = figures["responses"]
    if responses and responses["truncated"]:
        cut, count = responses["truncated"], responses["tokens"]["n"]
        yield (
            f"{cut} of {count} responses to training prompts ({cut / count:.1%}) were cut off at "
            f"{responses['max_new_tokens']} tokens"
        )
    agreement = figures["agreement"]
    if agreement and agreement["above"] and not agreement["fall_back"]:
        yield (
            f"in {share(agreement['rate'])} of the prompts all responses give one answer; such prompts were "
            "ordered by the words of their responses alone"
        )
    for row in figures["controls"]:
        if row["tripped"]:
            yield (
                f"the dimension `{row['name']}` is MISCALIBRATED: it is surely not below the bound on "
                "prompts of which nobody can be unsure, so it measures something else than uncertainty"
            )
    yield from figures["remarks"]
