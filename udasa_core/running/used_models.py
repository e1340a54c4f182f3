"""Every model that a run will load: its own, and those that plugins' options name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from udasa_core.config.parse import RunConfig
from udasa_core.config.schema import STAND_INS, ModelTable
from udasa_core.plugins.base import ModelKind
from udasa_core.plugins.stack import Chosen
from udasa_core.resources.shared import role_of


@dataclass(frozen=True, slots=True)
class UsedModel:
    """A model that is loaded. place: where the configuration names it; role: what it is there for.

    instead: the role of the model that serves in its place ("" where it is one of its own).
    """

    place: str
    role: str
    source: str
    kind: ModelKind | str
    dtype: str = "auto"
    device: str = "auto"
    quantization: str = "none"
    instead: str = ""


def used_models(config: RunConfig, chosen: Sequence[Chosen]) -> Iterator[UsedModel]:
    """Yield the policy, the models that resources need, and those that plugins name, in this order.

    chosen: the plugins that the configuration selects.
    """
    needs = {need for one in chosen for need in one.needs}
    roles = dict.fromkeys(role_of(need, config.models) for need in sorted(needs))
    for role in ("model", *(role for role in roles if role is not None)):
        table = config.models.get(role) or config.models.get(STAND_INS.get(role, ""))
        if table is None:
            continue
        stands_in = role not in config.models
        yield UsedModel(
            f"{role}.source",
            "policy" if role == "model" else role,
            table.source,
            "causal language model" if isinstance(table, ModelTable) else role,
            table.dtype,
            table.device,
            getattr(table, "quantization", "none"),
            "policy" if stands_in else "",
        )
    for one in chosen:
        plugin, options = one.table, one.options
        for source, kind in getattr(options, "named_models", {}).items():
            yield UsedModel(
                f"{plugin.path}.source",
                f"{plugin.kind} {plugin.name!r}",
                source,
                kind,
                getattr(options, "dtype", "float32" if kind == "classifier" else "auto"),
                getattr(options, "device", config.model.device),
            )
