"""Where a limit on what a server is asked lies below what a run asks."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from udasa_core.check.suite_list import Asked
from udasa_core.config.parse import RunConfig
from udasa_core.config.schema import VOTERS_A_BLOCK
from udasa_core.errors import UdasaError
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.stack import chosen_plugins
from udasa_core.running.workload import budget, count_prompts, responses_each

_GOES_ON = "the command stops there, and goes on when it is typed again"


def limit_notes(config: RunConfig, catalog: Catalog, asked: Asked | None) -> Iterator[str]:
    """Yield, in a sentence each, the limits of generator and judge that a run will meet, or may.

    Of their options `max_requests` and `max_total_tokens` are read, where they have them, and the judge's
    `max_tokens`. asked: what the suites ask.
    """
    options = {
        one.table.kind: (one.table.name, one.options)
        for one in chosen_plugins(config, catalog)
        if one.table.kind in ("generator", "judge")
    }
    if "judge" in options and asked is not None:
        name, judge = options["judge"]
        count = asked.judgements
        tokens = count * int(getattr(judge, "max_tokens", 0))
        yield from _notes(f"judge {name!r}", judge, f"{count:,} judgements of this run", count, tokens)
    name, generator = options["generator"]
    requests, tokens = _sampled(config, asked)
    told = f"{requests:,} requests that the base's responses take at least"
    yield from _notes(f"generator {name!r}", generator, told, requests, tokens)


def _sampled(config: RunConfig, asked: Asked | None) -> tuple[int, int]:
    """Return how many requests the base's responses take at least, one a prompt, and how many tokens they
    have at most: a server has no policy that was trained here. 0 where the prompts are not counted."""
    try:
        prompts = count_prompts(config)
    except UdasaError:  # told where they are read
        prompts = None
    usable = prompts.usable if prompts is not None else 0
    requests, tokens = (
        usable * (1 + config.voters // VOTERS_A_BLOCK),
        usable * responses_each(config) * budget(config),
    )
    if asked is not None:
        requests, tokens = requests + asked.responses, tokens + asked.tokens
    return requests, tokens


def _notes(who: str, options: BaseModel, asked: str, requests: int, tokens: int) -> Iterator[str]:
    most = int(getattr(options, "max_requests", 0))
    if 0 < most < requests:
        yield f"{who}: max_requests = {most:,} lies below the {asked}: {_GOES_ON}"
    most = int(getattr(options, "max_total_tokens", 0))
    if 0 < most < tokens:
        yield (
            f"{who}: max_total_tokens = {most:,} lies below the {tokens:,} tokens that answers may have in "
            f"this run, prompts not counted; where they have, {_GOES_ON}"
        )
