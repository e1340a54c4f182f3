"""Step `gate`: what a stage did → which gates tripped, with the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from udasa_core.config.transitions import GateTable, better_of
from udasa_core.job.job import Job
from udasa_core.store.decisions import Decision, of_move
from udasa_core.store.moves import Move
from udasa_core.store.output import Output
from udasa_core.store.store import StagedPairs


def decide(
    job: Job,
    staged: StagedPairs,
    was: str,
    moves: Mapping[str, Sequence[Move]],
    gates: Sequence[GateTable],
) -> tuple[Decision, ...]:
    """Return each gate's decision on a stage.

    was: the label of the policy before it. moves: of its policy, against "previous" and "base".
    """

    def make(key: str) -> None:
        found = [_decision(gate, moves[gate.against]).to_json() for gate in gates]
        job.store.write_json("gate", key, {"stage": staged.label, "was": was, "decisions": found})

    ingredients = {
        "gates": [gate.model_dump(mode="json") for gate in gates],
        "moves": {against: [move.to_json() for move in some] for against, some in moves.items()},
        "stage": staged.label,
        "was": was,
    }
    output = Output("gate", round=staged.round, instance=staged.label)
    key = job.outputs.once(output, f"gates after {staged.label}", ingredients, make)
    return tuple(map(Decision.from_json, job.store.read_json("gate", key)["decisions"]))


def _decision(gate: GateTable, moves: Sequence[Move]) -> Decision:
    move = next((one for one in moves if one.name == gate.figure), None)
    is_fall = better_of(gate.figure, gate.better) == "higher"
    return of_move("gate", gate.figure, gate.against, move, gate.max_drop, gate.action, is_fall=is_fall)
