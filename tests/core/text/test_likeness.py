"""What is suggested for a mistyped name: only what is like it."""

from __future__ import annotations

import pytest

from udasa_core.text.likeness import did_you_mean, likely

LOSSES = ("dpo", "cdpo", "ipo", "odpo", "simpo", "sft")
KEYS = ("learning_rate", "epochs", "batch", "max_new_tokens", "temperature", "responses", "rank", "alpha")
TABLES = ("run", "store", "model", "prompts", "generator", "trainer", "pairing", "judge")


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("dop", LOSSES, "dpo"),
        ("DPO", LOSSES, "dpo"),
        ("simp", LOSSES, "simpo"),
        ("learningrate", KEYS, "learning_rate"),
        ("learning-rate", KEYS, "learning_rate"),
        ("Temprature", KEYS, "temperature"),
        ("temp", KEYS, "temperature"),
        ("max_tokens", KEYS, "max_new_tokens"),
        ("respones", KEYS, "responses"),
        ("modle", TABLES, "model"),
        ("train", TABLES, "trainer"),
        ("sematnic.lexcial", ("semantic.lexical", "semantic.degree"), "semantic.lexical"),
    ],
)
def test_a_slip_is_seen_through(name: str, known: tuple[str, ...], meant: str) -> None:
    assert likely(name, known) == meant


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("kto", LOSSES),
        ("cpo", LOSSES[:1]),
        ("orpo", LOSSES[:1]),
        ("ppo", LOSSES),
        ("gpu", ("cpu",)),
        ("dataset", TABLES),
        ("lr", KEYS),
        ("warmup", KEYS),
        ("sentiment.lexicon", ("semantic.lexical",)),
        ("prompts", ("pairing",)),
        ("vllm", ("llama",)),
        ("out_proj", ("q_proj", "k_proj", "v_proj")),
        ("", LOSSES),
        ("…", ("…-",)),
    ],
)
def test_nothing_unlike_is_suggested(name: str, known: tuple[str, ...]) -> None:
    assert likely(name, known) == ""


def test_where_nothing_is_like_it_what_there_is_is_listed() -> None:
    assert did_you_mean("dop", LOSSES) == 'did you mean "dpo"?'
    assert did_you_mean("kto", LOSSES[:2], "it has") == "it has: dpo, cdpo"
    assert did_you_mean("kto", (), "it has") == "it has: none"
    many = [f"run-{number}" for number in range(40)]
    assert did_you_mean("quick", many, "runs") == f"runs: {', '.join(many[:20])} and 20 more"
