"""What a fitted configuration says of itself, in its comments and on the terminal: what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from udasa_core.check.room import Room
from udasa_core.check.sizing import Sizing
from udasa_core.config.parse import RunConfig
from udasa_core.config.recipes import Remark, Task, recipes, remarks
from udasa_core.config.toml_text import read_toml
from udasa_core.models.known_size import KnownSize
from udasa_core.models.loading import WITHOUT_BITSANDBYTES, has_bitsandbytes
from udasa_core.prompts.recognised import Recognised
from udasa_core.sources.source import parse_source
from udasa_core.text.printable import printable_line
from udasa_core.text.size import size, weights

# Of fewer prompts hardly a pair stands out.
_FEW = 100
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Fitted:
    """A configuration and what it was fitted to; `prompts` is None where they could not be looked at.

    lowered: what is sampled less of than the recipe does ("responses", "voters"), and how many are left.
    """

    config: RunConfig
    recipe: str
    task: Task | None
    known: KnownSize
    prompts: Recognised | None
    room: Room
    sizing: Sizing
    lowered: Mapping[str, int]


def remarks_of(fitted: Fitted) -> Iterator[Remark]:
    """Yield the comments above its tables: the recipe's, but of model and prompts what is known of these."""
    own = {"model": _model(fitted), "prompts": _prompts(fitted)}
    more = {"": _head(fitted), "generator": _generator(fitted), "trainer": _trainer(fitted)}
    said = remarks(recipes()[fitted.recipe].read_text(encoding="utf-8"))
    kept = [remark for remark in said if remark.table not in own]
    first = {remark.table: remark.text for remark in kept if not remark.number}
    for table, text in own.items():
        yield Remark(table, 0, text)
    for table, text in more.items():
        yield Remark(table, 0, "\n".join(filter(None, (text, first.get(table, "")))))
    yield from (remark for remark in kept if remark.number or remark.table not in more)


def notes(fitted: Fitted) -> Iterator[str]:
    """Yield what to know of it, a sentence or two each."""
    yield f"recipe {fitted.recipe}{_why(fitted)}"
    yield f"prompts: {_prompts(fitted)}"
    yield f"model: {_model(fitted)}"
    for told in (_generator(fitted), _trainer(fitted)):
        if told:
            yield told
    found = fitted.prompts
    if found is not None and found.usable < _FEW:
        yield f"{found.usable} prompts are few: some hundred are wanted, or hardly a pair stands out"
    if fitted.known.is_assumed:
        yield "how large the model is nobody told: once it is here, compare with what `udasa check` says"
    if fitted.sizing.quantization == "4bit" and not has_bitsandbytes():
        yield f"4 bits need bitsandbytes where the run is made, on Linux: {WITHOUT_BITSANDBYTES}"


def _head(fitted: Fitted) -> str:
    return (
        f"Written by `udasa init` from the recipe `{fitted.recipe}`{_why(fitted)}. What memory is needed was "
        "computed as `udasa check` does, and not measured.\nWhat the recipe says of itself:"
    )


def _why(fitted: Fitted) -> str:
    if fitted.task is None:
        return ""
    only = ", all weight on the dimension `safety`: responses may agree to do harm"
    return f", for the task `{fitted.task}`{only if fitted.task == 'safety' else ''}"


def _model(fitted: Fitted) -> str:
    sizing, room, source = fitted.sizing, fitted.room, fitted.config.model.source
    bits = "4 bits" if sizing.quantization == "4bit" else room.dtype
    typical = "" if fitted.known.is_exact else "; its other dimensions as such models usually have them"
    told = (
        f"{source}: {weights(fitted.known.size.parameters)} weights ({fitted.known.basis}{typical}), "
        f"{size(sizing.weights)} in {bits}; sampling takes about {size(sizing.sampling)} more, training "
        f"{size(sizing.training)} to twice that. {room.told[0].upper()}{room.told[1:]}: {size(room.memory)}, "
        f"of which {size(room.counted)} are counted on."
    )
    parsed = parse_source(source, fitted.config.root)
    if parsed.scheme == "hf" and parsed.revision == "main":
        told += f" Name a revision (hf:{parsed.name}@…), so that the same weights are meant tomorrow."
    return printable_line(told)


def _prompts(fitted: Fitted) -> str:
    found, source = fitted.prompts, fitted.config.prompts.source
    if found is None:
        return (
            f"{source}: the hub gave no answer, so nobody looked at its rows. They are read where each has a "
            "prompt or messages; name other fields in `columns`."
        )
    told = f"{source}: {found.usable:,} prompts, {found.layout}"
    for our, words in (("system", "system messages"), ("id", "ids")):
        if our in found.columns:
            told += f", {words} from {found.columns[our]!r}"
    if found.own:
        told += f"; beside them stay {', '.join(map(repr, found.own))}"
    if found.reasons.total:
        told += f"; rows that give none, and are set aside: {found.reasons.total:,}"
    return printable_line(f"{told}. The first begins {found.first[:_SHOWN]!r}.")


def _generator(fitted: Fitted) -> str:
    """Say what is changed of how the recipe samples."""
    raw, told = fitted.config.raw["generator"], []
    if fitted.lowered:
        counts = " and ".join(f"{count} {what}" for what, count in fitted.lowered.items())
        told.append(f"{counts}, fewer than the recipe's: the model is large, and there is no CUDA.")
    if "prompts_per_batch" in raw:
        told.append(f"Fewer prompts decode together ({raw['prompts_per_batch']}), for want of memory.")
    return " ".join(told)


def _trainer(fitted: Fitted) -> str:
    """Say what is changed of how the recipe trains."""
    sizing, raw, plain = fitted.sizing, fitted.config.raw["trainer"], _recipe(fitted)["trainer"]
    told = []
    if raw.get("batch") != plain.get("batch"):
        told.append("Smaller batches, with as many pairs in an optimizer step as the recipe has.")
    if sizing.is_recomputed:
        told.append("Activations are computed twice, for want of memory: about a third slower.")
    if sizing.is_cut:
        told.append(f"Pairs of more than {sizing.length} tokens are not trained on, for want of memory.")
    return " ".join(told)


def _recipe(fitted: Fitted) -> dict[str, Any]:
    return read_toml(recipes()[fitted.recipe])
