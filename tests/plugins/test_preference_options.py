"""The trainers' options: described, bounded, light, and cheap to read."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

from udasa_plugin_preference.dpo import DPO
from udasa_plugin_preference.ipo import IPO
from udasa_plugin_preference.options import PreferenceOptions


@pytest.mark.parametrize("factory", [DPO, IPO])
def test_every_option_is_described_and_has_a_default(factory: type[DPO] | type[IPO]) -> None:
    factory.Options()
    for name, field in factory.Options.model_fields.items():
        assert field.description, name


def test_each_loss_has_its_own_beta() -> None:
    assert DPO.Options().beta == 0.1
    assert 1 / (2 * IPO.Options().beta) == pytest.approx(0.2), "nats a token that IPO aims at"


@pytest.mark.parametrize(
    "wrong",
    [
        {"beta": 0},
        {"rank": 0},
        {"dropout": 1.0},
        {"targets": []},
        {"targets": "lm_head"},
        {"targets": ["q_proj", "lm_head"]},
        {"epochs": 0},
        {"warmup": 1.0},
        {"quantize": "8bit"},
        {"learning_rat": 1e-4},
        {"learning_rate": float("inf")},
        {"sft_weight": float("nan")},
        {"beta": float("inf")},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DPO.Options.model_validate(wrong)


def test_targets_may_be_a_list_as_toml_has_it() -> None:
    assert PreferenceOptions.model_validate({"targets": ["q_proj"]}).targets == ("q_proj",)


def test_reading_the_trainers_imports_nothing_heavy() -> None:
    program = (
        "import sys; import udasa_plugin_preference.dpo, udasa_plugin_preference.ipo; "
        "print({'torch', 'trl', 'peft', 'transformers', 'datasets', 'numpy', 'pyarrow'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"
