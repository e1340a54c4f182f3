"""A real but tiny Llama with a real byte-level tokenizer, made on the spot: no download, no waiting."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from udasa_core import ModelRef, model_digest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

STOP = "<|im_end|>"
SPECIAL = ("<pad>", "<|im_start|>", STOP)
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# As Qwen3's: it takes a message's thought apart from its content, and thinks nothing where it is told so.
# With `opens` it opens the thought itself, as Qwen3's thinking models and DeepSeek-R1's do.
THINKING_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['reasoning_content'] %}"
    "{{ '<think>\n' + message['reasoning_content'] + '\n</think>\n\n' }}{% endif %}"
    "{{ message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if opens %}{{ '<think>\n' }}"
    "{% elif enable_thinking is defined and not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{% endif %}"
)
# "Ġ" is a space in the byte-level alphabet. The order is the merges' rank.
_MERGES = (
    "t h|th e|Ġ t|Ġ a|Ġ the|Ġt he|i n|e r|o n|r e|Ġ s|a n|Ġa n|Ġan d|o u|Ġ w|i s|Ġ is|e n|a t|o r|e s|Ġ c|"
    "in g|Ġ f|Ġ o|Ġo f|Ġ p|Ġ b|a l|e d|Ġ m|i t|a r|Ġt o|u s|a s|y e|ye s|n o|s y|us er|l e|l l"
)


def make_tiny_model(folder: Path, *, seed: int = 0, chat_template: bool = True, thinks: bool = False) -> Path:
    """Save a 2-layer Llama of about 100,000 float32 parameters and its tokenizer in `folder`; return it.

    thinks: its template is `THINKING_TEMPLATE`, and its marks are tokens of their own, not special ones.
    The weights depend on `seed` alone and are drawn wide enough for distributions that are far from uniform.
    """
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    if chat_template:
        tokenizer.chat_template = THINKING_TEMPLATE if thinks else CHAT_TEMPLATE
    if thinks:
        tokenizer.add_tokens(["<think>", "</think>"])
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.25,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config).to(torch.float32)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_ref_of(folder: Path, *, dtype: str = "float32") -> ModelRef:
    """Return the identity of the tiny model in `folder`."""
    template = hashlib.sha256(CHAT_TEMPLATE.encode()).hexdigest()
    return ModelRef(
        source=f"file:{folder}",
        revision=model_digest(folder),
        dtype=dtype,
        template=template,
        folder=str(folder),
    )


def _tokenizer() -> PreTrainedTokenizerFast:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    merges = []
    for merge in _MERGES.split("|"):
        left, right = merge.split(" ")
        if left in words and right in words and left + right not in words:
            merges.append((left, right))
            words.append(left + right)
    bpe = Tokenizer(models.BPE(vocab={word: index for index, word in enumerate(words)}, merges=merges))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in SPECIAL])
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=STOP, pad_token="<pad>")
