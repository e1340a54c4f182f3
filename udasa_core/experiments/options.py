"""An experiment's options as they are typed: one `--option text` a field of its `Options`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from udasa_core.config.key_faults import message

# What stands for a value in the help, by its type.
_WORDS = {bool: "BOOLEAN", int: "INTEGER", float: "FLOAT", Path: "FILE"}


def default_folder(name: str) -> Path:
    """Return where an experiment's runs and report go, if nothing is said of it."""
    return Path("runs") / name.replace("/", "-").replace(":", "-")


def is_list(field: FieldInfo) -> bool:
    """Say whether an option takes several values, with commas between them."""
    return get_origin(field.annotation) in (tuple, list, Sequence)


def word(field: FieldInfo) -> str:
    """Return what stands for an option's value in the help: INTEGER, FILE, or A,B,… for several."""
    if is_list(field):
        return "A,B,…"
    kinds = {field.annotation, *get_args(field.annotation)}
    return next((told for kind, told in _WORDS.items() if kind in kinds), "TEXT")


def choices(field: FieldInfo) -> tuple[str, ...]:
    """Return the words that an option takes, where it takes some words only."""
    return tuple(map(str, get_args(field.annotation))) if get_origin(field.annotation) is Literal else ()


def typed(field: FieldInfo) -> str:
    """Return an option's default as it would be typed; "" where it has none."""
    value = None if field.is_required() else field.get_default(call_default_factory=True)
    if value is None:
        return ""
    return ",".join(map(str, value)) if is_list(field) else str(value)


def read(field: FieldInfo, text: str) -> Any:
    """Return the plain JSON data that a typed text stands for. Raises ValueError, saying what is wrong."""
    adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
    parts = [part.strip() for part in text.split(",")] if text else []
    try:
        if not is_list(field):
            return adapter.dump_python(adapter.validate_strings(text), mode="json")
        (one, *_) = get_args(field.annotation)
        member: TypeAdapter[Any] = TypeAdapter(one)
        return adapter.dump_python(
            adapter.validate_python(tuple(member.validate_strings(part) for part in parts)), mode="json"
        )
    except ValidationError as error:
        raise ValueError(f"{message(error.errors(include_url=False)[0])} (it is {text!r})") from error
