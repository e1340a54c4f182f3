"""How the policy's template, its settings and the prompts fit together: options, what ends a turn, what is
thought, what is too long."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from udasa_core.api import Unchecked, load
from udasa_core.check.admitted import admission
from udasa_core.config.parse import RunConfig
from udasa_core.errors import UdasaError
from udasa_core.models.causal_lm import load_causal_lm
from udasa_core.models.model_size import local_folder, local_path
from udasa_core.models.thought_budget import ThoughtBudget
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import chosen_plugins
from udasa_core.records import Message, ModelRef, SamplingOptions

_CHILD = "import sys; from udasa_core.check.turns import child; child(*sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class Told:
    """What the policy's tokenizer says of a configuration.

    notes: what is to be known; unasked: what could not be asked, and why. faults: what would stop a run, by
    its place. context: the tokens that the policy can attend to; 0 where the generator goes by no context. Of
    `asked` prompts, refused: those that the generator does not take, by their lines: why.
    """

    notes: Sequence[str] = ()
    unasked: Sequence[str] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    context: int = 0
    asked: int = 0
    refused: Mapping[int, str] = field(default_factory=dict)


def policy_told(config: RunConfig) -> Told:
    """Return what is to be known of how the policy's turns end, of how it thinks before it answers, and which
    prompts the generator does not take.

    The tokenizer is read in a process of its own, from which torch is hidden: transformers would import it
    for a tokenizer, too, and take four times as long.
    """
    source = config.model.source
    path = local_path(source, config.root)
    folder = local_folder(path) if path else None
    if folder is None:
        away = "the model is not ready on this machine yet"
        return Told(unasked=[f"what ends a turn of {source}, and which prompts fit it, is not told: {away}"])
    trusted = config.model.trust_remote_code
    ref = ModelRef(source, "", "float32", "", folder=str(folder), trust_remote_code=trusted)
    asked = json.dumps([ref.to_json(), config.raw, str(config.root), config.origin])
    # Where local plugins lie is known here alone.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    # What a tokenizer's own code needs is not known.
    for hides in ([True] if not trusted else []) + [False]:
        command = [sys.executable, "-P", "-c", _CHILD, *(["hide torch"] if hides else [])]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, env=environment)
        if not done.returncode:
            break
    else:
        (*_, last) = ["", *done.stderr.strip().splitlines()]
        away = f"its tokenizer cannot be read ({last})"
        return Told(unasked=[f"what ends a turn of {source}, and which prompts fit it, is not told: {away}"])
    said = json.loads(done.stdout.splitlines()[-1])
    return Told(**{**said, "refused": {int(line): why for line, why in said.get("refused", {}).items()}})


def child(hides_torch: str = "") -> None:
    """Print what there is to say, as JSON in the last line, of what stdin asks."""
    plain, raw, root, origin = json.load(sys.stdin)
    config = load(Unchecked(raw, Path(root), origin))
    if hides_torch:
        find = importlib.util.find_spec
        # Where it is not found, transformers reads tokenizers and configurations all the same.
        importlib.util.find_spec = lambda name, package=None: None if name == "torch" else find(name, package)
    ref, rendering = ModelRef.from_json(plain), config.rendering
    said: dict[str, Any] = {}
    try:
        if rendering.get("template") != "plain":
            notes = [turn_note(ref, rendering), thought_note(ref, rendering, config.sampling.thinking_tokens)]
            said["notes"] = [note for note in notes if note]
        said |= admission(config, ref)
    except UdasaError as error:
        said["faults"] = {"generator": str(error)}
    if told := _reader_fault(config):
        said["faults"] = {**said.get("faults", {}), "reader": told}
    print(json.dumps(said))


def _reader_fault(config: RunConfig) -> str:
    """Say what the template of a reader that is used refuses of its options, "" where it refuses none."""
    table = config.reader
    used = {need for one in chosen_plugins(config, read_catalog()) for need in one.needs}
    if table is None or "reader" not in used or table.template == "plain" or not table.template_options:
        return ""
    path = local_path(table.source, config.root)
    folder = local_folder(path) if path else None
    if folder is None:
        return ""
    trusted = table.trust_remote_code
    ref = ModelRef(table.source, "", "float32", "", folder=str(folder), trust_remote_code=trusted)
    try:
        load_causal_lm(ref).render([Message("user", "?")], table.template, table.template_options)
    except ValueError:  # said of each question
        return ""
    except UdasaError as error:
        return str(error)
    return ""


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
