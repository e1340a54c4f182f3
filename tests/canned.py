"""Plugins without a model, for tests of the core: `use = "tests.canned:Generator"`. Torch stays away."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict
from safetensors.numpy import save_file

from udasa_core import (
    Abstain,
    Adapter,
    Column,
    Event,
    Grade,
    Group,
    Message,
    ModelRef,
    Prompt,
    Report,
    Resources,
    Response,
    SamplingOptions,
    Stage,
    content_key,
    hookimpl,
    read_pairs,
)
from udasa_core.records import Metric, SuiteReport

# How often each plugin of this process was asked, by name: tests count calls.
calls: Counter[str] = Counter()
# Which dimension was asked, and for which first prompt, in order.
order: list[tuple[str, str]] = []
# What observers heard.
heard: list[Event] = []


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Canned:
    Options: ClassVar[type[BaseModel]] = Strict

    def __init__(self, options: Any, name: str, resources: Resources) -> None:
        self.options = options
        self.name = name
        self.resources = resources


def response(text: str, *, logprob: float = -1.0, stop: bool = True) -> Response:
    """A response whose tokens are its bytes."""
    ids = tuple(text.encode()) or (0,)
    return Response(
        text=text,
        token_ids=ids,
        logprobs=(logprob,) * len(ids),
        sampling_logprobs=(logprob,) * len(ids),
        entropies=(0.5,) * len(ids),
        finish_reason="stop" if stop else "length",
    )


class Generator(Canned):
    """K distinct responses a prompt, "answer k" and a digest of prompt, policy and seed."""

    class Options(Strict):
        style: str = "plain"

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        calls["generate"] += 1
        return [
            Group(
                prompt,
                tuple(prompt.messages[-1].content.encode()),
                tuple(
                    response(f"answer {k} {content_key(prompt.id, policy.key, seed, k, length=6)}")
                    for k in range(sampling.responses)
                ),
                policy.key,
            )
            for prompt in prompts
        ]


class Quiz(Generator):
    """K responses a prompt, each "It is …." with one of the words, by a digest of everything that matters."""

    class Options(Strict):
        words: tuple[str, ...] = ("Paris", "Lyon", "Rome")

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        calls["generate"] += 1
        calls["prompts"] += len(prompts)
        return [
            Group(
                prompt,
                tuple(prompt.messages[-1].content.encode()),
                tuple(self._say(prompt, policy, seed, sampling, k) for k in range(sampling.responses)),
                policy.key,
            )
            for prompt in prompts
        ]

    def _say(
        self, prompt: Prompt, policy: ModelRef, seed: int, sampling: SamplingOptions, k: int
    ) -> Response:
        drawn = int(content_key(prompt.id, policy.key, seed, sampling.temperature, k, length=6), 16)
        return response(f"It is {self.options.words[drawn % len(self.options.words)]}.")


class Terse(Generator):
    """K responses of a few tokens a prompt, by a digest of all that matters; fast, for many prompts."""

    class Options(Strict):
        tokens: int = 8

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        return [
            Group(
                prompt,
                tuple(prompt.messages[-1].content.encode()),
                tuple(self._say(f"{prompt.id} {policy.key} {seed} {k}") for k in range(sampling.responses)),
                policy.key,
            )
            for prompt in prompts
        ]

    def _say(self, drawn_by: str) -> Response:
        drawn = hashlib.sha256(drawn_by.encode()).digest()[: self.options.tokens]
        logprobs = tuple(-(byte + 1) / 64 for byte in drawn)
        return Response(drawn.hex(), tuple(drawn), logprobs, logprobs, (0.5,) * len(drawn), "stop")


class Cutting(Generator):
    """Every other response is cut off."""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        whole = super().udasa_generate(prompts, sampling, policy, seed)
        return [
            replace(
                group,
                responses=tuple(
                    replace(one, finish_reason="stop" if number % 2 else "length")
                    for number, one in enumerate(group.responses)
                ),
            )
            for group in whole
        ]


class Picky(Generator):
    """Takes no prompt with the word "enormous"."""

    @hookimpl
    def udasa_admit(self, prompts: Sequence[Prompt], sampling: SamplingOptions) -> list[str]:
        return [
            "longer than the context" if "enormous" in one.messages[-1].content else "" for one in prompts
        ]


class Dimension(Canned):
    """A score by the digest of the text: any value in [0, 1), the same for the same text."""

    class Options(Strict):
        salt: str = ""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        calls[f"score {self.name}"] += 1
        order.append((self.name, groups[0].prompt.id))
        return Column(self.name, tuple(tuple(map(self._score, one.responses)) for one in groups))

    def _score(self, one: Response) -> float:
        digest = hashlib.sha256((self.options.salt + one.text).encode()).digest()
        return int.from_bytes(digest[:4], "big") / 2**32


class Planted(Canned):
    """Score k / 10 for response k."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, tuple(tuple(k / 10 for k in range(len(one.responses))) for one in groups))


