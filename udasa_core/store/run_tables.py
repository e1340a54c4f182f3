"""A run's tables: responses, scores, prompts without a pair, and answers before and after, row by row.

Rounds count from 1, and responses of a prompt from 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from udasa_core.errors import UdasaError
from udasa_core.records import Group, Prompt, Response, Scores
from udasa_core.store.answered import (
    Shard,
    answered,
    dimensions,
    place_of,
    reason_of,
    score_cells,
    shards,
    value_of,
)
from udasa_core.store.output import BASE, HELD_OUT, TRAINING, Output
from udasa_core.store.own import OwnColumns
from udasa_core.store.rows import Parts
from udasa_core.store.run_folder import RunFolder
from udasa_core.store.tables import prompts_from

Fields = list[tuple[str, pa.DataType]]

_ID: Fields = [("prompt_id", pa.string())]
_BASE_ANSWERS = Output("sample", HELD_OUT)
# What the step that reads prompts set aside, beside its index.
_SET_ASIDE = ".set-aside.jsonl"


def schema(own: OwnColumns, fields: Fields) -> pa.Schema:
    """Return a table's columns: the prompt's id, the user's own columns, and the rest."""
    return pa.schema([*_ID, *own.fields, *fields])


def asked(prompt: Prompt) -> str:
    """Return what a prompt asks last."""
    return prompt.messages[-1].content


def of_dimensions(names: list[str], of: str = "") -> Fields:
    """Return the columns that `score_cells` fills."""
    kinds = (("raw", pa.float64()), ("calibrated", pa.float64()), ("abstained", pa.string()))
    return [(f"{of}{what} {name}", kind) for name in names for what, kind in kinds]


def prompts(run: RunFolder, split: str) -> Parts:
    """Return a row a prompt."""
    fields: Fields = [("prompt", pa.string()), ("messages", pa.string()), ("passages", pa.list_(pa.string()))]
    own = OwnColumns(run, split, [name for name, _ in (*_ID, *fields)])

    def parts() -> Iterator[list[dict[str, Any]]]:
        for key in run.keys(Output("prompts", split)):
            found = prompts_from(run.store.read_table("prompts", key))
            cells = own.of(one.id for one in found)
            yield [
                {
                    "prompt_id": one.id,
                    **cells[one.id],
                    "prompt": asked(one),
                    "messages": messages_text(one),
                    "passages": list(one.passages),
                }
                for one in found
            ]

    return Parts(schema(own, fields), parts())


def messages_text(prompt: Prompt) -> str:
    """Return a prompt's messages as JSON text."""
    turns = [{"role": message.role, "content": message.content} for message in prompt.messages]
    return json.dumps(turns, ensure_ascii=False)


_RESPONSE: Fields = [
    *(("round", pa.int64()), ("policy", pa.string()), ("prompt", pa.string()), ("number", pa.int64())),
    *(("text", pa.string()), ("thought", pa.string()), ("tokens", pa.int64()), ("cut_off", pa.bool_())),
    *(("logprob", pa.float64()), ("U", pa.float64()), ("abstained", pa.string())),
]
_FATE: Fields = [(name, pa.string()) for name in ("paired", "pair_id", "stage", "reason")]


def responses(run: RunFolder, split: str) -> Parts:
    """Return a row a response, of each policy that answered the split."""
    names = dimensions(run)
    fields = [*_RESPONSE, *of_dimensions(names), *_FATE]
    own = OwnColumns(run, split, [name for name, _ in (*_ID, *fields)])

    def parts() -> Iterator[list[dict[str, Any]]]:
        for output, policy in answered(run, split):
            fates = Fates(run, output.round) if split == TRAINING else None
            for shard in shards(run, output):
                cells = own.of(group.prompt.id for group in shard.groups)
                yield [
                    {
                        "prompt_id": group.prompt.id,
                        **cells[group.prompt.id],
                        "round": output.round + 1,
                        "policy": policy,
                        **response_cells(group, place, shard.scores.get(group.prompt.id)),
                        **score_cells(shard.scores.get(group.prompt.id), place, names),
                        **(fates.of(shard, group, place) if fates else {}),
                    }
                    for group in shard.groups
                    for place in range(len(group.responses))
                ]

    return Parts(schema(own, fields), parts())


