"""What a model's own files say of it, for the card of a model made from it."""

from __future__ import annotations

import re
from pathlib import Path

from udasa_core.files.json_text import parse_json
from udasa_core.models.gguf import PROVENANCE
from udasa_core.records import ModelRef
from udasa_core.sources.source import parse_source

UNKNOWN = "unknown"

_CLASSIFIER = re.compile(r"^Classifier: License :: (?:OSI Approved :: )?(.+)$", re.MULTILINE)
_LICENCE_FIELD = re.compile(r"^License(?:-Expression)?: (.+)$", re.MULTILINE)


def licence_of(ref: ModelRef) -> str:
    """Return the licence that a model's files state, "unknown" where they state none.

    The model's README comes first, then what its GGUF says, then the wheel that brought it (which may state
    the packaging's licence instead).
    """
    folder = Path(ref.folder)
    return _of_readme(folder) or _of_gguf(folder) or _of_wheel(ref) or UNKNOWN


def base_name_of(ref: ModelRef) -> str:
    """Return the name under which a model's source knows it."""
    scheme, _, rest = ref.source.partition(":")
    if scheme == "hf":
        return rest.partition("@")[0]
    path = Path(rest.partition("#")[0])
    if path.suffix == ".gguf":
        return path.stem
    return Path(ref.folder).name if scheme == "file" else ref.source


def _of_readme(folder: Path) -> str:
    readme = folder / "README.md"
    if not readme.is_file():
        return ""
    from huggingface_hub.repocard import metadata_load
    from yaml import YAMLError

    try:
        fields = metadata_load(readme) or {}
    # A stranger's file, and YAML's own makers of numbers and dates raise of many kinds: it states nothing.
    except (OSError, ValueError, LookupError, AttributeError, TypeError, RecursionError, YAMLError):
        return ""
    # "other" points at a name of its own.
    licence = fields.get("license") or ""
    if licence == "other":
        licence = fields.get("license_name", licence)
    return ", ".join(map(str, licence)) if isinstance(licence, list) else str(licence)


def _of_gguf(folder: Path) -> str:
    provenance = folder / PROVENANCE
    if not provenance.is_file():
        return ""
    try:
        told = parse_json(provenance.read_bytes())
    except (OSError, ValueError):
        return ""
    return str(told.get("license", "")) if isinstance(told, dict) else ""


def _of_wheel(ref: ModelRef) -> str:
    if not ref.source.startswith("pypi:"):
        return ""
    from udasa_core.sources.wheels import wheel_metadata

    # The fields stand before the first empty line; what follows is a description.
    head = wheel_metadata(parse_source(ref.source, Path(ref.folder))).partition("\n\n")[0]
    found = _LICENCE_FIELD.search(head) or _CLASSIFIER.search(head)
    return found[1].strip() if found else ""
