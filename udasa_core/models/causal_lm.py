"""A causal language model loaded for inference: rendering, decoding, and statistics of given tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udasa_core.errors import UdasaError
from udasa_core.models.chat import SANITIZE, chat, heard, unknown_options
from udasa_core.models.closing import Rendered, closing_note, closing_token, turns_text
from udasa_core.models.control_tokens import ControlTokens
from udasa_core.models.next_tokens import NextTokens
from udasa_core.models.positions import rope_ends, rope_reason
from udasa_core.models.prefill import Prefill
from udasa_core.models.thinking import found_marks, opened_by, split_thought, thinking_note
from udasa_core.models.token_statistics import TokenStatistics as TokenStatistics
from udasa_core.models.token_statistics import forced_statistics
from udasa_core.models.token_statistics import told_statistics as told_statistics
from udasa_core.progress import Progress, silent
from udasa_core.records import Adapter, FinishReason, Message, ModelRef, Response
from udasa_core.text.thought import COMMON, ThoughtMarks, answer_start

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from torch import Tensor
    from transformers import GenerationConfig, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

# A model that declares no length (a recurrent one, say) takes any prompt.
_UNLIMITED = 2**31 - 1


def load_causal_lm(
    ref: ModelRef, progress: Progress = silent, before: Callable[[ModelRef], None] = lambda ref: None
) -> CausalLM:
    """Return the model of `ref` for inference. Nothing is read before it is asked for; `progress` is told
    when the weights are, and `before` is called with `ref` before that."""
    return CausalLM(ref, progress, before)


class CausalLM:
    """A model and its tokenizer: evaluation mode, no gradients, adapters applied.

    Rendering and counting tokens read the tokenizer alone; the first touch of `model` reads the weights.
    """

    def __init__(
        self,
        ref: ModelRef,
        progress: Progress = silent,
        before: Callable[[ModelRef], None] = lambda ref: None,
    ) -> None:
        self.ref = ref
        self._progress = progress
        self._before = before

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The model's own tokenizer."""
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.ref.folder, trust_remote_code=self.ref.trust_remote_code)

    @cached_property
    def model(self) -> PreTrainedModel:
        """The model with its adapters, on `device`. Raises UdasaError where it cannot be loaded."""
        from udasa_core.models.loading import load_model

        self._before(self.ref)
        with self._progress(f"load {self.ref.source}", None):
            return load_model(self.ref)

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        import torch

        return torch.device(self.ref.device)

    @cached_property
    def _config(self) -> PreTrainedConfig:
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(self.ref.folder, trust_remote_code=self.ref.trust_remote_code)
        return config.get_text_config()

    @cached_property
    def vocabulary(self) -> int:
        """How many tokens the model's logits are over; some models have more than their tokenizer."""
        return max(int(self._config.vocab_size), len(self.tokenizer))

    @cached_property
    def context_length(self) -> int:
        """The number of tokens that the model can attend to, prompt and response together.

        A model whose positions are scaled by the sequence's length ends where that begins: beyond, every
        token of a sequence has other keys than in a shorter one, so that no cache can be gone on from.
        """
        declared = getattr(self._config, "max_position_embeddings", None) or self.tokenizer.model_max_length
        return min(int(declared), _UNLIMITED, *rope_ends(self._config).values())

    @cached_property
    def context_end(self) -> str:
        """The context's length in words, for errors: with the reason, where that is the model's rope."""
        ropes = self.context_length in rope_ends(self._config).values()
        return f"{self.context_length}{rope_reason(self._config) if ropes else ''}"

    @cached_property
    def stop_ids(self) -> frozenset[int]:
        """The tokens that end a turn where the chat template is given no options; see `stops`."""
        return self.stops()

    def stops(self, template_options: Mapping[str, Any] | None = None) -> frozenset[int]:
        """Return the tokens that end a turn: those that the model's settings name (`eos_ids`), and the one
        with which its chat template, given these options, closes a turn, which some settings do not name."""
        closing = self._closing(template_options) if self.tokenizer.chat_template else None
        return self.eos_ids if closing is None else self.eos_ids | {closing}

    @cached_property
    def eos_ids(self) -> frozenset[int]:
        """The end tokens that the generation settings, the configuration and the tokenizer name."""
        declared = [self._config.eos_token_id, self.tokenizer.eos_token_id]
        if (generation := self._generation_config) is not None:
            declared.append(generation.eos_token_id)
        lists = [ids if isinstance(ids, list) else [ids] for ids in declared]
        return frozenset(token for ids in lists for token in ids if token is not None)

    @property
    def control_tokens(self) -> Sequence[str]:
        """The spellings of the tokens that `encode` reads as plain text, sorted."""
        return self._control.spellings

    @cached_property
    def _control(self) -> ControlTokens:
        written = turns_text(self._rendered(None)) if self.tokenizer.chat_template else ""
        return ControlTokens(self.tokenizer, written, self.eos_ids)

    @cached_property
    def _generation_config(self) -> GenerationConfig | None:
        from transformers import GenerationConfig

        if not (Path(self.ref.folder) / "generation_config.json").is_file():
            return None
        return GenerationConfig.from_pretrained(self.ref.folder)

    @contextmanager
    def adapted(self, adapters: Sequence[Adapter]) -> Iterator[PeftModel]:
        """Put adapters beside the model's weights while the context lasts, and take them away again.

        Yields PEFT's model: called, it is the adapted one, and inside its `disable_adapter()` the bare one,
        so that one model in memory is two. Raises UdasaError where an adapter has no weights.
        """
        from udasa_core.models.loading import beside, quiet

        model = beside(self.model, adapters)
        try:
            yield model.eval()
        finally:
            with quiet():
                model.unload().eval().requires_grad_(False)

    def render(
        self,
        messages: Sequence[Message],
        template: str = "chat",
        template_options: Mapping[str, Any] | None = None,
    ) -> list[int]:
        """Return the prompt's token ids, up to where the response begins.

        template: "chat" is the model's own chat template, with `template_options` passed to it; "plain" joins
        the contents with blank lines and adds nothing but the tokenizer's own start token, if it has one.
        In both, `template_options` may hold sanitize_control_tokens = true: control tokens that a message
        spells are then read as text. Raises UdasaError where the model has no chat template, ValueError where
        the template refuses this conversation (some take no system message, say).
        """
        if template == "chat":
            return self._chat(messages, template_options)
        return self._plain(messages, bool((template_options or {}).get(SANITIZE)))

    def end_of_turn(self, template: str = "chat", template_options: Mapping[str, Any] | None = None) -> int:
        """Return the token with which the model ends its response: the chat template's, or the tokenizer's.

        Raises UdasaError where the model has none.
        """
        if template == "chat" and (closing := self._closing(template_options)) is not None:
            return closing
        if self.tokenizer.eos_token_id is None:
            raise UdasaError(
                f"{self.ref.source} has no token that ends a response: set eos_token in its tokenizer"
            )
        return int(self.tokenizer.eos_token_id)

    def closing_note(self, template_options: Mapping[str, Any] | None = None) -> str:
        """Say where the chat template closes a turn otherwise than the model's settings tell, and what is
        done then; "" where they agree, or there is no template."""
        if not self.tokenizer.chat_template:
            return ""
        told = closing_note(self.tokenizer, self._rendered(template_options), self.eos_ids)
        return f"{self.ref.source}: {told}" if told else ""

    def _closing(self, options: Mapping[str, Any] | None) -> int | None:
        return closing_token(self.tokenizer, self._rendered(options))

    def _rendered(self, options: Mapping[str, Any] | None) -> Rendered:
        settings = {name: value for name, value in (options or {}).items() if name != SANITIZE}
        return lambda turns: chat(self.tokenizer, turns, False, settings, False)

    def _chat(self, messages: Sequence[Message], options: Mapping[str, Any] | None) -> list[int]:
        if not self.tokenizer.chat_template:
            raise UdasaError(
                f"{self.ref.source} has no chat template, as base models have none: "
                'set template = "plain" under [generator], or choose an instruction-tuned model'
            )
        unknown = unknown_options(self.tokenizer, options or {})
        if unknown:
            raise UdasaError(
                f"the chat template of {self.ref.source} has no option {', '.join(unknown)}: see its "
                "chat_template for the names, and correct template_options"
            )
        turns = [{"role": message.role, "content": message.content} for message in messages]
        return heard(self.tokenizer, turns, True, options or {})

    def _plain(self, messages: Sequence[Message], sanitize: bool) -> list[int]:
        text = "\n\n".join(message.content for message in messages)
        ids = self.encode(text) if sanitize else self.tokenizer(text, add_special_tokens=False)["input_ids"]
        start = self.tokenizer.bos_token_id
        # Some tokenizers also append an end token when asked for special tokens: take the start token alone.
        starts = start is not None and self.tokenizer(text)["input_ids"][:1] == [start]
        return [start, *ids] if starts else ids

    def encode(self, text: str) -> list[int]:
        """Return the token ids of `text` alone, without special tokens.

        A control token that the text spells (`control_tokens`) is read as the plain text that it is. Raises
        ValueError where the tokenizer cannot.
        """
        return self._control.ids(text)

    def control_note(self, responses: Iterable[str]) -> str:
        """Say how many of some responses spell control tokens, and what is done; "" where none does."""
        count = self._control.spelling(responses)
        return f"responses that spell control tokens, which are read as plain text: {count}" if count else ""

    def unclosed(self, text: str, end_of_turn: int) -> str:
        """Return a response's text without the end tokens that it was recorded with, at its end alone."""
        return self._control.unclosed(text, {*self.stop_ids, end_of_turn})

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`, special tokens and those that end a turn left out."""
        kept = [token for token in ids if token not in self.stop_ids]
        return str(self.tokenizer.decode(kept, skip_special_tokens=True))

    @cached_property
    def thought_marks(self) -> ThoughtMarks | None:
        """How the model marks what it thinks before it answers; None where nothing tells that it does."""
        if not self.tokenizer.chat_template:
            return None
        return found_marks(
            self.tokenizer, lambda turns, opened: chat(self.tokenizer, turns, opened, {}, False)
        )

    def thinking_note(self, prompt: Sequence[int], thinking_tokens: int | None) -> str:
        """Say whether the model thinks before it answers a prompt (token ids), and what is done then; ""
        where nothing shows that it can."""
        told = thinking_note(self.tokenizer, self.thought_marks, prompt, thinking_tokens)
        return f"{self.ref.source}: {told}" if told else ""

    def opens_thought(self, prompt: Sequence[int]) -> bool:
        """Say whether a prompt (token ids) opens a thought, in which the response begins."""
        return bool(opened_by(self.tokenizer, self.thought_marks, prompt))

    def answering(self, prompt: Sequence[int]) -> list[int]:
        """Return a prompt (token ids) with the thought closed that it opens, if any: an answer comes next."""
        opens = self.thought_marks is not None and self.opens_thought(prompt)
        return [*prompt, *(self.closing_ids if opens else ())]

    @cached_property
    def closing_ids(self) -> tuple[int, ...]:
        """The tokens that stand between a thought and its answer; none where the model marks no thought."""
        if self.thought_marks is None:
            return ()
        return tuple(self.tokenizer(self.thought_marks.closing, add_special_tokens=False)["input_ids"])

    def spelled(self, prompt: Sequence[int], thought: str, answer: str | None) -> str:
        """Return a thought and the answer after it, to a prompt (token ids), as the one text that the model
        writes; None: the thought was cut off."""
        return (self.thought_marks or COMMON).spelled(thought, answer, opened=self.opens_thought(prompt))

    def response(
        self,
        prompt: Sequence[int],
        token_ids: Sequence[int],
        statistics: TokenStatistics,
        finish_reason: FinishReason,
        *,
        text: str | None = None,
        forced: Sequence[int] = (),
    ) -> Response:
        """Return the response that some token ids are to a prompt (token ids), its thought split off.

        text: what it was recorded as; None: what the ids spell. forced: as `Response` has it.
        """
        marks, opened = self.thought_marks, opened_by(self.tokenizer, self.thought_marks, prompt)
        thought, count = split_thought(self.tokenizer, marks, opened, token_ids, self.stop_ids)
        start = None if text is None else answer_start(text, marks, opened)
        answer = self.decode(token_ids[count:]) if text is None or start is None else text[start:]
        return Response(
            text=answer.lstrip() if count else answer,
            token_ids=tuple(token_ids),
            logprobs=statistics.logprobs,
            sampling_logprobs=statistics.sampling_logprobs,
            entropies=statistics.entropies,
            finish_reason=finish_reason,
            thought=thought,
            thought_tokens=count,
            forced=tuple(forced),
        )

    @staticmethod
    def next_tokens(
        logits: Tensor, temperature: float = 1.0, top_p: float = 1.0, top_k: int = 0
    ) -> NextTokens:
        """Return the distributions of the next token from logits (N, V); float32 logits are overwritten."""
        return NextTokens(logits, temperature, top_p, top_k)

    def prefill(self, prompts: Sequence[Sequence[int]]) -> Prefill:
        """Return a reader of these prompts (token ids, none empty): one at a time, their beginning once."""
        return Prefill(self.model, prompts)

    def token_statistics(
        self,
        prompts: Sequence[Sequence[int]],
        responses: Sequence[Sequence[int]],
        temperature: float = 1.0,
        top_p: float = 1.0,
        top_k: int = 0,
    ) -> list[TokenStatistics]:
        """Return the statistics of each response after its prompt, by one teacher-forced pass.

        prompts, responses: N token id sequences each, none empty. Responses to one prompt share its pass.
        Logits exist for one slice of positions at a time. Raises ValueError for an empty sequence, UdasaError
        for one that is longer than the model's positions reach.
        """
        return forced_statistics(self.model, prompts, responses, temperature, top_p, top_k)
