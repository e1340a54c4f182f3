"""Prompts that are typed: who answers, how, what U they get, and that nothing is written."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import udasa_core
from tests.canned import calls, configuration
from udasa_core.chatting.answer import Answer
from udasa_core.chatting.chat import Asking, open_chat
from udasa_core.chatting.policies import policies, system_message
from udasa_core.errors import SourceError, UdasaError, UsageError
from udasa_core.models.loading import load_model
from udasa_core.records import Message, ModelRef


def _ask(run: udasa_core.Run, text: str, asking: Asking, generator: str = "") -> list[Answer]:
    with open_chat(run, policies(run), asking, generator=generator) as chat:
        return list(chat.ask(text))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _greedy(ref: ModelRef, text: str, tokens: int) -> str:
    """The oracle: the likeliest token after each whole forward pass, by transformers alone."""
    import torch
    from transformers import AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(ref.folder), load_model(ref)
    shown = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], add_generation_prompt=True, return_dict=False
    )
    said: list[int] = []
    with torch.no_grad():
        while len(said) < tokens:
            said.append(int(model(torch.tensor([[*shown, *said]])).logits[0, -1].argmax()))
            if said[-1] == tokenizer.eos_token_id:
                break
    return str(tokenizer.decode(said, skip_special_tokens=True))


def test_each_policy_says_what_is_likeliest_under_its_own_weights(finished_run: udasa_core.Run) -> None:
    base, aligned = _ask(finished_run, "What is this?", Asking(max_new_tokens=12), "transformers")
    assert (base.policy, aligned.policy) == ("base", "exploratory")
    assert base.responses[0].text == _greedy(finished_run.base, "What is this?", 12)
    assert aligned.responses[0].text == _greedy(finished_run.aligned(), "What is this?", 12)
    assert base.responses[0].text != aligned.responses[0].text


def test_models_are_loaded_once_and_each_prompt_stands_by_itself(
    finished_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from udasa_core.models import loading

    loaded: list[ModelRef] = []
    load = loading.load_model
    monkeypatch.setattr(loading, "load_model", lambda ref: loaded.append(ref) or load(ref))
    with open_chat(
        finished_run, policies(finished_run), Asking(max_new_tokens=6), generator="transformers"
    ) as chat:
        first, *_ = [list(chat.ask("hello")), list(chat.ask("other")), list(chat.ask("other"))]
        again = list(chat.ask("hello"))
    assert loaded == [finished_run.base, finished_run.aligned()]
    assert [one.responses for one in first] == [one.responses for one in again]


def test_uncertainty_is_by_the_runs_frozen_calibration(canned_run: udasa_core.Run) -> None:
    """By hand: the canned dimensions score a digest of the text, `cdf` puts the i-th of the run's n training
    scores (from 0) at (i + ½) / n and goes straight from one to the next, and `mean` weighs the two 1 : 2."""
    answers = _ask(canned_run, "question 99", Asking(responses=3))
    raw = {
        name: sorted(score for one in canned_run.scores() for score in one.raw[name])
        for name in ("one", "two")
    }

    def calibrated(name: str, text: str) -> float:
        salt = {"one": "", "two": "two"}[name]
        value = int.from_bytes(hashlib.sha256((salt + text).encode()).digest()[:4], "big") / 2**32
        return float(np.interp(value, raw[name], (np.arange(len(raw[name])) + 0.5) / len(raw[name])))

    for answer in answers:
        U = [(calibrated("one", one.text) + 2 * calibrated("two", one.text)) / 3 for one in answer.responses]
        assert list(answer.U) == pytest.approx(U)
        assert answer.chosen == (U.index(min(U)),)
        assert answer.rejected == (U.index(max(U)),)
        assert answer.role(answer.chosen[0]) == "chosen"


def test_nothing_is_written_to_the_run_or_its_store(canned_run: udasa_core.Run) -> None:
    before = _bytes(canned_run.folder.parent)
    _ask(canned_run, "question 99", Asking(responses=3))
    assert _bytes(canned_run.folder.parent) == before


def test_several_responses_are_drawn_as_the_run_did_unless_told_otherwise() -> None:
    of_run = udasa_core.SamplingOptions(responses=8, temperature=0.7, top_p=0.9, max_new_tokens=40)
    assert Asking(responses=3).sampling(of_run) == of_run
    assert Asking(responses=3, temperature=1.5).sampling(of_run) == replace(of_run, temperature=1.5)
    assert Asking(temperature=0.5, max_new_tokens=9).sampling(of_run) == replace(
        of_run, temperature=0.5, max_new_tokens=9
    )
    assert Asking().sampling(of_run).top_k == Asking(temperature=0).sampling(of_run).top_k == 1


def test_voters_are_heard_as_in_the_run(tmp_path: Path, tiny_model_dir: Path) -> None:
    generator = {"use": "tests.canned:Generator", "responses": 4, "voters": 8}
    run = udasa_core.run(
        configuration(
            tmp_path,
            tiny_model_dir,
            count=8,
            generator=generator,
            dimension=[{"use": "tests.canned:Hearing"}],
        )
    )
    before = calls["heard"]
    (base,) = _only_base(run, Asking(responses=3))
    assert calls["heard"] - before == 11
    assert len(base.U) == 3


def _only_base(run: udasa_core.Run, asking: Asking) -> list[Answer]:
    with open_chat(run, policies(run, only="base"), asking) as chat:
        return list(chat.ask("question 99"))


def test_the_system_message_is_that_of_the_runs_prompts(canned_run: udasa_core.Run) -> None:
    assert system_message(canned_run) == ("", "")
    with open_chat(canned_run, policies(canned_run, only="base"), Asking(system="Be brief.")) as chat:
        (answer,) = chat.ask("hello")
    assert answer.prompt.messages == (Message("system", "Be brief."), Message("user", "hello"))


@pytest.mark.parametrize(
    ("systems", "sent", "noted"), [(["Be brief."] * 8, "Be brief.", False), (["a", "b"] * 4, "", True)]
)
def test_system_messages_that_differ_are_not_guessed(
    tmp_path: Path, tiny_model_dir: Path, systems: list[str], sent: str, noted: bool
) -> None:
    import json

    rows = [{"prompt": f"question {n}", "system": system} for n, system in enumerate(systems)]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = udasa_core.run(configuration(tmp_path, tiny_model_dir))
    found, note = system_message(run)
    assert (found, bool(note)) == (sent, noted)


def test_a_run_that_trained_nothing_has_its_base(tmp_path: Path, tiny_model_dir: Path) -> None:
    config = configuration(
        tmp_path, tiny_model_dir, trainer={"use": "tests.canned:Trainer", "min_pairs": 999}
    )
    with pytest.raises(UdasaError):
        udasa_core.run(config)
    run = udasa_core.Run(tmp_path / "runs" / "canned")
    with pytest.raises(UdasaError, match=r"has trained no stage .*\n.*--only base"):
        policies(run)
    with pytest.raises(UdasaError, match=r"has trained no stage"):
        policies(run, only="aligned")
    assert [*policies(run, only="base")] == ["base"]
    assert len(_only_base(run, Asking())) == 1


def test_a_stage_is_named(canned_run: udasa_core.Run) -> None:
    assert [*policies(canned_run, "conservative")] == ["base", "conservative"]
    with pytest.raises(UsageError, match=r"has no stage 'conservativ'; there are base, conservative"):
        policies(canned_run, "conservativ")


def test_recorded_responses_answer_no_new_prompt(canned_run: udasa_core.Run, tmp_path: Path) -> None:
    plain = canned_run.manifest.plain
    generator = {"use": "recorded", "source": "file:r.jsonl", "responses": 4, "template": "plain"}
    recorded = udasa_core.Run(canned_run.folder)
    recorded.manifest.plain = {**plain, "config": {**plain["config"], "generator": generator}}
    with (
        pytest.raises(UsageError, match=r"'recorded' .*--generator NAME.*transformers"),
        open_chat(recorded, policies(recorded)),
    ):
        pass
    with open_chat(
        recorded, policies(recorded, only="base"), Asking(max_new_tokens=4), generator="transformers"
    ) as chat:
        (answer,) = chat.ask("hello")
    assert len(answer.responses[0].token_ids) <= 4


def test_a_model_that_was_changed_since_is_refused(tmp_path: Path, tiny_model_dir: Path) -> None:
    import shutil

    model = shutil.copytree(tiny_model_dir, tmp_path / "model")
    run = udasa_core.run(configuration(tmp_path, model, count=8))
    (model / "config.json").write_text((model / "config.json").read_text() + "\n")
    with pytest.raises(SourceError, match="is not the one that run canned was made with"):
        policies(run)
    shutil.rmtree(model)
    with pytest.raises(UdasaError, match="no longer in"):
        policies(run)


def test_what_cannot_be_scored_is_answered_all_the_same(canned_run: udasa_core.Run) -> None:
    unfitted = udasa_core.Run(canned_run.folder)
    plain = unfitted.manifest.plain
    unfitted.manifest.plain = {**plain, "outputs": [one for one in plain["outputs"] if one["step"] != "fit"]}
    for answer in _ask(unfitted, "hello", Asking(responses=2)):
        assert len(answer.responses) == 2
        assert answer.U == ()
        assert answer.told.startswith("no U: run canned has fitted no calibration of one")


def test_a_run_made_on_a_gpu_is_asked_without_one(
    finished_run: udasa_core.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from udasa_core.models import hardware

    found = {"device": "cpu", "cuda_bfloat16": False, "gpus": 0}
    monkeypatch.setattr(hardware, "_accelerator", lambda: found)
    moved = {label: replace(ref, device="cuda:1") for label, ref in policies(finished_run).items()}
    with open_chat(finished_run, moved, Asking(max_new_tokens=4), generator="transformers") as chat:
        here = [one.responses for one in chat.ask("hello")]
    assert here == [
        one.responses for one in _ask(finished_run, "hello", Asking(max_new_tokens=4), "transformers")
    ]


def test_a_server_that_is_not_there_is_told_before_a_model_is_loaded(canned_run: udasa_core.Run) -> None:
    plain = canned_run.manifest.plain
    generator = {"use": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "x", "responses": 2}
    served = udasa_core.Run(canned_run.folder)
    served.manifest.plain = {**plain, "config": {**plain["config"], "generator": generator}}
    with pytest.raises(UdasaError, match=r"127\.0\.0\.1:9"), open_chat(served, policies(served)):
        pass
    with open_chat(served, policies(served, only="aligned")) as chat:
        assert [*chat.policies] == ["exploratory"], "that one is sampled on this machine"


def test_changed_code_is_told_in_one_sentence(finished_run: udasa_core.Run) -> None:
    run = udasa_core.Run(finished_run.folder)
    for row in run.manifest.plain["plugins"]:
        row["source"] = "another"
    for responses, told in ((1, ()), (2, ("plugins (dimension",))):
        asking = Asking(responses, max_new_tokens=4)
        with open_chat(run, policies(run), asking, generator="transformers") as chat:
            notes = [note for note in chat.notes if "has changed since run" in note]
        assert len(notes) == len(told)
        assert all(part in note for part, note in zip(told, notes, strict=True))
