"""Whether a model's weights are all its folder's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from udasa_core.errors import UdasaError

_TOLD = 3


def filled(loaded: tuple[Any, Mapping[str, Any]], source: str, unread: tuple[str, ...] = ()) -> Any:
    """Return a model that transformers has loaded with `output_loading_info`.

    unread: beginnings of the names of weights that nothing here reads. Raises UdasaError where another is not
    in the folder: transformers draws it at random, and goes on.
    """
    model, told = loaded
    parameters = dict(model.named_parameters())
    missing = sorted(
        name for name in told["missing_keys"] if name in parameters and not name.startswith(unread)
    )
    if missing:
        some = ", ".join(missing[:_TOLD]) + (", …" if len(missing) > _TOLD else "")
        raise UdasaError(
            f"{source} lacks {len(missing)} of the weights that its config.json asks for ({some}), and no "
            "number stands for them: copy the whole folder again, or name the model that was trained as what "
            f"it is taken for ({type(model).__name__})"
        )
    return model
