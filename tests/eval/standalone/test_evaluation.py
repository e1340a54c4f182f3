"""`udasa eval`: suites on one model, its results as files, and models compared item by item."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import udasa_core
from tests.canned import Canned, Strict, calls, configuration
from udasa_core import Message, Metric, ModelRef, Prompt, SamplingOptions, SuiteReport, UdasaError, hookimpl
from udasa_core.api import load
from udasa_core.api import run as align
from udasa_core.cli import console
from udasa_core.cli.main import main
from udasa_core.errors import ConfigError
from udasa_core.experiments import open_run
from udasa_core.store.manifest import Manifest
from udasa_eval.standalone.comparison import Contender, compare, comparison_table, contender
from udasa_eval.standalone.evaluation import evaluate_model
from udasa_eval.standalone.results import write_results

ITEMS = 40


class Graded(Canned):
    """Scores item n with n/40, the trained model .25 more on every item but the last, which it lacks."""

    needs = ("generator",)

    class Options(Strict):
        strict: bool = False

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        calls["evaluate"] += 1
        more = 0.25 if policy.adapters else 0.0
        asked = [Prompt("only", (Message("user", "hello"),))]
        said = self.resources.generator()(asked, SamplingOptions(1, 0.5, 4), policy, seed)[0]
        assert said is not None
        rows: list[dict[str, Any]] = [
            {"id": n, "score": n / ITEMS + more, "output": said.responses[0].text} for n in range(ITEMS)
        ]
        if more:
            rows[-1]["score"] = None
        return SuiteReport(self.name, policy, (Metric("mean", 0.5, 0.4, 0.6, ITEMS, 0.05),), tuple(rows))


class Quiz(Graded):
    """Asks so many questions, twice each, and names them; a judge is asked thrice about each."""

    class Options(udasa_core.Options):
        limit: int | None = None
        responses: int = 2
        max_new_tokens: int = 5

    judgements_each = 3

    @hookimpl
    def udasa_questions(self) -> list[str]:
        return [f"question {n}" for n in range(self.options.limit or ITEMS)]


class Slow(Graded):
    """Tells of four parts, and lasts with the third."""

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        with self.resources.progress("grading", 4) as advance:
            advance(2)
            time.sleep(0.2)
            advance(2)
        return super().udasa_evaluate(policy, seed)


class Failing(Graded):
    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        raise UdasaError("cannot")


class Noisy(Graded):
    """The same, graded by a judge that differs from itself by half a unit."""

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        report = super().udasa_evaluate(policy, seed)
        spread = Metric("score_spread", 0.5, 0.4, 0.6, ITEMS)
        return SuiteReport(self.name, policy, (*report.metrics, spread), report.rows)


SUITES = [
    {"use": "tests.eval.standalone.test_evaluation:Graded", "name": "graded"},
    {"use": "tests.eval.standalone.test_evaluation:Noisy", "name": "noisy"},
]


def test_a_model_is_measured_alone_and_once(tmp_path: Path, tiny_model_dir: Path) -> None:
    calls.clear()
    kept = configuration(tmp_path, tiny_model_dir, suite=SUITES[:1])
    file = tmp_path / "mine.toml"
    from tests.core.conftest import to_toml

    file.write_text(to_toml(kept))
    asked: dict[str, Any] = {"configuration": file, "folder": tmp_path / "eval"}
    run = evaluate_model(f"file:{tiny_model_dir}", [], **asked)
    assert [(one["model"], one["name"]) for one in run.suites()["graded"]] == [("model", "mean")]
    assert dict(calls) == {"generate": 1, "evaluate": 1}, "nothing was scored, paired or trained"
    again = evaluate_model(f"file:{tiny_model_dir}", [], **asked)
    assert (again.folder, again.made, calls["evaluate"]) == (run.folder, 0, 1)

    text = write_results(run, run.folder)
    assert "| graded | model | mean | 0.500 | 0.050 | [0.400, 0.600] | 40 |" in text.splitlines()
    told = json.loads((run.folder / "results.json").read_text())
    assert told["suites"]["graded"][0]["error"] == 0.05
    assert {one["kind"] for one in told["plugins"]} == {"suite", "generator"}
    rows = pq.read_table(run.folder / "graded.model.parquet").to_pylist()
    assert [row["score"] for row in rows] == [n / ITEMS for n in range(ITEMS)]


def evaluation_file(
    folder: Path, model: Path, suite: str = "tests.eval.standalone.test_evaluation:Graded"
) -> Path:
    from tests.core.conftest import to_toml

    file = folder / "mine.toml"
    file.write_text(to_toml(configuration(folder, model, suite=[{"use": suite, "name": "graded"}])))
    return file


def save_adapter(model: Path, folder: Path, **options: Any) -> None:
    from peft import LoraConfig, get_peft_model

    from udasa_core.models.loading import bare_model

    shaped = bare_model(model).to_empty(device="cpu")
    lora = LoraConfig(r=2, lora_alpha=16, **{"target_modules": ["q_proj"], **options})
    get_peft_model(shaped, lora).save_pretrained(folder)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda model, other, folder: save_adapter(other, folder),
            r"are of another shape \(.*q_proj.*: \(2, 96\), and the model has \(2, 64\)\)",
        ),
        (
            lambda model, other, folder: _renamed(model, folder),
            r"1 of its tensors are of no layer \(.*of_no_layer",
        ),
        (lambda model, other, folder: _spoilt(model, folder), "cannot be read"),
    ],
)
def test_an_adapter_that_does_not_fit_is_told_before_anything_is_asked(
    tmp_path: Path, tiny_model_dir: Path, make: Callable[..., None], told: str
) -> None:
    other = shutil.copytree(tiny_model_dir, tmp_path / "other")
    plain = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**plain, "hidden_size": 96, "head_dim": 24}))
    make(tiny_model_dir, other, tmp_path / "adapter")
    file = evaluation_file(tmp_path, tiny_model_dir)
    before = calls["generate"]
    with pytest.raises(UdasaError, match=told):
        evaluate_model(None, [], configuration=file, folder=tmp_path / "eval", adapter=tmp_path / "adapter")
    assert calls["generate"] == before
    assert not [*(tmp_path / "eval").glob("*/manifest.json")]


def _renamed(model: Path, folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    save_adapter(model, folder)
    file = folder / "adapter_model.safetensors"
    first, *rest = load_file(file).items()
    save_file({"base_model.model.of_no_layer.lora_A.weight": first[1], **dict(rest)}, file)


def _spoilt(model: Path, folder: Path) -> None:
    save_adapter(model, folder)
    (folder / "adapter_model.safetensors").write_bytes(b"weights")


def test_a_disk_too_small_for_the_answers_is_told(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 questions of 2 answers of 5 tokens of 20 bytes, a quarter of which is written: 2000 bytes."""
    file = evaluation_file(tmp_path, tiny_model_dir, suite="tests.eval.standalone.test_evaluation:Quiz")
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1999))
    before = calls["evaluate"]
    with pytest.raises(ConfigError, match=r"2\.0 kB are free there, and the run writes 2\.0 kB at least"):
        evaluate_model(None, [], configuration=file, folder=tmp_path / "eval")
    assert calls["evaluate"] == before
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2000))
    evaluate_model(None, [], configuration=file, folder=tmp_path / "eval")


