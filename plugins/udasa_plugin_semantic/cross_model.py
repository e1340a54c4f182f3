"""Dimension `semantic.cross-model`: does another model give the same answer?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from udasa_core import (
    Abstain,
    Column,
    Group,
    ModelRef,
    Plugin,
    Resources,
    Response,
    SamplingOptions,
    Score,
    UdasaError,
    agreements,
    answered,
    file_digest,
    final_answers,
    hookimpl,
    named_model,
)
from udasa_plugin_semantic.dissent import outvoted, votes

if TYPE_CHECKING:
    from udasa_core import ModelKind, Outlook, Recordings

# Prompts whose responses are the policy's own, one by one, before the generator is blamed.
_REPEATS = 4
UNHEARD = Abstain("the other model has no response to this prompt")


class CrossModel(Plugin):
    """One score a response in [0, 1]: 0 where all that another model says agrees with its answer, 1 where
    none of it does.

    Formula, over the M responses j of the other model to the same prompt, with s_ij the agreement of two
    final answers in [0, 1], as `semantic.agreement` has it:

        w_j = exp(1/T_j Σ_t ln p_t), by the other model; 1 for each recorded response
        u_i = 1 − Σ_j w_j s_ij / Σ_j w_j

    Where a policy is consistently wrong, its own responses agree with one another, and only what comes from
    outside can tell. What comes from a model of its own family errs where it errs.

    Source: the idea is that of Hamidieh et al. 2026 (arXiv 2604.17112, of which we know the abstract): models
    disagree most about answers that are wrong, also where each agrees with itself. Theirs is one value a
    prompt, the gap between similarity across models and within them; ours is one a response, and the formula
    is our own.

    With `source` the run's generator samples the other model, by the model's own chat template, and what it
    said is kept in the store. So that generator must sample whatever model it is given (`transformers` does;
    `openai` samples a model that is not its server's on this machine; `recorded` cannot, which is an error).
    Prompts are those that the generator takes for the policy. With `recorded` the responses come from a file:
    those of a server's model, say.

    Abstains from prompts that the run's own responses do not answer, as `semantic.agreement` does, and where
    the other model has no response. A run with it is stamped neither label-free nor the opposite: what the
    other model was trained on, nobody here knows. Cost: M responses a prompt of the other model, once for all
    policies, and an embedding a distinct response.
    """

    class Options(Plugin.Options):
        """Whose responses are compared with, and how many."""

        source: str | None = Field(
            default=None,
            description="The other model: hf:name@revision, file:folder or pypi:distribution==… Give this or "
            "`recorded`.",
        )
        recorded: str | None = Field(
            default=None,
            description="A JSONL or Parquet file with the other model's responses (file:other.jsonl), as "
            "generator `recorded` reads it: prompt (text) or messages, and responses (a list of texts).",
        )
        responses: int = Field(
            default=8,
            ge=1,
            description="How many responses of the other model are heard; of a file, at most.",
        )
        temperature: float = Field(default=0.7, gt=0, description="The other model's sampling temperature.")
        max_new_tokens: int = Field(
            default=128, ge=1, description="The token budget of the other model's responses."
        )
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
            default="auto", description="auto: bfloat16 where the processor has it."
        )
        device: str = Field(
            default="auto",
            pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
            description="auto, cpu, cuda, cuda:1 or mps.",
        )

        @property
        def named_models(self) -> dict[str, ModelKind]:
            """The other model, where it is sampled here."""
            return {} if self.source is None else {self.source: "causal language model"}

        def preflight(self, outlook: Outlook) -> Iterator[str]:
            """Look whether the file of responses has any to the run's prompts."""
            from udasa_core import Recordings

            path = None if self.recorded is None else outlook.path(self.recorded)
            if path is None:
                return
            if not path.is_file():
                yield f"{path} is no file; name one under recorded"
                return
            recordings = Recordings(path)
            heard = [bool(recordings.of(prompt.messages)) for prompt in outlook.prompts()]
            if heard and not any(heard):
                yield (
                    f"{self.recorded} has no response to any of the {len(heard)} prompts, whose messages "
                    "have to be the same: it would abstain from all; record responses to these prompts"
                )

        @model_validator(mode="after")
        def _one_voice(self) -> Self:
            if (self.source is None) == (self.recorded is None):
                raise ValueError(
                    'name the other model: by source = "…" (a model) or by recorded = "…" (a file of its '
                    "responses), and not by both"
                )
            return self

    options: Options
    needs = ("embedder", "generator")
    # Nobody here knows what the other model was trained on.
    label_free = None
    incidental = ("source", "recorded", "dtype", "device")

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        super().__init__(options, name, resources)
        # Of each prompt whose responses differ: whether those of the other model are others.
        self._told_apart: list[bool] = []

    @cached_property
    def fingerprint(self) -> str:
        """The other model's key (its bytes, dtype and chat template), or the SHA-256 of its responses."""
        return file_digest(self._file) if self.options.recorded is not None else self._ref.key

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        def score(some: Sequence[Group]) -> Iterator[tuple[Score, ...]]:
            if some:
                # All prompts are asked where one is: what the other model says must not hang on which of
                # them this policy answers.
                voices = dict(zip(map(id, groups), self._voices(groups, seed), strict=True))
                yield from self._uncertainties(some, [voices[id(group)] for group in some])

        return answered(self.name, groups, score)

    def _voices(self, groups: Sequence[Group], seed: int) -> Sequence[tuple[Response, ...]]:
        return self._recorded(groups) if self.options.recorded is not None else self._sampled(groups, seed)

    def _uncertainties(
        self, groups: Sequence[Group], voices: Sequence[tuple[Response, ...]]
    ) -> Iterator[tuple[Score, ...]]:
        import numpy as np

        # The other model stands where voters stand, so that answers are compared as they are everywhere.
        both = [replace(group, voters=heard) for group, heard in zip(groups, voices, strict=True)]
        texts = [text for group in both for text in final_answers(group)]
        rows = self.resources.embedder().embed(texts).astype(np.float64)
        start = 0
        for group in both:
            stop, count = start + len(group.heard), len(group.responses)
            if group.voters:
                some = rows[start:stop]
                closeness = np.clip(np.einsum("id,jd->ij", some, some), 0.0, 1.0)
                similarity = agreements(group, closeness)[:count, count:].tolist()
                weights = votes([one.logprobs for one in group.voters])
                yield tuple(outvoted(row, weights) for row in similarity)
            else:
                yield (UNHEARD,) * count
            start = stop

    def _sampled(self, groups: Sequence[Group], seed: int) -> list[tuple[Response, ...]]:
        options = self.options
        sampling = SamplingOptions(options.responses, options.temperature, options.max_new_tokens)
        prompts = [group.prompt for group in groups]
        found = self.resources.generator()(prompts, sampling, self._ref, seed)
        voices = [() if other is None else other.responses for other in found]
        self._check_another(groups, voices)
        return voices

    def _check_another(self, groups: Sequence[Group], voices: Sequence[Sequence[Response]]) -> None:
        """Raise UdasaError where the generator gives the run's own responses for those of another model."""
        for group, heard in zip(groups, voices, strict=True):
            own = [response.text for response in group.responses][: len(heard)]
            other = [response.text for response in heard][: len(own)]
            if len({*own, *other}) > 1:
                self._told_apart.append(own != other)
        # Two models may draw the same few words in the same order, but not prompt after prompt.
        if len(self._told_apart) >= _REPEATS and not any(self._told_apart):
            raise UdasaError(
                f"dimension {self.name!r}: what [generator] gives as the responses of {self.options.source} "
                "are the policy's own, word for word: it does not sample another model. Put that model's "
                'responses into a file, and name it: recorded = "file:…"'
            )

    def _recorded(self, groups: Sequence[Group]) -> list[tuple[Response, ...]]:
        return [
            tuple(map(_unmeasured, self._recordings.of(group.prompt.messages)[: self.options.responses]))
            for group in groups
        ]

    @cached_property
    def _recordings(self) -> Recordings:
        from udasa_core import Recordings

        return Recordings(self._file)

    @cached_property
    def _file(self) -> Path:
        path = self.resources.path(str(self.options.recorded))
        if not path.is_file():
            raise UdasaError(f"dimension {self.name!r}: {path} is no file; name one under recorded")
        return path

    @cached_property
    def _ref(self) -> ModelRef:
        options = self.options
        return named_model(self.resources, str(options.source), options.dtype, options.device)


def _unmeasured(text: str) -> Response:
    """Return a text as a response whose vote is 1: how likely it was, nobody knows."""
    return Response(text, (0,), (0.0,), (0.0,), (0.0,), "stop")
