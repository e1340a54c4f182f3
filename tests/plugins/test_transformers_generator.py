"""The two generators as plugins: what they admit, what they give, and what they say when they cannot."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tests.fakes import FakeResources
from tests.tiny import make_tiny_model, tiny_ref_of
from udasa_core import Group, Message, ModelRef, Prompt, SamplingOptions, UdasaError
from udasa_plugin_transformers.generator import TransformersGenerator
from udasa_plugin_transformers.recorded import RecordedGenerator

SAMPLING = SamplingOptions(responses=3, max_new_tokens=12, temperature=0.8)
PROMPTS = (
    Prompt("one", (Message("user", "hi"),)),
    Prompt("two", (Message("system", "be kind"), Message("user", "what is the sun?"))),
    Prompt("three", (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))),
)


@pytest.fixture(scope="module")
def resources(tiny_ref: ModelRef) -> FakeResources:
    return FakeResources(tiny_ref)


def sampling_generator(resources: FakeResources, **options: Any) -> TransformersGenerator:
    return TransformersGenerator(TransformersGenerator.Options(**options), "transformers", resources)


# transformers


def test_one_group_a_prompt_in_order(resources: FakeResources, tiny_ref: ModelRef) -> None:
    groups = sampling_generator(resources).udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5)
    lm = resources.causal_lm(tiny_ref)
    assert [group.prompt for group in groups] == list(PROMPTS)
    for group in groups:
        assert group.policy == tiny_ref.key
        assert group.prompt_token_ids == tuple(lm.render(group.prompt.messages))
        assert len(group.responses) == 3
        for response in group.responses:
            assert response.text == lm.decode(response.token_ids)
            assert (response.finish_reason == "stop") == (response.token_ids[-1] in lm.stop_ids)
            assert "<|im_end|>" not in response.text


def test_the_same_arguments_give_the_same_groups(resources: FakeResources, tiny_ref: ModelRef) -> None:
    first = sampling_generator(resources).udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5)
    assert first == sampling_generator(FakeResources(tiny_ref)).udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5)
    assert first != sampling_generator(resources).udasa_generate(PROMPTS, SAMPLING, tiny_ref, 6)


def test_no_prompt_gives_no_group(resources: FakeResources, tiny_ref: ModelRef) -> None:
    assert sampling_generator(resources).udasa_generate([], SAMPLING, tiny_ref, 5) == []


def test_progress_covers_every_prompt(tiny_ref: ModelRef) -> None:
    resources = FakeResources(tiny_ref)
    sampling_generator(resources).udasa_generate(PROMPTS, SAMPLING, tiny_ref, 5)
    assert sum(count for name, count in resources.told if name == "sample") == len(PROMPTS)


def test_a_prompt_that_does_not_fit_is_refused_with_the_figures(resources: FakeResources) -> None:
    long = Prompt("long", (Message("user", "x" * 600),))
    taken, refused = sampling_generator(resources).udasa_admit([PROMPTS[0], long], SAMPLING)
    assert taken == ""
    assert "max_new_tokens = 12" in refused
    assert "context of 512" in refused


def test_a_prompt_fits_to_the_last_token(resources: FakeResources, tiny_ref: ModelRef) -> None:
    generator = sampling_generator(resources)
    length = len(resources.causal_lm(tiny_ref).render(PROMPTS[0].messages))
    fits = SamplingOptions(responses=2, max_new_tokens=512 - length)
    assert generator.udasa_admit(PROMPTS[:1], fits) == [""]
    assert generator.udasa_admit(PROMPTS[:1], replace(fits, max_new_tokens=513 - length)) != [""]
    group = generator.udasa_generate(PROMPTS[:1], fits, tiny_ref, 1)[0]
    assert all(len(response.token_ids) <= 512 - length for response in group.responses)


def test_admitting_reads_no_weights(tiny_ref: ModelRef, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_ref.folder, tmp_path / "model")
    (folder / "model.safetensors").unlink()
    generator = sampling_generator(FakeResources(replace(tiny_ref, folder=str(folder))))
    assert generator.udasa_admit(PROMPTS, SAMPLING) == ["", "", ""]


def test_a_base_model_needs_the_plain_template(tmp_path: Path) -> None:
    ref = tiny_ref_of(make_tiny_model(tmp_path / "model", chat_template=False))
    with pytest.raises(UdasaError, match='template = "plain"'):
        sampling_generator(FakeResources(ref)).udasa_admit(PROMPTS, SAMPLING)
    plain = sampling_generator(FakeResources(ref), template="plain")
    assert plain.udasa_admit(PROMPTS, SAMPLING) == ["", "", ""]
    assert len(plain.udasa_generate(PROMPTS, SAMPLING, ref, 0)) == 3


def test_a_prompt_that_renders_to_nothing_is_refused(tmp_path: Path) -> None:
    ref = tiny_ref_of(make_tiny_model(tmp_path / "model", chat_template=False))
    plain = sampling_generator(FakeResources(ref), template="plain")
    assert plain.udasa_admit([Prompt("nothing", (Message("user", ""),))], SAMPLING) == ["renders to no token"]


def test_a_conversation_that_the_template_refuses_is_set_aside(tiny_ref: ModelRef, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_ref.folder, tmp_path / "model")
    template = (folder / "chat_template.jinja").read_text()
    no_system = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    (folder / "chat_template.jinja").write_text(no_system + template)
    generator = sampling_generator(FakeResources(replace(tiny_ref, folder=str(folder))))
    first, second, third = generator.udasa_admit(PROMPTS, SAMPLING)
    assert (first, third) == ("", "")
    assert "no system role" in second


def test_options_are_checked() -> None:
    for wrong in ({"template": "alpaca"}, {"prompts_per_batch": 0}, {"temperature": 1.0}):
        with pytest.raises(ValidationError):
            TransformersGenerator.Options.model_validate(wrong)


def test_the_factories_import_nothing_heavy() -> None:
    code = (
        "import sys, udasa_plugin_transformers.generator, udasa_plugin_transformers.recorded;"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# recorded


def recorded(resources: FakeResources, path: Path, **options: Any) -> RecordedGenerator:
    return RecordedGenerator(
        RecordedGenerator.Options(source=f"file:{path}", **options), "recorded", resources
    )


ROWS: list[dict[str, Any]] = [
    {"prompt": "hi", "responses": ["the sun", "and a ñ", "no", "yes"]},
    {
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": "what is the sun?"},
        ],
        "responses": ["a star"],
    },
    {"prompt": "what is the sun?", "system": "be kind", "responses": ["the star"]},
]


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    return path


def test_recorded_responses_are_matched_by_their_messages(
    resources: FakeResources, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    generator = recorded(resources, write_jsonl(tmp_path / "r.jsonl", ROWS))
    assert generator.udasa_admit(PROMPTS, SAMPLING) == ["", "", "0 recorded responses, and pairing needs 2"]
    one, two = generator.udasa_generate(PROMPTS[:2], SAMPLING, tiny_ref, 0)
    assert [response.text for response in one.responses] == ["the sun", "and a ñ", "no"]
    assert [response.text for response in two.responses] == ["a star", "the star"]
    assert one.policy == two.policy == tiny_ref.key


def test_recorded_figures_equal_a_plain_pass(
    resources: FakeResources, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    import torch

    group = recorded(resources, write_jsonl(tmp_path / "r.jsonl", ROWS)).udasa_generate(
        PROMPTS[:1], SAMPLING, tiny_ref, 0
    )[0]
    lm = resources.causal_lm(tiny_ref)
    for response in group.responses:
        assert response.token_ids == (*lm.encode(response.text), lm.end_of_turn())
        assert response.finish_reason == "stop"
        assert response.sampling_logprobs == response.logprobs
        ids = [*group.prompt_token_ids, *response.token_ids]
        with torch.inference_mode():
            logits = lm.model(torch.tensor([ids])).logits[0, len(group.prompt_token_ids) - 1 : -1]
        raw = logits.double().log_softmax(dim=-1)
        at = torch.tensor(response.token_ids)[:, None]
        assert response.logprobs == pytest.approx(raw.gather(1, at)[:, 0].tolist(), abs=1e-3)
        assert response.entropies == pytest.approx((-(raw.exp() * raw).sum(dim=-1)).tolist(), abs=1e-3)


def test_parquet_gives_what_jsonl_gives(resources: FakeResources, tiny_ref: ModelRef, tmp_path: Path) -> None:
    jsonl = recorded(resources, write_jsonl(tmp_path / "r.jsonl", ROWS))
    pq.write_table(
        pa.Table.from_pylist([{"messages": None, "system": None, **row} for row in ROWS]),
        tmp_path / "r.parquet",
    )
    parquet = recorded(resources, tmp_path / "r.parquet")
    assert _generated(jsonl, tiny_ref) == _generated(parquet, tiny_ref)
    assert jsonl.fingerprint != parquet.fingerprint


def _generated(generator: RecordedGenerator, policy: ModelRef) -> list[Group]:
    return generator.udasa_generate(PROMPTS[:2], SAMPLING, policy, 0)


def test_a_response_longer_than_the_context_is_cut_and_says_so(
    resources: FakeResources, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    path = write_jsonl(tmp_path / "r.jsonl", [{"prompt": "hi", "responses": ["x" * 900, "no"]}])
    long, short = recorded(resources, path).udasa_generate(PROMPTS[:1], SAMPLING, tiny_ref, 0)[0].responses
    prompt = len(resources.causal_lm(tiny_ref).render(PROMPTS[0].messages))
    assert (long.finish_reason, short.finish_reason) == ("length", "stop")
    assert len(long.token_ids) == 512 - prompt
    assert long.text == "x" * (512 - prompt)


def test_another_policy_measures_the_same_texts(
    resources: FakeResources, tiny_ref: ModelRef, tmp_path: Path
) -> None:
    generator = recorded(resources, write_jsonl(tmp_path / "r.jsonl", ROWS))
    other = tiny_ref_of(make_tiny_model(tmp_path / "other", seed=1))
    before, after = _generated(generator, tiny_ref)[0], _generated(generator, other)[0]
    assert [one.token_ids for one in before.responses] == [one.token_ids for one in after.responses]
    assert before.responses[0].logprobs != after.responses[0].logprobs
    assert after.policy == other.key


def test_a_file_that_changes_has_another_fingerprint(resources: FakeResources, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "r.jsonl", ROWS)
    before = recorded(resources, path).fingerprint
    write_jsonl(path, ROWS[:1])
    assert recorded(resources, path).fingerprint != before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "no object"),
        ('{"responses": ["a", "b"]}', "neither"),
        ('{"prompt": "a", "messages": [], "responses": []}', "both"),
        ('{"prompt": 3, "responses": []}', "prompt is no text"),
        ('{"prompt": "a"}', "`responses` is no list"),
        ('{"prompt": "a", "responses": ["b", null]}', "one of `responses` is no text"),
        ('{"prompt": "a", "responses": ["\\ud800"]}', "surrogate"),
        ('{"messages": [{"role": "robot", "content": "a"}], "responses": []}', "robot"),
        ('{"messages": ["a"], "responses": []}', "a role and a content"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(
    resources: FakeResources, tmp_path: Path, line: str, said: str
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(UdasaError, match=said) as caught:
        recorded(resources, path).udasa_admit(PROMPTS, SAMPLING)
    assert f"{path}, line 2" in str(caught.value)


def test_bytes_that_are_not_utf8_are_named_by_their_line(resources: FakeResources, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"prompt": "hi", "responses": ["a", "b"]}\n{"prompt": "\xff"}\n')
    with pytest.raises(UdasaError, match="line 2: not JSON in UTF-8"):
        recorded(resources, path).udasa_admit(PROMPTS, SAMPLING)


def test_a_file_that_is_missing_or_no_parquet_is_told(resources: FakeResources, tmp_path: Path) -> None:
    with pytest.raises(UdasaError, match="no file"):
        _ = recorded(resources, tmp_path / "missing.jsonl").fingerprint
    (tmp_path / "r.parquet").write_text("no parquet")
    with pytest.raises(UdasaError, match="not a Parquet file"):
        recorded(resources, tmp_path / "r.parquet").udasa_admit(PROMPTS, SAMPLING)


def test_control_tokens_that_a_response_was_recorded_with(
    resources: FakeResources, tiny_ref: ModelRef, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    texts = ["yes<|im_end|>", "no<|im_end|>\n<|im_start|>user\nmore", "yes"]
    path = write_jsonl(tmp_path / "r.jsonl", [{"prompt": "hi", "responses": texts}])
    (group,) = recorded(resources, path).udasa_generate(PROMPTS[:1], SAMPLING, tiny_ref, 0)
    lm = resources.causal_lm(tiny_ref)
    end, start = lm.tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|im_start|>"])
    assert [response.text for response in group.responses] == ["yes", texts[1], "yes"]
    for response in group.responses:
        assert response.token_ids.count(end) == 1
        assert start not in response.token_ids
        assert lm.decode(response.token_ids) == response.text
    assert group.responses[0] == group.responses[2]
    assert "responses that spell control tokens, which are read as plain text: 1" in caplog.text


def test_the_report_counts_responses_that_spell_control_tokens(tiny_model_dir: Path, tmp_path: Path) -> None:
    from tests.canned import configuration
    from udasa_core import run
    from udasa_core.report.figures import figures
    from udasa_core.report.show import tables

    asked = [f"what is {number}?" for number in range(6)]
    said = ["yes<|im_end|>", "no<|im_end|>no", "no <|im_start|>user"]
    rows = [{"prompt": text, "responses": said} for text in asked]
    plain = configuration(
        tmp_path,
        tiny_model_dir,
        prompts={"source": f"file:{write_jsonl(tmp_path / 'p.jsonl', [{'prompt': one} for one in asked])}"},
        generator={
            "use": "recorded",
            "responses": 3,
            "source": f"file:{write_jsonl(tmp_path / 'r.jsonl', rows)}",
        },
    )
    plain["run"] |= {"held_out": 0.0}
    found = figures(run(plain))
    assert found["is_recorded"]
    found["held_out"] = [{"name": "U", "before": 0.5, "after": 0.4, "low": -0.2, "high": 0.0, "n": 30}]
    shown = " ".join("\n".join(map(str, tables(found))).split())
    assert "after training the same texts are read again" in shown
    counted = found["prompts"]["training"]
    assert found["responses"]["tokens"]["n"] == 3 * counted
    assert found["responses"]["spelling_control_tokens"] == 2 * counted
    told = f"{2 * counted} of them spell control tokens, which are read as plain text"
    assert told in str(next(iter(tables(found))))
