"""What pairing strategies and stage policies returned: pairs, and the stages that they are trained in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.contract import is_sequence, is_texts
from udasa_core.plugins.returned.breach import breach, check_members, check_text
from udasa_core.records import Abstain, Group, Pair, Pairing, PairTable, Scores, StagePlan, Unpaired
from udasa_core.text.printable import excerpt

# Floating-point slack between a gap and the difference that it is.
_ROUNDING = 1e-9


def check_pairing(
    plugin: BuiltPlugin, groups: Sequence[Group], scores: Sequence[Scores], answer: Any
) -> Pairing:
    """Pairs of the shard's own, scored responses; every prompt in a pair or unpaired with a reason."""
    hook = "udasa_pair"
    if not isinstance(answer, Pairing):
        breach(plugin, hook, type(answer).__name__, "it returns a Pairing")
    check_members(plugin, hook, answer.pairs, Pair)
    check_members(plugin, hook, answer.unpaired, Unpaired)
    check_text(plugin, hook, *(one.reason for one in answer.unpaired), *(one.origin for one in answer.pairs))
    asked = {group.prompt.id for group in groups}
    seen = set()
    # By content, since a pair carries its responses: every U that a response with these tokens was given.
    U: dict[tuple[str, tuple[int, ...]], set[float]] = {}
    for group, one in zip(groups, scores, strict=True):
        for response, score in zip(group.responses, one.U, strict=True):
            given = U.setdefault((group.prompt.id, response.token_ids), set())
            given |= set() if isinstance(score, Abstain) else {score}
    made: set[str] = set()
    for pair in answer.pairs:
        prompt = pair.prompt.id
        if pair.id in made:
            breach(plugin, hook, f"pair {pair.id} of prompt {prompt} twice", "a pair is made once")
        made.add(pair.id)
        if prompt not in asked:
            breach(plugin, hook, f"a pair of prompt {prompt}", "that prompt is not in this shard")
        for side, told in ((pair.chosen, pair.chosen_U), (pair.rejected, pair.rejected_U)):
            # A side from elsewhere (a revision) is legal, and has no U.
            given = U.get((prompt, side.token_ids), {float("nan")})
            if not given:
                breach(plugin, hook, f"an unscored response of prompt {prompt}", "it is never paired")
            if told is not None and told not in given:
                breach(plugin, hook, f"U {told} for a side of prompt {prompt}", "U is what was aggregated")
        if pair.gap is not None and (
            pair.chosen_U is None
            or pair.rejected_U is None
            or abs(pair.gap - (pair.rejected_U - pair.chosen_U)) > _ROUNDING
        ):
            breach(plugin, hook, f"gap {pair.gap} for prompt {prompt}", "it is U(rejected) − U(chosen)")
        seen.add(prompt)
    seen |= {one.prompt_id for one in answer.unpaired}
    if asked - seen:
        breach(
            plugin, hook, f"nothing for prompt {min(asked - seen)}", "each prompt is in a pair, or is refused"
        )
    return answer


def check_plan(plugin: BuiltPlugin, pairs: PairTable, answer: Any) -> StagePlan:
    """Uniquely named stages; each pair in at most one, and every other one dropped with a reason."""
    import numpy as np

    hook = "udasa_stage"
    if not isinstance(answer, StagePlan):
        breach(plugin, hook, type(answer).__name__, "it returns a StagePlan")
    if not isinstance(answer.stages, Mapping) or not all(map(is_texts, answer.stages.values())):
        breach(plugin, hook, f"stages {excerpt(answer.stages)}", "each stage's name maps to ids of pairs")
    if not all(isinstance(name, str) and name for name in answer.stages):
        breach(plugin, hook, f"stages {list(answer.stages)}", "a stage has a name")
    dropped = answer.dropped
    if not is_sequence(dropped) or not all(is_texts(one) and len(one) == 2 for one in dropped):
        breach(plugin, hook, f"dropped {excerpt(dropped)}", "each is the id of a pair, and a reason")
    check_text(plugin, hook, *answer.stages, *(reason for _, reason in dropped))
    lots: list[Sequence[str]] = [*answer.stages.values(), [identity for identity, _ in dropped]]
    strange = next((one for lot in lots for one in lot if not one.isascii()), None)
    if strange is not None:
        breach(plugin, hook, f"pair {excerpt(strange)}", "there is no such pair")
    # 16 bytes a pair: sets of a million texts would take a hundred.
    placed = np.concatenate([np.asarray(lot, dtype="S") for lot in lots])
    placed.sort()
    if np.array_equal(placed, np.sort(np.asarray(pairs.ids, dtype="S"))):
        return answer
    counts, known = Counter(one for lot in lots for one in lot), set(pairs.ids)
    for identity, count in counts.items():
        if identity not in known:
            breach(plugin, hook, f"pair {identity}", "there is no such pair")
        if count > 1:
            breach(plugin, hook, f"pair {identity} {count} times", "each pair is in at most one stage")
    missing = min(known - counts.keys())
    breach(plugin, hook, f"no word of pair {missing}", "it is in a stage or dropped")
