"""What a trainer returned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from udasa_core.plugins.built import BuiltPlugin
from udasa_core.plugins.contract import is_sequence
from udasa_core.plugins.returned.breach import breach, check_text
from udasa_core.records import ModelRef, Report, Stage, is_finite
from udasa_core.sources.digests import ADAPTER, ADAPTER_WEIGHTS, MODEL
from udasa_core.text.printable import excerpt


def check_report(plugin: BuiltPlugin, stage: Stage, policy: ModelRef, out_dir: Path, answer: Any) -> Report:
    """A report of this stage whose new adapter or model lies under out_dir and is not the one before."""
    hook = "udasa_train"
    if not isinstance(answer, Report):
        breach(plugin, hook, type(answer).__name__, "it returns a Report")
    if answer.stage != stage.name:
        breach(plugin, hook, f"a report of stage {answer.stage!r}", f"it was given {stage.name!r}")
    if not is_sequence(answer.history):
        breach(plugin, hook, f"history {excerpt(answer.history)}", "it is a sequence of figures by name")
    for figures in (answer.metrics, *answer.history):
        if not isinstance(figures, Mapping):
            breach(plugin, hook, f"figures {excerpt(figures)}", "figures are numbers by name")
        for name, value in figures.items():
            if not is_finite(value):
                breach(plugin, hook, f"{name} = {excerpt(value)}", "a figure is a finite number")
    check_text(plugin, hook, answer.skipped)
    if answer.skipped:
        if answer.policy.key != policy.key:
            breach(plugin, hook, "a new policy of a skipped stage", "a skipped stage hands its policy on")
        return answer
    if answer.policy.key == policy.key:
        breach(plugin, hook, "the policy unchanged", "training changes its weights")
    if not 0 < answer.pairs <= stage.size:
        breach(plugin, hook, f"a report of {answer.pairs} pairs", f"it was given {stage.size}")
    if Path(answer.policy.folder).resolve() == (out_dir / MODEL).resolve():
        _check_model(plugin, hook, answer.policy, out_dir / MODEL)
        return answer
    adapter = answer.policy.adapters[-1] if answer.policy.adapters else None
    if adapter is None or Path(adapter.folder).resolve() != (out_dir / ADAPTER).resolve():
        told = "no adapter" if adapter is None else f"an adapter in {adapter.folder}"
        breach(plugin, hook, told, f"it lies in {out_dir / ADAPTER}, or a whole model in {out_dir / MODEL}")
    if not (out_dir / ADAPTER / ADAPTER_WEIGHTS).is_file():
        breach(plugin, hook, "an adapter without weights", "they lie in adapter/adapter_model.safetensors")
    return answer


def _check_model(plugin: BuiltPlugin, hook: str, policy: ModelRef, folder: Path) -> None:
    """A model's folder holds its weights and its configuration, and has no adapter beside them."""
    if policy.adapters:
        breach(plugin, hook, "a whole model with an adapter", "it is the one or the other")
    if (folder.parent / ADAPTER).exists():
        breach(plugin, hook, f"both {MODEL}/ and {ADAPTER}/", "it leaves the one or the other")
    if not ((folder / "config.json").is_file() and any(folder.glob("*.safetensors"))):
        breach(plugin, hook, "a model without weights", f"{MODEL}/ holds config.json and *.safetensors")