class OnPrompts(Canned):
    """Score `u` where the prompt has the word ("" is in every one), nothing (an abstention) without a `u`;
    elsewhere by the digest of the text."""

    class Options(Strict):
        word: str = ""
        u: float | None = None

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(
            self.name, tuple(tuple(self._score(one, each) for each in one.responses) for one in groups)
        )

    def _score(self, group: Group, one: Response) -> float | Abstain:
        if self.options.word in group.prompt.messages[-1].content:
            return Abstain("canned") if self.options.u is None else self.options.u
        return int.from_bytes(hashlib.sha256(one.text.encode()).digest()[:4], "big") / 2**32


class Hearing(Canned):
    """A score by the digest of the text; counts what it could compare with."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        calls["heard"] += sum(len(one.heard) for one in groups)
        rows = [
            [hashlib.sha256(each.text.encode()).digest()[0] / 256 for each in one.responses] for one in groups
        ]
        return Column(self.name, tuple(map(tuple, rows)))


class Likes(Canned):
    """0.1 for a response with one of the words, 0.9 for any other, and a little by the digest of the text."""

    class Options(Strict):
        words: tuple[str, ...]

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, tuple(tuple(map(self._score, one.responses)) for one in groups))

    def _score(self, one: Response) -> float:
        liked = any(word in one.text for word in self.options.words)
        return (0.1 if liked else 0.9) + hashlib.sha256(one.text.encode()).digest()[0] / 2560


class LikesLong(Canned):
    """The more tokens, the less uncertain."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(
            self.name, tuple(tuple(1 / (1 + len(each.token_ids)) for each in one.responses) for one in groups)
        )


