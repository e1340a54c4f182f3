"""The card says whose licences bind the model, and what the terms of known families ask."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import udasa_core
from tests.canned import configuration
from udasa_core.export.card import card
from udasa_core.export.terms import terms_of

BUILT_WITH = {"llama2": "", "llama3": "Built with Meta Llama 3", "llama3.1": "Built with Llama"}


def model_of(model: Path, folder: Path, front: str) -> Path:
    shutil.copytree(model, folder)
    (folder / "README.md").write_text(f"---\n{front}\n---\n")
    return folder


def told(run: udasa_core.Run) -> str:
    return card(run, form="merged", dtype="float32")


@pytest.fixture(scope="module")
def bound(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> udasa_core.Run:
    """A run on a model under Llama's licence, read by one under Gemma's."""
    folder = tmp_path_factory.mktemp("bound")
    link = "https://example.com/LICENSE"
    base = model_of(tiny_model_dir, folder / "base", f"license: llama3.1\nlicense_link: {link}")
    (base / "USE_POLICY.md").write_text("be kind")
    reader = model_of(tiny_model_dir, folder / "reader", "license: gemma")
    config = reader / "config.json"
    config.write_text(config.read_text().replace('"rms_norm_eps": 1e-', '"rms_norm_eps": 2e-'))
    dimension = [{"use": "tests.canned:Reading", "name": "one"}]
    plain = configuration(folder, base, count=8, dimension=dimension, reader={"source": f"file:{reader}"})
    return udasa_core.run(plain)


def test_the_bases_licence_link_and_naming_clause(bound: udasa_core.Run) -> None:
    text = told(bound)
    assert "\nlicense: llama3.1\nlicense_link: https://example.com/LICENSE\n" in text
    assert "**Built with Llama.**" in text
    assert "`base`, which binds this model too: llama3.1 (https://example.com/LICENSE). A hint" in text
    assert "the name of this model begins with Llama" in text


def test_who_else_had_a_say(bound: udasa_core.Run) -> None:
    assert "- reader, `file:reader`: gemma. A hint, and no legal advice: the Gemma terms count" in told(bound)


def test_a_name_alone_names_no_model(tmp_path: Path, tiny_model_dir: Path) -> None:
    base = model_of(tiny_model_dir, tmp_path / "TinyLlama", "tags: []")
    text = told(udasa_core.run(configuration(tmp_path, base, count=8)))
    assert "to judge by its name, pass on a copy" in text
    assert "**Built with" not in text


def test_servers_and_models_of_plugins(canned_run: udasa_core.Run) -> None:
    run = udasa_core.Run(canned_run.folder)
    plain: dict[str, Any] = run.manifest.plain
    voter = {"use": "semantic.cross-model", "name": "other", "source": "hf:meta-llama/Llama-2-7b@main"}
    server = {"use": "openai", "base_url": "https://api.openai.com/v1", "model": "gpt-4o-mini"}
    plain["config"] = {**plain["config"], "judge": server}
    plain["config"]["dimension"] = [*plain["config"]["dimension"], voter]
    plain["plugins"] = [
        *plain["plugins"],
        {
            "kind": "dimension",
            "name": "other",
            "plugin": "x",
            "distribution": "y",
            "version": "1",
            "options": {},
        },
    ]
    text = told(run)
    assert (
        "- dimension 'other', `hf:meta-llama/Llama-2-7b@main`: unknown, its files state none: look at "
        "https://huggingface.co/meta-llama/Llama-2-7b before you pass this model on. A hint, and no legal "
        "advice: to judge by its name, the Llama 2 and Llama 3 licences forbid"
    ) in text
    assert text.count("judge 'openai'") == 1
    assert "OpenAI's terms forbid to develop competing models" in text


def test_an_unknown_licence_says_where_to_look(canned_run: udasa_core.Run) -> None:
    text = told(canned_run)
    assert "\nlicense: unknown\n" in text
    assert "unknown, its files state none: look at the page of whoever made it" in text


@pytest.mark.parametrize(("licence", "shown"), BUILT_WITH.items())
def test_llamas_differ(licence: str, shown: str) -> None:
    found = terms_of(licence, "file:x")
    assert found.shown == shown
    assert "pass on a copy of the licence" in found.passing_on


@pytest.mark.parametrize(
    ("licence", "source", "passing_on"),
    [
        ("apache-2.0", "hf:meta-llama/Llama-2-7b@main", ""),  # what is stated goes before the name
        ("unknown", "hf:meta-llama/Llama-2-7b@main", "copy of the licence"),
        ("unknown", "hf:Qwen/Qwen2.5-0.5B@main", ""),  # most of these are under Apache's
        ("qwen", "hf:Qwen/Qwen2.5-72B@main", "Built with Qwen"),
        ("qwen-research", "hf:Qwen/Qwen2.5-3B@main", "Built with Qwen"),
        ("cc-by-nc-4.0", "hf:a/b@main", "not commercial"),
        ("gemma", "hf:google/gemma-2-2b@main", "Gemma Terms of Use"),
    ],
)
def test_families(licence: str, source: str, passing_on: str) -> None:
    found = terms_of(licence, source).passing_on
    assert passing_on in found
    assert bool(passing_on) == bool(found)
