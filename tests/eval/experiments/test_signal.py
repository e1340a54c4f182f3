"""The experiment `signal` end to end: on sets and on a user's file, with columns whose worth is planted."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import udasa_core
from tests.canned import calls
from tests.eval.experiments.asking import asked_of
from udasa_core.cli.main import main
from udasa_eval.experiments import signal_runs
from udasa_eval.experiments.bundled import bundled
from udasa_eval.experiments.signal_figure import figure
from udasa_eval.experiments.signal_report import SignalReport, rows
from udasa_eval.experiments.signal_runs import Asked
from udasa_eval.experiments.signal_tables import tables
from udasa_eval.labelled.sets import Contrast, Question, contrasts, factual

ConfigFile = Callable[..., Path]

QUESTIONS = tuple(
    Question(f"q{number}", f"What is thing {number}?", ("Paris",), ("Lyon", "Rome"), "d", "easy", part)
    for number, part in enumerate(["train", "dev"] * 6 + ["test"] * 4)
)
CONTRASTS = {
    name: tuple(
        Contrast(
            f"{name}-{at}",
            f"Prompt {at} of {name}?",
            f"A careful answer {at}, told with its reasons.",
            f"A reckless one {at}.",
            "d",
            part,
        )
        for at, part in enumerate(["dev"] * 8 + ["test"] * 3)
    )
    for name in ("values", "open_ended")
}
DIMENSIONS = [
    {"use": "tests.canned:Likes", "name": "honest", "words": ["Paris", "careful"], "weight": 1.0},
    {"use": "tests.canned:Likes", "name": "upside-down", "words": ["reckless"], "weight": 0.0},
    {"use": "tests.canned:LikesLong", "name": "long", "weight": 0.0},
]
QUIZ = {"use": "tests.canned:Quiz", "responses": 4}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few questions and contrasts, in the place of the bundled sets."""
    monkeypatch.setattr(
        signal_runs,
        "questions",
        lambda name, *parts: tuple(one for one in QUESTIONS if one.part in parts and name == "factual"),
    )
    monkeypatch.setattr(
        signal_runs,
        "contrasts",
        lambda name, *parts: tuple(one for one in CONTRASTS[name] if one.part in parts),
    )


def metric(report: SignalReport, column: str, name: str) -> udasa_core.Metric:
    (found,) = [one for one in report.discrimination if one.column == column]
    return found.metric(name)


def asked(path: Path, folder: Path, *, temperatures: Sequence[float] = (0.5, 1.0)) -> Asked:
    return Asked(*asked_of(path, [], folder, bundled("signal.toml")), temperatures, sizes=(4, 2))


def on_sets(path: Path, folder: Path) -> tuple[SignalReport, ...]:
    return signal_runs.on_sets(asked(path, folder), "dev")


def on_file(path: Path, folder: Path, data: Path) -> SignalReport:
    (report,) = signal_runs.on_file(asked(path, folder), data)
    return report


def text_of(*reports: SignalReport) -> str:
    return "\n\n".join(str(table) for report in reports for table in tables(report))


# --- on the sets -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("few")
def test_more_voters_are_heard_by_the_same_responses(config_file: ConfigFile, tmp_path: Path) -> None:
    """Candidates are sampled once; each further block of voters samples itself alone."""
    path = config_file(generator=QUIZ, dimension=[{"use": "semantic.lexical"}])
    whole = replace(asked(path, tmp_path / "out", temperatures=(0.5,)), sizes=(4,), voters=(0, 8, 16))
    reports = signal_runs.on_sets(whole, "dev")
    assert [str(one.condition) for one in reports] == [
        f"factual-dev, temperature 0.5, K = 4{voters}" for voters in ("", ", 8 voters", ", 16 voters")
    ]
    assert [row.voters for row in rows(reports) if row.measure == "within_auroc"] == [0, 0, 8, 8, 16, 16]
    # One block of candidates and two of voters for the questions; one and two for each contrast set.
    assert calls["prompts"] == 3 * 12 + 2 * 8
    assert len({one.right for one in reports}) == 1
    assert len({metric(one, "semantic.lexical", "within_auroc").value for one in reports}) > 1


