"""Generator `recorded`: responses that the user already has, given token statistics by the policy."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field

from udasa_core import (
    Group,
    ModelRef,
    Plugin,
    Prompt,
    RenderingOptions,
    SamplingOptions,
    UdasaError,
    file_digest,
    hookimpl,
    measured_group,
)

if TYPE_CHECKING:
    from pathlib import Path

    from udasa_core import Outlook, Recordings

log = logging.getLogger("udasa.recorded")


class RecordedGenerator(Plugin):
    """Up to K recorded responses a prompt, in the file's order, with the policy's token statistics in nats.

    A response's tokens are the policy's tokenization of its text and the token that ends a turn, once: an
    end token that the text closes with is taken off, and any other control token that it spells is read
    as text (`udasa show` counts such responses). Its log-probabilities and entropies come from one
    teacher-forced pass. What it was sampled with is not known, so its sampling log-probabilities are the
    raw ones, and the temperature plays no part. A response that is longer than the context leaves is cut
    there, with finish reason "length"; [generator] max_new_tokens and thinking_tokens do not cut it. What it
    thought before it answers is split off by the policy's marks; one that is all thought is told and never
    paired: in it the mark that ends a thought is missing, where the prompt or the text begins one.

    A prompt is taken where two responses or more are recorded for its very messages, and as many voters as
    [generator] asks for. Asked again with another
    policy (after training, say) the same texts are measured under that policy: nothing new is said.
    Cost: one pass over each prompt and each recorded token. The file is read into memory.
    """

    class Options(RenderingOptions):
        """Where the responses are, and how prompts are rendered."""

        source: str = Field(
            description="A JSONL or Parquet file (file:responses.jsonl, say): each row has prompt (text) or "
            "messages, responses (a list of texts), and voters (likewise) where [generator] asks for some.",
        )

        def preflight(self, outlook: Outlook) -> Iterator[str]:
            """Look whether enough responses are recorded for the prompts."""
            from udasa_core import Recordings

            path = outlook.path(self.source)
            if path is None or not path.is_file():
                return
            recordings = Recordings(path)
            blocks = dict.fromkeys((0, outlook.voters))
            found = [
                next(filter(None, (_too_few(recordings, prompt, voters) for voters in blocks)), "")
                for prompt in outlook.prompts()
            ]
            lacking = [told for told in found if told]
            if found and len(lacking) / len(found) > outlook.max_set_aside:
                yield (
                    f"{len(lacking)} of {len(found)} prompts cannot be used: {lacking[0]}, and so on. Record "
                    f"more under {self.source}, leave these prompts out, or allow them: "
                    f"--set prompts.max_set_aside={math.ceil(1000 * len(lacking) / len(found)) / 1000}"
                )

    options: Options
    takes_any_prompt = False

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the file: other responses make other groups."""
        return file_digest(self._path)

    @hookimpl
    def udasa_admit(self, prompts: Sequence[Prompt], sampling: SamplingOptions) -> list[str]:
        lm = self.resources.causal_lm(self.resources.base)
        # One token of room for a response is enough: a longer one is cut.
        refusals = self.options.refusals(lm, prompts, SamplingOptions(max_new_tokens=1))
        return [
            refusal or _too_few(self._recordings, prompt, sampling.block * sampling.responses)
            for refusal, prompt in zip(refusals, prompts, strict=True)
        ]

    def _texts(self, prompt: Prompt, sampling: SamplingOptions) -> Sequence[str]:
        if not sampling.block:
            return self._recordings.of(prompt.messages)[: sampling.responses]
        start = (sampling.block - 1) * sampling.responses
        return self._recordings.voters(prompt.messages)[start : start + sampling.responses]

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        lm = self.resources.causal_lm(policy)
        groups = []
        with self.resources.progress("score recorded responses", len(prompts)) as advance:
            for prompt in prompts:
                texts = self._texts(prompt, sampling)
                rendered, end = self.options.render(lm, prompt), self.options.end_of_turn(lm)
                groups.append(measured_group(lm, prompt, rendered, texts, end))
                advance(1)
        said = [one for group in groups for one in group.responses]
        if unanswered := sum(not one.has_answer for one in said):
            log.warning(
                "generator %r: %d of %d recorded responses are thoughts that do not end: they answer "
                "nothing, and are not paired. Where they are answers, recorded without their thoughts, "
                "have the chat template open none: template_options = { enable_thinking = false }, say",
                self.name,
                unanswered,
                len(said),
            )
        if note := lm.control_note(one.text for one in said):
            log.warning("generator %r: %s", self.name, note)
        return groups

    @cached_property
    def _path(self) -> Path:
        path = self.resources.path(self.options.source)
        if not path.is_file():
            raise UdasaError(f"generator recorded: {path} is no file; name one under [generator] source")
        return path

    @cached_property
    def _recordings(self) -> Recordings:
        from udasa_core import Recordings

        return Recordings(self._path)


def _too_few(recordings: Recordings, prompt: Prompt, voters: int) -> str:
    """Say how many recorded responses, or of `voters` (0 for responses), a prompt lacks; "" where it has
    enough."""
    if voters:
        count = len(recordings.voters(prompt.messages))
        return "" if count >= voters else f"{count} recorded voters, and [generator] voters is {voters}"
    count = len(recordings.of(prompt.messages))
    return "" if count >= 2 else f"{count} recorded responses, and pairing needs 2"