class Moody(Canned):
    """A score by the seed and the text: another one at every scoring."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        rows = [
            [int(content_key(seed, each.text, length=8), 16) / 16**8 for each in one.responses]
            for one in groups
        ]
        return Column(self.name, tuple(map(tuple, rows)))


class Entailing(Canned):
    """How far the first response entails each one."""

    needs = ("entailment",)

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        entailment = self.resources.entailment()
        rows = []
        for one in groups:
            texts = [each.text for each in one.responses]
            found = entailment.probabilities([(texts[0], text) for text in texts])
            rows.append(tuple(1.0 - found[:, 2]))
        return Column(self.name, tuple(tuple(map(float, row)) for row in rows))


class Reading(Dimension):
    """The same scores, by a dimension that may ask the reader."""

    needs = ("reader",)


class Misbehaving(Canned):
    """Breaks the contract of udasa_score in the way that its options say, on the prompt that they name."""

    class Options(Strict):
        fault: str
        prompt: str = ""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Any:
        fault = self.options.fault
        rows: list[tuple[Any, ...]] = [(0.5,) * len(one.responses) for one in groups]
        hit = [number for number, one in enumerate(groups) if self.options.prompt in ("", one.prompt.id)]
        if not hit:
            return Column(self.name, tuple(rows))
        if fault == "raises":
            raise ZeroDivisionError("no answer")
        if fault == "count":
            rows[hit[0]] = (0.5,)
        bad = {"nan": float("nan"), "outside": 1.5, "none": None, "text": "high", "true": True}
        if fault in bad:
            rows[hit[0]] = (bad[fault], *rows[hit[0]][1:])
        if fault == "groups":
            rows.pop()
        return rows if fault == "type" else Column(self.name, tuple(rows))


class Abstaining(Canned):
    """Abstains from everything."""

    @hookimpl
    def udasa_score(self, groups: Sequence[Group], seed: int) -> Column:
        return Column(self.name, tuple((Abstain("canned"),) * len(one.responses) for one in groups))


class Trainer(Canned):
    """Writes an "adapter": a digest of what it was given, as weights."""

    class Options(Strict):
        learning_rate: float = 1.0
        epochs: float = 1.0
        sft_weight: float = 0.0
        crash: bool = False

    @hookimpl
    def udasa_train(
        self, stage: Stage, pairs: Path, policy: ModelRef, reference: ModelRef, out_dir: Path, seed: int
    ) -> Report:
        calls[f"train {stage.name}"] += 1
        if self.options.crash:
            raise RuntimeError("out of memory")
        ids = [pair.id for pair in read_pairs(pairs)]
        given = content_key(ids, policy.key, reference.key, seed, self.options.learning_rate, length=64)
        weights = np.frombuffer(bytes.fromhex(given), dtype=np.uint8).copy()
        folder = out_dir / "adapter"
        folder.mkdir(exist_ok=True)
        (out_dir / "checkpoint-1").mkdir(exist_ok=True)
        note = {"base_model": policy.source, "depth": depth_of(policy) + 1}
        (folder / "adapter_config.json").write_text(json.dumps(note))
        save_file({"weights": weights}, folder / "adapter_model.safetensors")
        sha256 = hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest()
        metrics: Mapping[str, float] = {
            "first_loss": 0.7,
            "last_loss": 0.6,
            "learning_rate": self.options.learning_rate,
            "same_reference": float(policy == reference),
        }
        adapter = Adapter(sha256, str(folder))
        return Report(
            stage.name, self.name, len(ids), policy.with_adapter(adapter), metrics, ({"loss": 0.7},)
        )


def depth_of(policy: ModelRef) -> int:
    """How many stages trained a canned policy, one after the other."""
    if not policy.adapters:
        return 0
    note = json.loads((Path(policy.adapters[-1].folder) / "adapter_config.json").read_text())
    return int(note["depth"])


class Suite(Canned):
    """A suite with one metric: whether the model has an adapter."""

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        calls["evaluate"] += 1
        value = float(len(policy.adapters))
        return SuiteReport(self.name, policy, (Metric("adapters", value, value, value, 1),), ({"item": 1},))


class Judged(Canned):
    """A suite that reports the judge's mean grade."""

    needs = ("judge",)

    @hookimpl
    def udasa_evaluate(self, policy: ModelRef, seed: int) -> SuiteReport:
        prompts = [Prompt(str(number), (Message("user", f"grade {number}"),)) for number in range(3)]
        grades = [grade.grade or 0.0 for grade in self.resources.judge()(prompts, seed)]
        mean = sum(grades) / len(grades)
        return SuiteReport(self.name, policy, (Metric("grade", mean, mean, mean, 3),), ())


class Judge(Canned):
    """Grades everything 7."""

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> list[Grade]:
        return [Grade(7.0, "Rating: [[7]]") for _ in prompts]


class Listener(Canned):
    """Hears everything."""

    @hookimpl
    def udasa_observe(self, event: Event) -> None:
        heard.append(event)


class Deaf(Canned):
    """Fails at everything that it is told."""

    @hookimpl
    def udasa_observe(self, event: Event) -> None:
        calls["deaf"] += 1
        raise RuntimeError("not listening")


def configuration(folder: Path, model: Path, count: int = 24, **tables: Any) -> dict[str, Any]:
    """A whole configuration over canned plugins, its runs and prompts under `folder`."""
    prompts = folder / "prompts.jsonl"
    if not prompts.exists():
        rows = [{"id": f"p{number}", "prompt": f"question {number}"} for number in range(count)]
        prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    plain: dict[str, Any] = {
        "run": {
            "name": "canned",
            "seed": 7,
            "held_out": 0.25,
            "shard_size": 4,
            "folder": str(folder / "runs"),
        },
        "model": {"source": f"file:{model}", "dtype": "float32", "device": "cpu"},
        "prompts": {"source": f"file:{prompts}"},
        "controls": {"source": ""},
        "generator": {"use": "tests.canned:Generator", "responses": 4},
        "dimension": [
            {"use": "tests.canned:Dimension", "name": "one", "weight": 1.0},
            {"use": "tests.canned:Dimension", "name": "two", "weight": 2.0, "salt": "two"},
        ],
        "calibration": {"use": "cdf"},
        "aggregation": {"use": "mean"},
        "pairing": {"use": "extremes"},
        "stages": {"use": "quantiles"},
        "trainer": {"use": "tests.canned:Trainer"},
        "observer": [],
    }
    return {**plain, **tables}
