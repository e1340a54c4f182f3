"""Dimension `factual.p-true`: asked outright, does the reader think that the response is correct?"""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core import Column, Group, Message, Plugin, Reader, Score, hookimpl

# The same question, once so that yes is good and once so that yes is bad.
_QUESTIONS = ("Is the response correct?", "Is the response wrong?")
# Groups that the reader is given at once: enough for it to batch, few enough that progress moves.
_GROUPS_A_CALL = 8


class PTrue(Plugin):
    """One score a response in [0, 1]: 0 where the reader calls it correct and not wrong, 1 the reverse.

    Formula, with p the reader's probability of "yes" to a question about the response:

        u = 1 − ½ (p("Is the response correct?") + 1 − p("Is the response wrong?"))

    A reader that says yes, or no, to anything gives ½: the two questions cancel what does not depend on
    the response.

    Source: P(True) of Kadavath et al. 2022 (arXiv 2207.05221). We differ: the answers are yes and no, not
    (A) True and (B) False; the second, reversed question is ours; no other samples are shown. The reader
    sees the whole conversation with the response as its last turn; its own docstring has the wording.

    Never abstains. Cost: forward passes of the reader: one over each distinct response, and two short
    ones for the questions.
    """

    needs = ("reader",)
    label_free = True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        reader = self.resources.reader()
        columns: list[tuple[Score, ...]] = []
        with self.resources.progress(self.name, len(groups)) as advance:
            for start in range(0, len(groups), _GROUPS_A_CALL):
                some = groups[start : start + _GROUPS_A_CALL]
                columns.extend(_uncertainties(reader, some))
                advance(len(some))
        return Column(self.name, tuple(columns))


def _uncertainties(reader: Reader, groups: Sequence[Group]) -> list[tuple[Score, ...]]:
    """Return the K uncertainties of each group; equal conversations are read once."""
    asked = [
        [(*group.prompt.messages, Message("assistant", r.text)) for r in group.responses] for group in groups
    ]
    distinct = list(dict.fromkeys(conversation for some in asked for conversation in some))
    yes = reader.yes_probabilities(distinct, _QUESTIONS)
    scores = dict(zip(distinct, ((1.0 - yes[:, 0] + yes[:, 1]) / 2.0).tolist(), strict=True))
    return [tuple(scores[conversation] for conversation in some) for some in asked]
