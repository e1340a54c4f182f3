"""What `check` says of how the policy's turns end."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.canned import configuration
from tests.fakes import FakeResources
from tests.tiny import tiny_ref_of
from udasa_core import Message, Prompt, SamplingOptions, UdasaError, load_causal_lm
from udasa_core.api import load
from udasa_core.check.turns import Told, policy_told, turn_note
from udasa_plugin_transformers.generator import TransformersGenerator

_TURNS = "{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}CLOSE{% endfor %}"


def noted(folder: Path, tiny_model_dir: Path, chat_template: str, **rendering: Any) -> str:
    """Return the note on the tiny model with another chat template."""
    model = shutil.copytree(tiny_model_dir, folder / "model")
    (model / "chat_template.jinja").write_text(chat_template)
    return turn_note(tiny_ref_of(model), rendering)


def test_a_template_and_settings_that_agree_are_no_note(tiny_model_dir: Path, tmp_path: Path) -> None:
    assert noted(tmp_path, tiny_model_dir, _TURNS.replace("CLOSE", "<|im_end|>")) == ""


def test_a_closing_token_that_eos_does_not_name_is_told_with_what_is_done(
    tiny_model_dir: Path, tmp_path: Path
) -> None:
    told = noted(tmp_path, tiny_model_dir, _TURNS.replace("CLOSE", "<pad>"))
    assert "closes a turn with <pad>, and the model's settings (eos_token_id) name <|im_end|>" in told
    assert "responses end at either, and recorded ones are closed with <pad>" in told


@pytest.mark.parametrize(("closing", "written"), [("\n\n### ", r"'\n\n### '"), ("", "''")])
def test_a_turn_that_ordinary_text_closes_is_told(
    tiny_model_dir: Path, tmp_path: Path, closing: str, written: str
) -> None:
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}CLOSE{% endfor %}"
    told = noted(tmp_path, tiny_model_dir, template.replace("CLOSE", closing))
    assert f"closes a turn with no token of its own (it writes {written} there)" in told
    assert "responses end at <|im_end|> alone" in told


def test_the_users_template_options_decide(tiny_model_dir: Path, tmp_path: Path) -> None:
    template = _TURNS.replace("CLOSE", "{{ '<pad>' if short else '<|im_end|>' }}")
    told = noted(tmp_path / "short", tiny_model_dir, template, template_options={"short": True})
    assert "closes a turn with <pad>" in told
    assert noted(tmp_path / "long", tiny_model_dir, template, template_options={"short": False}) == ""


def test_an_option_that_the_template_does_not_have_fails_the_check(
    tiny_model_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(UdasaError, match="has no option shortt"):
        noted(tmp_path, tiny_model_dir, _TURNS, template_options={"shortt": True})


def test_check_says_it(tiny_model_dir: Path, tmp_path: Path) -> None:
    model = shutil.copytree(tiny_model_dir, tmp_path / "model")
    (model / "chat_template.jinja").write_text(_TURNS.replace("CLOSE", "{{ '<pad>' if short else '' }}"))
    options = {"use": "transformers", "responses": 2, "max_new_tokens": 4}

    def notes(**given: Any) -> list[str]:
        return list(policy_told(load(configuration(tmp_path, model, generator={**options, **given}))).notes)

    (told,) = notes(template_options={"short": True})
    assert "closes a turn with <pad>" in told
    assert notes(template="plain") == []


@pytest.mark.parametrize(
    ("child", "told"),
    [
        ('print(\'{"faults": {"generator": "no option x"}}\')', {"generator": "no option x"}),
        ("raise OSError('no')", {}),
    ],
)
def test_what_the_other_process_cannot_do_is_told(
    tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: str, told: dict[str, str]
) -> None:
    monkeypatch.setattr("udasa_core.check.turns._CHILD", child)
    checked = load(configuration(tmp_path, tiny_model_dir))
    said = policy_told(checked)
    assert said.faults == told
    assert told or said.unasked[0].endswith("its tokenizer cannot be read (OSError: no)")


def test_the_other_process_imports_no_torch_for_a_tokenizer(
    tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = (
        "import sys; from udasa_core.check.turns import child; child(*sys.argv[1:]); "
        "sys.exit('torch' in sys.modules)"
    )
    monkeypatch.setattr("udasa_core.check.turns._CHILD", refused)
    runs = []

    def counted(command: list[str], **given: Any) -> Any:
        runs.append(command)
        return run(command, **given)

    run = subprocess.run
    monkeypatch.setattr("udasa_core.check.turns.subprocess.run", counted)
    assert policy_told(load(configuration(tmp_path, tiny_model_dir))) == Told(notes=[])
    assert len(runs) == 1


def test_a_model_that_is_not_here_is_said_to_be(tiny_model_dir: Path, tmp_path: Path) -> None:
    plain = configuration(tmp_path, tiny_model_dir)
    plain["model"] = {**plain["model"], "source": "hf:nobody/nothing@main"}
    (told,) = policy_told(load(plain)).unasked
    assert "turn of hf:nobody/nothing@main, and which prompts fit it, is not told: the model is not" in told


def test_stops_are_those_of_the_users_options(tiny_model_dir: Path, tmp_path: Path) -> None:
    """A sampled response ends where the template, given its options, closes a turn."""
    model = shutil.copytree(tiny_model_dir, tmp_path / "model")
    (model / "chat_template.jinja").write_text(
        "{% set E = '<pad>' if short else '<|im_end|>' %}"
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{{ E }}\n{% endfor %}"
    )
    ref = tiny_ref_of(model)
    lm = load_causal_lm(ref)
    pad, end = lm.tokenizer.convert_tokens_to_ids(["<pad>", "<|im_end|>"])
    assert lm.stops({"short": True}) == {pad, end}
    assert lm.stops({"short": False}) == lm.stops() == lm.stop_ids == {end}
    options = TransformersGenerator.Options(template_options={"short": True})
    resources = FakeResources(ref)
    plugin = TransformersGenerator(options, "transformers", resources)
    sampling = SamplingOptions(responses=40, temperature=2.0, max_new_tokens=60)
    (group,) = plugin.udasa_generate((Prompt("one", (Message("user", "hi"),)),), sampling, ref, 3)
    ended = [response for response in group.responses if response.token_ids[-1] == pad]
    assert ended
    assert all(response.finish_reason == "stop" for response in ended)
    assert not any(pad in response.token_ids[:-1] for response in group.responses)


def test_check_says_that_a_model_thinks_and_what_is_done(thinking_model_dir: Path, tmp_path: Path) -> None:
    def notes(**given: Any) -> list[str]:
        generator = {"use": "transformers", "responses": 2, "max_new_tokens": 4, **given}
        return list(policy_told(load(configuration(tmp_path, thinking_model_dir, generator=generator))).notes)

    (told,) = notes()
    assert "may think before it answers, for there are marks of thoughts (<think>)" in told
    assert "what comes before </think> is split off, answers alone are compared" in told
    assert "max_new_tokens bounds thought and answer together, unless thinking_tokens" in told
    (told,) = notes(template_options={"opens": True}, thinking_tokens=5)
    assert "thinks before it answers, for its chat template opens a thought (<think>)" in told
    assert "thinking_tokens = 5 bounds the thought apart from the answer" in told
    (told,) = notes(template_options={"enable_thinking": False})
    assert told.endswith("closes the model's thought at once (</think>): it answers without one")


def test_a_bound_on_thoughts_that_a_model_does_not_have_fails_the_check(
    tiny_model_dir: Path, tmp_path: Path
) -> None:
    generator = {"use": "transformers", "responses": 2, "thinking_tokens": 5}
    said = policy_told(load(configuration(tmp_path, tiny_model_dir, generator=generator)))
    assert "marks a thought: leave it out" in said.faults["generator"]


def test_options_that_the_readers_template_has_not_are_a_fault(tiny_model_dir: Path, tmp_path: Path) -> None:
    reader = {"source": f"file:{tiny_model_dir}", "device": "cpu", "template_options": {"foo": 1}}
    asking = [{"use": "factual.p-true"}]
    said = policy_told(load(configuration(tmp_path, tiny_model_dir, reader=reader, dimension=asking)))
    assert "has no option foo" in said.faults["reader"]
    # Nobody asks this one.
    assert policy_told(load(configuration(tmp_path, tiny_model_dir, reader=reader))).faults == {}
