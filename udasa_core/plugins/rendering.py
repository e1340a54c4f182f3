"""How a generator that knows the policy's tokens turns a prompt into them, and which it cannot take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from udasa_core.models.thought_budget import ThoughtBudget
from udasa_core.plugins.base import Options

if TYPE_CHECKING:
    from udasa_core.models.causal_lm import CausalLM
    from udasa_core.records import Prompt, SamplingOptions

# What the rendering itself decides: a template option of the same name would overrule it.
_DECIDED = frozenset(
    {
        "add_generation_prompt",
        "chat_template",
        "continue_final_message",
        "conversation",
        "max_length",
        "messages",
        "padding",
        "return_assistant_tokens_mask",
        "return_dict",
        "return_tensors",
        "tokenize",
        "tokenizer_kwargs",
        "truncation",
    }
)


class RenderingOptions(Options):
    """How a prompt becomes token ids."""

    template: Literal["chat", "plain"] = Field(
        default="chat",
        description='"chat": the model\'s own chat template; "plain": for base models without one, the '
        "messages' contents joined by blank lines.",
    )
    template_options: dict[str, Any] = Field(
        default_factory=dict,
        description="Passed to the chat template, such as { enable_thinking = false }.",
    )

    @field_validator("template_options")
    @classmethod
    def _not_ours(cls, options: dict[str, Any]) -> dict[str, Any]:
        taken = sorted(_DECIDED & set(options))
        if taken:
            raise ValueError(
                f"{', '.join(taken)} cannot be set: rendering decides that; give the template's own options"
            )
        return options

    def render(self, lm: CausalLM, prompt: Prompt) -> list[int]:
        """Return the prompt's token ids; reads the tokenizer alone. Raises as `CausalLM.render` does."""
        return lm.render(prompt.messages, self.template, self.template_options)

    def end_of_turn(self, lm: CausalLM) -> int:
        """Return the token that ends a response."""
        return lm.end_of_turn(self.template, self.template_options)

    def stops(self, lm: CausalLM) -> frozenset[int]:
        """Return the tokens at which a sampled response ends."""
        return lm.stops(self.template_options) if self.template == "chat" else lm.stop_ids

    def refusals(
        self, lm: CausalLM, prompts: Sequence[Prompt], sampling: SamplingOptions, context: int = 0
    ) -> list[str]:
        """Return why each prompt cannot be taken, "" where it can. Raises as `ThoughtBudget` does.

        context: the tokens that prompt and response may have, where that is less than the model can; 0: as
        the model.
        """
        budget = ThoughtBudget(lm, sampling)
        return [self._refusal(lm, prompt, budget, context) for prompt in prompts]

    def _refusal(self, lm: CausalLM, prompt: Prompt, budget: ThoughtBudget, context: int) -> str:
        try:
            length = len(self.render(lm, prompt))
        except ValueError as error:
            return str(error)
        if length == 0:
            return "renders to no token"
        if length + budget.most > lm.context_length:
            return f"{length} tokens and {budget} do not fit in the model's context of {lm.context_end}"
        if context and length + budget.most > context:
            return f"{length} tokens and {budget} do not fit in a context of {context}"
        return ""
