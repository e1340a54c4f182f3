"""The policy as something to train: a frozen base under the one LoRA adapter `default`, or its weights."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from udasa_core import (
    Adapter,
    ModelRef,
    UdasaError,
    check_adapter,
    check_adapter_files,
    did_you_mean,
    file_digest,
    files_beside_weights,
    load_base,
    model_digest,
    whole_folder,
)
from udasa_plugin_preference.options import PreferenceOptions

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
# What another adapter is called beside the trained one, while it is the reference.
_REFERENCE = "reference"


def load_tokenizer(policy: ModelRef) -> Any:
    """Return the policy's tokenizer; training needs its padding token only."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(
        policy.folder, trust_remote_code=policy.trust_remote_code, local_files_only=True
    )


def load_trainable(policy: ModelRef, options: PreferenceOptions, seed: int) -> Any:
    """Return a model whose adapter `default` trains: the policy's own, or a fresh one that changes nothing.
    Under `peft = "none"` all of its own weights train.

    The base stays in the policy's dtype; LoRA weights are float32, for steps of 5e-5 vanish in bfloat16.
    Raises UdasaError where the adapter was made with another rank, alpha or targets than the options say, or
    does not fit the model.
    """
    if options.peft == "none":
        return whole_model(policy)
    from peft import LoraConfig, PeftModel
    from transformers import set_seed

    quantization = policy.quantization if options.quantize == "none" else options.quantize
    base = _without_dropout(load_base(replace(policy, quantization=quantization)))
    set_seed(seed)  # LoRA's first matrices are drawn at random
    if not policy.adapters:
        return fresh_adapter(base, options)
    if len(policy.adapters) > 1:
        raise UdasaError(
            "this trainer continues one adapter; merge the others into the base (`udasa export`)"
        )
    check_adapter_files(policy.adapters[0])
    folder = policy.adapters[0].folder
    config = LoraConfig.from_pretrained(folder)
    _refuse_other_shape(config, options)
    config.lora_dropout = options.dropout
    # Where the base lies now. PEFT would otherwise look the provenance up on a hub when it saves checkpoints.
    config.base_model_name_or_path = policy.folder
    model = PeftModel.from_pretrained(base, folder, config=config, is_trainable=True)
    check_adapter(model, policy.adapters[0], "default")
    return model


@contextmanager
def answering_as(model: Any, reference: ModelRef) -> Iterator[None]:
    """Have a model that trains an adapter answer as its bare base while the context lasts, or as that base
    under the adapter of `reference`, as where a later round is compared with what it began with.

    Raises UdasaError where that adapter is not there, or does not fit the model.
    """
    if not reference.adapters:
        with model.disable_adapter():
            yield
        return
    (adapter,) = reference.adapters
    check_adapter_files(adapter)
    model.load_adapter(adapter.folder, _REFERENCE, is_trainable=False)
    try:
        check_adapter(model, adapter, _REFERENCE)
        model.set_adapter(_REFERENCE)
        yield
    finally:
        model.set_adapter("default")
        model.delete_adapter(_REFERENCE)


def whole_model(policy: ModelRef) -> Any:
    """Return a model with all its weights in float32: steps of 5e-5 vanish in 16 bits.

    Raises UdasaError where it has an adapter, or weights of 4 bits.
    """
    if policy.adapters or policy.quantization != "none":
        told = "an adapter beside its weights" if policy.adapters else "weights of 4 bits"
        raise UdasaError(
            f'peft = "none" trains the model\'s own weights, and {policy.source} has {told}: merge the '
            'adapter (`udasa export`), or leave out [model] quantization; or write peft = "lora"'
        )
    return _without_dropout(load_base(replace(policy, dtype="float32")))


