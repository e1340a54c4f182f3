"""Real but tiny sequence classifiers, made on the spot: other labels, other families, other lengths."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from udasa_core import ModelRef

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz")


def ref_of(folder: Path) -> ModelRef:
    return ModelRef(source="file:model", revision="0", dtype="float32", template="", folder=str(folder))


def rename(folder: Path, labels: Sequence[str]) -> Path:
    """Give a saved model other labels, in another order: the weights stay."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["id2label"] = {str(number): label for number, label in enumerate(labels)}
    config["label2id"] = {label: number for number, label in enumerate(labels)}
    path.write_text(json.dumps(config))
    return folder


def make_tokenizer(folder: Path, *, limit: int | None = None) -> None:
    """Save a tokenizer whose tokens are lower-case letters. limit: as its config tells, None for nothing."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    bare.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    most = {} if limit is None else {"model_max_length": limit}
    PreTrainedTokenizerFast(tokenizer_object=bare, **named, **most).save_pretrained(folder)


def make_classifier(
    folder: Path, family: str, *, positions: int, labels: Sequence[str], seed: int = 0
) -> Path:
    """Save a 2-layer classifier of a family ("bert", "roberta", …) with room for so many positions."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    config = AutoConfig.for_model(
        family,
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=positions,
        initializer_range=0.5,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        id2label=dict(enumerate(labels)),
        label2id={label: at for at, label in enumerate(labels)},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        AutoModelForSequenceClassification.from_config(config).save_pretrained(
            folder, safe_serialization=True
        )
    make_tokenizer(folder)
    return folder
