"""A folder of data as the hub lays it out: what its description may name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from udasa_core.errors import SourceError, reason

# Where datasets reads which files belong to which configuration and split.
_DESCRIPTIONS = ("README.md", ".huggingface.yaml")
_PATHS = ("data_files", "data_dir")
# As huggingface_hub finds it.
_YAML_BLOCK = re.compile(r"^(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(\r\n|\n|$))")


def check_description(folder: Path) -> None:
    """Raise SourceError where a folder's description names files outside of it: they are in no digest, and a
    download, or any file of this machine, would be data. Nothing is asked of a network."""
    for name in _DESCRIPTIONS:
        path = folder / name
        if not path.is_file():
            continue
        outside = sorted({text for text in _named(_description(path)) if _leads_outside(text)})
        if outside:
            raise SourceError(
                f"{path} names data outside of its folder: {', '.join(map(repr, outside[:3]))}\n"
                "    → copy those files into the folder, and name them by their paths in it"
            )


def _description(path: Path) -> Any:
    """Return what a file says in YAML: all of it, or what stands between the `---` of a README."""
    import yaml

    try:
        text = path.read_bytes().decode()
        if path.suffix == ".md":
            block = _YAML_BLOCK.search(text)
            text = block[2] if block else ""
        return yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SourceError(f"{path} cannot be read: {reason(error)}\n    → mend it, or remove it") from error


def _named(plain: Any, is_path: bool = False) -> list[str]:
    """Return the texts that stand anywhere under a key for paths."""
    if isinstance(plain, dict):
        # In data_files itself a key is a split, or "path" beside "split".
        return [text for key, value in plain.items() for text in _named(value, is_path or key in _PATHS)]
    if isinstance(plain, list):
        return [text for one in plain for text in _named(one, is_path)]
    return [plain] if is_path and isinstance(plain, str) else []


def _leads_outside(text: str) -> bool:
    path = text.replace("\\", "/")
    return path.startswith(("/", "~")) or ".." in path.split("/") or "::" in path or ":" in path.split("/")[0]
