"""Whether two models are of one family, by names and cards: a judge favours its own kind's answers."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

from udasa_core import Judge, ModelRef

log = logging.getLogger("udasa")

# Words of models' names that are a family's own.
_FAMILIES = {
    word: word
    for word in [
        "claude",
        "command",
        "deepseek",
        "falcon",
        "gemini",
        "gemma",
        "glm",
        "gpt",
        "granite",
        "grok",
        "internlm",
        "llama",
        "mistral",
        "mpt",
        "nemotron",
        "olmo",
        "phi",
        "prometheus",
        "pythia",
        "qwen",
        "smollm",
        "stablelm",
        "tulu",
        "vicuna",
        "wizardlm",
        "yi",
        "zephyr",
    ]
}
# Words for a family that has another name.
_FAMILIES |= {"chatglm": "glm", "chatgpt": "gpt", "codellama": "llama", "qwq": "qwen"}
_FAMILIES |= dict.fromkeys(("codestral", "ministral", "mixtral"), "mistral")
_WORD = re.compile(r"[a-z]+")
# A card's front matter, and its base models there: one, or a list with one a line.
_FRONT = re.compile(r"---\n(.*?)\n---", re.DOTALL)
_BASES = re.compile(r"^base_model:((?:.*(?:\n\s*- .*)*))$", re.MULTILINE)
_NO_NAMES = frozenset({"model", "models", "checkpoint", "adapter", "merged", "gguf", "safetensors"})


def families(name: str) -> frozenset[str]:
    """Return the families that a model's name or source tells: "hf:org/Llama-3.1-8B" → {"llama"}.

    A distilled model may tell two. Where no known family is told, the first word of the name's last part is
    one of its own.
    """
    if known := known_families(name):
        return known
    words = _WORD.findall(_end(name).rpartition("/")[2])
    return frozenset([word for word in words if word not in _NO_NAMES][:1])


def known_families(name: str) -> frozenset[str]:
    """Return the families of models' usual names that a name or source tells; none where it tells none."""
    return frozenset(_FAMILIES[word] for word in _WORD.findall(_end(name)) if word in _FAMILIES)


def _end(name: str) -> str:
    """Return the last two parts of a name: folders further up say whose machine it is."""
    return "/".join(re.split(r"[/:\\\\]", name.lower().partition("@")[0].rstrip("/"))[-2:])


def is_same_family(model: str, other: str) -> bool:
    """Say whether two models' names or sources tell a common family."""
    return bool(families(model) & families(other))


def is_own_judge(suite: str, judge: Judge, policy: ModelRef) -> bool:
    """Say whether a judge is known to be of the judged model's family, and warn if so.

    The judge's model is read from its `model`, a name or a source; a judge without one is not known. Where a
    model lies in a folder, what its card names as its base counts, too.
    Judges grade their own kind higher (Zheng et al. 2023, arXiv 2306.05685, section 3.3; Panickssery et al.
    2024, arXiv 2404.13076).
    """
    model = judge.model
    ours = policy.source, *_origins(Path(policy.folder))
    theirs = model, *_origins(Path(model.partition(":")[2]) if model.startswith("file:") else Path())
    common = {family for one in ours for family in families(one)}
    common &= {family for one in theirs for family in families(one)}
    if not model or not common:
        return False
    log.warning(
        "suite %r: the judge %s and the judged model %s belong to the same family (%s): judges favour their "
        "own kind; confirm what matters with a judge of another family",
        suite,
        model,
        policy.source,
        ", ".join(sorted(common)),
    )
    return True


def _origins(folder: Path) -> Iterator[str]:
    """Yield the models that a model is made from, as its card says: an exported one may have any name."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    head = _FRONT.match(card)
    for line in _BASES.findall(head[1]) if head and folder != Path() else ():
        yield from (name.strip(" -'\"") for name in line.splitlines() if name.strip(" -'\""))
