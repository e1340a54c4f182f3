"""A probe: what it measures by hand, what a run takes over from it, and its verdicts on planted runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import udasa_core
from tests.canned import Quiz, calls, configuration, response
from udasa_core import Group, Message, Metric, Pair, Prompt, Scores
from udasa_core.cli.main import main
from udasa_core.errors import UdasaError, UsageError
from udasa_core.probing.cost import cost
from udasa_core.probing.draws import Draws, compare
from udasa_core.probing.headroom import Headroom, headroom
from udasa_core.probing.tables import tables
from udasa_core.probing.verdict import Finding, findings, verdict
from udasa_core.prompts.labelled import Labelled
from udasa_core.store.agreed import Agreements

QUIZ = {"use": "tests.canned:Quiz", "responses": 4}


class Recorded(Quiz):
    """Has its responses already."""

    takes_any_prompt = False


def prompt(name: str) -> Prompt:
    return Prompt(name, (Message("user", f"What is {name}?"),))


def pair(name: str, chosen: str, rejected: str) -> Pair:
    return Pair(prompt(name), (1, 2), response(chosen), response(rejected), 0.5, 0.2, 0.7, "canned")


def test_two_draws_pairs_are_compared_by_their_answers() -> None:
    first = [
        pair("a", "Paris.", "Lyon."),
        pair("b", "Paris.", "Lyon."),
        pair("c", "Paris.", "Lyon."),
        pair("d", "Paris.", "Lyon."),
        pair("e", "Paris.", "Lyon."),
    ]
    second = [
        pair("a", "It is Paris.", "Lyon!"),  # the same
        pair("b", "Rome.", "Lyon."),  # another chosen
        pair("c", "Lyon.", "Paris."),  # turned round
        pair("d", "Paris.", "Rome."),  # another rejected
        pair("f", "Paris.", "Rome."),
    ]
    assert compare(first, second) == Draws(both=4, one=2, chosen_flips=2, rejected_flips=2, inverted=1)


def test_the_cost_is_that_of_all_prompts() -> None:
    groups = [
        Group(prompt(name), (1, 2), (response("four"), response("to")), "base", (response("no"),))
        for name in "ab"
    ]
    sizes = {"training": 10, "held-out": 3, "controls": 4}
    found = cost(groups, [pair("a", "four", "to")], sizes, {"sampling": 1.0, "scoring": 3.0})
    assert found.asked == 10 + 2 * 3 + 4
    assert found.tokens == 8 * 20  # four, to, no: 8 tokens a prompt
    assert (found.sampling, found.scoring) == (10.0, 30.0)  # 2 prompts of 20
    assert found.pairs == 5
    assert found.trained_tokens == (2 * 2 + 4 + 2) * 5
    unmeasured = cost(groups, [], sizes, {}).sampling
    assert unmeasured != unmeasured


def test_headroom_by_hand() -> None:
    labels = Labelled("a", "What is a?", ("Paris.", "Lyon."), (True, False))
    assert [labels.is_right(text) for text in ("It is Paris!", "Lyon", "Rome", "Paris and Lyon")] == [
        True,
        False,
        False,
        False,
    ]
    texts = ("Lyon.", "Paris.", "Rome.", "It is Paris.")
    group = Group(prompt("a"), (1,), tuple(map(response, texts)), "base")
    scores = Scores("a", (0.1, 0.2, 0.3, 0.4), {}, {})
    found = headroom([(group, scores)], {"What is a?": labels}, {"a": "Lyon."}, 7)
    assert [metric.value for metric in found.metrics] == [0.5, 0.0, 1.0, 0.0, 1.0]
    assert (found.gain.value, found.one.n) == (0.5, 1)
    # Voters have a voice.
    heard = Group(prompt("a"), (1,), group.responses, "base", tuple(map(response, ("Lyon!", "Lyon, France"))))
    found = headroom([(heard, scores)], {"What is a?": labels}, {"a": "Paris."}, 7)
    assert [metric.value for metric in found.metrics] == [0.5, 1.0, 0.0, 0.0, 1.0]


def share_of(value: float, n: int = 40) -> Metric:
    return Metric("", value, value, value, n)


def headroom_of(one: float, greedy: float, majority: float, best: float, n: int = 40) -> Headroom:
    return Headroom(
        *(share_of(value, n) for value in (one, greedy, majority, majority, best, majority - one))
    )


def judged(plain: dict[str, Any], **changes: Any) -> tuple[str, list[Finding]]:
    """The verdict on a run in which nothing is to be found, with changes."""
    given: dict[str, Any] = {
        "prompts": 50,
        "paired": 45,
        "refused": Counter({"identical responses": 5}),
        "faint": Counter(),
        "truncated": 0.1,
        "agreements": Agreements(50, 48, 10, 2, 0.5, 0.6),
        "draws": Draws(40, 4, 12, 15, 2),
        "unlabelled": {},
        "headroom": headroom_of(0.5, 0.55, 0.6, 0.8),
        "training": 1000,
    }
    found = findings(udasa_core.load(plain), **{**given, **changes})
    return verdict(found), list(found)


@pytest.mark.parametrize(
    ("changes", "word", "told"),
    [
        ({}, "train", ""),
        ({"paired": 2, "refused": Counter({"no answer": 48})}, "change this first", "most often: no answer"),
        ({"paired": 0}, "change this first", "only 0 of 50 prompts give a pair"),
        ({"training": 20}, "train", "about 18 pairs"),
        ({"truncated": 0.6}, "change this first", "raise generator.max_new_tokens"),
        (
            {"agreements": Agreements(50, 48, 30, 0, 0.8, 0.9)},
            "change this first",
            "raise generator.temperature",
        ),
        ({"agreements": Agreements(50, 48, 0, 30, 0.1, 0.2)}, "change this first", "no two responses agree"),
        ({"draws": Draws(40, 0, 22, 20, 2)}, "change this first", "generator.voters, now 0"),
        ({"draws": Draws(40, 0, 12, 20, 8)}, "change this first", "20% are turned round"),
        ({"draws": Draws(4, 0, 4, 4, 4)}, "train", ""),
        (
            {"faint": Counter({"two": 12})},
            "change this first",
            "12 of 45 pairs rest on two alone (weight 2 of 3)",
        ),
        ({"faint": Counter({"one": 5})}, "train", "5 of 45 pairs rest on one alone (weight 1 of 3)"),
        ({"agreements": Agreements(50, 7, 1, 4, 0.2, 0.4)}, "train", "only 7 of the prompts have answers"),
        ({"headroom": headroom_of(0.5, 0.5, 0.51, 0.8)}, "do not train this", "nothing to teach"),
        ({"headroom": headroom_of(0.5, 0.5, 0.5, 0.51)}, "do not train this", "nothing to gain"),
        ({"headroom": headroom_of(0.5, 0.7, 0.6, 0.8)}, "train", "greedy decoding"),
        ({"headroom": None}, "train", "whether answers are right"),
        ({"headroom": headroom_of(0.5, 0.5, 0.5, 0.5, 9)}, "train", "only 9 of the prompts have labels"),
        ({"headroom": headroom_of(0.5, 0.5, 0.5, 0.5, 10)}, "do not train this", "nothing to gain"),
        ({"unlabelled": {"it is short": 2}}, "train", "2 labelled prompts were left out: it is short"),
        ({"draws": None}, "train", ""),
    ],
)
def test_verdicts(
    tmp_path: Path, tiny_model_dir: Path, changes: dict[str, Any], word: str, told: str
) -> None:
    said, found = judged(configuration(tmp_path, tiny_model_dir), **changes)
    assert said == word
    assert told in " ".join(finding.text for finding in found)
    if not told:
        assert not found


def test_what_stops_is_told_first(tmp_path: Path, tiny_model_dir: Path) -> None:
    _, found = judged(
        configuration(tmp_path, tiny_model_dir),
        headroom=headroom_of(0.5, 0.5, 0.5, 0.51),
        truncated=0.9,
        training=9,
    )
    assert [finding.kind for finding in found] == ["stop", "change", "note"]


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    calls.clear()
    return configuration(tmp_path, tiny_model_dir, count=40, generator={**QUIZ, "voters": 8})


def test_a_run_takes_over_what_a_probe_sampled_and_scored(plain: dict[str, Any]) -> None:
    found = udasa_core.probe(plain, prompts=8)
    assert (found.prompts, found.name) == (8, "canned-probe")
    assert found.of > 8
    asked = dict(calls)
    assert asked["generate"] == 2 * 2 * 2  # two shards, K and a block of voters, two draws
    # Spread over the prompts: not the first ones alone.
    probed = udasa_core.Run(Path(plain["run"]["folder"]) / "canned-probe")
    ids = [scores.prompt_id for scores in probed.scores()]
    run = udasa_core.run(plain)
    every = [scores.prompt_id for scores in run.scores()]
    assert ids != every[:8]
    shards = -(-found.of // 4)
    held_out = -(-(40 - found.of) // 4)
    # Training and held-out before, held-out after: less what the probe has sampled and scored.
    assert calls["generate"] - asked["generate"] == 2 * (shards + 2 * held_out) - 2 * 2
    assert calls["score one"] - asked["score one"] == shards + 2 * held_out - 2
    raw = {scores.prompt_id: scores.raw for scores in run.scores()}
    assert all(raw[scores.prompt_id] == scores.raw for scores in probed.scores())


def test_again_nothing_is_made_and_the_times_are_known(plain: dict[str, Any]) -> None:
    first = udasa_core.probe(plain, prompts=8)
    assert first.cost.sampling > 0
    calls.clear()
    again = udasa_core.probe(plain, prompts=8)
    assert not calls
    assert again.cost == first.cost
    assert first.cost.memory > 10**7
    assert again.draws == first.draws
    assert udasa_core.Run(Path(plain["run"]["folder"]) / "canned-probe").status == "finished"


def test_pairs_that_hardly_a_dimension_makes_are_told(plain: dict[str, Any]) -> None:
    """A dimension with most of the weight abstains from every second prompt or so."""
    first, second = plain["dimension"]
    mute = {"use": "tests.canned:OnPrompts", "name": "heavy", "word": "question 1", "weight": 9.0}
    found = udasa_core.probe({**plain, "dimension": [first, second, mute]}, prompts=1000)
    ids = {f"p{number}" for number in (1, *range(10, 20))}
    probed = udasa_core.Run(Path(plain["run"]["folder"]) / "canned-probe")
    assert found.faint == {"one, two": len(ids & {scores.prompt_id for scores in probed.scores()})}
    assert any("pairs rest on one, two alone (weight 3 of 12)" in finding.text for finding in found.findings)


def test_open_prompts_pairs_are_not_compared_by_answers(plain: dict[str, Any]) -> None:
    story = "Once there was {}. It lived in a wood. It was red, and had three friends. They met at dusk."
    told = {
        **plain,
        "generator": {**QUIZ, "words": [story.format(one) for one in ("a fox", "a crow", "two")]},
    }
    found = udasa_core.probe(told, prompts=8)
    assert found.paired > 0
    assert (found.agreements.compared, found.draws) == (0, Draws(0, 0, 0, 0, 0))


def test_draws_differ_and_few_prompts_are_all_asked(plain: dict[str, Any]) -> None:
    found = udasa_core.probe(plain, prompts=1000)
    assert found.prompts == found.of
    assert 0 < found.draws.chosen_flips < found.draws.both
    assert found.paired + sum(found.refused.values()) == found.prompts
    # Of three words drawn evenly, eight voters and four responses agree in about a third of the pairs.
    assert found.agreements.agreement == pytest.approx(1 / 3, abs=0.07)


def test_labels_show_the_headroom(plain: dict[str, Any], tmp_path: Path) -> None:
    rows = [
        {"prompt": f"question {number}", "responses": ["Paris", "Rome"], "labels": [True, False]}
        for number in range(40)
    ]
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = udasa_core.probe(plain, prompts=1000, data=path)
    assert found.headroom is not None
    assert found.headroom.one.n == found.prompts
    assert found.headroom.one.value == pytest.approx(1 / 3, abs=0.12)
    assert found.headroom.any.value > 0.7 > found.headroom.majority.value
    text = "\n".join(map(str, tables(found)))
    assert "any of K" in text
    assert json.loads(json.dumps(found.plain(), allow_nan=False))["headroom"]["one"]["n"] == found.prompts
    path.write_text(json.dumps({**rows[0], "prompt": "another"}))
    with pytest.raises(UsageError, match="none of the 1 labelled prompts is among"):
        udasa_core.probe(plain, data=path)


def test_the_command_prints_tables_and_json(config_file: Callable[..., Path]) -> None:
    path = config_file(generator=QUIZ)
    shown = CliRunner().invoke(main, ["probe", str(path), "--prompts", "8"], catch_exceptions=False)
    assert shown.exit_code == 0
    for told in ("Pairs of 8 of", "Do responses agree?", "The whole run", "Verdict:", "udasa run"):
        assert told in shown.output
    as_json = CliRunner().invoke(
        main, ["probe", str(path), "--prompts", "8", "--json"], catch_exceptions=False
    )
    plain = json.loads(as_json.stdout)
    assert plain["prompts"] == 8
    assert plain["verdict"] in ("train", "change this first", "do not train this")
    assert plain["agreements"]["rate"] == plain["agreements"]["single"] / plain["agreements"]["compared"]


def test_its_pairs_can_be_read_and_exported(config_file: Callable[..., Path], tmp_path: Path) -> None:
    """`udasa show` has the first draw's pairs, by the run's own stages."""
    path = config_file(generator=QUIZ)
    found = udasa_core.probe(path, prompts=8)
    folder = udasa_core.load(path).run_dir.parent / found.name
    pairs = [pair for _, pair in udasa_core.Run(folder).pairs()]
    assert len(pairs) == found.paired > 0
    shown = CliRunner().invoke(main, ["show", str(folder), "--pairs", "1"], catch_exceptions=False)
    assert any(pair.chosen.text in shown.output for pair in pairs)
    exported = tmp_path / "probed.jsonl"
    typed = ["export", str(folder), "--pairs", str(exported)]
    assert CliRunner().invoke(main, typed, catch_exceptions=False).exit_code == 0
    assert len(exported.read_text().splitlines()) == found.paired
    # Of all prompts they are the run's own.
    udasa_core.probe(path, prompts=1000)
    probed = [(label, pair.id) for label, pair in udasa_core.Run(folder).pairs()]
    assert probed == [(label, pair.id) for label, pair in udasa_core.run(path).pairs()]


def test_stages_that_cannot_be_made_of_so_few_stop_no_probe(
    plain: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    stages = {"use": "tests.core.probing.test_probe:Unsure"}
    found = udasa_core.probe({**plain, "stages": stages}, prompts=8)
    assert found.paired > 0
    assert "`udasa show canned-probe --pairs` has none: too few to say" in caplog.text


class Unsure(udasa_core.Plugin):
    """Stages nothing."""

    @udasa_core.hookimpl
    def udasa_stage(self, pairs: udasa_core.PairTable, seed: int) -> udasa_core.StagePlan:
        raise UdasaError("too few to say")


def test_recorded_responses_are_drawn_once(plain: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    rows = [
        {"prompt": f"question {n}", "responses": ["Paris", "Rome"], "labels": [True, False]}
        for n in range(40)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    generator = {"use": "tests.core.probing.test_probe:Recorded", "responses": 4}
    found = udasa_core.probe({**plain, "generator": generator}, prompts=8, data=path)
    assert found.draws is None
    assert calls["generate"] == 2  # the shards, once; nothing greedy
    text = " ".join("\n".join(map(str, tables(found))).split())
    assert "Pairs of 8 of" in text
    assert "recorded responses cannot be drawn twice" in text
    assert "drawn twice" not in text.replace("cannot be drawn twice", "")
    assert "greedy" not in text
    assert "tokens sampled" not in text
    assert found.cost.sampling > 0
    assert json.loads(json.dumps(found.plain(), allow_nan=False))["draws"] is None


def test_labelled_prompts_that_are_left_out_are_told(plain: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    asked = [f"question {n}" for n in range(40)] + ["another one"]
    rows = [{"prompt": one, "responses": ["Paris", "Rome"], "labels": [True, False]} for one in asked]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = udasa_core.probe(plain, prompts=8, data=path)
    told = " ".join(finding.text for finding in found.findings)
    assert f"{40 - found.of + 1} labelled prompts were left out: the run does not train on them" in told
    assert f"{found.of - 8} labelled prompts were left out: --prompts 8 asks for no more" in told
