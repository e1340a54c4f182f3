"""Every built-in plugin passes the conformance kit, as a third party's would."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes import FakeResources
from tests.plugins.classifiers import make_tiny_classifier
from tests.plugins.vllm.stand_in_python import stand_in_python
from tests.tiny import make_tiny_model
from udasa_core import Message, ModelRef, Prompt, testing
from udasa_core.hookspecs import KINDS
from udasa_core.plugins.base import attribute
from udasa_core.plugins.catalog import Offer, read_catalog
from udasa_core.plugins.stack import SHAPING, load_factory

# Suites need their questions: tests/eval/suites checks them with the kit.
OFFERS = [one for one in read_catalog().offers if one.distribution == "udasa" and one.kind != "suite"]
# What a plugin's table cannot do without.
REQUIRED: Mapping[str, Mapping[str, Any]] = {
    "value.principles": {"principles": ["Is it kind?", {"ask": "Is it honest?", "flipped": "Is it false?"}]},
    "fit-weights": {"data": "labelled.jsonl"},
    "veto": {"dimensions": ["one"]},
    "tracking": {"to": ["tensorboard"]},
}
PAIRING_BOUNDS = {"chosen_below": 0.4, "rejected_above": 0.6}
FITTED_WEIGHTS = {"one": 0.5, "two": 0.5}
CURVES = {
    "isotonic": {"scores": [0.2, 0.8], "wrong": [0.1, 0.9]},
    "platt": {"slope": 4.0, "intercept": -2.0},
}
# tests/plugins/openai and tests/plugins/vllm give them what they ask.
ELSEWHERE = ("openai", "vllm")
LIGHT_TRAINING = {"rank": 4, "batch": 2, "learning_rate": 1e-3}


def options_of(offer: Offer, folder: Path) -> dict[str, Any]:
    if offer.name == "openai":
        return {"base_url": "http://127.0.0.1:1/v1", "model": "m"}
    if offer.name == "vllm":
        return {"python": stand_in_python(folder)}
    if (offer.kind, offer.name) == ("judge", "transformers"):
        model = make_tiny_model(folder / "judge")
        return {"source": f"file:{model}", "max_new_tokens": 4, "dtype": "float32", "device": "cpu"}
    if (offer.kind, offer.name) == ("judge", "recorded"):
        file = folder / "grades.jsonl"
        asked = testing.sample_prompts()
        rows = [{"id": prompt.id, "raw": "Rating: [[5]]"} for prompt in asked]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return {"source": f"file:{file}"}
    if offer.name == "semantic.cross-model":
        file = folder / "other.jsonl"
        prompts = {group.prompt.messages for group in testing.sample_groups()}
        rows = [
            {"messages": [asdict(one) for one in messages], "responses": ["Yes.", "No."]}
            for messages in prompts
        ]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return {"recorded": f"file:{file}"}
    if offer.name == "recorded":
        rows = [
            {"prompt": "Why?", "responses": ["Because.", "Since it is so."]},
            {"prompt": "How?", "responses": ["Slowly.", "With care 🙂"]},
        ]
        file = folder / "recorded.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return {"source": f"file:{file}"}
    if offer.name in ("isotonic", "platt", "fitted-mean"):
        fitted = folder / "weights.json"
        fitted.write_text(
            json.dumps({"format": 1, "dimensions": {"planted": CURVES}, "weights": FITTED_WEIGHTS})
        )
        return {"source": f"file:{fitted}"}
    if offer.name in ("value.classifier", "value.ensemble"):
        source = f"file:{make_tiny_classifier(folder / 'classifier', ['good', 'bad', 'rude'])}"
        members = [{"source": source, "harmful": [label]} for label in ("bad", "rude")]
        return {"members": members} if offer.name == "value.ensemble" else members[0]
    if offer.name == "value.reward":
        return {"source": f"file:{make_tiny_classifier(folder / 'reward', ['LABEL_0'])}"}
    if offer.name == "risk-controlled":
        file = folder / "labels.jsonl"
        rows = [{"pair_id": f"pair-{number:03}", "inverted": number < 20} for number in range(100)]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return {"labels": f"file:{file}"}
    if (offer.kind, offer.name) == ("pairing", "thresholds"):
        return dict(PAIRING_BOUNDS)
    return dict(REQUIRED.get(offer.name, {}))


def offers(*kinds: str) -> pytest.MarkDecorator:
    chosen = [offer for offer in OFFERS if offer.kind in kinds and offer.name not in ELSEWHERE]
    return pytest.mark.parametrize("offer", chosen, ids=lambda offer: f"{offer.kind}-{offer.name}")


def test_every_kind_has_a_check() -> None:
    assert {kind for kind in KINDS if not hasattr(testing, f"check_{kind}")} == {"engine", "experiment"}


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: f"{offer.kind}-{offer.name}")
def test_the_factory(offer: Offer, tmp_path: Path) -> None:
    testing.check_factory(offer.kind, load_factory(offer), options_of(offer, tmp_path))


def test_what_shapes_training_says_whether_labels_enter() -> None:
    """The base says nothing for a plugin that forgets to: such a run would lose its stamp."""
    said: dict[bool | None, set[str]] = {True: set(), False: set(), None: set()}
    for offer in OFFERS:
        if offer.kind in SHAPING:
            said[attribute(load_factory(offer), "label_free")].add(offer.name)
    assert said[False] == {"isotonic", "platt", "fitted-mean"}
    # Whose responses, and whose models, nobody here knows.
    models = {"semantic.cross-model", "value.classifier", "value.ensemble", "value.reward"}
    assert said[None] == {"recorded", "openai", "risk-controlled", "shuffled", *models}


def plain_options(offer: Offer, folder: Path) -> dict[str, Any]:
    """Every option that TOML can spell, set to its default: lists as lists, whole floats without a point."""
    given = options_of(offer, folder)
    model = load_factory(offer).Options
    defaults = model.model_validate(given).model_dump(mode="json", exclude_none=True)
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in {**defaults, **given}.items()
    }


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: f"{offer.kind}-{offer.name}")
def test_options_are_read_strictly(offer: Offer, tmp_path: Path) -> None:
    model, plain = load_factory(offer).Options, plain_options(offer, tmp_path)
    read = model.model_validate_json(json.dumps(plain), strict=True)
    assert read == model.model_validate(options_of(offer, tmp_path))
    for name, field in model.model_fields.items():
        if field.annotation in (float, int, float | None):
            for wrong in (True, "1", math.nan, math.inf):
                with pytest.raises(ValidationError):
                    model.model_validate_json(json.dumps({**plain, name: wrong}), strict=True)


@offers("dimension")
def test_the_dimension(offer: Offer, tmp_path: Path) -> None:
    testing.check_dimension(load_factory(offer), options_of(offer, tmp_path))


@offers("calibration")
def test_the_calibration(offer: Offer, tmp_path: Path) -> None:
    testing.check_calibration(load_factory(offer), options_of(offer, tmp_path))


@offers("aggregation")
def test_the_aggregation(offer: Offer, tmp_path: Path) -> None:
    testing.check_aggregation(load_factory(offer), options_of(offer, tmp_path))


@offers("pairing")
def test_the_pairing(offer: Offer, tmp_path: Path, tiny_ref: ModelRef) -> None:
    # A reader that likes one text, wherever it stands.
    resources = FakeResources(tiny_ref, {"The first response:\nNo, never.": 0.9})
    assert testing.check_pairing(load_factory(offer), options_of(offer, tmp_path), resources=resources).pairs


@offers("stages")
def test_the_stages(offer: Offer, tmp_path: Path) -> None:
    assert any(testing.check_stages(load_factory(offer), options_of(offer, tmp_path)).stages.values())


@pytest.mark.parametrize("name", ["risk-controlled", "shuffled"])
def test_a_policy_whose_option_says_whether_labels_enter(name: str, tmp_path: Path) -> None:
    """Its class says nothing; a run is stamped with what the instance says."""
    factory = load_factory(read_catalog().find("stages", name))
    labels = options_of(read_catalog().find("stages", "risk-controlled"), tmp_path)
    given: Mapping[str, Any] = {"of": "risk-controlled", "options": labels} if name == "shuffled" else labels
    for options, is_free in (({}, True), (given, False)):
        built = factory(factory.Options.model_validate(options), name, FakeResources())
        assert attribute(built, "label_free") is is_free


@offers("generator")
def test_the_generator(offer: Offer, tmp_path: Path, tiny_ref: ModelRef) -> None:
    options = options_of(offer, tmp_path)
    prompts = None
    if offer.name == "recorded":
        prompts = [Prompt("why", (Message("user", "Why?"),)), Prompt("how", (Message("user", "How?"),))]
    testing.check_generator(
        load_factory(offer), options, policy=tiny_ref, resources=FakeResources(tiny_ref), prompts=prompts
    )


@offers("judge")
def test_the_judge(offer: Offer, tmp_path: Path) -> None:
    testing.check_judge(load_factory(offer), options_of(offer, tmp_path))


@offers("trainer")
def test_the_trainer(offer: Offer, tmp_path: Path, tiny_ref: ModelRef) -> None:
    report = testing.check_trainer(load_factory(offer), LIGHT_TRAINING, policy=tiny_ref, folder=tmp_path)
    assert report.pairs == len(testing.sample_pairs())


@offers("observer")
def test_the_observer(offer: Offer, tmp_path: Path) -> None:
    resources = FakeResources(run_folder=tmp_path)
    testing.check_observer(load_factory(offer), options_of(offer, tmp_path), resources=resources)