def test_the_time_to_answer_is_told_before_it_is_spent(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 questions of 2 answers of 5 tokens, at 10 tokens a second: 40 seconds."""
    told: list[str] = []
    monkeypatch.setattr(open_run, "pace", lambda job: told.append("measured") or 10.0)
    file = evaluation_file(tmp_path, tiny_model_dir, suite="tests.eval.standalone.test_evaluation:Quiz")
    asked: dict[str, Any] = {"configuration": file, "folder": tmp_path / "eval"}
    evaluate_model(None, [], **asked, tell=lambda table: told.append(str(table)))
    plan, measured, lasting = told
    assert (plan.splitlines()[0], measured) == ("Suites", "measured")
    assert re.search(r"graded +≤ 40 s", lasting)
    assert "At 10 tokens a second, as measured here" in lasting
    told.clear()
    evaluate_model(None, [], **asked, tell=lambda table: told.append(str(table)))
    assert told == [plan], "what is there takes no time"


def test_what_lasts_is_told_without_a_terminal(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "BETWEEN_LINES", 0.05)
    file = evaluation_file(tmp_path, tiny_model_dir, suite="tests.eval.standalone.test_evaluation:Slow")
    file.write_text(file.read_text().replace("observer = []", ""))
    evaluate_model(None, [], configuration=file, folder=tmp_path / "eval")
    assert re.search(r"^grading: 2/4, 0 s, about 0 s left$", capsys.readouterr().err, re.MULTILINE)


def test_an_adapter_is_another_model(tmp_path: Path, tiny_model_dir: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    with pytest.raises(UdasaError, match="is no adapter"):
        evaluate_model(f"file:{tiny_model_dir}", ["x"], adapter=adapter, folder=tmp_path / "eval")
    save_adapter(tiny_model_dir, adapter)
    file = evaluation_file(tmp_path, tiny_model_dir)
    base = evaluate_model(None, [], configuration=file, folder=tmp_path / "eval")
    tuned = evaluate_model(None, [], configuration=file, folder=tmp_path / "eval", adapter=adapter)
    assert base.folder != tuned.folder
    scores = [contender(str(one.folder)).scores("graded") for one in (base, tuned)]
    assert scores[1]["3"] - scores[0]["3"] == 0.25
    write_results(tuned, tuned.folder)
    told = json.loads((tuned.folder / "results.json").read_text())
    (named,) = told["model"]["adapters"]
    # The same weights under another configuration are another model.
    settings = adapter / "adapter_config.json"
    settings.write_text(settings.read_text().replace('"lora_alpha": 16', '"lora_alpha": 32'))
    calls.clear()
    evaluate_model(None, [], configuration=file, folder=tmp_path / "eval", adapter=adapter)
    assert calls["evaluate"] == 1
    assert named["folder"] == "adapter"  # and not where it lies


def test_without_a_file_the_bundled_configuration_serves(tmp_path: Path, tiny_model_dir: Path) -> None:
    suite = "tests.eval.standalone.test_evaluation:Graded"
    overrides = ["model.dtype=float32", "model.device=cpu"]
    run = evaluate_model(f"file:{tiny_model_dir}", [suite], overrides=overrides, folder=tmp_path)
    assert [one["value"] for one in run.suites()[suite]] == [0.5]


def test_no_suite_is_an_error_that_says_what_to_type(tmp_path: Path, tiny_model_dir: Path) -> None:
    with pytest.raises(UdasaError, match="--suite NAME"):
        evaluate_model(f"file:{tiny_model_dir}", [], folder=tmp_path)


@pytest.fixture
def aligned(tmp_path: Path, tiny_model_dir: Path) -> udasa_core.Run:
    return align(configuration(tmp_path, tiny_model_dir, suite=SUITES))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[suite]\nuse = "truthfulqa.mc"\n', "write [[suite]]"),
        ('suite = ["truthfulqa.mc"]\n', "is a table, not 'truthfulqa.mc'"),
        ('model = "x"\n', "write [model]"),
        ('run = "x"\n', "write [run]"),
        ('[[suites]]\nuse = "truthfulqa.mc"\n', 'did you mean "suite"'),
    ],
)
def test_a_table_of_another_shape_is_told_before_anything_is_done(
    text: str, told: str, tmp_path: Path
) -> None:
    file = tmp_path / "eval.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as found:
        evaluate_model("file:nowhere", ["retention"], configuration=file, folder=tmp_path / "out")
    assert told in str(found.value)


def test_a_plan_stands_before_the_work_and_a_limit_holds(tmp_path: Path, tiny_model_dir: Path) -> None:
    from tests.core.conftest import to_toml

    quiz = {"use": "tests.eval.standalone.test_evaluation:Quiz", "name": "quiz"}
    file = tmp_path / "mine.toml"
    file.write_text(to_toml(configuration(tmp_path, tiny_model_dir, suite=[quiz])))
    arguments = ["eval", f"file:{tiny_model_dir}", "--config", str(file), "--folder", str(tmp_path / "eval")]
    done = CliRunner().invoke(main, [*arguments, "--limit", "7", "--name", "mine"])
    assert done.exit_code == 0, done.output
    assert re.search(r"quiz +7 +14 +70 +21", done.stderr)
    told = udasa_core.Run(tmp_path / "eval" / "mine").manifest.plain["config"]
    assert told["suite"][0]["limit"] == 7
    # A lower one of the configuration's stays.
    file.write_text(to_toml(configuration(tmp_path, tiny_model_dir, suite=[{**quiz, "limit": 3}])))
    assert udasa_core.limit_suites(file, 7).raw["suite"][0]["limit"] == 3
    with pytest.raises(UdasaError, match="suite graded: it has no option that limits"):
        file.write_text(to_toml(configuration(tmp_path, tiny_model_dir, suite=SUITES[:1])))
        udasa_core.limit_suites(file, 7)


def test_each_suite_that_ships_can_be_limited() -> None:
    from udasa_core.plugins.catalog import read_catalog
    from udasa_core.plugins.stack import load_factory

    for offer in read_catalog().of_kind("suite"):
        made_of = load_factory(offer).Options
        given = {name: "file:x" for name, field in made_of.model_fields.items() if field.is_required()}
        options = made_of(**(given if offer.name != "retention" else {"texts": "file:x"}))
        limits = options.limited(16)
        assert limits, offer.name
        # 8 categories share what MT-Bench asks.
        assert set(limits.values()) == {2 if offer.name.startswith("mt-bench") else 16}
        assert set(limits) <= set(type(options).model_fields)


def test_an_evaluation_that_fails_leaves_no_folder(tmp_path: Path, tiny_model_dir: Path) -> None:
    from tests.core.conftest import to_toml

    failing = {"use": "tests.eval.standalone.test_evaluation:Failing", "name": "failing"}
    file = tmp_path / "mine.toml"
    file.write_text(to_toml(configuration(tmp_path, tiny_model_dir, suite=[failing])))
    with pytest.raises(UdasaError, match="cannot"):
        evaluate_model(f"file:{tiny_model_dir}", [], configuration=file, folder=tmp_path / "eval")
    assert [path.name for path in (tmp_path / "eval").iterdir()] == ["store"]


def test_models_are_compared_item_by_item(aligned: udasa_core.Run) -> None:
    name = str(aligned.folder)
    comparison = compare([contender(f"{name}:base"), contender(name), contender(f"{name}:base")])
    found = comparison.differences
    assert [(one.suite, one.model) for one in found] == [
        ("graded", "canned:exploratory"),
        ("noisy", "canned:exploratory"),
        ("graded", "canned:base"),
        ("noisy", "canned:base"),
    ]
    better, noisy, same, _ = found
    # Every item is .25 better, so the interval has no width: the pairing takes the items' own spread out.
    assert (better.difference.value, better.difference.low, better.difference.high) == (0.25, 0.25, 0.25)
    assert (better.difference.n, better.only_one) == (ITEMS - 1, 1)
    assert better.p == 1 / 10_001
    assert better.corrected == pytest.approx(4 / 10_001)
    assert better.verdict == "higher"
    assert noisy.verdict == "within judge noise"
    assert (same.difference.value, same.p, same.verdict) == (0.0, 1.0, "no evidence of a difference")
    text = " ".join(str(comparison_table(comparison)).split())
    assert "canned:exploratory and canned:base: 1 items have a score for only one of them" in text
    chosen = compare([contender(f"{name}:base"), contender(name)], ["noisy"])
    assert [one.suite for one in chosen.differences] == ["noisy"]
    with pytest.raises(UdasaError, match="no suite loud was measured; there are graded, noisy"):
        compare([contender(f"{name}:base"), contender(name)], ["loud"])


def test_what_was_measured_otherwise_is_not_compared(
    aligned: udasa_core.Run, tmp_path: Path, tiny_model_dir: Path
) -> None:
    other = [{**SUITES[0], "strict": True}, SUITES[1]]
    folder = tmp_path / "other"
    folder.mkdir()
    differing = align(configuration(folder, tiny_model_dir, suite=other))
    sides = [contender(str(aligned.folder)), contender(str(differing.folder))]
    with pytest.raises(UdasaError, match=r"nothing can be compared: .* strict \(True and False\) differ"):
        compare(sides, ["graded"])
    # What can be compared is, and what cannot is told.
    found = compare(sides)
    assert [one.suite for one in found.differences] == ["noisy"]
    assert "graded is left out" in str(comparison_table(found))


def rewrite(run: udasa_core.Run, plain: dict[str, Any]) -> None:
    """Have a run's manifest say something else, as udasa writes it."""
    plain.pop("sha256")
    Manifest(run.folder, plain).save()


def _with_plugins(run: udasa_core.Run, change: Callable[[dict[str, Any]], None]) -> udasa_core.Run:
    """Return a run whose manifest tells something else of its plugins."""
    plain = json.loads((run.folder / "manifest.json").read_text())
    for one in plain["plugins"]:
        change(one)
    rewrite(run, plain)
    return udasa_core.Run(run.folder)


def test_data_count_by_what_they_are_and_not_by_their_name(
    aligned: udasa_core.Run, tmp_path: Path, tiny_model_dir: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = align(configuration(folder, tiny_model_dir, suite=SUITES))

    def told(source: str, fingerprint: str) -> Callable[[dict[str, Any]], None]:
        def change(one: dict[str, Any]) -> None:
            if one["kind"] == "suite":
                one["options"]["source"] = source
                one["fingerprint"] = fingerprint

        return change

    ours = _with_plugins(aligned, told("file:/here/mc.json", "a"))
    same = _with_plugins(other, told("file:mc.json", "a"))
    assert len(compare([contender(str(ours.folder)), contender(str(same.folder))]).differences) == 2
    changed = _with_plugins(other, told("file:/here/mc.json", "b"))
    with pytest.raises(UdasaError, match="the data that the suite read are not the same"):
        compare([contender(str(ours.folder)), contender(str(changed.folder))])

    plain = json.loads((other.folder / "manifest.json").read_text())
    plain["models"]["base"]["revision"] = "another"
    rewrite(other, plain)
    found = compare([contender(str(ours.folder)), contender(str(other.folder))])
    assert any("or the base that it compares with, are not the same" in note for note in found.notes)


def test_another_judge_is_refused_whatever_the_base(
    aligned: udasa_core.Run, tmp_path: Path, tiny_model_dir: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = align(configuration(folder, tiny_model_dir, suite=SUITES))

    def judged(run: udasa_core.Run, base: str, options: dict[str, Any], fingerprint: str) -> Contender:
        plain = json.loads((run.folder / "manifest.json").read_text())
        plain["models"]["base"]["revision"] = base
        judge = {"kind": "judge", "name": "j", "plugin": "j", "distribution": "d", "options": options}
        plain["plugins"] = [one for one in plain["plugins"] if one["kind"] != "judge"]
        plain["plugins"].append({**judge, "fingerprint": fingerprint})
        for row in plain["suites"]["graded"][:1]:
            row["name"] = "unparsed"
        plain["suites"].pop("noisy", None)
        rewrite(run, plain)
        return contender(str(run.folder))

    first = judged(aligned, "a", {}, "weights of one")
    with pytest.raises(UdasaError, match="the judges are not the same"):
        compare([first, judged(other, "b", {}, "weights of another")])
    with pytest.raises(UdasaError, match=r"the judge's model \('hf:o/x' and 'hf:o/y'\) differ"):
        compare([judged(aligned, "a", {"model": "hf:o/y"}, ""), judged(other, "b", {"model": "hf:o/x"}, "")])
    # A person's grades: each model has its own.
    first = judged(aligned, "a", {"source": "file:a.jsonl"}, "grades of one")
    found = compare([first, judged(other, "a", {"source": "file:b.jsonl"}, "grades of another")])
    assert any("were they given alike?" in note for note in found.notes)


def test_other_generators_are_told(aligned: udasa_core.Run, tmp_path: Path, tiny_model_dir: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    other = align(configuration(folder, tiny_model_dir, suite=SUITES[:1]))

    def change(one: dict[str, Any]) -> None:
        if one["kind"] == "generator":
            one["options"]["template"] = "plain"

    _with_plugins(other, change)
    found = compare([contender(str(aligned.folder)), contender(str(other.folder))])
    assert any("the generators' template (" in note for note in found.notes)
    assert "noisy is left out: canned:exploratory was not measured by it." in found.notes


def test_what_was_not_measured_cannot_be_compared(aligned: udasa_core.Run) -> None:
    with pytest.raises(UdasaError, match="no 'last'; it has base, conservative, moderate, exploratory"):
        contender(f"{aligned.folder}:last")
    with pytest.raises(UdasaError, match="there is no run 'nobody'"):
        contender("nobody")


def test_a_run_without_a_suite_says_what_to_add_and_measures_it_without_training_anew(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    plain = configuration(tmp_path, tiny_model_dir, count=8)
    run = udasa_core.run(plain)
    with pytest.raises(UdasaError) as caught:
        contender(f"{run.folder}:base")
    told = str(caught.value)
    assert "has measured no suite. Add one to its TOML, and type `udasa run` again" in told
    given = re.search(r"--set '(suite=.*?)'", told)
    assert given, "what to type is a --set"
    assert load(plain, [given[1]]).suites[0].options["limit"] == 20
    calls.clear()
    again = udasa_core.run(
        plain, [given[1].replace("short-answers", SUITES[0]["use"]).replace(", limit = 20", "")]
    )
    assert not [name for name in calls if name.startswith("train")]
    assert contender(str(again.folder)).model == "exploratory"


def test_the_command_knows_a_model_from_a_subcommand(aligned: udasa_core.Run) -> None:
    runner = CliRunner()
    name = str(aligned.folder)
    told = runner.invoke(main, ["eval", "compare", f"{name}:base", name])
    assert told.exit_code == 0
    assert "higher" in told.output
    missing = runner.invoke(main, ["eval", "file:/nowhere"])
    assert missing.exit_code == 1
    assert "no suite is named" in missing.output
    assert "compare" in runner.invoke(main, ["eval", "--help"]).output


class Unlimited(udasa_core.Plugin):
    """Limits itself by what its table says."""

    class Options(udasa_core.Plugin.Options):
        """What it returns, and how many are asked."""

        answer: Any = None
        count: int = 0

        def limited(self, items: int) -> Any:
            return self.answer or {"count": items}

    @udasa_core.hookimpl
    def udasa_evaluate(self, policy: udasa_core.ModelRef, seed: int) -> udasa_core.SuiteReport:
        raise UdasaError("nobody asks")


@pytest.mark.parametrize("answer", ["count", ["count"], {"no such": 7}, {"count": "7"}])
def test_what_limits_a_suite_is_checked_at_the_door(
    tmp_path: Path, tiny_model_dir: Path, answer: object
) -> None:
    suite = {"use": "tests.eval.standalone.test_evaluation:Unlimited", "name": "odd"}
    plain = configuration(tmp_path, tiny_model_dir, suite=[{**suite, "answer": answer}])
    with pytest.raises(UdasaError, match="suite odd broke the contract of limited"):
        udasa_core.limit_suites(plain, 7)
    # 0 is no lower limit.
    plain = configuration(tmp_path, tiny_model_dir, suite=[suite])
    assert udasa_core.limit_suites(plain, 7).raw["suite"][0]["count"] == 7
