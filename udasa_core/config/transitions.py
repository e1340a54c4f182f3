"""The tables of the TOML that watch what stages do: [transitions], [[gate]], [guard]
and [rounds]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from udasa_core.config.table import Table
from udasa_core.errors import Fault
from udasa_core.text.likeness import did_you_mean, likely
from udasa_core.text.printable import excerpt

Better = Literal["higher", "lower"]
Action = Literal["warn", "stop", "rollback"]

# Figures of the pairs of the earlier stages.
CHOSEN_LOGP, PAIR_ACCURACY = "chosen logp", "pair accuracy"
OF_PAIRS: Mapping[str, Better] = {CHOSEN_LOGP: "higher", PAIR_ACCURACY: "higher"}
# Figures of the responses to the held-out prompts, and which of their ends is better; None: nobody can say.
OF_PROMPTS: Mapping[str, Better | None] = {
    "entropy": "higher",
    "length": None,
    "truncated": "lower",
    "distinct responses": "higher",
    "abstained": "lower",
    "agreement": None,
    "single cluster": "lower",
}


class TransitionsTable(Table):
    """[transitions]: what each stage did to what the earlier ones taught, measured after each of them."""

    measure: bool = Field(
        default=False,
        description="sample the held-out prompts under every stage's policy, and have it read the pairs of "
        "the earlier stages; false: only what a gate or the guard asks for",
    )


class GateTable(Table):
    """[[gate]]: a figure that no stage may surely make worse by more than `max_drop`."""

    figure: str = Field(
        min_length=1,
        description='"SUITE FIGURE" of a [[suite]], or a meter: entropy, length, truncated, distinct '
        "responses, abstained, agreement, single cluster, chosen logp, pair accuracy",
    )
    max_drop: float = Field(
        ge=0,
        description="by how much it may become worse, in its own units; it trips where it surely did more",
    )
    better: Better | None = Field(
        default=None, description="which of its ends is better, where the figure does not say itself"
    )
    against: Literal["previous", "base"] = Field(
        default="previous", description="the policy before the stage, or the base"
    )
    action: Action = Field(
        default="warn",
        description="stop: the run ends after that stage; rollback: the next stage goes on from before it",
    )


class GuardTable(Table):
    """[guard]: signs of a policy that collapses onto fewer answers than the base, on the held-out prompts."""

    action: Action = Field(
        default="warn",
        description="as of a gate; warn looks at what each round leaves, and at the stages where these are "
        "measured anyway; stop and rollback look after each stage, and end the rounds, too",
    )
    flips: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="share of prompts whose majority answer may become another one, beyond the share in "
        "which two halves of the base's own responses differ",
    )
    single_cluster: float = Field(
        default=0.3, ge=0, le=1, description="by how much the share of prompts with one answer only may rise"
    )
    entropy: float = Field(
        default=0.5, ge=0, le=1, description="share of the base's entropy a token that may be lost"
    )
    any_of_k: str = Field(
        default="",
        description='"SUITE FIGURE": whether any of K responses is right, where a labelled suite tells; '
        "higher is better",
    )
    any_of_k_drop: float = Field(default=0.1, ge=0, description="by how much `any_of_k` may fall")


class RoundsTable(Table):
    """[rounds]: how often the policy samples anew, and is trained on what it says by then."""

    count: int = Field(default=1, ge=1, description="rounds at most")
    reference: Literal["rolled", "base"] = Field(
        default="rolled",
        description='what [trainer] reference = "base" means in a later round: rolled is the policy that the '
        "round began with, base the frozen base through all rounds",
    )
    until: str = Field(
        default="",
        description='a figure as of a gate, "SUITE FIGURE" or one of the held-out prompts: a round in which '
        "it does not surely gain is the last one",
    )
    better: Better | None = Field(
        default=None, description="which end of `until` is better, where the figure does not say itself"
    )


def better_of(figure: str, better: Better | None) -> Better:
    """Return which end of a figure is better: what was said, else what the figure says itself."""
    known = {**OF_PAIRS, **OF_PROMPTS}.get(figure)
    return better or known or "higher"


def better_end(figure: str, config: Mapping[str, Any]) -> Better | None:
    """Return which end of a figure is better: what a configuration (plain data) says of it in a [[gate]] or
    in [rounds], else what it says itself; None where nobody said.

    figure: "SUITE FIGURE", or one of the held-out prompts or of pairs, as a gate names it.
    """
    rounds, guard = config.get("rounds", {}), config.get("guard", {})
    told = [(gate.get("figure"), gate.get("better")) for gate in config.get("gate", ())]
    told += [(rounds.get("until"), rounds.get("better")), (guard.get("any_of_k"), "higher")]
    said = [better for name, better in told if name == figure and better]
    known: Better | None = {**OF_PAIRS, **OF_PROMPTS}.get(figure)
    return said[0] if said else known


def figure_faults(
    path: str, key: str, figure: str, better: Better | None, suites: Iterable[str], *, held_out: bool
) -> Iterator[Fault]:
    """Yield what is wrong with a figure that a gate, the guard or rounds go by.

    path, key: of its table, and its key there. suites: the names of those in the configuration. held_out:
    whether there are held-out prompts.
    """
    names, where = list(suites), f"{path}.{key}"
    suite, _, metric = figure.partition(" ")
    if figure == "U" or suite == "u":
        yield Fault(
            where,
            f"{figure} alone can be no gate: a falling U is what training aims at, whatever else was lost",
            f"name a suite's figure, or one of {', '.join([*OF_PROMPTS, *OF_PAIRS])}",
        )
    elif figure in OF_PAIRS or figure in OF_PROMPTS:
        if figure in OF_PROMPTS and not held_out:
            yield Fault(
                where, f"{figure} is of the held-out prompts, and there are none", "raise run.held_out"
            )
        if {**OF_PAIRS, **OF_PROMPTS}[figure] is None and better is None:
            yield _undirected(path, figure)
    elif suite in names:
        if not metric:
            yield Fault(
                where, f"names no figure of suite {suite}", f'write "{suite} FIGURE", or "{suite} score"'
            )
        elif better is None:
            yield _undirected(path, figure)
    else:
        yield Fault(where, f"nothing measures {excerpt(figure)}", _meant(figure, names))


def metric_fault(figure: str, suite: str, metrics: Sequence[str]) -> str:
    """Say what is wrong with a suite's figure, now that it is known which ones it has ("" if nothing is)."""
    metric = figure.removeprefix(f"{suite} ")
    if metric in metrics:
        return ""
    hint = did_you_mean(metric, metrics, "it has", spelled=f'"{suite} {{}}"')
    return f"suite {suite} has no figure {metric!r}; {hint}"


def _undirected(path: str, figure: str) -> Fault:
    return Fault(f"{path}.better", f"is missing: {figure} does not say itself", 'write "higher" or "lower"')


def _meant(figure: str, suites: Sequence[str]) -> str:
    suite, space, metric = figure.partition(" ")
    close = likely(figure, [*OF_PROMPTS, *OF_PAIRS])
    if (nearest := likely(suite, suites)) and space:
        close = f"{nearest} {metric}"
    if close:
        return f'did you mean "{close}"?'
    known = ", ".join([*OF_PROMPTS, *OF_PAIRS, *(f'"{name} FIGURE"' for name in suites)])
    return f"there are {known}; a suite is measured where it is a [[suite]]"
