from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.plugins.groups import ODD_TEXTS
from udasa_core import ModelRef
from udasa_core.errors import SourceError
from udasa_core.resources.embedder import TransformerEmbedder

LIMIT = 16


def _ref(folder: Path) -> ModelRef:
    return ModelRef(source="file:encoder", revision="0", dtype="float32", template="", folder=str(folder))


@pytest.fixture(scope="module")
def encoder_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT, laid out as sentence-transformers lays out its folders."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"##{c}" for c in "abcdexyz"),
    ]
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(words),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=64,
            initializer_range=0.3,
        )
        BertModel(config).save_pretrained(folder, safe_serialization=True)
    _write(folder / "modules.json", [{"type": f"st.{kind}", "path": path} for kind, path in MODULES.items()])
    (folder / "1_Pooling").mkdir()
    _write(folder / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    _write(folder / "sentence_bert_config.json", {"max_seq_length": LIMIT})
    return folder


MODULES = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


def _changed(folder: Path, copy: Path, path: str, content: object) -> TransformerEmbedder:
    """Return an embedder over a copy of the folder in which one file reads otherwise."""
    shutil.copytree(folder, copy)
    _write(copy / path, content)
    return TransformerEmbedder(_ref(copy))


def _by_hand(folder: Path, text: str, pooling: str) -> Any:
    """The definition, one text at a time: no padding, no mask."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    ids = tokenizer(text, truncation=True, max_length=LIMIT, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        hidden = model(input_ids=ids).last_hidden_state[0]
    pooled = (hidden.mean(dim=0) if pooling == "mean" else hidden[0]).numpy()
    return pooled / np.linalg.norm(pooled)


def test_mean_pooling_by_definition_in_order_and_of_unit_length(encoder_dir: Path) -> None:
    texts = ["a b c", "", "x", "a b c d e f g h i j", "a b c", *ODD_TEXTS]
    rows = TransformerEmbedder(_ref(encoder_dir)).embed(texts)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-6)
    for row, text in zip(rows, texts, strict=True):
        assert row == pytest.approx(_by_hand(encoder_dir, text, "mean"), abs=1e-5)


def test_cls_pooling_where_the_folder_says_so(encoder_dir: Path, tmp_path: Path) -> None:
    for number, config in enumerate(({"pooling_mode_cls_token": True}, {"pooling_mode": "cls"})):
        embedder = _changed(encoder_dir, tmp_path / str(number), "1_Pooling/config.json", config)
        (row,) = embedder.embed(["a b c"])
        assert row == pytest.approx(_by_hand(encoder_dir, "a b c", "cls"), abs=1e-5)


def test_a_plain_encoder_folder_is_averaged_up_to_its_own_limit(encoder_dir: Path, tmp_path: Path) -> None:
    copy = tmp_path / "plain"
    shutil.copytree(encoder_dir, copy)
    for name in ("modules.json", "sentence_bert_config.json"):
        (copy / name).unlink()
    long = TransformerEmbedder(_ref(copy)).embed(["a " * 20, "a " * 62, "a " * 500])
    assert np.abs(long[0] - long[1]).max() > 1e-4
    assert long[1] == pytest.approx(long[2], abs=1e-5)


def test_what_follows_the_limit_does_not_count(encoder_dir: Path) -> None:
    rows = TransformerEmbedder(_ref(encoder_dir)).embed(["a b " * 7, "a b " * 7 + "x y z", "x a b"])
    assert rows[0] == pytest.approx(rows[1], abs=1e-6)
    assert np.abs(rows[0] - rows[2]).max() > 1e-3


def test_company_does_not_matter(encoder_dir: Path) -> None:
    texts = [" ".join("abcdexyz"[(i * j) % 8] for j in range(i % 13)) + str(i) for i in range(300)]
    embedder = TransformerEmbedder(_ref(encoder_dir))
    together = embedder.embed(texts)
    assert embedder.embed(texts[::-1])[::-1] == pytest.approx(together, abs=1e-5)
    assert np.stack([embedder.embed([text])[0] for text in texts[:20]]) == pytest.approx(
        together[:20], abs=1e-5
    )


def test_equal_texts_are_embedded_once(encoder_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = TransformerEmbedder(_ref(encoder_dir))
    embedder.embed(["warm up"])
    assert embedder._encoder is not None
    read: list[int] = []
    pool = embedder._encoder._pool

    def counting(batch: Any) -> Any:
        read.append(len(batch.indices))
        return pool(batch)

    monkeypatch.setattr(embedder._encoder, "_pool", counting)
    rows = embedder.embed(["a", "b", "a", "a"])
    assert sum(read) == 2
    assert (rows[0] == rows[2]).all()
    assert embedder.embed([]).shape == (0, 32)
    # What was embedded before is remembered.
    embedder.embed(["b", "c"])
    assert sum(read) == 3


def test_a_text_has_one_vector_to_the_byte_whatever_its_company(encoder_dir: Path) -> None:
    texts = ["".join(chr(97 + (7 * n + k) % 26) for k in range(1 + n % 40)) for n in range(60)]
    together = TransformerEmbedder(_ref(encoder_dir)).embed(texts)
    alone = np.concatenate([TransformerEmbedder(_ref(encoder_dir)).embed([text]) for text in texts[:12]])
    assert (together[:12] == alone).all()
    backwards = TransformerEmbedder(_ref(encoder_dir)).embed(texts[::-1])
    assert (together == backwards[::-1]).all()


def test_nothing_is_loaded_before_the_first_text() -> None:
    assert TransformerEmbedder(_ref(Path("/nowhere"))).ref.source == "file:encoder"


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "pooling_mode_max_tokens"),
        (
            "1_Pooling/config.json",
            {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
            "pooling_mode_mean_tokens, pooling_mode_cls_token",
        ),
        ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}, "lasttoken"),
        ("1_Pooling/config.json", {}, "no pooling"),
        (
            "modules.json",
            [{"type": "st.Transformer", "path": ""}, {"type": "st.Dense", "path": "2"}],
            "Dense",
        ),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(
    encoder_dir: Path, tmp_path: Path, path: str, content: object, told: str
) -> None:
    embedder = _changed(encoder_dir, tmp_path / "changed", path, content)
    with pytest.raises(SourceError, match=told):
        embedder.embed(["a"])


@pytest.mark.parametrize("path", ["../elsewhere", ".hidden", "linked", "nowhere"])
def test_a_recipe_that_is_not_part_of_the_encoder_is_refused(
    encoder_dir: Path, tmp_path: Path, path: str
) -> None:
    """It would change the vectors, and no digest would know."""
    modules = [{"type": f"st.{kind}", "path": inner} for kind, inner in {**MODULES, "Pooling": path}.items()]
    embedder = _changed(encoder_dir, tmp_path / "copy", "modules.json", modules)
    for place in ("elsewhere", "copy/.hidden"):
        (tmp_path / place).mkdir()
        _write(tmp_path / place / "config.json", {"pooling_mode": "cls"})
    (tmp_path / "copy" / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match=r"no config\.json of the folder"):
        embedder.embed(["a text"])


def test_pickled_weights_are_never_opened(encoder_dir: Path, tmp_path: Path) -> None:
    copy = tmp_path / "pickled"
    shutil.copytree(encoder_dir, copy)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(SourceError, match="no safetensors weights"):
        TransformerEmbedder(_ref(copy)).embed(["a"])


@pytest.mark.slow
def test_the_real_embedder_knows_paraphrases(tmp_path: Path) -> None:
    from udasa_core.config.schema import EMBEDDER
    from udasa_core.models.resolve import resolve_encoder

    ref = resolve_encoder(EMBEDDER, root=tmp_path, dtype="float32", device="cpu")
    rows = TransformerEmbedder(ref).embed(
        [
            "The capital of France is Paris.",
            "Paris is France's capital city.",
            "Bananas are rich in potassium.",
        ]
    )
    alike, unlike = rows[0] @ rows[1], rows[0] @ rows[2]
    assert alike > 0.9
    assert unlike < 0.1


def test_a_text_that_spells_special_tokens_has_none(encoder_dir: Path) -> None:
    spelled, apart = TransformerEmbedder(_ref(encoder_dir)).embed(["a [SEP] b", "a [ SEP ] b"])
    assert (spelled == apart).all()
