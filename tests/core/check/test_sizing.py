"""The plainest settings that fit are chosen, by figures that were computed by hand."""

from __future__ import annotations

from udasa_core.check.room import Room, gib
from udasa_core.check.sizing import Sizing, Work, sizings
from udasa_core.models.memory import bytes_of_sampling, bytes_of_training, bytes_of_weights
from udasa_core.models.model_size import ModelSize

# A thousand weights of 2 bytes, of which 100 are embeddings.
MODEL = ModelSize(parameters=1000, linear_sides=50, layers=2, hidden=10, key_width=4, vocabulary=10)


def room(counted: float, *, is_gpu: bool = True) -> Room:
    # What division loses is made up for.
    return Room(counted / 0.9 + 1e-6, "bfloat16", is_gpu, "a room")


def chosen(counted: float, *, is_gpu: bool = True, characters: tuple[int, ...] = (30,)) -> Sizing | None:
    work = Work(characters, budget=10, rows=8, together=8, batch=8, pairs=8, rank=1)
    place = room(counted, is_gpu=is_gpu)
    return next((one for one in sizings(MODEL, work, place) if one.needed <= place.counted), None)


def test_the_figures_are_those_computed_by_hand() -> None:
    assert bytes_of_weights(MODEL, "bfloat16", "cpu") == 2000
    assert bytes_of_weights(MODEL, "bfloat16", "cpu", "4bit") == 100 * 2 + 900 * 4.13 / 8
    # Keys and values of two layers, 4 numbers wide, for 8 responses of 20 tokens.
    assert bytes_of_sampling(MODEL, 2, 20, 8) == 2 * 2 * 4 * 2 * 20 * 8
    # 3 pairs are 6 responses of 20 tokens; each token 2 layers × 10 × 17 numbers, and two logits in float32.
    assert bytes_of_training(MODEL, 2, 20, 3, 50) == 120 * (2 * 10 * 17 * 2 + 2 * 10 * 4) + 50 * 16
    # Recomputed: a number a layer, and one layer's activations.
    recomputed = bytes_of_training(MODEL, 2, 20, 3, 50, is_recomputed=True)
    assert recomputed == 120 * ((2 + 17) * 10 * 2 + 2 * 10 * 4) + 50 * 16


def test_the_plainest_that_fits_is_chosen() -> None:
    # 10 tokens of prompt and 10 of response: a pair takes 40 × 760 bytes, all of it twice, and 800 trained.
    def training(batch: int) -> int:
        return 2 * (batch * 40 * 760 + 800)

    for batch in (8, 4, 2, 1):
        found = chosen(2000 + training(batch))
        assert found is not None
        assert (found.batch, found.quantization, found.is_recomputed) == (batch, "none", False)
        assert found.needed == 2000 + training(batch)
    less = chosen(2000 + training(1) - 1)
    assert less is not None
    assert (less.batch, less.quantization, less.is_recomputed) == (1, "none", True)
    weights = 200 + 900 * 4.13 / 8
    smallest = weights + 2 * (40 * (19 * 20 + 80) + 800)
    least = chosen(smallest)
    assert least is not None
    assert (least.batch, least.quantization, least.is_recomputed) == (1, "4bit", True)
    assert chosen(smallest - 1) is None
    # There are no 4 bits without a GPU.
    assert chosen(smallest, is_gpu=False) is None


def test_prompts_that_are_much_longer_than_most_are_left_out_rather_than_refused() -> None:
    characters = (30, 30, 30, 3000)
    whole = chosen(10**9, characters=characters)
    assert whole is not None
    assert (whole.length, whole.is_cut) == (1010, False)
    cut = chosen(400_000, characters=characters)
    assert cut is not None
    # Of 1010, 505 and 252 tokens no pair fits, not in 4 bits, nor recomputed.
    assert (cut.length, cut.is_cut, cut.batch, cut.quantization) == (126, True, 1, "none")
    assert cut.needed == 2000 + 2 * (2 * 126 * 760 + 800)
    # The longest prompt is sampled all the same: 8 responses of 1010 tokens.
    assert chosen(2000 + 8 * 1010 * 32, characters=characters) is not None
    assert chosen(600 + 8 * 1010 * 32, characters=characters) is None


def test_fewer_prompts_decode_together_before_anything_else_is_given_up() -> None:
    work = Work((30,), budget=1000, rows=8, together=8, batch=1, pairs=1, rank=0)
    model = ModelSize(parameters=1000, linear_sides=0, layers=2, hidden=1, key_width=400, vocabulary=1)
    one = bytes_of_sampling(model, 2, 1010, 8)
    found = [next(sizings(model, work, room(2000 + count * one))) for count in (8, 4, 3, 1)]
    assert [sizing.together for sizing in found] == [8, 4, 2, 1]


def test_batches_divide_an_optimizer_step_and_are_never_larger_than_the_recipes() -> None:
    work = Work((30,), budget=10, rows=8, together=8, batch=4, pairs=12, rank=1)
    assert list(dict.fromkeys(one.batch for one in sizings(MODEL, work, room(1)))) == [4, 3, 2, 1]


def test_a_room_counts_on_nine_tenths() -> None:
    assert round(room(90).counted, 3) == 90
    assert round(gib(0.9 * 24 * 2**30), 9) == 24
