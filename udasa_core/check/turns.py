"""How the policy's template and its settings fit together: options, what ends a turn, what is thought."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from udasa_core.config.parse import RunConfig
from udasa_core.errors import UdasaError
from udasa_core.models.causal_lm import load_causal_lm
from udasa_core.models.model_size import local_folder, local_path
from udasa_core.models.thought_budget import ThoughtBudget
from udasa_core.records import Message, ModelRef, SamplingOptions

_CHILD = "import sys; from udasa_core.check.turns import child; child(*sys.argv[1:])"


def turn_notes(config: RunConfig) -> list[str]:
    """Return what is to be known of how the policy's turns end, and of how it thinks before it answers.

    The tokenizer is read in a process of its own, from which torch is hidden: transformers would import it
    for a tokenizer, too, and take four times as long. Raises UdasaError where the generator's table gives the
    chat template an option that it does not have.
    """
    source, rendering = config.model.source, config.rendering
    if rendering.get("template") == "plain":
        return []
    path = local_path(source, config.root)
    folder = local_folder(path) if path else None
    if folder is None:
        return [f"what ends a turn of {source} is not told: the model is not ready on this machine yet"]
    trusted = config.model.trust_remote_code
    ref = ModelRef(source, "", "float32", "", folder=str(folder), trust_remote_code=trusted)
    thinking = config.sampling.thinking_tokens
    asked = [json.dumps(given) for given in (ref.to_json(), rendering, thinking)]
    # What a tokenizer's own code needs is not known.
    for hides in ([True] if not trusted else []) + [False]:
        command = [sys.executable, "-P", "-c", _CHILD, *asked, *(["hide torch"] if hides else [])]
        done = subprocess.run(command, capture_output=True, text=True)
        if not done.returncode:
            break
    else:
        (*_, last) = ["", *done.stderr.strip().splitlines()]
        return [f"what ends a turn of {source} is not told: its tokenizer cannot be read ({last})"]
    said = json.loads(done.stdout.splitlines()[-1])
    if said["fault"]:
        raise UdasaError(said["fault"])
    return [note for note in said["notes"] if note]


def child(ref: str, rendering: str, thinking_tokens: str, hides_torch: str = "") -> None:
    """Print what there is to say of a model, as JSON in the last line."""
    if hides_torch:
        find = importlib.util.find_spec
        # Where it is not found, transformers reads tokenizers and configurations all the same.
        importlib.util.find_spec = lambda name, package=None: None if name == "torch" else find(name, package)
    told, options = ModelRef.from_json(json.loads(ref)), json.loads(rendering)
    try:
        notes = [turn_note(told, options), thought_note(told, options, json.loads(thinking_tokens))]
        said = {"notes": notes, "fault": ""}
    except UdasaError as error:
        said = {"notes": [], "fault": str(error)}
    print(json.dumps(said))


def turn_note(ref: ModelRef, rendering: Mapping[str, Any]) -> str:
    """Return what is to be known of how a model's turns end, "" where nothing is; reads its tokenizer alone.

    rendering: as `RunConfig.rendering`. Raises UdasaError where it has an option that the template has not.
    """
    lm = load_causal_lm(ref)
    if "template_options" in rendering:
        # What the template refuses of a conversation is said of each prompt.
        with suppress(ValueError):
            lm.render([Message("user", "?")], **rendering)
    return lm.closing_note(rendering.get("template_options"))


def thought_note(ref: ModelRef, rendering: Mapping[str, Any], thinking_tokens: int | None) -> str:
    """Return what is to be known of how a model thinks before it answers, "" where nothing is; reads its
    tokenizer alone.

    rendering: as `RunConfig.rendering`. Raises UdasaError where thinking_tokens bounds the thought of a model
    that shows none.
    """
    lm = load_causal_lm(ref)
    ThoughtBudget(lm, SamplingOptions(thinking_tokens=thinking_tokens))
    with suppress(ValueError):
        return lm.thinking_note(lm.render([Message("user", "?")], **rendering), thinking_tokens)
    return ""