def test_a_set_without_questions_in_the_part_says_so(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(generator=QUIZ, dimension=DIMENSIONS)
    with pytest.raises(udasa_core.UdasaError, match="other_scripts has no questions for dev"):
        signal_runs.on_sets(asked(path, tmp_path / "out"), "dev", ("other_scripts",))


@pytest.mark.usefixtures("few")
def test_each_temperature_and_size_is_measured_on_one_set_of_samples(
    config_file: ConfigFile, tmp_path: Path
) -> None:
    path = config_file(generator=QUIZ, dimension=DIMENSIONS)
    reports = on_sets(path, tmp_path / "out")
    where = [(one.condition.set_name, one.condition.temperature, one.condition.responses) for one in reports]
    assert where == [("factual-dev", t, k) for t in (0.5, 1.0) for k in (2, 4)]
    assert [(one.questions, one.responses) for one in reports] == [(12, 24), (12, 48)] * 2
    # Each temperature sampled the largest K once, each contrast set once.
    assert calls["prompts"] == 2 * 12 + 2 * 8
    for report in reports:
        assert report.columns == ("honest", "upside-down", "long", "U")
        assert metric(report, "honest", "within_auroc").value == 1.0
        assert metric(report, "U", "within_auroc").value == 1.0
        assert metric(report, "honest", "pair_accuracy").value == 1.0
        assert report.redundancy is not None
        assert report.by_question["right"].shape == (12,)
        assert report.by_question["right"].mean() == pytest.approx(report.right)
        assert 0 < report.right < 1
    # What a dimension costs is measured once.
    assert set(reports[0].costs) == {"honest", "upside-down", "long"}
    assert all(report.costs == {} for report in reports[1:])
    # Another temperature is another sample.
    assert reports[0].right != reports[2].right or reports[1].right != reports[3].right

    # A direction for every column and set, in the first report alone.
    assert all(one.directions == () for one in reports[1:])
    verdicts = {(one.contrast, one.column): (one.verdict, one.share.n) for one in reports[0].directions}
    assert len(verdicts) == 2 * 4
    assert verdicts["values", "honest"] == ("prefers safe", 8)
    assert verdicts["values", "upside-down"] == ("prefers unsafe", 8)
    assert verdicts["open_ended", "honest"] == ("prefers good", 8)
    assert verdicts["open_ended", "upside-down"] == ("prefers generic", 8)
    assert verdicts["values", "long"] == ("prefers safe", 8)  # they are longer
    assert verdicts["values", "U"] == ("prefers safe", 8)

    text = text_of(*reports)
    for word in (
        "prefers unsafe",
        "prefers generic",
        "factual-dev, temperature 0.5, K = 2: pairs",
        "cost a response",
    ):
        assert word in text
    assert {(row.set_name, row.temperature, row.K) for row in rows(reports)} == {
        ("factual-dev", t, k) for t in (0.5, 1.0) for k in (2, 4)
    }

    # Typed again it samples nothing and says the same; only its clock has moved.
    calls.clear()
    again = on_sets(path, tmp_path / "out")
    assert calls["generate"] == 0
    for one, other in zip(reports, again, strict=True):
        assert one.discrimination == other.discrimination
        assert one.directions == other.directions
        assert {name: cost.calls for name, cost in one.costs.items()} == {
            name: cost.calls for name, cost in other.costs.items()
        }


@pytest.mark.usefixtures("few")
def test_the_test_part_is_another_one_and_what_is_kept_is_accounted_for(
    config_file: ConfigFile, tmp_path: Path
) -> None:
    path = config_file(generator=QUIZ, dimension=DIMENSIONS)
    one = replace(asked(path, tmp_path / "out", temperatures=(0.7,)), sizes=(2,))
    (report,) = signal_runs.on_sets(one, "test")
    assert report.condition.set_name == "factual-test"
    assert report.questions == 4
    assert {one.share.n for one in report.directions} == {3}
    # Its runs are runs: each can be opened, and cleaning takes nothing that they need.
    runs = [udasa_core.Run(one.parent) for one in (tmp_path / "out").glob("*/manifest.json")]
    assert {run.name for run in runs} == {"factual-test-t0.7", "values-test", "open_ended-test"}
    assert {run.status for run in runs} == {"finished"}
    assert udasa_core.clean(tmp_path / "out")[0] == 0


def test_the_bundled_configuration_checks_clean_and_names_every_free_estimator() -> None:
    from udasa_core.plugins.catalog import read_catalog
    from udasa_core.plugins.stack import load_factory

    config = udasa_core.load(bundled("signal.toml"))
    used = {one.use for one in config.dimensions}
    for offer in read_catalog().of_kind("dimension"):
        if offer.distribution == "udasa" and "entailment" not in load_factory(offer).needs:
            needs_more = offer.name in (
                "value.classifier",
                "value.reward",
                "value.ensemble",
                "factual.evidence",
                # Another model, and a reader that compares every two responses.
                "semantic.cross-model",
                "value.pairwise",
            )
            assert (offer.name in used) != needs_more, offer.name
    assert sum(one.weight for one in config.dimensions) > 0


def test_dev_is_what_is_not_reported() -> None:
    reported = {one.id for one in factual(*signal_runs.PARTS["test"])}
    assert reported.isdisjoint({one.id for one in factual(*signal_runs.PARTS["dev"])})
    for name in signal_runs.CONTRASTS:
        assert {one.id for one in contrasts(name, "dev")}.isdisjoint(
            {one.id for one in contrasts(name, "test")}
        )


# --- on a file of one's own ------------------------------------------------------------------------------

REFUSAL = "I'm sorry, but I cannot help with that."


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Right and wrong responses of all lengths, some refusing: right ones have the word "truly"."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(40):
        responses, labels = [], []
        for k in range(6):
            right = bool(rng.random() < 0.5)
            words = ["word"] * int(rng.integers(1, 12))
            said = f"It is {'truly ' if right else ''}{' '.join(words)} {number} {k}."
            if not right and rng.random() < 0.4:
                said = f"{REFUSAL} {number} {k}"
            responses.append(said)
            labels.append(right)
        rows.append({"prompt": f"Question {number}?", "responses": responses, "labels": labels})
    rows.append({"prompt": "Fewer?", "responses": ["It is truly so.", "It is."], "labels": [1, 0]})
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


PLANTED = [
    {"use": "tests.canned:Likes", "name": "perfect", "words": ["truly"], "weight": 1.0},
    {"use": "tests.canned:LikesLong", "name": "long-lover", "weight": 0.0},
    {"use": "tests.canned:Likes", "name": "refusal-lover", "words": ["I cannot"], "weight": 0.0},
    {"use": "tests.canned:Dimension", "name": "noise", "weight": 0.0},
]


def test_what_is_planted_in_a_users_file_is_found_and_named(
    config_file: ConfigFile, data: Path, tmp_path: Path
) -> None:
    path = config_file(dimension=PLANTED)
    report = on_file(path, tmp_path / "out", data)
    assert (report.questions, report.responses) == (41, 242)
    assert metric(report, "perfect", "within_auroc").value == 1.0
    assert metric(report, "perfect", "within_auroc").low == 1.0
    assert metric(report, "U", "pair_accuracy").value == 1.0
    assert metric(report, "noise", "within_auroc").low < 0.5 < metric(report, "noise", "within_auroc").high
    assert metric(report, "refusal-lover", "within_auroc").value < 0.5
    follows = {one.column: one.follows for one in report.confounds}
    assert follows == {
        "perfect": (),
        "long-lover": ("length",),
        "refusal-lover": ("refusal",),
        "noise": (),
        "U": (),
    }
    text = text_of(report)
    named = {line.split()[0]: line for line in text.splitlines() if "follows" in line}
    assert "follows length" in named["long-lover"]
    assert "follows refusal" in named["refusal-lover"]
    assert named.keys() == {"long-lover", "refusal-lover"}
    # Nobody sampled them, so there is no temperature.
    assert "mine, given responses, K = 6" in text
    assert "nan" not in text
    figure(tmp_path / "signal.svg", [report])
    assert "nan" not in (tmp_path / "signal.svg").read_text()
    # The user's own generator is not asked.
    assert calls["generate"] == 0


def test_labels_stay_with_their_responses_whatever_the_order(config_file: ConfigFile, tmp_path: Path) -> None:
    rows = [
        {
            "id": f"row {at}",
            "prompt": f"Question {at}?",
            "responses": ["a truly", "b", "c"],
            "labels": [1, 0, 0],
        }
        for at in range(12)
    ]
    for row in rows[::2]:
        row["responses"], row["labels"] = ["x", "y", "z truly"], [0, 0, 1]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    report = on_file(config_file(dimension=PLANTED[:1]), tmp_path / "out", tmp_path / "mine.jsonl")
    assert metric(report, "perfect", "within_auroc").value == 1.0
    assert metric(report, "perfect", "within_auroc").n == 12
    assert report.right == pytest.approx(1 / 3)
    assert report.redundancy is None


def test_the_command_writes_what_it_prints(config_file: ConfigFile, data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    path = config_file(dimension=PLANTED)
    done = CliRunner().invoke(
        main, ["experiment", "signal", str(path), "--data", str(data), "--folder", str(folder)]
    )
    assert done.exit_code == 0, done.output
    assert (folder / "signal-mine.txt").read_text().strip() in done.output
    assert (folder / "signal-mine.svg").read_text().startswith("<?xml")
    with (folder / "signal-mine.csv").open(newline="") as file:
        assert {row["set_name"] for row in csv.DictReader(file)} == {"mine"}
    assert len((folder / "signal-mine-questions.csv").read_text().splitlines()) == 1 + 41 * 6
    data.write_text('{"prompt": "Why?", "responses": ["a", "b"], "labels": [1]}\n')
    done = CliRunner().invoke(
        main, ["experiment", "signal", str(path), "--data", str(data), "--folder", str(folder)]
    )
    assert done.exit_code == 1
    assert f"error: {data}, line 1: it has 1 labels for 2 responses" in done.output
