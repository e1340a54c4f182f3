"""The tables of the TOML that watch what stages do: [transitions]."""

from __future__ import annotations

from pydantic import Field

from udasa_core.config.table import Table

# Figures of the pairs of the earlier stages.
CHOSEN_LOGP, PAIR_ACCURACY = "chosen logp", "pair accuracy"


class TransitionsTable(Table):
    """[transitions]: what each stage did to what the earlier ones taught, measured after each of them."""

    measure: bool = Field(
        default=False,
        description="sample the held-out prompts under every stage's policy, and have it read the pairs of "
        "the earlier stages; false: only what a gate or the guard asks for",
    )
