"""What a classifier says of a text among others is what the bare model says of it alone, without padding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.core.classifiers import ref_of
from udasa_core import Message, UdasaError
from udasa_core.resources.classifier import TransformerClassifier

WORDS = ("!", *"abcdefghijklmnopqrstuvwxyz", "<s>", "</s>", "<pad>", "<unk>")
DECODERS = (
    *("gpt2", "llama", "qwen2", "qwen3", "mistral", "gemma", "gemma2", "phi", "phi3", "opt", "gpt_neox"),
    *("gpt_neo", "gptj", "bloom", "falcon", "starcoder2", "stablelm", "mixtral", "smollm3", "openai-gpt"),
)
ENCODERS = ("bert", "roberta", "distilbert", "electra", "albert", "xlnet", "camembert", "mpnet", "deberta-v2")
SEQUENCES = ("bart", "mbart", "t5")
_BLOCKS = {
    **{"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 32},
    **{"decoder_ffn_dim": 32, "max_position_embeddings": 32},
}
TEXTS = ["a b", "a b !", "a b ! !", "c d e f g h i j", "!", "a b <pad>", "z"]


def make(folder: Path, family: str, pad: int | None, tokenizer_pad: str | None) -> Path:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast

    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "max_position_embeddings": 32,
    }
    own: dict[str, dict[str, Any]] = {
        "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32},
        "openai-gpt": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32},
        "gptj": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32, "rotary_dim": 4},
        "bloom": {"n_layer": 2, "n_head": 2},
        "opt": {"ffn_dim": 32, "word_embed_proj_dim": 16},
        "gpt_neo": {"num_layers": 2, "attention_types": [[["global", "local"], 1]], "num_heads": 2},
        "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
        "albert": {"embedding_size": 16},
        "electra": {"embedding_size": 16},
        "xlnet": {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32, "d_head": 8},
        "bart": dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2) | _BLOCKS,
        "mbart": dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2) | _BLOCKS,
        "t5": {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "decoder_start_token_id": 29},
        "falcon": {"num_ln_in_parallel_attn": 1},
    }
    if family == "falcon":
        del sizes["head_dim"]
    named = (
        sizes if family not in ("gpt2", "openai-gpt", "gptj", "bloom", "xlnet", "distilbert", "t5") else {}
    )
    config = AutoConfig.for_model(
        family, vocab_size=len(WORDS), num_labels=1, pad_token_id=pad, **{**named, **own.get(family, {})}
    )
    config.bos_token_id, config.eos_token_id = 27, 28
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_config(config)
        for weights in model.parameters():
            torch.nn.init.normal_(weights, std=0.4)
        model.save_pretrained(folder, safe_serialization=True)
    bare = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    bare.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(
        tokenizer_object=bare, unk_token="<unk>", eos_token="</s>", pad_token=tokenizer_pad
    ).save_pretrained(folder)
    path = folder / "config.json"
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, "pad_token_id": pad}))
    return folder


def alone(folder: Path, text: str) -> float:
    """What the bare model says of one text: no padding, and no id that stands for it."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    # With one row and no such id, decoders take the last token.
    model.config.pad_token_id = (
        model.config.pad_token_id if model.config.model_type in (*ENCODERS, *SEQUENCES) else None
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)  # some families replace the one that is there
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.inference_mode():
        return float(model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, 0])


@pytest.mark.parametrize("pads", [(None, None), (0, None), (0, "<pad>"), (28, "<pad>")], ids=str)
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_decoder_is_read_at_the_texts_own_last_token(tmp_path: Path, family: str, pads: Any) -> None:
    folder = make(tmp_path, family, *pads)
    found = TransformerClassifier(ref_of(folder)).logits([(text,) for text in TEXTS])[:, 0]
    np.testing.assert_allclose(found, [alone(folder, text) for text in TEXTS], rtol=1e-4, atol=1e-5)
    assert abs(found[0] - found[1]) > 1e-3, "the last sign counts"


@pytest.mark.slow
@pytest.mark.parametrize("family", [*DECODERS, *ENCODERS])
def test_every_family_is_read_as_alone(tmp_path: Path, family: str) -> None:
    pad = {"roberta": 1, "camembert": 1, "mpnet": 1}.get(family, 29 if family in ENCODERS else None)
    folder = make(tmp_path, family, pad, "<pad>" if family in ENCODERS else None)
    found = TransformerClassifier(ref_of(folder)).logits([(text,) for text in TEXTS])[:, 0]
    np.testing.assert_allclose(found, [alone(folder, text) for text in TEXTS], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("family", SEQUENCES)
def test_an_encoder_with_a_decoder_is_read_at_the_texts_own_end(tmp_path: Path, family: str) -> None:
    from transformers import AutoTokenizer

    folder = make(tmp_path, family, 29, "<pad>")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.post_processor = _ending()
    tokenizer.save_pretrained(folder)
    found = TransformerClassifier(ref_of(folder)).logits([(text,) for text in TEXTS[:5]])[:, 0]
    np.testing.assert_allclose(found, [alone(folder, text) for text in TEXTS[:5]], rtol=1e-4, atol=1e-5)


def _ending() -> Any:
    from tokenizers import processors

    return processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 28)]
    )


def test_a_model_that_was_trained_for_something_else_is_no_classifier(tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = make(tmp_path, "llama", None, None)
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    with pytest.raises(UdasaError, match=r"lacks 1 of the weights .*score\.weight"):
        TransformerClassifier(ref_of(folder)).logits([("a b",)])


def conversation(before: str, last: str) -> tuple[Message, ...]:
    return (Message("user", before), Message("assistant", last))


@pytest.mark.parametrize(
    "template", ["", "{% for message in messages %}{{ message['content'] }} {% endfor %}"]
)
def test_of_a_long_conversation_the_beginning_goes(tmp_path: Path, template: str) -> None:
    folder = make(tmp_path, "llama", None, None)
    if template:
        (folder / "chat_template.jinja").write_text(template)
    classifier = TransformerClassifier(ref_of(folder))
    long = " ".join("abcdefgh" * 10)
    told = classifier.conversation_logits(
        [
            conversation(long, "x"),
            conversation(long, "y"),
            conversation(long, "z"),
            conversation("q " + long, "x"),
        ]
    )
    assert len(set(told[:3, 0])) == 3, "three responses, three rewards"
    np.testing.assert_allclose(told[0], told[3], rtol=1e-5)
    kept = " ".join(long.split()[-31:])
    np.testing.assert_allclose(told[0, 0], alone(folder, f"{kept} x"), rtol=1e-4)


def test_an_embedder_that_counts_positions_from_padding_has_fewer_for_texts(tmp_path: Path) -> None:
    from transformers import AutoModel

    from udasa_core.resources.embedder import TransformerEmbedder

    make(tmp_path, "roberta", 1, "<pad>")
    AutoModel.from_pretrained(tmp_path).save_pretrained(tmp_path)
    embedder = TransformerEmbedder(ref_of(tmp_path))
    longest = " ".join("cdefghijkl" * 3)
    found = embedder.embed([longest, f"{longest} m n o p", "c d"])
    assert (found[0] == found[1]).all(), "cut at the 30 positions that padding leaves"
    assert (found[0] != found[2]).any()