def response_cells(group: Group, place: int, scores: Scores | None) -> dict[str, Any]:
    """Return what is told of one response itself."""
    one = group.responses[place]
    u = scores.U[place] if scores else None
    return {
        "prompt": asked(group.prompt),
        "number": place + 1,
        "text": one.text,
        "thought": one.thought or None,
        "tokens": len(one.token_ids),
        "cut_off": one.finish_reason == "length",
        "logprob": sum(one.logprobs),
        "U": value_of(u),
        "abstained": reason_of(u),
    }


class Fates:
    """What became of the responses to training prompts in a round: their pair and stage, or why none."""

    def __init__(self, run: RunFolder, round: int) -> None:
        self._stage = {
            pair: one
            for one in run.stages()
            if one.round == round and one.pairs.exists()
            for pair in run.store.read_table("stage", one.pairs.stem, ["pair_id"])["pair_id"].to_pylist()
        }
        self._dropped: Mapping[str, str] = dict(run.staging(round)["dropped"])

    def of(self, shard: Shard, group: Group, place: int) -> dict[str, str | None]:
        """Return a response's side, its pair, that one's stage, and why it, or its prompt, is not used."""
        prompt = group.prompt.id
        pairs = shard.pairs.get(prompt, ())
        for pair in pairs:
            for name, side in (("chosen", pair.chosen), ("rejected", pair.rejected)):
                if place_of(side, group.responses) == place:
                    return {"paired": name, "pair_id": pair.id, **self.stage_of(pair.id)}
        return {**dict.fromkeys(("paired", "pair_id", "stage")), "reason": shard.reasons.get(prompt)}

    def stage_of(self, pair: str) -> dict[str, str | None]:
        """Return a pair's stage, and why it is in none, or that is not trained."""
        stage = self._stage.get(pair)
        if stage is None:
            return {"stage": None, "reason": self._dropped.get(pair)}
        return {"stage": stage.name, "reason": stage.untrained or None}


def scores(run: RunFolder, split: str) -> Parts:
    """Return a row a response of the base, without its text."""
    names = dimensions(run)
    fields: Fields = [("number", pa.int64()), ("U", pa.float64()), ("abstained", pa.string())]
    fields += of_dimensions(names)
    own = OwnColumns(run, split, [name for name, _ in (*_ID, *fields)])

    def parts() -> Iterator[list[dict[str, Any]]]:
        for key in run.keys(Output("aggregate", split)):
            scored = run.read_scores(key)
            cells = own.of(one.prompt_id for one in scored)
            yield [
                {
                    "prompt_id": one.prompt_id,
                    **cells[one.prompt_id],
                    "number": place + 1,
                    "U": value_of(u),
                    "abstained": reason_of(u),
                    **score_cells(one, place, names),
                }
                for one in scored
                for place, u in enumerate(one.U)
            ]

    return Parts(schema(own, fields), parts())


_UNPAIRED: Fields = [
    *(("round", pa.int64()), ("step", pa.string()), ("reason", pa.string()), ("prompt", pa.string())),
    *(("pair_id", pa.string()), ("line", pa.int64())),
]


def unpaired(run: RunFolder) -> Parts:
    """Return a row for each row of the source, prompt and pair that is not trained on."""
    own = OwnColumns(run, TRAINING, [name for name, _ in (*_ID, *_UNPAIRED)])

    def parts() -> Iterator[list[dict[str, Any]]]:
        yield list(_set_aside(run))
        for output, _ in answered(run, TRAINING):
            fates = Fates(run, output.round)
            if not run.keys(replace(output, step="pair")):
                continue
            for shard in shards(run, output):
                cells = own.of(group.prompt.id for group in shard.groups)
                yield [
                    {**row, **cells[str(row["prompt_id"])], "round": output.round + 1}
                    for group in shard.groups
                    for row in _left_out(shard, group, fates)
                ]

    return Parts(schema(own, _UNPAIRED), parts())


