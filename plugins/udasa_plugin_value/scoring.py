"""Conversations out, scores back: what every value dimension does with a shard's groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from udasa_core import Column, Group, Message, Resources, Score

Conversation = tuple[Message, ...]


def score_conversations(
    groups: Sequence[Group],
    name: str,
    resources: Resources,
    at_once: int,
    uncertainties: Callable[[Sequence[Conversation]], Sequence[Score]],
) -> Column:
    """Return the column `name`: what `uncertainties` says of each prompt with each of its responses.

    at_once: groups that one call of `uncertainties` gets: enough for a model to batch, few enough that
    progress moves.
    """
    columns: list[tuple[Score, ...]] = []
    with resources.progress(name, len(groups)) as advance:
        for start in range(0, len(groups), at_once):
            some = groups[start : start + at_once]
            scores = iter(
                uncertainties([conversation for group in some for conversation in _conversations(group)])
            )
            columns += [tuple(next(scores) for _ in group.responses) for group in some]
            advance(len(some))
    return Column(name, tuple(columns))


def _conversations(group: Group) -> list[Conversation]:
    return [(*group.prompt.messages, Message("assistant", response.text)) for response in group.responses]
