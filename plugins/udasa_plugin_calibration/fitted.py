"""Curves fitted on labels beforehand: how often a raw score goes with a wrong response."""

from __future__ import annotations

import hashlib
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from udasa_core import Options, Plugin, UdasaError

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class FittedOptions(Options):
    """The options of a calibration that was fitted on labels beforehand."""

    source: str = Field(
        min_length=1,
        description="The JSON file that `udasa experiment fit-weights` wrote (file:weights.json, say), with "
        "an entry for each of the run's dimensions.",
    )


class IsotonicCurve(BaseModel):
    """Knots of a nondecreasing curve: raw scores, strictly ascending, and P(wrong) at each."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    scores: tuple[Share, ...] = Field(min_length=1)
    wrong: tuple[Share, ...]

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if len(self.scores) != len(self.wrong):
            raise ValueError(f"{len(self.scores)} scores and {len(self.wrong)} values of wrong")
        if any(score >= following for score, following in pairwise(self.scores)):
            raise ValueError("scores do not ascend")
        if any(share > following for share, following in pairwise(self.wrong)):
            raise ValueError("wrong falls somewhere: a higher score would mean fewer mistakes")
        return self


class PlattCurve(BaseModel):
    """P(wrong) = σ(slope · u + intercept) of a raw score u, slope ≥ 0."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    slope: float = Field(ge=0.0)
    intercept: float


class Curves(BaseModel):
    """One dimension's curves, each fitted to the same labels."""

    model_config = ConfigDict(frozen=True)

    isotonic: IsotonicCurve | None = None
    platt: PlattCurve | None = None


class FittedFile(BaseModel):
    """What is read of the file; it may hold more (weights, provenance)."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    format: Literal[1]
    dimensions: dict[str, Curves]


class FittedCalibration(Plugin):
    """What calibrations by fitted curves share: the file, its digest, and that labels went into it."""

    Options = FittedOptions
    options: FittedOptions
    label_free = False

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the file, checked: other labels make other curves."""
        return self._read[0]

    def curves(self, dimension: str) -> Curves:
        """Return a dimension's curves. Raises UdasaError, naming those that the file has."""
        fitted = self._read[1].dimensions
        if dimension not in fitted:
            raise UdasaError(
                f"{self.options.source} has no curve of the dimension {dimension!r}; it has "
                f"{', '.join(fitted) or 'none'}. Write it anew with `udasa experiment fit-weights` over a "
                'configuration with this dimension, or calibrate without labels: [calibration] use = "cdf"'
            )
        return fitted[dimension]

    @cached_property
    def _read(self) -> tuple[str, FittedFile]:
        source = self.options.source
        try:
            content = self.resources.path(source).read_bytes()
        except OSError as error:
            raise UdasaError(
                f"{source} cannot be read: {error.strerror}; `udasa experiment fit-weights` writes it"
            ) from error
        try:
            file = FittedFile.model_validate_json(content, strict=True)
        except ValidationError as error:
            told = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}".removeprefix(": ")
                for fault in error.errors(include_url=False)[:3]
            )
            raise UdasaError(
                f"{source} is no file of fitted curves ({told}); write it anew with "
                "`udasa experiment fit-weights`"
            ) from error
        return hashlib.sha256(content).hexdigest(), file
