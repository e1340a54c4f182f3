"""Stage policy `sentiment.short-first`: short responses are learnt before long ones."""

from __future__ import annotations

from pydantic import Field

from udasa_core import PairTable, Plugin, StagePlan, hookimpl


class ShortFirst(Plugin):
    """Two stages: `short`, the pairs whose chosen response has at most `tokens` tokens, and `long`, the rest.

    A pair without a gap, or whose gap is not positive, is dropped.
    """

    class Options(Plugin.Options):
        """Where a long response begins."""

        tokens: int = Field(default=16, ge=1, description="The most tokens of a short chosen response.")

    options: Options
    label_free = True
    stage_names = ("short", "long")

    @hookimpl
    def udasa_stage(self, pairs: PairTable) -> StagePlan:
        """Return each pair's id in its stage, or with the reason why it is in none."""
        stages: dict[str, list[str]] = {name: [] for name in self.stage_names}
        dropped = []
        for pair_id, gap, tokens in zip(pairs.ids, pairs.gaps, pairs.chosen_tokens, strict=True):
            if not gap > 0:  # neither is NaN, which stands for no gap
                dropped.append((pair_id, "no positive gap"))
            elif not tokens > 0:
                dropped.append((pair_id, "the length of its chosen response is not known"))
            else:
                stages["short" if tokens <= self.options.tokens else "long"].append(pair_id)
        return StagePlan(stages, tuple(dropped))
