"""A small entailment model, trained on the spot on a made-up country, and responses about that country.

Its towns have five facts each. The model learns from pairs of one fact each: a premise entails a hypothesis
that states the same in these or other words, contradicts one that states it otherwise, and is neutral to one
that states another. After a minute it is right in more than half of them, where chance is a third: far from
good, and far from constant, which is what comparisons need. A response states one to four facts.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from udasa_core import Group, Message, ModelRef, Prompt, Response

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LABELS = ("CONTRADICTION", "NEUTRAL", "ENTAILMENT")
TOWNS = ("Arden", "Belmor", "Corvel", "Dunmere", "Eskdale", "Farrow", "Galden", "Hollin")
VALUES = {
    "year": ("1204", "1350", "1481", "1622", "1790"),
    "side": ("north", "south", "east", "west", "middle"),
    "trade": ("bread", "glass", "wool", "silver", "paper"),
    "water": ("river", "lake", "sea", "canal", "spring"),
    "head": ("mayor", "bishop", "duke", "council", "guild"),
}
WORDINGS = {
    "year": (
        "{town} was founded in {value}",
        "the town of {town} goes back to the year {value}",
        "people first settled in {town} in {value}, as the old books say",
    ),
    "side": (
        "{town} lies in the {value} of the country",
        "you will find {town} in the {value} of the land",
        "on the map {town} is in the {value}",
    ),
    "trade": (
        "{town} is known for its {value}",
        "most people in {town} make or sell {value}, and have done so for a long time",
        "the trade of {town} is {value}",
    ),
    "water": (
        "{town} stands by a {value}",
        "there is a {value} next to {town}, from which the town takes its water",
        "the town of {town} grew up around a {value}",
    ),
    "head": (
        "{town} is ruled by its {value}",
        "the {value} has the last word in {town} on all that is built, bought or sold there",
        "in {town} the {value} decides",
    ),
}
QUESTIONS = {
    "year": "When was {town} founded?",
    "side": "Where does {town} lie?",
    "trade": "What is {town} known for?",
    "water": "What does {town} stand by?",
    "head": "Who rules {town}?",
}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
# How often a response has one clause, two, three, four: most are short, a few run on.
CLAUSES = (0.35, 0.35, 0.2, 0.1)


@dataclass(frozen=True)
class Told:
    """What a response says: its facts, and the words."""

    facts: tuple[tuple[str, str], ...]
    text: str


def tell(town: str, facts: Sequence[tuple[str, str]], draw: random.Random) -> Told:
    """Put facts about a town into words, a sentence each."""
    clauses = [draw.choice(WORDINGS[kind]).format(town=town, value=value) for kind, value in facts]
    return Told(tuple(facts), " ".join(clause[0].upper() + clause[1:] + "." for clause in clauses))


def responses(kind: str, town: str, count: int, repeats: float, draw: random.Random) -> list[str]:
    """Draw responses to a question: the asked fact, right more often than not, and up to three others.

    repeats: the chance that a response is, word for word, one that was given before.
    """
    truth = {name: draw.choice(values) for name, values in VALUES.items()}
    told: list[str] = []
    for _ in range(count):
        if told and draw.random() < repeats:
            told.append(draw.choice(told))
            continue
        others = draw.sample([name for name in VALUES if name != kind], 3)
        names = [kind, *others][: draw.choices(range(1, 5), CLAUSES)[0]]
        facts = [(name, truth[name] if draw.random() < 0.6 else draw.choice(VALUES[name])) for name in names]
        told.append(tell(town, facts, draw).text)
    return told


def groups(prompts: int, count: int, repeats: float, seed: int) -> list[Group]:
    """Return one group a prompt, of `count` responses with made-up token log-probabilities."""
    draw = random.Random(seed)
    made = []
    for number in range(prompts):
        kind, town = draw.choice(list(VALUES)), draw.choice(TOWNS)
        texts = responses(kind, town, count, repeats, draw)
        prompt = Prompt(f"p{number}", (Message("user", QUESTIONS[kind].format(town=town)),))
        made.append(Group(prompt, (1,), tuple(response(text, draw) for text in texts), "policy"))
    return made


def response(text: str, draw: random.Random) -> Response:
    """Return a response of one token a word and an end-of-turn token, with random log-probabilities."""
    logprobs = tuple(-draw.expovariate(1.5) for _ in range(len(text.split()) + 1))
    return Response(
        text=text,
        token_ids=tuple(range(len(logprobs))),
        logprobs=logprobs,
        sampling_logprobs=logprobs,
        entropies=tuple(-value for value in logprobs),
        finish_reason="stop",
    )


def train(folder: Path, *, layers: int, hidden: int, steps: int, rate: float, seed: int = 0) -> float:
    """Train a BERT from nothing and save it in `folder`; return its accuracy on 500 fresh pairs."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = _tokenizer()
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        intermediate_size=4 * hidden,
        max_position_embeddings=512,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.05,  # wider than usual: a few hundred steps are enough to leave chance behind
        id2label=dict(enumerate(LABELS)),
        label2id={label: number for number, label in enumerate(LABELS)},
    )
    model = BertForSequenceClassification(config)
    draw = random.Random(seed)

    def logits_and_labels(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        premises, hypotheses, labels = zip(*(_pair(draw) for _ in range(count)), strict=True)
        batch = tokenizer(list(premises), list(hypotheses), padding=True, return_tensors="pt")
        return model(**batch).logits, torch.tensor(labels)

    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps)
    for _ in range(steps):
        logits, labels = logits_and_labels(32)
        torch.autograd.backward([torch.nn.functional.cross_entropy(logits, labels)])
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rates.step()
        optimizer.zero_grad()
    with torch.inference_mode():
        logits, labels = logits_and_labels(500)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return float((logits.argmax(dim=1) == labels).float().mean())


def ref(folder: Path, dtype: str = "float32") -> ModelRef:
    """Return the identity under which our resources load the model of a folder, on the CPU."""
    return ModelRef(
        source=f"file:{folder}", revision=folder.name, dtype=dtype, template="", folder=str(folder)
    )


def _pair(draw: random.Random) -> tuple[str, str, int]:
    """Return a premise of one fact, a hypothesis of one fact about the same town, and the label."""
    town = draw.choice(TOWNS)
    name, other = draw.sample(list(VALUES), 2)
    value = draw.choice(VALUES[name])
    label = draw.randrange(3)
    if label == 0:
        told = (name, draw.choice([one for one in VALUES[name] if one != value]))
    elif label == 1:
        told = (other, draw.choice(VALUES[other]))
    else:
        told = (name, value)
    return tell(town, [(name, value)], draw).text, tell(town, [told], draw).text, label


def _tokenizer() -> PreTrainedTokenizerFast:
    """Return a WordPiece tokenizer that knows the country's words and, for others, letters."""
    import string

    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    wordings = [wording for some in (*WORDINGS.values(), QUESTIONS.values()) for wording in some]
    fills = [*TOWNS, *(value for values in VALUES.values() for value in values)]
    joined = " ".join((*wordings, *fills)).lower()
    plain = "".join(char if char.isalnum() else " " for char in joined)
    characters = string.ascii_lowercase + string.digits
    words = sorted({*plain.split(), *characters, *string.punctuation})
    known = dict.fromkeys([*SPECIAL, *words, *(f"##{char}" for char in characters)])
    vocabulary = {word: number for number, word in enumerate(known)}
    bare = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    bare.normalizer = normalizers.BertNormalizer()
    bare.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    bare.post_processor = processors.BertProcessing(
        ("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"])
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bare,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=512,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
