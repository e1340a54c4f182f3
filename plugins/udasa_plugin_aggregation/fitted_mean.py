"""Aggregation `fitted-mean`: the weighted mean with weights that were fitted on labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from udasa_core import Score, UdasaError, hookimpl
from udasa_plugin_aggregation.fitted import Fitted, FittedOptions
from udasa_plugin_aggregation.voices import combine_each, weighted_mean


class FittedMean(Fitted):
    """U in [0, 1] for each response, as `mean`, by the weights that `udasa fit-weights` wrote to a file.

    The weights in the TOML count no longer, save that a dimension with weight 0 there stays silent. Labels
    shaped these weights: a run that uses them is stamped label_free = false. Raises UdasaError where the file
    has no weight for a dimension, or none above 0.
    """

    Options = FittedOptions

    @hookimpl
    def udasa_aggregate(
        self, columns: Mapping[str, Sequence[Score]], weights: Mapping[str, float]
    ) -> Sequence[Score]:
        fitted = self._file.weights
        missing = [name for name in columns if weights[name] > 0 and name not in fitted]
        if missing:
            raise UdasaError(
                f"{self.options.source} has no weight of the dimension {missing[0]!r}; it has "
                f"{', '.join(fitted) or 'none'}. Write it anew with `udasa fit-weights`"
            )
        counted = {name: fitted.get(name, 0.0) if weights[name] > 0 else 0.0 for name in columns}
        if not sum(counted.values()) > 0.0:
            raise UdasaError(f"{self.options.source}: the weights of this run's dimensions are all 0")
        return combine_each(columns, counted, weighted_mean)