def _set_aside(run: RunFolder) -> Iterator[dict[str, Any]]:
    for key in run.keys(Output("prompts")):
        if run.store.has("prompts", key, _SET_ASIDE):
            for line in run.store.read_bytes("prompts", key, _SET_ASIDE).splitlines():
                row = json.loads(line)
                yield {"step": "read", "reason": row["reason"], "prompt": row["row"], "line": row["line"]}


def _left_out(shard: Shard, group: Group, fates: Fates) -> Iterator[dict[str, Any]]:
    prompt = group.prompt
    told = {"prompt_id": prompt.id, "prompt": asked(prompt)}
    pairs = shard.pairs.get(prompt.id, ())
    if not pairs:
        yield {**told, "step": "pair", "reason": shard.reasons.get(prompt.id)}
    for pair in pairs:
        fate = fates.stage_of(pair.id)
        if fate["reason"]:
            step = "train" if fate["stage"] else "stage"
            yield {**told, "step": step, "reason": fate["reason"], "pair_id": pair.id}


def left_answers(run: RunFolder, after: str = "") -> tuple[str, Output]:
    """Return a policy's label, and where its answers to the held-out prompts lie.

    after: the label, "" for the policy that the last round left. Raises UsageError where there is no such
    stage, and UdasaError where it did not answer.
    """
    there = {policy: output for output, policy in answered(run, HELD_OUT) if output != _BASE_ANSWERS}
    if after:
        run.stage(after)
    left = [policy for output, policy in answered(run, HELD_OUT) if output.round and not output.policy]
    label = after or (left[-1] if left else "")
    if label not in there:
        told = ", ".join((BASE, *there)) if run.keys(_BASE_ANSWERS) else "nobody"
        raise UdasaError(
            f"run {run.name} has no answers to held-out prompts after {label or 'training'}; it has those of "
            f"{told}. Prompts are held out by run.held_out; what a round leaves answers them, and each stage "
            "with [transitions] measure = true"
        )
    return label, there[label]


def answers(run: RunFolder, after: str) -> Parts:
    """Return a row for each response to a held-out prompt: the base's, and that of a policy.

    after: the policy's label, "" for what the last round left. Raises UdasaError where it did not answer.
    """
    names = dimensions(run)
    label, theirs = left_answers(run, after)
    sides = ("before", "after")
    fields: Fields = [("prompt", pa.string()), ("policy", pa.string()), ("number", pa.int64())]
    for side in sides:
        fields += [(side, pa.string()), (f"{side}_U", pa.float64()), (f"{side}_tokens", pa.int64())]
        fields += [(f"{side}_cut_off", pa.bool_()), *of_dimensions(names, f"{side} ")]
    own = OwnColumns(run, HELD_OUT, [name for name, _ in (*_ID, *fields)])

    def parts() -> Iterator[list[dict[str, Any]]]:
        both = (shards(run, output) for output in (_BASE_ANSWERS, theirs))
        for old, new in zip(*both, strict=True):
            cells = own.of(group.prompt.id for group in old.groups)
            rows = []
            for before, left in zip(old.groups, new.groups, strict=True):
                told = {"prompt_id": before.prompt.id, **cells[before.prompt.id]}
                told |= {"prompt": asked(before.prompt), "policy": label}
                answers = zip_longest(before.responses, left.responses)
                for place, pair in enumerate(answers):
                    row = {**told, "number": place + 1}
                    for side, one, shard in zip(sides, pair, (old, new), strict=True):
                        row |= _side_cells(side, one, shard.scores.get(before.prompt.id), place, names)
                    rows.append(row)
            yield rows

    return Parts(schema(own, fields), parts())


def _side_cells(
    side: str, one: Response | None, scores: Scores | None, place: int, names: list[str]
) -> dict[str, Any]:
    if one is None:
        return {}
    return {
        side: one.text,
        f"{side}_U": value_of(scores.U[place]) if scores else None,
        f"{side}_tokens": len(one.token_ids),
        f"{side}_cut_off": one.finish_reason == "length",
        **score_cells(scores, place, names, f"{side} "),
    }
