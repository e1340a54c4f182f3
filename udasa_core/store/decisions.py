"""What a gate, or the guard, found of a policy: evidence, bound, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from udasa_core.store.moves import Move

Verdict = Literal["tripped", "certified", "not certified", "not measured"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One figure of a policy, held against its bound.

    watch: who asks. against: "previous" or "base". before, after: the figure there, and of the policy; None
    where it was not measured. worse: by how much it became worse. low, high: the 95% interval of that, None
    where there is none. n: prompts or items. bound: what `worse` may be. action: what follows from tripping.

    It trips where the whole interval lies above the bound, so that noise does not trip it, and is certified
    where the whole interval lies within; else the data could not tell.
    """

    watch: Literal["gate", "guard"]
    figure: str
    against: str
    before: float | None
    after: float | None
    worse: float | None
    low: float | None
    high: float | None
    n: int
    bound: float
    action: str

    @property
    def verdict(self) -> Verdict:
        """What can be said."""
        if self.worse is None:
            return "not measured"
        if self.low is not None and self.low > self.bound:
            return "tripped"
        if self.high is not None and self.high <= self.bound:
            return "certified"
        return "not certified"

    @property
    def tripped(self) -> bool:
        """Whether its action is due."""
        return self.verdict == "tripped"

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Decision:
        """Rebuild a Decision."""
        return cls(**plain)


def told(decision: Decision, was: str, label: str) -> str:
    """Say in one sentence what was decided of a stage's policy. was, label: the policy before, and itself."""
    of = f"{decision.figure} after {label}, against {was if decision.against == 'previous' else 'the base'}"
    if decision.worse is None or decision.before is None or decision.after is None:
        return f"{of}: not measured"
    moved = f"{decision.before:.3f} → {decision.after:.3f}"
    if decision.low is None or decision.high is None:
        sure = f"of {decision.n} prompts or items nothing is sure"
    else:
        sure = f"worse by {decision.worse:.3f} [{decision.low:.3f}, {decision.high:.3f}]"
    due = _DUE[decision.action].format(was=was, label=label)
    ends = f"TRIPPED{due}" if decision.tripped else decision.verdict
    return f"{of}: {moved}, {sure}, bound {decision.bound:g}: {ends}"


_DUE = {
    "warn": "",
    "stop": "; the run ends, and leaves the policy of {label}; the one before it is {was}",
    "rollback": "; the run goes on from {was}",
}


def of_move(
    watch: Literal["gate", "guard"],
    figure: str,
    against: str,
    move: Move | None,
    bound: float,
    action: str,
    *,
    is_fall: bool,
) -> Decision:
    """Hold what became of a figure against its bound. is_fall: it is a fall that makes it worse."""
    if move is None:
        return Decision(watch, figure, against, None, None, None, None, None, 0, bound, action)
    low, high = move.low, move.high
    if is_fall and low is not None and high is not None:
        low, high = 0.0 - high, 0.0 - low
    worse = 0.0 - move.change if is_fall else move.change
    return Decision(watch, figure, against, move.before, move.after, worse, low, high, move.n, bound, action)
