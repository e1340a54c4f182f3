"""Judge `transformers`: a local causal language model grades."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from udasa_core import (
    CausalLM,
    Grade,
    Message,
    ModelRef,
    Plugin,
    Prompt,
    RatingRule,
    Resources,
    content_key,
    hookimpl,
    named_model,
    rating,
)

if TYPE_CHECKING:
    from udasa_core import ModelKind
    from udasa_eval.judges.answering import Answering

log = logging.getLogger("udasa.judge")

_REASONING = "<think>\n"
# An answer that spells control tokens must not end the turn that quotes it.
_AS_TEXT = {"sanitize_control_tokens": True}


class TransformersJudge(Plugin):
    """One Grade a grading prompt: the model's answer, and the rating from 1 to 10 that it holds, if any.

    The prompt is rendered by the model's own chat template; one that takes no system message gets it at the
    head of the user's. A model without a template reads the contents joined by empty lines, which is said in
    a warning. A prompt that leaves no room for an answer is a Grade of None that says so.

    Greedy by default. A prompt is graded alike whatever it is asked together with, but for rounding: in a
    batch (greedy alone; samples are drawn one by one, each with its own seed) a near tie may fall otherwise.
    batch = 1 leaves no such doubt. Grades are yielded batch by batch.

    The model's own generation_config does not enter, but for the tokens that end an answer. Where the chat
    template opens the model's reasoning, the grade's text begins with "<think>", so that it is seen as such.

    The model takes the place of the one that is loaded: a suite asks its policy everything first.
    """

    class Options(Plugin.Options):
        """Which model grades, and how it answers."""

        source: str = Field(description="The judge: hf:name@revision, file:folder or pypi:distribution==…")
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
            default="auto", description="auto: bfloat16 where the processor has it."
        )
        device: str = Field(
            default="auto",
            pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
            description="auto, cpu, cuda, cuda:1 or mps.",
        )
        temperature: float = Field(
            default=0.0, ge=0, description="Sampling temperature; 0: always the likeliest token."
        )
        max_new_tokens: int = Field(default=1024, ge=1, description="The longest judgement, in tokens.")
        batch: int = Field(default=8, ge=1, description="How many prompts are answered at once.")
        template_options: dict[str, Any] = Field(
            default_factory=dict,
            description="Passed to the chat template, such as { enable_thinking = false }.",
        )
        rating_rule: RatingRule = "agreed"

        @property
        def named_models(self) -> dict[str, ModelKind]:
            """The judge."""
            return {self.source: "causal language model"}

    options: Options
    incidental = ("source", "dtype", "device")

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        super().__init__(options, name, resources)
        self._warned = False

    @property
    def model(self) -> str:
        """The model's source."""
        return self.options.source

    @cached_property
    def fingerprint(self) -> str:
        """The model's key: its bytes, dtype and chat template. The source is only its name."""
        return self._ref.key

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> Iterator[Grade]:
        """Yield the grade of each prompt, in order, batch by batch."""
        options = self.options
        size = 1 if options.temperature else options.batch
        for start in range(0, len(prompts), size):
            yield from self._grades(prompts[start : start + size], seed)

    def _grades(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
        # Asked for anew each time: between two batches another model may have been loaded.
        lm = self.resources.causal_lm(self._ref)
        rendered = [self._render(lm, prompt.messages) for prompt in prompts]
        longest = lm.context_length - self.options.max_new_tokens
        fitting = [ids for ids in rendered if len(ids) <= longest]
        asked = [[message.role, message.content] for prompt in prompts for message in prompt.messages]
        answers = iter(self._answering.answers(lm, fitting, int(content_key(seed, asked, length=8), 16)))
        return [self._grade(next(answers) if len(ids) <= longest else None, ids, lm) for ids in rendered]

    def _grade(self, answer: str | None, prompt: Sequence[int], lm: CausalLM) -> Grade:
        if answer is None:
            return Grade(
                None,
                f"<not asked: {len(prompt)} tokens and max_new_tokens = {self.options.max_new_tokens} do not "
                f"fit in the judge's context of {lm.context_end}>",
                answered=False,
            )
        raw = f"{_REASONING}{answer}" if lm.opens_thought(prompt) else answer
        return Grade(rating(raw, self.options.rating_rule), raw)

    def _render(self, lm: CausalLM, messages: Sequence[Message]) -> list[int]:
        if not lm.tokenizer.chat_template:
            if not self._warned:
                self._warned = True
                log.warning(
                    "judge %r: %s has no chat template, so it reads plain text and may go on writing instead "
                    "of grading; an instruction-tuned model grades better",
                    self.name,
                    self.options.source,
                )
            return lm.render(messages, "plain", _AS_TEXT)
        options = {**self.options.template_options, **_AS_TEXT}
        try:
            return lm.render(messages, "chat", options)
        except ValueError:
            system = [message.content for message in messages if message.role == "system"]
            if not system:
                raise
            first, *others = (message for message in messages if message.role != "system")
            joined = Message(first.role, "\n\n".join([*system, first.content]))
            return lm.render([joined, *others], "chat", options)

    @cached_property
    def _answering(self) -> Answering:
        from udasa_eval.judges.answering import Answering

        return Answering(self.options.temperature, self.options.max_new_tokens)

    @cached_property
    def _ref(self) -> ModelRef:
        options = self.options
        return named_model(self.resources, options.source, options.dtype, options.device)
