"""What a model's own files say of it, for the card of a model made from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from udasa_core.errors import FOREIGN
from udasa_core.files.json_text import parse_json
from udasa_core.models.gguf import PROVENANCE
from udasa_core.models.model_size import local_folder, local_path
from udasa_core.records import ModelRef
from udasa_core.sources.model_folder import legal_files
from udasa_core.sources.source import parse_source

UNKNOWN = "unknown"
# What the hub takes as a licence; any other is "other", with a name of its own.
_HUB = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc
cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0
cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c
ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib
pddl lgpl-lr llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma unknown
"""
HUB_LICENCES = frozenset(_HUB.split())

# What the first lines of a licence's own text say → what it is called on the hub.
_TEXTS = (
    (r"apache license,? version 2\.0", "apache-2.0"),
    (r"\bmit license|permission is hereby granted, free of charge, to any person", "mit"),
    (r"llama 3\.(\d) community license", r"llama3.\1"),
    (r"meta llama 3 community license", "llama3"),
    (r"llama 2 community license", "llama2"),
    (r"gemma terms of use", "gemma"),
    (r"qwen research license", "qwen-research"),
    (r"(?:tongyi )?qianwen|qwen license agreement", "qwen"),
)
_HEAD = 2000

_CLASSIFIER = re.compile(r"^Classifier: License :: (?:OSI Approved :: )?(.+)$", re.MULTILINE)
_LICENCE_FIELD = re.compile(r"^License(?:-Expression)?: (.+)$", re.MULTILINE)


def licence_of(ref: ModelRef, root: Path | None = None) -> str:
    """Return the licence that a model's files state, "unknown" where they state none.

    The model's README comes first, then what its GGUF says, a LICENSE beside it whose text is known, and the
    wheel that brought it (which may state the packaging's licence instead). root: where relative sources
    begin.
    """
    told = (_of_readme(folder) or _of_gguf(folder) or _of_text(folder) for folder in folders_of(ref, root))
    return next(filter(None, told), "") or _of_wheel(ref) or UNKNOWN


def licence_link(ref: ModelRef, root: Path | None = None) -> str:
    """Return the address of the licence's text that a model's files give, "" where they give none."""
    for folder in folders_of(ref, root):
        link = _front_matter(folder).get("license_link") or _provenance(folder).get("license.link")
        if isinstance(link, str) and link.startswith("https://"):
            return link
    return ""


def where_to_look(ref: ModelRef) -> str:
    """Return where the licence of a model can be found whose files state none."""
    scheme, _, rest = ref.source.partition(":")
    if scheme == "hf":
        return f"https://huggingface.co/{ref.called}"
    if scheme == "pypi":
        return f"https://pypi.org/project/{rest.partition('==')[0]}"
    return "the page of whoever made it"


def folders_of(ref: ModelRef, root: Path | None = None) -> list[Path]:
    """Return the folders whose files tell of a model: its own, and the one that its GGUF lies in."""
    scheme, _, path = ref.source.partition(":")
    gguf = (root or Path()) / Path(path)
    is_gguf = scheme == "file" and gguf.suffix == ".gguf" and gguf.is_absolute()
    return [Path(ref.folder), *([gguf.parent] if is_gguf else [])]


def licence_of_source(source: str, root: Path) -> str:
    """Return the licence that a model's own files state; "unknown" where it is no model's source, is not
    here, or states none. What a wheel states is its packaging's."""
    try:
        path = local_path(source, root)
        folder = local_folder(path) if path is not None else None
    except FOREIGN:  # a name that a server knows is no source
        return UNKNOWN
    if folder is None:
        return UNKNOWN
    return licence_of(
        ModelRef(source=f"file:{folder}", revision="", dtype="", template="", folder=str(folder))
    )


def _front_matter(folder: Path) -> dict[str, Any]:
    readme = folder / "README.md"
    if not readme.is_file():
        return {}
    from huggingface_hub.repocard import metadata_load
    from yaml import YAMLError

    try:
        return dict(metadata_load(readme) or {})
    # A stranger's file, and YAML's own makers of numbers and dates raise of many kinds: it states nothing.
    except (OSError, ValueError, LookupError, AttributeError, TypeError, RecursionError, YAMLError):
        return {}


def _of_readme(folder: Path) -> str:
    # "other" points at a name of its own.
    fields = _front_matter(folder)
    licence = fields.get("license") or ""
    if licence == "other":
        licence = fields.get("license_name", licence)
    return ", ".join(map(str, licence)) if isinstance(licence, list) else str(licence)


def _provenance(folder: Path) -> dict[str, Any]:
    """Return what the GGUF said of itself that a folder was made of; nothing of another folder."""
    try:
        told = parse_json((folder / PROVENANCE).read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _of_gguf(folder: Path) -> str:
    told = _provenance(folder)
    licence = str(told.get("license", ""))
    return str(told.get("license.name", licence)) if licence == "other" else licence


def _of_text(folder: Path) -> str:
    for file in legal_files(folder) if folder.is_dir() else ():
        if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
            head = " ".join(file.read_text(encoding="utf-8", errors="replace")[:_HEAD].casefold().split())
            for pattern, name in _TEXTS:
                if found := re.search(pattern, head):
                    return found.expand(name)
    return ""


def _of_wheel(ref: ModelRef) -> str:
    if not ref.source.startswith("pypi:"):
        return ""
    from udasa_core.sources.wheels import wheel_metadata

    # The fields stand before the first empty line; what follows is a description.
    head = wheel_metadata(parse_source(ref.source, Path(ref.folder))).partition("\n\n")[0]
    found = _LICENCE_FIELD.search(head) or _CLASSIFIER.search(head)
    return found[1].strip() if found else ""
