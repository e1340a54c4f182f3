"""Canaries: a policy is known by what it says of its own answers, and by nothing less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.models.test_causal_lm import make_adapter
from udasa_core import (
    Adapter,
    Canary,
    ModelRef,
    UdasaError,
    amplified,
    load_causal_lm,
    make_canaries,
)

pytestmark = pytest.mark.usefixtures("brief_canaries")


@pytest.fixture(scope="module")
def adapter(tiny_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    return make_adapter(load_causal_lm(tiny_ref), tmp_path_factory.mktemp("adapter"), 1)


def fainter(adapter: Adapter, folder: Path, share: float) -> Adapter:
    """The adapter at a share of its strength."""
    with amplified(adapter, share) as one:
        from shutil import copytree

        copytree(one.folder, folder)
        return Adapter(one.sha256, str(folder))


def says(policy: ModelRef, canary: Canary) -> list[list[float]]:
    """What a policy says of a canary's texts."""
    lm = load_causal_lm(policy)
    rows = lm.token_statistics([text[:1] for text in canary.ids], [text[1:] for text in canary.ids])
    return [list(row.logprobs) for row in rows]


def test_the_base_is_known_by_its_own_answers(tiny_ref: ModelRef, adapter: Adapter) -> None:
    (canary,) = make_canaries(tiny_ref, 0.05)
    assert canary.bare is None
    assert canary.fault(says(tiny_ref, canary)) == ""
    told = canary.fault(says(tiny_ref.with_adapter(adapter), canary))
    assert "nats on a token from what it is here; 0.05 is allowed (see tolerance)" in told


def test_an_adapter_is_known_from_the_base_and_from_others(
    tiny_ref: ModelRef, adapter: Adapter, tmp_path: Path
) -> None:
    policy = tiny_ref.with_adapter(adapter)
    (canary,) = make_canaries(policy, 0.05)
    assert canary.effect > 5 * 0.05
    assert canary.tolerance == 0.05
    base = says(tiny_ref, canary)
    assert canary.fault(says(policy, canary), base) == ""
    assert canary.fault(base, base) == "it says the same with the adapter as without"
    assert f"where the adapter changes {canary.effect:.3g}" in canary.fault(base)
    other = fainter(adapter, tmp_path / "half", 0.5)
    assert "differs by" in canary.fault(says(tiny_ref.with_adapter(other), canary), base)


def test_of_a_light_adapter_less_is_tolerated_in_32_bits(
    tiny_ref: ModelRef, adapter: Adapter, tmp_path: Path
) -> None:
    """A fifth of what it changes, which another adapter of half its strength exceeds."""
    light = fainter(adapter, tmp_path / "light", 0.004)
    policy = tiny_ref.with_adapter(light)
    (canary,) = make_canaries(policy, 0.05)
    assert canary.effect < 0.25
    assert canary.tolerance == pytest.approx(canary.effect / 5)
    base = says(tiny_ref, canary)
    assert canary.fault(says(policy, canary), base) == ""
    half = fainter(light, tmp_path / "half", 0.5)
    assert "differs by" in canary.fault(says(tiny_ref.with_adapter(half), canary), base)


def test_in_16_bits_a_light_adapter_is_tried_by_a_louder_copy(
    tiny_ref: ModelRef, adapter: Adapter, tmp_path: Path
) -> None:
    light = fainter(adapter, tmp_path / "light", 0.02)
    own, louder = make_canaries(replace(tiny_ref.with_adapter(light), dtype="bfloat16"), 0.05)
    assert (own.scale, own.tolerance, own.is_exact) == (1.0, 0.05, False)
    assert own.effect < 0.25 < louder.effect
    assert louder.scale in (4, 16, 64)
    bare = replace(tiny_ref, dtype="bfloat16")
    with amplified(light, louder.scale) as loud:
        found = says(bare.with_adapter(loud), louder)
    assert louder.fault(found, says(bare, louder)) == ""
    assert "nats a token, on average" in louder.fault(says(bare, louder))


def test_an_adapter_that_changes_nothing_is_refused(
    tiny_ref: ModelRef, adapter: Adapter, tmp_path: Path
) -> None:
    nothing = fainter(adapter, tmp_path / "nothing", 1e-6)
    with pytest.raises(UdasaError, match="changes no text's log-probability by more than"):
        make_canaries(tiny_ref.with_adapter(nothing), 0.05)


def test_what_is_no_measurement_is_no_proof(tiny_ref: ModelRef) -> None:
    (canary,) = make_canaries(tiny_ref, 0.05)
    right = says(tiny_ref, canary)
    assert "one log-probability for each token" in canary.fault(right[:-1])
    assert "one log-probability for each token" in canary.fault([row[1:] for row in right])
    assert "not finite" in canary.fault([[*right[0][:-1], float("nan")], *right[1:]])
