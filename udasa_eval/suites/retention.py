"""Suite `retention`: what a policy forgot or narrowed, measured between stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from udasa_core import (
    Group,
    Metric,
    ModelRef,
    Plugin,
    Prompt,
    PromptSource,
    ReadPrompt,
    Resamples,
    SamplingOptions,
    SuiteReport,
    UdasaError,
    content_key,
    hookimpl,
    prompts_digest,
    read_prompts,
)
from udasa_eval.measures.distinct import distinct_metric
from udasa_eval.measures.perplexity import perplexity_metric, text_surprise
from udasa_eval.measures.policy_divergence import policy_pair
from udasa_eval.measures.sentence_forms import form_counts, form_metrics
from udasa_eval.statistics.columns import column, measured
from udasa_eval.suites.retention_options import RetentionOptions
from udasa_eval.suites.unasked import not_asked, refuse_silence

_ORDERS = (1, 2, 3)
# Our two divergences, by whose responses they are taken over.
_DIVERGENCES = ("kl_base_policy", "kl_policy_base")


class Retention(Plugin):
    """Suite `retention`: perplexity on texts, KL from the base, distinct-n, forms of sentences and length.

    Of `texts`, one a row:
    - perplexity: of all texts together, every token alike; ≥ 1. A rise over the base's is forgetting.

    Of `prompts`, to which base and policy respond `responses` times:
    - kl_base_policy: Σ KL(base ‖ policy) / tokens over the base's own responses, in nats a token, ≥ 0: how
      much of what the base says the policy has left.
    - kl_policy_base: Σ KL(policy ‖ base) / tokens over the policy's own responses: how far it has drifted to
      what the base would not say; the penalty of RLHF.
    - distinct_1, distinct_2, distinct_3: of the policy's responses, in (0, 1]; 1 repeats nothing.
    - questions, imperatives, passives, subordinate_clauses, list_items: of the sentences of the policy's
      responses, the share of this form, in [0, 1]; sentence_words: words in one, on average. By rules for
      English. A form that is dying out shows here, and not in distinct-n.
    - length: mean tokens of the policy's responses; truncated: share cut at `max_new_tokens`.
    - not_asked: share of prompts that the generator did not take, where there are any.

    Both divergences compare the whole distributions at every position: at temperature 1 each is an unbiased
    estimate of the KL of whole responses over their expected tokens, up to that of a ratio, in which only the
    prefixes are sampled. They are taken on the models' raw distributions.
    `udasa_eval.measures.policy_divergence` says what lies in memory.

    Rows: "text/n" with the text's perplexity, score its mean log-probability a token; "prompt/id" with the
    divergences, and score None, or minus kl_base_policy where no texts are given.

    Source: chain rule of KL with exact conditionals, Amini, Vieira and Cotterell (2025, arXiv 2504.10637).
    That forms of sentences die where distinct-n sees nothing: arXiv 2605.20602.
    """

    Options = RetentionOptions
    options: RetentionOptions
    needs = ("generator",)

    @cached_property
    def fingerprint(self) -> str:
        """The digests of texts and prompts, and the base's key where the policy is compared with it."""
        options, parts = self.options, []
        if options.texts:
            read = PromptSource(
                f"file:{self._path(options.texts)}", options.texts_config, options.texts_split
            )
            parts.append(prompts_digest(read, Path("/")))
        if options.prompts:
            parts.append(prompts_digest(options.prompt_source(self._path(options.prompts)), Path("/")))
            parts.append(self.resources.base.key if options.divergence else "")
        return content_key(parts)

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        """Return the figures, and one row a text and a prompt."""
        metrics: list[Metric] = []
        rows: list[dict[str, Any]] = []
        # Texts first: the policy that reads them is then loaded for its responses; the base comes last.
        if self.options.texts:
            metrics, rows = self._on_texts(policy, seed)
        if self.options.prompts:
            found, told = self._on_prompts(policy, seed)
            metrics += found
            rows += [{**row, "score": None} for row in told] if rows else told
        return SuiteReport(self.name, policy, measured(metrics), tuple(rows))

    @hookimpl
    def udasa_questions(self) -> list[str]:
        """Return the prompts; of a text that is only read, perplexity tells whether it was trained on."""
        prompts = self._prompts() if self.options.prompts else []
        return [
            " ".join(turn.content for turn in prompt.messages if turn.role == "user") for prompt in prompts
        ]

    def _on_texts(self, policy: ModelRef, seed: int) -> tuple[list[Metric], list[dict[str, Any]]]:
        options = self.options
        texts = options.read_texts(self._path(options.texts))
        model = self.resources.causal_lm(policy)
        surprises = []
        with self.resources.progress(f"{self.name}: perplexity", len(texts)) as advance:
            for text in texts:
                surprises.append(text_surprise(model, text.text, options.window))
                advance(1)
        if not any(surprise.tokens for surprise in surprises):
            raise UdasaError(
                f"suite {self.name!r}: no text of {options.texts} has two tokens: nothing to score"
            )
        metric = perplexity_metric(Resamples.draw(len(texts), seed), "perplexity", surprises)
        rows = [
            {
                "id": f"text/{text.id}",
                "score": surprise.logprob / surprise.tokens if surprise.tokens else None,
                "perplexity": surprise.perplexity if surprise.tokens else None,
                "tokens": surprise.tokens,
                "seed": seed,
            }
            for text, surprise in zip(texts, surprises, strict=True)
        ]
        return [metric], rows

    def _on_prompts(self, policy: ModelRef, seed: int) -> tuple[list[Metric], list[dict[str, Any]]]:
        prompts = self._prompts()
        ours = self._respond(prompts, policy, seed)
        base = self.resources.base
        diverged: list[Mapping[str, tuple[float, int]]] = [{} for _ in prompts]
        if self.options.divergence:
            theirs = ours if base == policy else self._respond(prompts, base, seed)
            diverged = self._diverged(base, policy, theirs, ours)
        rows = [
            _prompt_row(prompt, group, found, seed)
            for prompt, group, found in zip(prompts, ours, diverged, strict=True)
        ]
        resamples = Resamples.draw(len(rows), seed)
        metrics = [_divergence(resamples, name, diverged) for name in _DIVERGENCES if self.options.divergence]
        texts = [[response.text for response in group.responses] if group else [] for group in ours]
        metrics += [distinct_metric(f"distinct_{n}", texts, n) for n in _ORDERS]
        metrics += form_metrics(rows, resamples)
        responses = column(rows, "responses")
        for name, total in (("length", "tokens"), ("truncated", "truncated")):
            metrics.append(resamples.ratio(name, column(rows, total), responses, int(responses.sum())))
        return [*metrics, *not_asked(ours, resamples)], rows

    def _prompts(self) -> list[Prompt]:
        source = self.options.prompt_source(self._path(self.options.prompts))
        read = list(read_prompts(source, Path("/")))
        found = [row.prompt for row in read if isinstance(row, ReadPrompt)]
        if not found:
            why = "; ".join(sorted({row.reason for row in read if not isinstance(row, ReadPrompt)}))
            raise UdasaError(
                f"suite {self.name!r}: {self.options.prompts} has no prompt ({why or 'no row'}). Its rows "
                'need a "prompt" or "messages"'
            )
        return found

    def _respond(self, prompts: Sequence[Prompt], model: ModelRef, seed: int) -> list[Group | None]:
        options = self.options
        sampling = SamplingOptions(options.responses, options.temperature, options.max_new_tokens)
        groups = list(self.resources.generator()(prompts, sampling, model, seed))
        refuse_silence(self.name, groups, "shorten them, or lower max_new_tokens")
        return groups

    def _diverged(
        self,
        base: ModelRef,
        policy: ModelRef,
        theirs: Sequence[Group | None],
        ours: Sequence[Group | None],
    ) -> list[Mapping[str, tuple[float, int]]]:
        """Return for each prompt both divergences as (sum in nats, tokens), over whose responses it is."""
        found: list[Mapping[str, tuple[float, int]]] = []
        with (
            policy_pair(self.resources, base, policy) as pair,
            self.resources.progress(f"{self.name}: KL", len(ours)) as advance,
        ):
            for their, our in zip(theirs, ours, strict=True):
                sums = {}
                for name, group in zip(_DIVERGENCES, (their, our), strict=True):
                    if group is None:
                        continue
                    values = [
                        getattr(
                            pair.divergence(group.prompt_token_ids, response.token_ids),
                            name.removeprefix("kl_"),
                        )
                        for response in group.responses
                    ]
                    sums[name] = (float(sum(by_token.sum() for by_token in values)), sum(map(len, values)))
                found.append(sums)
                advance(1)
        return found

    def _path(self, source: str) -> Path:
        return self.resources.data(source).absolute()


def _divergence(resamples: Resamples, name: str, found: Sequence[Mapping[str, tuple[float, int]]]) -> Metric:
    sums = np.array([by_name.get(name, (0.0, 0)) for by_name in found])
    return resamples.ratio(name, sums[:, 0], sums[:, 1])


def _prompt_row(
    prompt: Prompt, group: Group | None, diverged: Mapping[str, tuple[float, int]], seed: int
) -> dict[str, Any]:
    responses = group.responses if group else ()
    a_token = {name: total / tokens for name, (total, tokens) in diverged.items()}
    kept = a_token.get("kl_base_policy")
    return {
        "id": f"prompt/{prompt.id}",
        "score": None if kept is None else -kept,
        "prompt": prompt.messages[-1].content,
        "output": [response.text for response in responses],
        **{name: a_token.get(name) for name in _DIVERGENCES},
        "responses": len(responses),
        "tokens": sum(len(response.token_ids) for response in responses),
        "truncated": sum(response.finish_reason == "length" for response in responses),
        **form_counts([response.text for response in responses]),
        "seed": seed,
    }
