"""How far the responses and voters of each prompt give one answer, and the counts over a run's prompts."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

AGREED_SCHEMA = pa.schema(
    [("prompt_id", pa.string()), ("agreement", pa.float64()), ("majority", pa.float64())]
)


@dataclass(frozen=True, slots=True)
class Agreed:
    """One prompt: how far its N responses and voters give one answer.

    agreement: the share of pairs of them that do, in [0, 1]. majority: the share that gives the answer which
    most give, in [1/N, 1]. Both None where there is nothing to compare: they give no short answer, or N is 1.
    """

    prompt_id: str
    agreement: float | None
    majority: float | None

    @property
    def is_single(self) -> bool:
        """Whether all give one answer: to compare them orders nothing."""
        return self.agreement == 1.0


@dataclass(frozen=True, slots=True)
class Agreements:
    """Counts over n `prompts`, of which `compared` have answers to compare: `single`, where all give one
    answer, and `none`, where no two do. agreement, majority: means over those that are compared, NaN where
    none is."""

    prompts: int
    compared: int
    single: int
    none: int
    agreement: float
    majority: float

    @property
    def rate(self) -> float:
        """The single-cluster rate in [0, 1]: `single` among those that are compared; NaN where none is."""
        return self.single / self.compared if self.compared else math.nan


def counted(prompts: Iterable[Agreed]) -> Agreements:
    """Count prompts by how far their answers agree."""
    # Eight bytes each: there may be millions.
    agreements, majorities = array("d"), array("d")
    count = 0
    for one in prompts:
        count += 1
        if one.agreement is not None:
            agreements.append(one.agreement)
        if one.majority is not None:
            majorities.append(one.majority)
    return Agreements(
        prompts=count,
        compared=len(agreements),
        single=agreements.count(1.0),
        none=agreements.count(0.0),
        agreement=_mean(agreements),
        majority=_mean(majorities),
    )


def agreed_table(prompts: Iterable[Agreed]) -> pa.Table:
    """Return prompts' agreements as a table, one row each."""
    return pa.Table.from_pylist([asdict(one) for one in prompts], schema=AGREED_SCHEMA)


def agreed_from(table: pa.Table) -> tuple[Agreed, ...]:
    """Read back what `agreed_table` made."""
    return tuple(Agreed(**row) for row in table.to_pylist())


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
