"""A real but tiny sequence classifier, made on the spot, and one whose logits a test plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.fakes import FakeResources
from tests.plugins.groups import RESOURCES
from udasa_core import Message

_WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "kind",
    "words",
    "harm",
    "why",
    "me",
    "you",
    "are",
    "a",
    "is",
    "not",
]


def make_tiny_classifier(folder: Path, labels: Sequence[str], *, seed: int = 0) -> Path:
    """Save a 1-layer BERT with these labels and its word-level tokenizer in `folder`; return it."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    bare = Tokenizer(models.WordLevel({word: index for index, word in enumerate(_WORDS)}, unk_token="[UNK]"))
    bare.pre_tokenizer = pre_tokenizers.Whitespace()
    bare.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    config = BertConfig(
        vocab_size=len(_WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.5,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertForSequenceClassification(config)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return folder


class PlannedClassifier:
    """Gives the logits planned for the first keyword that a text holds; remembers what it was shown."""

    def __init__(
        self,
        labels: Sequence[str],
        planned: Mapping[str, Sequence[float]],
        key: str = "k",
        problem_type: str = "",
    ) -> None:
        self.labels = tuple(labels)
        self.problem_type = problem_type
        self.key = key
        self.planned = dict(planned)
        self.shown: list[tuple[str, ...]] = []

    def logits(self, texts: Sequence[tuple[str, ...]]) -> np.ndarray:
        self.shown.extend(texts)
        rows = [
            next((row for word, row in self.planned.items() if word in text[-1]), [0.0] * len(self.labels))
            for text in texts
        ]
        return np.array(rows, dtype=np.float64)

    def conversation_logits(self, conversations: Sequence[Sequence[Message]]) -> np.ndarray:
        return self.logits([tuple(message.content for message in one) for one in conversations])


class PlannedResources(FakeResources):
    """The fake resources with planned classifiers by source."""

    def __init__(self, classifiers: Mapping[str, PlannedClassifier]) -> None:
        super().__init__(RESOURCES.base)
        self.planned_classifiers = dict(classifiers)

    def classifier(self, source: str) -> PlannedClassifier:
        return self.planned_classifiers[source]
