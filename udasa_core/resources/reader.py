"""A causal language model that reads conversations: asked yes or no, or for the likelihood of a turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from udasa_core.errors import UdasaError
from udasa_core.models.chat import SANITIZE, unknown_options
from udasa_core.models.prefix_reader import PrefixReader
from udasa_core.records import Message

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from torch import Tensor

    from udasa_core.models.causal_lm import CausalLM

_YES = ("Yes", "yes", "YES")
_NO = ("No", "no", "NO")
_NO_THOUGHT = {"enable_thinking": False}
_SPEAKERS = {"system": "Instructions", "user": "User", "assistant": "Response"}


class YesNoReader:
    """p(yes) in [0, 1] for each conversation and question: 1 where the model is sure of "yes".

    The model is shown one user message, the conversation first and the question last, by its own chat
    template (as plain text that ends in "Answer:" where it has none, or none is to be used):

        User: <a turn>
        Response: <the turn that is judged; earlier answers of the assistant are called the same>

        Question about the last response: <question>
        Answer with Yes or No only.

    Then, over the first token of the answer,

        p(yes) = Σ p(yes tokens) / (Σ p(yes tokens) + Σ p(no tokens))

    where the yes tokens are those of "Yes", "yes" and "YES", alone and after a space, that the vocabulary
    holds as one token, and likewise no (Kadavath et al. 2022, arXiv 2207.05221). What other tokens get is
    left out. A vocabulary with no such token is read by the first tokens of these words, as far as yes and
    no differ.

    Conversations that begin alike are read once up to where they differ (see PrefixReader). One that is too
    long for the model loses its beginning.

    A model that thinks first answers without: its template is told so where it has enable_thinking and
    template_options does not, and a thought that it opens all the same is closed.

    A small model leans to one answer whatever it is asked: compare its probabilities with one another, not
    with ½.

    How likely a turn is, it is not asked: `log_likelihoods` shows it the conversation as its own.
    """

    def __init__(
        self,
        lm: CausalLM,
        template: str = "chat",
        template_options: Mapping[str, Any] | None = None,
        reads: Counter[str] | None = None,
    ) -> None:
        """template, template_options: as `CausalLM.render` takes them; "plain" asks in plain text.

        reads: where "questions read" are counted, equal ones once.
        """
        self._reads = reads if reads is not None else Counter()
        self._lm = lm
        self._template = template
        self._template_options = template_options

    def yes_probabilities(
        self, conversations: Sequence[Sequence[Message]], questions: Sequence[str]
    ) -> NDArray[float64]:
        """Return (len(conversations), len(questions)) probabilities of "yes" against "no".

        Raises UdasaError where the model's vocabulary cannot tell yes from no.
        """
        import numpy as np

        sequences = [
            self.sequence(conversation, question) for conversation in conversations for question in questions
        ]
        self._reads["questions read"] += len(set(sequences))
        figures = PrefixReader(self._lm.model).read(sequences, self.yes_probability)
        return np.array(figures, dtype=np.float64).reshape(len(conversations), len(questions))

    def log_likelihoods(self, conversations: Sequence[Sequence[Message]]) -> NDArray[float64]:
        """Return (len(conversations),) log-probabilities in nats of each one's last turn and its end of turn,
        given the turns before, by one teacher-forced pass.

        NaN where the two are longer than the model attends to. Raises UdasaError where a turn holds a control
        token that the tokenizer cannot read as text, ValueError where the chat template refuses the turns.
        """
        import numpy as np

        distinct = list(dict.fromkeys(tuple(conversation) for conversation in conversations))
        self._reads["turns read"] += len(distinct)
        end = self._lm.end_of_turn(self._layout, self._template_options)
        shown = {one: (self._shown(one[:-1]), [*self._lm.encode(one[-1].content), end]) for one in distinct}
        fitting = [
            one for one, (before, turn) in shown.items() if len(before) + len(turn) <= self._lm.context_length
        ]
        found = self._lm.token_statistics(
            [shown[one][0] for one in fitting], [shown[one][1] for one in fitting]
        )
        said = {one: sum(each.logprobs) for one, each in zip(fitting, found, strict=True)}
        return np.array([said.get(tuple(one), np.nan) for one in conversations], dtype=np.float64)

    def sequence(self, conversation: Sequence[Message], question: str) -> tuple[int, ...]:
        """Return the token ids that one question about one conversation is read as."""
        transcript = "\n".join(f"{_SPEAKERS[message.role]}: {message.content}" for message in conversation)
        limit = self._lm.context_length - 1
        ids = self._render(transcript, question)
        while len(ids) > limit and transcript:
            # Characters are dropped in proportion, and at least one, so that this ends.
            transcript = transcript[max(1, len(transcript) * (len(ids) - limit) // len(ids)) :]
            ids = self._render(transcript, question)
        return tuple(ids)

    def yes_probability(self, logits: Tensor) -> Tensor:
        """Return p(yes) (R,) in float64 from the logits (R, vocabulary) of the answer's first token."""
        yes, no = self._answers
        wide = logits.double()
        return (wide[:, yes].logsumexp(dim=1) - wide[:, no].logsumexp(dim=1)).sigmoid()

    def _render(self, transcript: str, question: str) -> list[int]:
        asked = f"{transcript}\n\nQuestion about the last response: {question}\nAnswer with Yes or No only."
        if self._layout == "chat":
            return self._shown([Message("user", asked)])
        return self._shown([Message("user", f"{asked}\nAnswer:")])

    def _shown(self, messages: Sequence[Message]) -> list[int]:
        """Return turns as the model is shown them, up to where its answer begins."""
        # A response that spells control tokens must not end the turn that asks about it.
        options = {**(self._template_options or {}), SANITIZE: True}
        if self._layout != "chat":
            return self._lm.render(messages, "plain", options)
        # The first token is to be an answer, not a thought's.
        if not unknown_options(self._lm.tokenizer, _NO_THOUGHT):
            options = {**_NO_THOUGHT, **options}
        return self._lm.answering(self._lm.render(messages, "chat", options))

    @cached_property
    def _layout(self) -> str:
        """By which template the model is shown turns: "plain" where it has none of its own, too."""
        return "chat" if self._template == "chat" and self._lm.tokenizer.chat_template else "plain"

    @cached_property
    def _answers(self) -> tuple[list[int], list[int]]:
        """The yes tokens and the no tokens."""
        yes, no = self._tokens(_YES, whole=True), self._tokens(_NO, whole=True)
        if not yes or not no:
            starts = self._tokens(_YES, whole=False), self._tokens(_NO, whole=False)
            yes, no = starts[0] - starts[1], starts[1] - starts[0]
        if not yes or not no:
            raise UdasaError(
                f"{self._lm.ref.source}: its vocabulary cannot tell yes from no by one token; "
                "name another model under [reader]"
            )
        return sorted(yes), sorted(no)

    def _tokens(self, words: Sequence[str], whole: bool) -> set[int]:
        """Return the first tokens of `words`, alone and after a space; if `whole`, of one-token forms."""
        encoded = [self._lm.encode(form) for word in words for form in (word, f" {word}")]
        return {ids[0] for ids in encoded if ids and (len(ids) == 1 or not whole)}
