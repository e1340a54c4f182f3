"""Each control makes the pair that its name says, from responses laid out by hand."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.plugins.groups import RESOURCES, group, response, scores
from udasa_core import Abstain, Group, Pair, Score
from udasa_core.plugins.catalog import read_catalog
from udasa_eval.experiments import control_pairs
from udasa_eval.experiments.control_pairs import NO_PAIR, ControlPairs, Finished, Oracle, Reversed, Shorter
from udasa_eval.labelled.sets import Question, factual

CONTROLS = (Reversed, Shorter, Finished, Oracle)
CAPITAL = Question("q0", "What is the capital of France?", ("Paris",), ("Lyon",), "d", "easy", "train")


@pytest.fixture
def capital(monkeypatch: pytest.MonkeyPatch) -> None:
    """One labelled question, in the place of the bundled ones."""
    monkeypatch.setattr(control_pairs, "factual", lambda *parts: (CAPITAL,))


def pair(control: type[ControlPairs], one: Group, *us: Score) -> Pair | str:
    """Return the one group's pair, or why it has none."""
    made = control(control.Options(), "control", RESOURCES).udasa_pair(
        [one], [scores(*us, prompt_id=one.prompt.id)], seed=0
    )
    if made.unpaired:
        assert not made.pairs
        assert made.unpaired[0].prompt_id == one.prompt.id
        return made.unpaired[0].reason
    (only,) = made.pairs
    assert (only.gap, only.origin) == (None, "control"), "no gap made it"
    return only


def sides(made: Pair | str) -> tuple[str, str]:
    assert isinstance(made, Pair), made
    return made.chosen.text, made.rejected.text


def test_reversed_takes_the_least_reliable_over_the_most_reliable() -> None:
    one = group(*map(response, "abcd"))
    made = pair(Reversed, one, 0.4, 0.1, 0.9, 0.5)
    assert sides(made) == ("c", "b")
    assert isinstance(made, Pair)
    assert (made.chosen_U, made.rejected_U) == (0.9, 0.1)
    assert made.prompt_token_ids == one.prompt_token_ids
    # Of equals the first, on both sides, as `extremes` has it the other way round.
    assert sides(pair(Reversed, one, 0.9, 0.1, 0.9, 0.1)) == ("a", "b")
    assert pair(Reversed, one, 0.5, 0.5, 0.5, 0.5) == NO_PAIR


def test_shorter_goes_by_tokens_alone() -> None:
    one = group(response("medium", length=5), response("a", length=9), response("long text", length=2))
    assert sides(pair(Shorter, one, 0.1, 0.2, 0.9)) == ("long text", "a")
    assert sides(pair(Shorter, one, 0.9, 0.1, 0.2)) == ("long text", "a"), "whatever U says"
    assert pair(Shorter, group(response("a", length=3), response("b", length=3)), 0.1, 0.9) == NO_PAIR


def test_finished_takes_the_first_finished_over_the_first_that_was_cut_off() -> None:
    one = group(response("a", cut=True), response("b"), response("c", cut=True), response("d"))
    assert sides(pair(Finished, one, 0.1, 0.9, 0.9, 0.1)) == ("b", "a")
    assert pair(Finished, group(response("a"), response("b")), 0.1, 0.9) == NO_PAIR
    cut = group(response("a", cut=True), response("b", cut=True))
    assert pair(Finished, cut, 0.1, 0.9) == NO_PAIR


@pytest.mark.usefixtures("capital")
def test_the_oracle_goes_by_labels_and_by_u_among_equals() -> None:
    texts = ("It is Lyon.", "It is Paris.", "It is Paris, of course.", "It is Rome.")
    one = group(*map(response, texts), prompt_id="q0", question=CAPITAL.prompt)
    # U prefers wrong ones; the labels decide, then the most reliable right and the least reliable wrong one.
    assert sides(pair(Oracle, one, 0.0, 0.8, 0.7, 0.1)) == ("It is Paris, of course.", "It is Rome.")
    assert sides(pair(Oracle, one, 0.6, 0.5, 0.7, 0.1)) == ("It is Paris.", "It is Lyon.")
    for alike in (("It is Paris.", "Paris"), ("It is Lyon.", "It is Rome.")):
        one = group(*map(response, alike), prompt_id="q0", question=CAPITAL.prompt)
        assert pair(Oracle, one, 0.1, 0.9) == NO_PAIR


def test_the_oracle_knows_every_bundled_question() -> None:
    question = factual("train")[0]
    right, wrong = response(question.answers[0]), response("I do not know.")
    one = group(wrong, right, prompt_id=question.id, question=question.prompt)
    assert sides(pair(Oracle, one, 0.1, 0.9)) == (right.text, wrong.text)


def test_only_the_oracle_reads_labels() -> None:
    assert [one.label_free for one in CONTROLS] == [True, True, True, False]


@pytest.mark.usefixtures("capital")
@pytest.mark.parametrize("control", CONTROLS)
def test_identical_responses_make_no_pair(control: type[ControlPairs]) -> None:
    """The same text, or other texts with the same tokens: trainers could not tell the sides apart."""
    same = group(
        response("It is Paris.", length=2), response("It is Paris.", length=4, cut=True), prompt_id="q0"
    )
    assert pair(control, same, 0.1, 0.9) == NO_PAIR
    a, b = response("It is Paris."), response("It is Lyon.")
    tokens = group(a, type(b)(b.text, a.token_ids, *(a.logprobs,) * 2, a.entropies, "length"), prompt_id="q0")
    assert pair(control, tokens, 0.9, 0.1) == NO_PAIR


@pytest.mark.usefixtures("capital")
@pytest.mark.parametrize("control", CONTROLS)
def test_a_group_with_a_response_without_u_makes_no_pair(control: type[ControlPairs]) -> None:
    one = group(
        response("It is Paris.", length=2), response("It is Lyon.", length=4, cut=True), prompt_id="q0"
    )
    assert pair(control, one, 0.1, Abstain("alone")) == NO_PAIR
    assert isinstance(pair(control, one, 0.9, 0.1), Pair)


def test_groups_are_told_apart() -> None:
    groups = [group(*map(response, "ab"), prompt_id=f"p{number}") for number in range(3)]
    us = [scores(*values, prompt_id=f"p{n}") for n, values in enumerate([(0.1, 0.9), (0.5, 0.5), (0.9, 0.1)])]
    made = Reversed(Reversed.Options(), "reversed", RESOURCES).udasa_pair(groups, us, seed=0)
    assert [(one.prompt.id, one.chosen.text) for one in made.pairs] == [("p0", "b"), ("p2", "a")]
    assert [one.prompt_id for one in made.unpaired] == ["p1"]


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_has_no_options_and_is_found_by_its_place(control: type[ControlPairs]) -> None:
    with pytest.raises(ValidationError):
        control.Options.model_validate({"min_gap": 0.1})
    use = f"udasa_eval.experiments.control_pairs:{control.__name__}"
    assert read_catalog([]).find("pairing", use).target == use
