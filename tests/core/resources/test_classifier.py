"""Sequence classifiers: labels as the model names them, one reading a text, the same bytes in any company."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.core.classifiers import make_classifier, make_tokenizer, ref_of, rename
from tests.plugins.classifiers import make_tiny_classifier
from udasa_core import Message, ModelRef
from udasa_core.errors import SourceError
from udasa_core.models.resolve import resolve_encoder
from udasa_core.resources.classifier import TransformerClassifier
from udasa_core.resources.shared import SharedResources

LABELS = ("kind", "harm", "neither")
ENTAILMENT = ("contradiction", "neutral", "entailment")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_classifier(tmp_path_factory.mktemp("bert"), "bert", positions=70, labels=LABELS)


def letters(count: int, start: int = 0) -> str:
    return " ".join(chr(97 + (start + 7 * k) % 26) for k in range(count))


def test_logits_are_the_models_own(folder: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts: list[tuple[str, ...]] = [("a b c",), ("a b", "c"), ("a b c", ""), ("",)]
    with torch.inference_mode():
        expected = [model(**tokenizer(*text, return_tensors="pt")).logits[0].numpy() for text in texts]
    found = TransformerClassifier(ref_of(folder)).logits(texts)
    assert found == pytest.approx(np.stack(expected), abs=1e-5)
    assert found.dtype == np.float64
    # A pair is not its parts in a row: the segments tell them apart.
    assert abs(found[0] - found[1]).max() > 1e-3


def test_labels_come_from_the_config_in_the_order_of_the_logits(folder: Path, tmp_path: Path) -> None:
    assert TransformerClassifier(ref_of(folder)).labels == LABELS
    renamed = rename(Path(shutil.copytree(folder, tmp_path / "renamed")), LABELS[::-1])
    classifier = TransformerClassifier(ref_of(renamed))
    assert classifier.labels == LABELS[::-1]
    # JSON objects have no order: the numbers have.
    path = renamed / "config.json"
    config = json.loads(path.read_text())
    config["id2label"] = {"2": "third", "0": "first", "1": "second"}
    path.write_text(json.dumps(config))
    assert TransformerClassifier(ref_of(renamed)).labels == ("first", "second", "third")
    # The names do not touch the figures.
    texts = [("a b c",), ("x",)]
    assert (classifier.logits(texts) == TransformerClassifier(ref_of(folder)).logits(texts)).all()


def test_labels_are_known_before_anything_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"id2label": {"0": "a", "1": "b"}}')
    assert TransformerClassifier(ref_of(tmp_path)).labels == ("a", "b")
    (tmp_path / "config.json").write_text('{"num_labels": 3}')
    assert TransformerClassifier(ref_of(tmp_path)).labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_pickled_weights_are_never_opened(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "pickled"))
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(SourceError, match="no safetensors weights") as caught:
        TransformerClassifier(ref_of(copy)).logits([("a",)])
    assert "file:model" in str(caught.value)


def test_a_text_has_the_same_bytes_alone_in_company_and_in_any_order(folder: Path) -> None:
    texts: list[tuple[str, ...]] = [(letters(n % 67, n),) for n in range(60)]
    texts += [(letters(n, n), letters(2 * n, 3)) for n in range(1, 20)]
    together = TransformerClassifier(ref_of(folder)).logits(texts)
    backwards = TransformerClassifier(ref_of(folder)).logits(texts[::-1])
    assert (together == backwards[::-1]).all()
    shuffled = np.random.default_rng(0).permutation(len(texts))
    again = TransformerClassifier(ref_of(folder)).logits([texts[at] for at in shuffled])
    assert (together[shuffled] == again).all()
    for at in range(0, len(texts), 7):
        assert (TransformerClassifier(ref_of(folder)).logits([texts[at]])[0] == together[at]).all()


def test_equal_texts_are_read_once_and_remembered_across_calls(folder: Path) -> None:
    reads: Counter[str] = Counter()
    classifier = TransformerClassifier(ref_of(folder), reads)
    rows = classifier.logits([("a",), ("a", "b"), ("a",), ("b", "a")])
    assert (rows[0] == rows[2]).all()
    assert reads == {"texts classified": 3}
    assert (classifier.logits([("a", "b"), ("a",)]) == rows[[1, 0]]).all()
    assert reads == {"texts classified": 3}
    classifier.logits([("c",), ("a",)])
    assert reads == {"texts classified": 4}
    classifier.forget()
    assert (classifier.logits([("a",)])[0] == rows[0]).all()
    assert reads == {"texts classified": 5}


def test_no_text_has_no_row(folder: Path) -> None:
    assert TransformerClassifier(ref_of(folder)).logits([]).shape == (0, 3)


def test_shared_resources_count_and_keep_one_classifier_a_model(tmp_path: Path) -> None:
    folder = make_tiny_classifier(tmp_path, ENTAILMENT)
    source, pairs = f"file:{folder}", [("why", "me"), ("me", "why")]
    ref = resolve_encoder(source, root=tmp_path, dtype="float32", device="cpu")
    shared = SharedResources({"entailment": ref}, tmp_path, lambda event: None)
    shared.classifier(source).logits(pairs)
    assert shared.classifier(source) is shared.classifier(source)
    assert shared.reads == {"texts classified": 2}
    # The same model under [entailment] is the same: what was read is remembered.
    shared.entailment().probabilities(pairs)
    assert shared.reads == {"texts classified": 2}
    shared.forget()
    shared.similarity().matrices([("why", "me")])
    assert shared.reads == {"texts classified": 4}


@pytest.mark.parametrize("entailment_first", [True, False])
def test_one_source_in_two_dtypes_is_two_models(tmp_path: Path, entailment_first: bool) -> None:
    folder = make_tiny_classifier(tmp_path, ENTAILMENT)
    source = f"file:{folder}"
    half = resolve_encoder(source, root=tmp_path, dtype="bfloat16", device="cpu")
    shared = SharedResources({"entailment": half}, tmp_path, lambda event: None)
    pairs = [("a b", "c"), ("why", "me")]
    if entailment_first:
        shared.entailment().probabilities(pairs)
        found = shared.classifier(source).logits(pairs)
    else:
        found = shared.classifier(source).logits(pairs)
        shared.entailment().probabilities(pairs)
    whole = resolve_encoder(source, root=tmp_path, dtype="float32", device="cpu")
    assert (found == TransformerClassifier(whole).logits(pairs)).all()
    assert shared.reads == {"texts classified": 4}


@pytest.mark.parametrize(
    ("family", "limit"),
    [("bert", 70), ("roberta", 69), ("xlm-roberta", 69), ("camembert", 69), ("mpnet", 68)],
)
def test_long_texts_are_cut_at_the_models_limit(tmp_path: Path, family: str, limit: int) -> None:
    # RoBERTa's kin count positions from after the padding token: token 0, for MPNet always token 1.
    classifier = TransformerClassifier(ref_of(make_classifier(tmp_path, family, positions=70, labels="xy")))
    whole = letters(limit - 2)
    texts = [(f"{whole} {letters(extra)}".strip(),) for extra in (0, 1, 30, 2000)]
    found = classifier.logits(texts)
    # Rows of one batch differ in the last bit on some processors.
    np.testing.assert_allclose(found, np.tile(found[0], (4, 1)), atol=1e-5)
    assert (classifier.logits([(letters(limit - 3),)]) != found[0]).any()


def test_the_tokenizers_own_limit_counts_where_it_is_shorter(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "short"))
    make_tokenizer(copy, limit=12)
    found = TransformerClassifier(ref_of(copy)).logits([(letters(10),), (letters(30),), (letters(9),)])
    assert (found[0] == found[1]).all()
    assert (found[0] != found[2]).any()


def test_of_a_pair_the_longer_one_is_cut(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "short"))
    make_tokenizer(copy, limit=13)  # ten letters and three marks
    found = TransformerClassifier(ref_of(copy)).logits(
        [("a b", letters(30)), ("a b", letters(8)), (letters(30), "a b"), (letters(8), "a b")]
    )
    assert (found[0] == found[1]).all()
    assert (found[2] == found[3]).all()


def test_odd_texts_have_finite_logits(folder: Path) -> None:
    texts = ["", "   ", "\n", "🙂🙂", "שלום עולם", "e\u0301", "a" * 10_000, "a " * 10_000]
    found = TransformerClassifier(ref_of(folder)).logits([(text,) for text in texts])
    assert np.isfinite(found).all()


def test_a_conversation_is_a_pair_without_a_template_and_one_text_with_it(
    folder: Path, tmp_path: Path
) -> None:
    turns = [Message("system", "a"), Message("user", "b"), Message("assistant", "c d")]
    plain = TransformerClassifier(ref_of(folder))
    assert (plain.conversation_logits([turns]) == plain.logits([("a\nb", "c d")])).all()
    copy = Path(shutil.copytree(folder, tmp_path / "chat"))
    template = "[CLS]{% for m in messages %} {{ m.content }} [SEP]{% endfor %}"
    (copy / "chat_template.jinja").write_text(template)
    chat = TransformerClassifier(ref_of(copy))
    # The template writes the special tokens; they are not added again.
    ids = chat._tokenizer("a [SEP] b [SEP] c d", add_special_tokens=True)["input_ids"]
    assert chat._encode(chat._rendered(turns))[0] == ids
    assert np.isfinite(chat.conversation_logits([turns, turns[1:]])).all()


def test_a_text_that_spells_special_tokens_has_none(folder: Path, tmp_path: Path) -> None:
    plain = TransformerClassifier(ref_of(folder))
    end = plain._tokenizer.sep_token_id
    assert plain._encode(("plain", "a [SEP] b"))[0].count(end) == 1
    assert plain._encode(("plain", "a [SEP]", "b [CLS] [SEP]"))[0].count(end) == 2
    turns = [Message("user", "a [SEP] b"), Message("assistant", "c [SEP] d")]
    assert plain._encode(plain._rendered(turns))[0].count(end) == 2
    copy = Path(shutil.copytree(folder, tmp_path / "chat"))
    (copy / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }} [SEP]{% endfor %}")
    chat = TransformerClassifier(ref_of(copy))
    assert chat._encode(chat._rendered(turns))[0].count(end) == 2


@pytest.mark.parametrize(
    "deaf",
    [
        "{% for m in messages if m.role != 'system' %}{{ m.content }} [SEP]{% endfor %}",
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{{ m.content }} [SEP]{% endfor %}",
    ],
)
def test_a_system_message_that_the_template_does_not_take_goes_with_the_question(
    folder: Path, tmp_path: Path, deaf: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "deaf"))
    (copy / "chat_template.jinja").write_text(deaf)
    chat = TransformerClassifier(ref_of(copy))
    asked = [Message("system", "a"), Message("user", "b"), Message("assistant", "c")]
    joined = [Message("user", "a\n\nb"), Message("assistant", "c")]
    assert (chat.conversation_logits([asked]) == chat.conversation_logits([joined])).all()
    assert (chat.conversation_logits([asked]) != chat.conversation_logits([asked[1:]])).any()


def test_a_decoder_with_a_head_finds_the_last_token_whatever_the_padding(tmp_path: Path) -> None:
    """A reward model: one label, a causal body, no padding token in its config."""
    import torch
    from transformers import AutoModelForSequenceClassification, LlamaConfig

    make_tokenizer(tmp_path)
    config = LlamaConfig(
        vocab_size=30,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_labels=1,
        initializer_range=0.5,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(tmp_path, safe_serialization=True)
    classifier = TransformerClassifier(ref_of(tmp_path))
    assert classifier.labels == ("LABEL_0",)
    texts: list[tuple[str, ...]] = [(letters(n),) for n in (3, 5, 20)]
    found = classifier.logits(texts)
    model.config.pad_token_id = 0
    for text, row in zip(texts, found, strict=True):
        ids = torch.tensor([classifier._encode(("plain", *text))[0]])
        with torch.inference_mode():
            assert row == pytest.approx(model(input_ids=ids).logits[0].numpy(), abs=1e-5)


def test_nothing_is_loaded_at_construction() -> None:
    ref = ModelRef(source="file:x", revision="0", dtype="float32", template="", folder="/nowhere")
    assert TransformerClassifier(ref).key == ref.key
