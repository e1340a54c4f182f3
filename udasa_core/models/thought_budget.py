"""How long a model may think: a thought that has used its budget up has its closing mark written for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from udasa_core.errors import UdasaError

if TYPE_CHECKING:
    from udasa_core.models.causal_lm import CausalLM
    from udasa_core.records import SamplingOptions


class ThoughtBudget:
    """The tokens that a response may take: `answer` for its answer and, apart from them, `thinking` for its
    thought and `closing`, what is written into it to end a thought that has taken all of these.

    thinking: None bounds no thought by itself: `answer` tokens are then all that there are. Source: budget
    forcing, Muennighoff et al. 2025 (s1, arXiv 2501.19393). Raises UdasaError where thoughts are bounded, and
    neither the model's chat template nor its tokens show how one ends.
    """

    def __init__(self, lm: CausalLM, sampling: SamplingOptions) -> None:
        self.thinking, self.answer = sampling.thinking_tokens, sampling.max_new_tokens
        self.closing: tuple[int, ...] = ()
        self._lm = lm
        if self.thinking is None:
            return
        if lm.thought_marks is None:
            raise UdasaError(
                f"[generator] thinking_tokens bounds what a model thinks before it answers, and nothing in "
                f"the chat template or the tokens of {lm.ref.source} marks a thought: leave it out"
            )
        self.closing = lm.closing_ids

    def __str__(self) -> str:
        thought = f" after thinking_tokens = {self.thinking}" if self.thinking else ""
        return f"max_new_tokens = {self.answer}{thought}"

    @property
    def most(self) -> int:
        """The tokens of the longest response."""
        return self.answer + len(self.closing) + (self.thinking or 0)

    def clock(self, prompt: Sequence[int]) -> ThoughtClock:
        """Return the clock of a new response to a prompt (token ids)."""
        return ThoughtClock(self._lm, self, self._lm.opens_thought(prompt))


class ThoughtClock:
    """One response while it is made: whether it thinks, what is to be written into it, and when it is over.

    forced: the places of the tokens that were written, as `Response` has them.
    """

    def __init__(self, lm: CausalLM, budget: ThoughtBudget, opened: bool) -> None:
        self._decode = lm.tokenizer.decode
        self._marks = lm.thought_marks
        self._budget = budget
        self._ids: list[int] = []
        # None: it may yet begin to think.
        self._thinks: bool | None = True if opened else None
        self._answer_at = 0
        self.forced: list[int] = []

    @property
    def writes(self) -> int | None:
        """The token to write next in place of a drawn one, None where the drawn one stands."""
        spent = len(self._ids) >= (self._budget.thinking or 0)
        return self._budget.closing[len(self.forced)] if self._thinks and spent else None

    @property
    def room(self) -> int:
        """How many tokens may be drawn at most before `writes` has to be looked at again, or nothing is left
        to draw; 0 where that is now."""
        length, thinking = len(self._ids), self._budget.thinking or 0
        if self._thinks is False:
            return self._answer_at + self._budget.answer - length
        if self._thinks is None and length >= thinking:
            return thinking + self._budget.answer - length
        return max(0, thinking - length)

    @property
    def is_over(self) -> bool:
        """Whether all tokens that the response may take are there."""
        if self._thinks is None:
            return len(self._ids) >= (self._budget.thinking or 0) + self._budget.answer
        return not self._thinks and len(self._ids) - self._answer_at >= self._budget.answer

    def add(self, token: int) -> None:
        """Count the next token, which is the written one where `writes` names one."""
        written = self.writes is not None
        self._ids.append(token)
        if written:
            self.forced.append(len(self._ids) - 1)
            if len(self.forced) == len(self._budget.closing):
                self._answers()
        elif self._thinks:
            # A character of the mark is one token at most.
            if self._ends in str(self._decode(self._ids[-len(self._ends.encode()) :])):
                self._answers()
        elif self._thinks is None:
            self._begin()

    @property
    def _ends(self) -> str:
        return self._marks.ends if self._marks else ""

    def _begin(self) -> None:
        """See whether what was said so far begins a thought, or can no longer do so."""
        begins, said = self._marks.begins if self._marks else "", str(self._decode(self._ids)).lstrip()
        if said.startswith(begins):
            self._thinks = True
        elif not begins.startswith(said):
            self._thinks = False

    def _answers(self) -> None:
        self._thinks, self._answer_at = False, len(self._ids)
