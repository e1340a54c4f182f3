"""Scores without a run: responses that somebody has, and the dimensions that are to score them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from udasa_core.config.parse import parse_scoring
from udasa_core.errors import UdasaError
from udasa_core.job.outputs import seed_of
from udasa_core.models.measured import measured_group
from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.registry import Registry
from udasa_core.plugins.stack import build_plugins, check_dimensions, chosen_plugins, needs_of
from udasa_core.progress import silent
from udasa_core.records import Column, Event, Group, Message, Prompt, Response
from udasa_core.resources.shared import SharedResources
from udasa_core.running.model_refs import resolve_models
from udasa_core.steps.score import scored
from udasa_core.text.thought import answer_start

log = logging.getLogger("udasa")

# A model or encoder: its source, or its table as in the TOML.
Model = str | Mapping[str, Any]
# What a prompt's responses are: a Group, or the prompt and its responses, of which the text is enough.
Responses = Group | tuple[str | Prompt | Sequence[Message], Sequence[str | Response]]
# Groups that dimensions are given at a time, as a run's shards are by default.
_AT_A_TIME = 8


def score(
    groups: Iterable[Responses],
    dimensions: Sequence[str | Mapping[str, Any]],
    *,
    template: Literal["chat", "plain"] = "chat",
    seed: int = 7,
    root: Path | str = ".",
    **models: Model | None,
) -> dict[str, Column]:
    """Score responses in some dimensions, without a run: no TOML, no store, nothing kept.

    groups: for each prompt a `Group`, or (prompt, responses). That prompt is a text, messages or a `Prompt`,
    those responses are texts or `Response`s. dimensions: names of installed dimensions ("semantic.degree"),
    or their tables as in the TOML ({"use": "factual.evidence", "name": "facts"} and the dimension's options).

    models: `model`, `embedder`, `entailment`, `reader`, as the TOML calls their tables: sources, or tables as
    there. What is left out is as in a run that leaves it out (an embedder by default, no entailment model,
    and the model for a reader). Nothing is loaded that no dimension asks for. With a `model`, responses that
    are texts get their token statistics from it, rendered by its chat template, or by none (template =
    "plain"). Without one, a dimension that asks for a text's token statistics is refused.

    Returns a `Column` by the dimension's name: `scores[g][k]` is group g's response k, in [0, 1], 0 = certain
    and reliable, 1 = most uncertain, or an `Abstain` with the reason. They are raw: calibration is fitted
    over a run's prompts. The same call returns the same scores: `seed` fixes what is drawn. root: where
    relative files, and dimensions of one's own ("module:Factory"), are looked for.

    Raises ConfigError with every fault of `dimensions` and of the models' tables, PluginError where a
    dimension raises or breaks its contract, and UdasaError where a group cannot be read.
    """
    raw: dict[str, Any] = {
        role: {"source": table} if isinstance(table, str) else table
        for role, table in models.items()
        if table is not None
    }
    chosen = [dimensions] if isinstance(dimensions, str) else dimensions
    raw["dimension"] = [{"use": table} if isinstance(table, str) else table for table in chosen]
    catalog = read_catalog()
    config = parse_scoring(
        raw,
        root=Path(root).resolve(),
        origin="udasa_core.score",
        check=lambda config: check_dimensions(config, catalog),
    )
    refs = resolve_models(config, needs_of(chosen_plugins(config, catalog)), silent)
    rendering = config.reader.model_dump(include={"template", "template_options"}) if config.reader else {}
    resources = SharedResources(refs, config.root, _ignore, rendering)
    plugins = build_plugins(config.dimensions, config.root, catalog, resources)
    groups = list(groups)
    given = [_group(number, group, resources, template) for number, group in enumerate(groups, start=1)]
    if "base" in resources.refs and not all(isinstance(group, Group) for group in groups):
        note = resources.causal_lm(resources.base).control_note(
            response.text for group in given for response in group.responses
        )
        if note:
            log.warning("%s", note)
    return _columns(plugins, given, seed)


def _columns(plugins: Sequence[BuiltPlugin], groups: Sequence[Group], seed: int) -> dict[str, Column]:
    """Score some groups at a time in all dimensions, so that what one had a model read serves the others;
    those that ask the reader go afterwards: its model is large."""
    registry = Registry(plugins)
    found: dict[str, list[tuple[Any, ...]]] = {plugin.name: [] for plugin in plugins}
    for asking in (False, True):
        for number, start in enumerate(range(0, len(groups), _AT_A_TIME)):
            for plugin in plugins:
                if ("reader" in plugin.needs) is asking:
                    some = groups[start : start + _AT_A_TIME]
                    found[plugin.name] += _scored(registry, plugin, some, seed_of(seed, "score", number))
    return {name: Column(name, tuple(scores)) for name, scores in found.items()}


def _scored(
    registry: Registry, plugin: BuiltPlugin, groups: Sequence[Group], seed: int
) -> tuple[tuple[Any, ...], ...]:
    try:
        return scored(registry, plugin, groups, seed).scores
    except _StatisticsError as error:
        raise UdasaError(
            f"{plugin} asks for the {error} of a response's tokens, and only its text is known\n"
            '    → score(…, model="…") measures texts under a model; or give Groups that have them'
        ) from error


def _group(number: int, given: Any, resources: SharedResources, template: str) -> Group:
    """Return what was given as a Group. Raises UdasaError with its number, from 1."""
    if isinstance(given, Group):
        return given
    try:
        prompt, responses = given
        prompt = _prompt(number, prompt)
        if isinstance(responses, str) or not responses:
            raise TypeError("its responses must be a list of texts or Responses, and not empty")
        if not all(isinstance(response, str | Response) for response in responses):
            raise TypeError("a response is neither a text nor a Response")
    except (TypeError, ValueError) as error:
        raise UdasaError(
            f"group {number}: {error}\n    → a group is a Group, or (prompt, [response, response, …])"
        ) from error
    texts = [response for response in responses if isinstance(response, str)]
    if not texts or "base" not in resources.refs:
        whole = tuple(map(_with_text, responses))
        return Group(prompt, (), whole, "")
    lm = resources.causal_lm(resources.base)
    measured = measured_group(
        lm, prompt, lm.render(prompt.messages, template), texts, lm.end_of_turn(template)
    )
    by_model = iter(measured.responses)
    whole = tuple(next(by_model) if isinstance(response, str) else response for response in responses)
    return Group(prompt, measured.prompt_token_ids, whole, measured.policy)


def _prompt(number: int, given: Any) -> Prompt:
    if isinstance(given, Prompt):
        return given
    if isinstance(given, str):
        return Prompt(str(number), (Message("user", given),))
    messages = tuple(given)
    if not all(isinstance(message, Message) for message in messages):
        raise TypeError("its prompt is neither a text, nor a Prompt, nor Messages")
    return Prompt(str(number), messages)


class _StatisticsError(UdasaError):
    """A text's token statistics were asked for, by this name."""


def _unknown(name: str) -> Any:
    def refuse(self: Response) -> Any:
        raise _StatisticsError(name)

    return property(refuse)


class _TextAlone(Response):
    """A response of which nothing but the text is known; its thought is split off by the known marks."""

    __slots__ = ()
    thought_tokens = _unknown("thought, counted in tokens")
    token_ids = _unknown("ids")
    logprobs = _unknown("log-probabilities")
    sampling_logprobs = _unknown("sampling log-probabilities")
    entropies = None

    def __init__(self, text: str) -> None:
        start = answer_start(text)
        object.__setattr__(self, "text", "" if start is None else text[start:])
        object.__setattr__(self, "thought", text[:start].rstrip())
        object.__setattr__(self, "finish_reason", "stop")

    @property
    def has_answer(self) -> bool:
        """Whether its thought ends."""
        return bool(self.text or not self.thought)


def _with_text(response: str | Response) -> Response:
    return _TextAlone(response) if isinstance(response, str) else response


def _ignore(event: Event) -> None:
    """Tell nobody."""
