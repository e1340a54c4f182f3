"""Curves fitted on labels beforehand: how often a raw score goes with a wrong response."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from udasa_core import Resources, UdasaError

if TYPE_CHECKING:
    from pathlib import Path

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class FittedOptions(BaseModel):
    """The options of a calibration that was fitted on labels beforehand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(
        min_length=1,
        description="The JSON file that `udasa fit-weights` wrote (file:weights.json, say), with an entry "
        "for each of the run's dimensions.",
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
        if any(one >= other for one, other in zip(self.scores, self.scores[1:], strict=False)):
            raise ValueError("scores do not ascend")
        if any(one > other for one, other in zip(self.wrong, self.wrong[1:], strict=False)):
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


class _File(BaseModel):
    """What is read of the file; it may hold more (provenance)."""

    model_config = ConfigDict(allow_inf_nan=False)

    format: Literal[1]
    dimensions: dict[str, Curves]
    weights: dict[str, Annotated[float, Field(ge=0.0)]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FittedCurves:
    """A fitted file, checked: `sha256` is that of its bytes; curves and weights by dimension."""

    sha256: str
    dimensions: dict[str, Curves]
    weights: dict[str, float]

    @classmethod
    def read(cls, path: Path, source: str) -> FittedCurves:
        """Read and check a file. Raises UdasaError that says what is wrong with it, and where."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UdasaError(
                f"{source} cannot be read: {error.strerror}; `udasa fit-weights` writes it"
            ) from error
        try:
            file = _File.model_validate_json(content, strict=True)
        except ValidationError as error:
            told = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}".removeprefix(": ")
                for one in error.errors(include_url=False)[:3]
            )
            raise UdasaError(
                f"{source} is no file of fitted curves ({told}); write it anew with `udasa fit-weights`"
            ) from error
        return cls(hashlib.sha256(content).hexdigest(), file.dimensions, file.weights)


class Fitted:
    """What plugins by such a file share: the file, its digest, and that labels went into it."""

    needs: ClassVar[tuple[str, ...]] = ()
    label_free: ClassVar[bool] = False

    def __init__(self, options: FittedOptions, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name
        self._resources = resources

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the file: other labels make other curves."""
        return self._file.sha256

    @cached_property
    def _file(self) -> FittedCurves:
        return FittedCurves.read(self._resources.path(self.options.source), self.options.source)


class FittedCalibration(Fitted):
    """What calibrations by fitted curves share."""

    def curves(self, dimension: str) -> Curves:
        """Return a dimension's curves. Raises UdasaError, naming those that the file has."""
        fitted = self._file.dimensions
        if dimension not in fitted:
            raise UdasaError(
                f"{self.options.source} has no curve of the dimension {dimension!r}; it has "
                f"{', '.join(fitted) or 'none'}. Write it anew with `udasa fit-weights` over a "
                'configuration with this dimension, or calibrate without labels: [calibration] use = "cdf"'
            )
        return fitted[dimension]
