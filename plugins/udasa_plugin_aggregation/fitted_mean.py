"""Aggregation `fitted-mean`: the weighted mean with weights that were fitted on labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from udasa_core import Plugin, Score, UdasaError, hookimpl
from udasa_plugin_aggregation.voices import combine_each, weighted_mean


class FittedFile(BaseModel):
    """What is read of the file; it may hold more (curves, provenance)."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    format: Literal[1]
    weights: dict[str, Annotated[float, Field(ge=0.0)]] = Field(default_factory=dict)


class FittedMean(Plugin):
    """U in [0, 1] for each response, as `mean`, by weights in a file of `udasa experiment fit-weights`.

    The weights in the TOML count no longer, save that a dimension with weight 0 there stays silent. Labels
    shaped these weights: a run that uses them is stamped label_free = false. Raises UdasaError where the file
    has no weight for a dimension, or none above 0.
    """

    class Options(Plugin.Options):
        """Where the weights are."""

        source: str = Field(
            min_length=1,
            description="The JSON file that `udasa experiment fit-weights` wrote (file:weights.json, say), "
            "with a weight for each of the run's dimensions.",
        )

    options: Options
    label_free = False

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the file, checked: other labels make other weights."""
        return self._read[0]

    @hookimpl
    def udasa_aggregate(
        self, columns: Mapping[str, Sequence[Score]], weights: Mapping[str, float]
    ) -> Sequence[Score]:
        fitted = self._read[1].weights
        missing = [name for name in columns if weights[name] > 0 and name not in fitted]
        if missing:
            raise UdasaError(
                f"{self.options.source} has no weight of the dimension {missing[0]!r}; it has "
                f"{', '.join(fitted) or 'none'}. Write it anew with `udasa experiment fit-weights`"
            )
        counted = {name: fitted.get(name, 0.0) if weights[name] > 0 else 0.0 for name in columns}
        if not sum(counted.values()) > 0.0:
            raise UdasaError(f"{self.options.source}: the weights of this run's dimensions are all 0")
        return combine_each(columns, counted, weighted_mean)

    @cached_property
    def _read(self) -> tuple[str, FittedFile]:
        source = self.options.source
        try:
            content = self.resources.path(source).read_bytes()
            file = FittedFile.model_validate_json(content, strict=True)
        except OSError as error:
            raise UdasaError(
                f"{source} cannot be read: {error.strerror}; `udasa experiment fit-weights` writes it"
            ) from error
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"]))
            raise UdasaError(
                f"{source} is no file of fitted weights ({where}: {fault['msg']}); write it anew with "
                "`udasa experiment fit-weights`"
            ) from error
        return hashlib.sha256(content).hexdigest(), file
