"""The models of a run, resolved before anything is built of them."""

from __future__ import annotations

from collections.abc import Collection

from udasa_core.config.parse import RunConfig, ScoringConfig
from udasa_core.config.schema import STAND_INS, EncoderTable, ModelTable
from udasa_core.errors import ConfigError, Fault, SourceError
from udasa_core.models.resolve import resolve_encoder, resolve_model
from udasa_core.progress import Progress
from udasa_core.records import ModelRef
from udasa_core.resources.shared import role_of


def resolve_models(
    config: RunConfig | ScoringConfig, needs: Collection[str], progress: Progress
) -> dict[str, ModelRef]:
    """Resolve the base policy, by the role "base", and the other models where a resource needs them.

    needs: the resources that the selected plugins declare. Raises ConfigError where a model cannot be had.
    """
    roles = dict.fromkeys(role_of(need, config.models) for need in sorted(needs))
    tables = [role for role in ("model", *roles) if role is not None and role in config.models]
    refs: dict[str, ModelRef] = {}
    faults = []
    for role in tables:
        table = config.models[role]
        kind, resolve = (
            (EncoderTable, resolve_encoder)
            if isinstance(table, EncoderTable)
            else (ModelTable, resolve_model)
        )
        # What a table has beyond that says how the model is asked.
        settings = table.model_dump(include=kind.model_fields.keys() - {"source"})
        try:
            ref = resolve(table.source, root=config.root, progress=progress, **settings)
            refs["base" if role == "model" else role] = ref
        except SourceError as error:
            faults.append(Fault(f"{role}.source", str(error)))
    if faults:
        raise ConfigError(faults, config.origin)
    for role, other in STAND_INS.items():
        served = "base" if other == "model" else other
        if role in needs and served in refs:
            refs.setdefault(role, refs[served])
    return refs
