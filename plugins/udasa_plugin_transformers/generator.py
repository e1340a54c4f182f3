"""Generator `transformers`: samples from a causal language model with a sampling loop of its own."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from udasa_core import (
    Group,
    ModelRef,
    Plugin,
    Prompt,
    RenderingOptions,
    SamplingOptions,
    bytes_of_sampling,
    hookimpl,
)


class TransformersGenerator(Plugin):
    """K sampled responses a prompt, each token with its log-probabilities and its entropy, in nats.

    A prompt is read once and its keys and values are shared out to K responses; the responses of several
    prompts decode together, a finished one makes room for the next prompt's. Figures are computed in float32
    as tokens are drawn, so memory does not grow with steps × vocabulary. Log-probabilities are those of the
    raw distribution (temperature 1, nothing filtered), and beside them of the distribution sampled from.

    What the model thinks before it answers is split off, by its chat template's marks. Under
    thinking_tokens a thought that has taken so many tokens is closed: the template's closing mark is written
    into the response (budget forcing, Muennighoff et al. 2025, arXiv 2501.19393), and the answer goes on
    behind it. Written tokens count in no likelihood and no loss.

    Takes any causal language model of transformers whose state is keys and values (full or sliding-window
    attention); says so where it is not. Cost: one pass over each prompt, and one over each sampled token.
    """

    class Options(RenderingOptions):
        """How prompts are rendered, and how many decode together."""

        prompts_per_batch: int = Field(
            default=8,
            ge=1,
            description="Prompts whose responses decode together: more is faster and takes more memory.",
        )

        @property
        def is_in_context(self) -> bool:
            return True

        def held(
            self, prompts: int, longest: int, sampling: SamplingOptions, token: int, *, is_gpu: bool
        ) -> tuple[int, int]:
            return bytes_of_sampling(self.prompts_per_batch, prompts, longest, sampling, token, is_gpu=is_gpu)

    options: Options
    label_free = True

    @hookimpl
    def udasa_admit(self, prompts: Sequence[Prompt], sampling: SamplingOptions) -> list[str]:
        lm = self.resources.causal_lm(self.resources.base)
        return self.options.refusals(lm, prompts, sampling)

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        from udasa_core import sample

        lm = self.resources.causal_lm(policy)
        rendered = [self.options.render(lm, prompt) for prompt in prompts]
        with self.resources.progress("sample", len(prompts)) as advance:
            sampled = sample(
                lm, rendered, sampling, seed, self.options.prompts_per_batch, advance, self.options.stops(lm)
            )
        return [
            Group(
                prompt=prompt,
                prompt_token_ids=tuple(token_ids),
                responses=tuple(
                    lm.response(
                        token_ids,
                        drawn.token_ids,
                        drawn,
                        "stop" if drawn.stopped else "length",
                        forced=drawn.forced,
                    )
                    for drawn in samples
                ),
                policy=policy.key,
            )
            for prompt, token_ids, samples in zip(prompts, rendered, sampled, strict=True)
        ]
