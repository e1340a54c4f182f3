"""Tables that do not go together are refused, or told of, before a model is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.canned import Canned, configuration
from udasa_core import Column, Group, Options, Pairing, Scores, hookimpl, load
from udasa_core.errors import ConfigError
from udasa_core.plugins.catalog import read_catalog
from udasa_core.plugins.stack import cautions, chosen_plugins, dropped_faults


class SilentPairing(Canned):
    """Does not say what its pairs have."""

    @hookimpl
    def udasa_pair(self, groups: Sequence[Group], scores: Sequence[Scores], seed: int) -> Pairing:
        return Pairing(())


class Entropic(Canned):
    """A dimension that scores by entropies."""

    class Options(Options):
        @property
        def needs_entropies(self) -> bool:
            return True

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column("entropic", ())


VLLM = {"use": "vllm"}
RESCORED = {"use": "vllm", "entropies": "rescore"}


def asked(folder: Path, tables: dict[str, Any]) -> dict[str, Any]:
    # Nothing that could be loaded.
    (folder / "model").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (folder / "model" / name).write_text("{}")
    plain = configuration(folder, folder / "model", trainer={"use": "dpo"})
    plain["trainer"] |= tables.pop("trainer", {})
    return {**plain, **tables}


# What [trainer] and other tables say → what the refusal says.
REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"trainer": {"moderate": {"rank": 8}}},
        r"trainer\.moderate\.rank: is 8, and \[trainer\] has 16: .*\n.*give rank for all stages alike",
    ),
    (
        {"trainer": {"moderate": {"alpha": 8.0}}},
        r"trainer\.moderate\.alpha: is 8\.0, and \[trainer\] has 32\.0",
    ),
    (
        {"trainer": {"exploratory": {"targets": ["q_proj"]}}},
        r"trainer\.exploratory\.targets: is \['q_proj'\], and \[trainer\] has 'all-linear'",
    ),
    # Another trainer inherits nothing, and has the default rank.
    (
        {"trainer": {"rank": 8, "exploratory": {"use": "sft"}}},
        r"trainer\.exploratory\.rank: is 16, and \[trainer\] has 8",
    ),
    (
        {"trainer": {"keep_schedule": True, "moderate": {"warmup": 0.0}}},
        r"trainer\.moderate\.warmup: is 0\.0, and \[trainer\] has 0\.1",
    ),
    (
        {"trainer": {"weights_from": "vote_margin"}},
        r"trainer: asks for the pairs' vote_margin, which the pairing 'extremes' does not fill",
    ),
    (
        {"trainer": {"moderate": {"use": "odpo"}}, "pairing": {"use": "random"}},
        r"trainer\.moderate: asks for the pairs' gap, which the pairing 'random' does not fill",
    ),
    *(
        (
            {"trainer": {"moderate": {"use": "odpo"}}, "pairing": {"use": rival}},
            rf"trainer\.moderate: asks for the pairs' gap, which the pairing '{rival}' does not fill",
        )
        for rival in ("votes", "greedy", "contrastive", "judged", "revised")
    ),
    (
        {"trainer": {"weights_from": "chosen_U"}, "pairing": {"use": "revised"}},
        r"trainer: asks for the pairs' chosen_U, which the pairing 'revised' does not fill",
    ),
    (
        {"trainer": {"weights_from": "vote_margin"}, "pairing": {"use": "votes"}},
        r"trainer: multiplies each pair's loss by its vote_margin, and so does the pairing 'votes'",
    ),
    (
        {"trainer": {"moderate": {"weights_from": "vote_margin"}}, "pairing": {"use": "votes"}},
        r"trainer\.moderate: multiplies each pair's loss by its vote_margin",
    ),
    (
        {"stages": {"use": "risk-controlled", "labels": "file:labels.jsonl"}, "rounds": {"count": 2}},
        r"rounds\.count: is 2, and \[stages\] can stage the first round's pairs alone: labels are of pairs",
    ),
    (
        {
            "stages": {
                "use": "shuffled",
                "of": "risk-controlled",
                "options": {"labels": "file:labels.jsonl"},
            },
            "rounds": {"count": 3},
        },
        r"rounds\.count: is 3, and \[stages\]",
    ),
    (
        {"generator": VLLM, "gate": [{"figure": "entropy", "max_drop": 0.1}]},
        r"gate\.entropy: goes by entropies, and the generator 'vllm' gives none\n.*entropies = \"rescore\"",
    ),
    ({"generator": VLLM, "rounds": {"count": 2, "until": "entropy"}}, r"rounds\.until: goes by entropies"),
    (
        {"generator": VLLM, "dimension": [{"use": f"{__name__}:Entropic"}]},
        r"dimension\..*Entropic: goes by entropies",
    ),
]


@pytest.mark.parametrize(("tables", "told"), REFUSED)
def test_what_cannot_be_is_refused_before_a_model_is_loaded(
    tables: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        load(asked(tmp_path, dict(tables)))
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize(
    "tables",
    [
        # The same shape, however it is written.
        {"trainer": {"targets": ["q_proj", "v_proj"], "moderate": {"targets": ["v_proj", "q_proj"]}}},
        {"trainer": {"rank": 8, "exploratory": {"use": "sft", "rank": 8}}},
        # No stage has the default table.
        {
            "trainer": {stage: {"rank": 4} for stage in ("conservative", "moderate", "exploratory")},
        },
        {"trainer": {"warmup": 0.2, "moderate": {"warmup": 0.0}}},
        {"stages": {"use": "risk-controlled", "labels": "file:labels.jsonl"}},
        {
            "stages": {"use": "risk-controlled"},
            "pairing": {"use": "votes"},
            "rounds": {"count": 2},
        },
        {"trainer": {"weights_from": "gap"}},
        {"trainer": {"weights_from": "vote_margin"}, "pairing": {"use": "votes", "weighted": False}},
        {"trainer": {"weights_from": "chosen_U"}, "pairing": {"use": "votes"}},
        {"trainer": {"weights_from": "chosen_U"}, "pairing": {"use": "judged"}},
        {"trainer": {"weights_from": "vote_margin"}, "pairing": {"use": f"{__name__}:SilentPairing"}},
        {"trainer": {"moderate": {"use": "tests.canned:Trainer"}}},
        {"generator": RESCORED, "gate": [{"figure": "entropy", "max_drop": 0.1}]},
        {"generator": VLLM, "gate": [{"figure": "length", "max_drop": 9.0, "better": "lower"}]},
        {"generator": RESCORED, "dimension": [{"use": f"{__name__}:Entropic"}]},
    ],
)
def test_what_can_be_is_not_refused(tables: dict[str, Any], tmp_path: Path) -> None:
    load(asked(tmp_path, dict(tables)))


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        (
            {"trainer": {"replay": 0.2}, "stages": {"use": "quantiles", "names": ["all"]}},
            "replay: there is the stage 'all' alone",
        ),
        ({"trainer": {"conservative": {"replay": 0.2}}}, "replay does nothing in the first stage"),
        (
            {"trainer": {"keep_optimizer": True, "moderate": {"keep_optimizer": False}}},
            "keep_optimizer: the stage 'exploratory' begins at 0 all the same",
        ),
        ({"trainer": {"sft_below": 0.4}}, "sft_below says for which pairs sft_weight counts"),
        ({"trainer": {"replay": 0.2, "keep_optimizer": True}}, ""),
        ({"trainer": {"keep_optimizer": True, "exploratory": {"keep_optimizer": False}}}, ""),
        ({"generator": VLLM, "guard": {"action": "warn"}}, "the guard goes by its other signs alone"),
        ({"generator": RESCORED, "guard": {"action": "warn"}}, ""),
        ({"generator": VLLM}, ""),
    ],
)
def test_what_does_nothing_is_told(tables: dict[str, Any], told: str, tmp_path: Path) -> None:
    config = load(asked(tmp_path, dict(tables)))
    said = list(cautions(config, read_catalog()))
    assert ([told in one for one in said] == [True]) if told else said == []


SPREAD = {"ungapped": "spread"}


@pytest.mark.parametrize(
    ("pairing", "stages", "remedy"),
    [
        ("random", {"use": "quantiles"}, 'such as [stages] use = "quantiles" with ungapped = "spread"'),
        ("votes", {"use": "quantiles"}, 'such as [stages] use = "quantiles" with ungapped = "spread"'),
        ("votes", {"use": "shuffled"}, 'ungapped = "spread"'),
        ("random", {"use": "certain-first"}, 'ungapped = "spread"'),
        ("random", {"use": "quantiles", **SPREAD}, ""),
        ("votes", {"use": "shuffled", "options": SPREAD}, ""),
        # These are ranked by their votes.
        ("votes", {"use": "risk-controlled", "labels": "file:x.jsonl", "by": "vote_margin"}, ""),
        (f"{__name__}:SilentPairing", {"use": "quantiles"}, ""),
    ],
)
def test_stages_that_would_drop_every_pair_are_a_fault(
    pairing: str, stages: dict[str, Any], remedy: str, tmp_path: Path
) -> None:
    config = load(asked(tmp_path, {"pairing": {"use": pairing}, "stages": stages}))
    told = [str(fault) for fault in dropped_faults(chosen_plugins(config, read_catalog()))]
    assert len(told) == bool(remedy)
    assert all(
        one.startswith(f"stages: drops pairs that have no gap, and those of the pairing {pairing!r}")
        and remedy in one
        for one in told
    )
