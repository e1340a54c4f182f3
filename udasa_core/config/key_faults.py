"""What is wrong with the keys of a table and their values, in words of the TOML, and what to write."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from pydantic import BaseModel, ValidationError

from udasa_core.config.schema import DEVICE, INSTANCE, NAME, RENDEZVOUS
from udasa_core.errors import Fault
from udasa_core.text.likeness import did_you_mean
from udasa_core.text.printable import excerpt

# What stands in the place of a key where several kinds of value are taken: "literal['all-linear']", "int".
_KIND = re.compile(
    r"(?:literal|tuple|list|dict|set|union|tagged-union|function-\w+|constrained-\w+)\W.*|"
    r"(?:str|int|float|bool|none|literal)"
)
# Regular expressions, as people say them.
_FORMS = {
    NAME: "letters, digits, dots, _ and -, and begins with a letter or a digit",
    DEVICE: "auto, cpu, cuda, cuda:1 or mps",
    INSTANCE: "a name without blanks, quotes, brackets and =",
    RENDEZVOUS: "host:port",
}
# Words that other libraries, or others of our tables, have for our keys.
_ELSEWHERE: Mapping[str, Sequence[str]] = {
    "lr": ("learning_rate",),
    "batch_size": ("batch",),
    "per_device_train_batch_size": ("batch",),
    "gradient_accumulation_steps": ("accumulation",),
    "num_train_epochs": ("epochs",),
    "r": ("rank",),
    "lora_alpha": ("alpha",),
    "target_modules": ("targets",),
    "k": ("responses",),
    "n": ("responses",),
    "num_return_sequences": ("responses",),
    "max_tokens": ("max_new_tokens",),
    "max_completion_tokens": ("max_new_tokens",),
    "load_in_4bit": ("quantization", "quantize"),
    "quantize": ("quantization",),
    "quantization": ("quantize",),
    "torch_dtype": ("dtype",),
    "path": ("source",),
    "name_or_path": ("source",),
    "model_name": ("source", "model"),
}
# What a value is, by the beginning of the name that pydantic has for its fault; the first that fits counts.
_TAKES = {
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a number that is not infinite",
    "bool": "true or false",
    "string_type": 'a text, "…"',
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table, {{ … = … }}",
    "model": "a table, {{ … = … }}",
    "mapping_type": "a table, {{ … = … }}",
    "greater_than_equal": "a number of {ge} or more",
    "greater_than": "a number above {gt}",
    "less_than_equal": "a number of {le} or less",
    "less_than": "a number below {lt}",
    "string_too_short": "a text of {min_length} characters or more",
    "string_too_long": "a text of {max_length} characters at most",
    "too_short": "{min_length} or more of them, and has {actual_length}",
    "too_long": "{max_length} of them at most, and has {actual_length}",
}
_NUMBER = re.compile(r"([+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)(?:\s*[A-Za-z%,;]*)")


def pydantic_faults(
    error: ValidationError, path: str, model: type[BaseModel], also: Sequence[str] = ()
) -> list[Fault]:
    """Turn pydantic's errors into faults with TOML paths and what to write.

    also: keys that the table knows besides the model's own.
    """
    faults: list[Fault] = []
    # Where several kinds of value are taken, each kind's own fault is told: they make one.
    told: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False):
        keys = list(takewhile(lambda part: not _KIND.fullmatch(str(part)), detail["loc"]))
        where = ".".join([path, *map(str, keys)]).strip(".")
        if detail["type"] == "extra_forbidden":
            faults.append(unknown_key(where, str(detail["loc"][-1]), [*model.model_fields, *also]))
        elif detail["type"] == "missing":
            field = model.model_fields.get(str(detail["loc"][-1]))
            hint = f"{detail['loc'][-1]} = …  # {field.description}" if field and field.description else ""
            faults.append(Fault(where, "is missing", hint))
        else:
            if where not in told:
                said = "" if isinstance(detail["input"], Mapping) else f" (it is {excerpt(detail['input'])})"
                told[where] = []
                faults.append(Fault(where, said))
            field = model.model_fields.get(str(keys[0])) if keys else None
            told[where].append(message(detail, field.description if field else None))
            hints = {fault.path: fault.hint for fault in faults}
            if not hints[where] and (hint := _hint(detail, where)):
                faults = [replace(one, hint=hint) if one.path == where else one for one in faults]
    return [
        replace(fault, message=f"{', or '.join(dict.fromkeys(told[fault.path]))}{fault.message}")
        if fault.path in told
        else fault
        for fault in faults
    ]


def message(detail: Mapping[str, Any], meaning: str | None = None) -> str:
    """Return what is wrong with a value, by pydantic's detail, in words of the TOML.

    meaning: what the key's description says.
    """
    kind, context = str(detail["type"]), detail.get("ctx", {})
    if kind == "string_pattern_mismatch":
        form = _FORMS.get(str(context.get("pattern", "")), "")
        return f"takes {form or meaning or 'texts of another form'}"
    plain = next((plain for begun, plain in _TAKES.items() if kind.startswith(begun)), "")
    if plain:
        bounds = {name: f"{one:g}" if isinstance(one, float) else one for name, one in context.items()}
        return f"takes {plain.format(**bounds)}"
    told = str(detail["msg"]).removeprefix("Value error, ")
    if told.startswith("Input should be "):
        return f"takes {told.removeprefix('Input should be ')}"
    return f"{told[0].lower()}{told[1:]}"


def _hint(detail: Mapping[str, Any], where: str) -> str:
    """Return how a text that was typed in place of another kind of value is written, "" if it is none."""
    text, kind, key = detail["input"], str(detail["type"]), where.rpartition(".")[2]
    if not isinstance(text, str):
        return ""
    if kind in ("tuple_type", "list_type"):
        members = [part for part in re.split(r"[\s,;\[\]\"']+", text) if part]
        plain = (
            f"[{', '.join(json.dumps(one, ensure_ascii=False) for one in members)}]" if members else '["…"]'
        )
        return f"{key} = {plain}; on a command line, --set '{where}={plain}'"
    if kind == "dict_type":
        return f'{key} = {{ name = "…" }}; on a command line, --set \'{where}={{ name = "…" }}\''
    if not text.strip():
        return f"write {key} = …, or leave it out: its default counts"
    if kind in ("int_type", "float_type") and (number := _NUMBER.fullmatch(text.strip())):
        return f"{key} = {number[1].replace(',', '.')}"
    return ""


def unknown_key(path: str, key: str, known: Sequence[str]) -> Fault:
    """Return the fault of a key that nothing reads."""
    ours = next((meant for meant in _ELSEWHERE.get(key, ()) if meant in known), key)
    return Fault(path, "is not a known key", did_you_mean(ours, known, "known keys"))