def _without_dropout(model: Any) -> Any:
    """Return a model whose own dropout is 0: noise would only blur the comparison with the reference."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def fresh_adapter(base: Any, options: PreferenceOptions) -> Any:
    """Return a base under a new adapter.

    Raises UdasaError where a target names no module, one that LoRA cannot be put around, or one that shares
    its weights with another. PEFT is content where one of several targets is there. Of tied weights it trains
    one of two that are one: merged into them, the adapter would change both, and be another model than was
    trained.
    """
    from peft import get_peft_model

    known = [name for name, _ in base.named_modules() if name]
    for target in () if options.targets == "all-linear" else options.targets:
        if not any(name == target or name.endswith(f".{target}") for name in known):
            hint = did_you_mean(target, sorted(_linear(base)), "it has")
            raise UdasaError(f"[trainer] targets: the model has no module {target!r}; {hint}")
    linear = ", ".join(sorted(_linear(base)))
    try:
        model: Any = get_peft_model(base, _lora(options))
    except ValueError as error:
        wrong = str(error).partition("(")[0].strip()
        raise UdasaError(
            f"[trainer] targets: LoRA goes around linear maps ({wrong}): name some of {linear}"
        ) from error
    leaves = {name.rpartition(".")[2] for name in model.base_model.targeted_module_names}
    if getattr(model.config.get_text_config(), "tie_word_embeddings", False):
        ends = {id(model.get_input_embeddings()), id(model.get_output_embeddings())}
        tied = [name for name, module in model.named_modules() if name and _is_in(module, ends)]
        leaves_tied = {name.rpartition(".")[2] for name in tied}
        if shared := sorted(leaves_tied & leaves):
            told = " and ".join(shared)
            raise UdasaError(
                f"[trainer] targets: the weights of {told} are the model's embeddings and its "
                "head at once (tie_word_embeddings), and an adapter on one of them changes both once it is "
                "merged: leave it out"
            )
    return model


def _linear(base: Any) -> set[str]:
    """Return the names of a model's linear maps, its head left out."""
    import torch

    head = base.get_output_embeddings()
    return {
        name.rpartition(".")[2]
        for name, module in base.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }


def _is_in(module: Any, ends: set[int]) -> bool:
    """Say whether a module is one of `ends`, or the layer that PEFT has put around one."""
    return id(module) in ends or id(getattr(module, "base_layer", None)) in ends


def save_adapter(model: Any, policy: ModelRef, folder: Path, weights: Any = None) -> Adapter:
    """Save the adapter in `folder` (weights, configuration), whole or not at all. weights: by name, where the
    model holds parts of them alone.

    The bytes depend on the weights and the options alone: no machine's path, no order of a set.
    """
    with whole_folder(folder) as partial:
        # save_embedding_layers=False: "auto" would look for the base on a hub; embeddings are never trained.
        model.save_pretrained(
            partial, selected_adapters=["default"], save_embedding_layers=False, state_dict=weights
        )
        (partial / "README.md").unlink(missing_ok=True)
        config = json.loads((partial / CONFIG).read_text())
        config["base_model_name_or_path"] = policy.called
        config["target_modules"] = sorted(config["target_modules"])
        (partial / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    return Adapter(file_digest(folder / WEIGHTS), str(folder))


def save_model(model: Any, policy: ModelRef, folder: Path, weights: Any = None) -> ModelRef:
    """Save a model whose own weights were trained in `folder`, whole or not at all: its weights, and all else
    that belongs to it as the policy's own files have it. Return it as the policy that it is now. weights: as
    for `save_adapter`."""
    base = Path(policy.folder)
    with whole_folder(folder) as partial:
        for file in files_beside_weights(base):
            copy = partial / file.relative_to(base)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, copy)
        _forget_named_weights(partial / "config.json")
        with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
            model.save_pretrained(aside, state_dict=weights)
            for file in sorted(Path(aside).glob("*.safetensors*")):
                shutil.move(file, partial / file.name)
    return policy.with_weights(model_digest(folder), str(folder))


def _forget_named_weights(config: Path) -> None:
    """The base's weights may have another name than these."""
    plain = json.loads(config.read_bytes())
    if plain.pop("transformers_weights", None) is not None:
        config.write_text(json.dumps(plain, indent=2) + "\n")


def _lora(options: PreferenceOptions) -> Any:
    from peft import LoraConfig

    targets = options.targets if isinstance(options.targets, str) else list(options.targets)
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=targets,
    )


def _refuse_other_shape(config: Any, options: PreferenceOptions) -> None:
    """Raise where an adapter cannot go on under these options: LoRA's shape is fixed by its first stage."""
    asked: dict[str, object] = {"rank": options.rank, "alpha": options.alpha}
    found: dict[str, object] = {"rank": config.r, "alpha": config.lora_alpha}
    if options.targets != "all-linear":
        asked["targets"] = sorted(options.targets)
        found["targets"] = sorted(config.target_modules)
    wrong = [f"{name} is {found[name]}, not {asked[name]}" for name in asked if asked[name] != found[name]]
    if wrong:
        raise UdasaError(
            f"the adapter that this stage continues has another shape: {'; '.join(wrong)}. Give rank, alpha "
            "and targets in [trainer] for all stages alike, not in [trainer.<stage>]."
        )
