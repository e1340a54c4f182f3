"""Whether an adapter fits a model, told from names and shapes alone: no weight is read."""

from __future__ import annotations

from pathlib import Path

from udasa_core.errors import UdasaError
from udasa_core.models.adapter_fit import adapter_tensors, check_names
from udasa_core.models.loading import bare_model, quiet, readable
from udasa_core.records import ModelRef
from udasa_core.sources.digests import ADAPTER_WEIGHTS


def check_shapes(ref: ModelRef, adapter: Path) -> None:
    """Raise UdasaError where an adapter's configuration or tensors are not of this model.

    What its numbers do is seen where it is loaded. A model that comes with code of its own is not built here.
    """
    if ref.trust_remote_code:
        return
    from peft import PeftConfig, get_peft_model
    from safetensors import safe_open

    file = adapter / ADAPTER_WEIGHTS
    with quiet(), readable(str(adapter)):
        config = PeftConfig.from_pretrained(str(adapter))
        config.base_model_name_or_path = None  # where the base lay says nothing of its shapes
        model = get_peft_model(bare_model(Path(ref.folder)), config)
        with safe_open(file, framework="numpy") as tensors:
            given = {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    found = {name: tuple(one.shape) for name, one in adapter_tensors(model, given, "default").items()}
    check_names(file, given, found)
    unlike = [name for name in sorted(given) if given[name] != found[name]]
    if unlike:
        one = unlike[0]
        raise UdasaError(
            f"adapter {file} does not fit this model: {len(unlike)} of its tensors are of another shape "
            f"({one}: {given[one]}, and the model has {found[one]}). Name the base that it was trained on"
        )
