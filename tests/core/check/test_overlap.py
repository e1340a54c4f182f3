"""Training prompts that repeat a suite's questions are told: exact, by eight words, by meaning."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.canned import Strict, Suite, configuration
from udasa_core import UdasaError, hookimpl
from udasa_core.api import load
from udasa_core.check.overlap import overlap_table, overlaps
from udasa_core.check.suite_list import suites_asked
from udasa_core.cli.main import main
from udasa_core.plugins.catalog import read_catalog
from udasa_core.resources.shared import SharedResources

QUESTIONS = (
    "What is the capital of France?",
    "Is it true that lemmings jump off cliffs together in spring?",
    "How tall is the Eiffel Tower?",
    "Why is the sky blue?",
    "Who?",
)
PROMPTS = (
    "what is the capital of FRANCE",
    "A friend asks: is it true that lemmings jump off cliffs, always?",
    "What height does the Eiffel Tower have?",
    "Name a colour.",
    "Who? Nobody.",
)


class Quiz(Suite):
    """A suite that names its questions."""

    @hookimpl
    def udasa_questions(self) -> Sequence[str]:
        return QUESTIONS


class Missing(Suite):
    """A suite whose data are nowhere."""

    @hookimpl
    def udasa_questions(self) -> Sequence[str]:
        raise UdasaError("hf:nobody/nothing@1 is not here")


class Unreadable(Missing):
    """A suite that cannot read the file it was given."""

    class Options(Strict):
        source: str


class Meaning:
    """A planted embedder: the two questions about the tower lie together, and nothing else does."""

    def embed(self, texts: Sequence[str]) -> Any:
        rows = np.zeros((len(texts), len(texts) + 64), dtype=np.float32)
        for number, text in enumerate(texts):
            rows[number, 0 if "Eiffel" in text else 1 + sum(map(ord, text)) % 60] = 1.0
        return rows[:, :64]


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(SharedResources, "embedder", lambda self: Meaning())
    prompts = tmp_path / "asked.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in PROMPTS))
    made = configuration(
        tmp_path, tiny_model_dir, suite=[{"use": "tests.core.check.test_overlap:Quiz", "name": "quiz"}]
    )
    made["prompts"] = {"source": f"file:{prompts}"}
    made["embedder"] = {"source": f"file:{tiny_model_dir}"}
    return made


def test_each_question_is_told_once_by_the_first_way(plain: dict[str, Any]) -> None:
    found, untold = overlaps(load(plain), read_catalog())
    assert not untold
    assert [(one.by, one.count, one.questions, one.question, one.prompt) for one in found] == [
        ("exact", 1, 5, QUESTIONS[0], PROMPTS[0]),
        ("8-gram", 1, 5, QUESTIONS[1], PROMPTS[1]),
        ("embedding", 1, 5, QUESTIONS[2], PROMPTS[2]),
    ]
    assert "1 of 5" in str(overlap_table(found))


def test_what_cannot_be_told_is_said(plain: dict[str, Any], tmp_path: Path) -> None:
    plain["suite"] += [{"use": "tests.core.check.test_overlap:Missing"}, {"use": "tests.canned:Suite"}]
    plain["embedder"] = {"source": "hf:nobody/nothing@main"}
    found, untold = overlaps(load(plain), read_catalog())
    assert [one.by for one in found] == ["exact", "8-gram"]
    assert len(untold) == 3
    assert "embedder is not on this machine" in untold[0]
    assert "hf:nobody/nothing@1 is not here" in untold[1]
    assert "does not name its questions" in untold[2]
    plain["prompts"] = {"source": "hf:nobody/prompts@main"}
    assert overlaps(load(plain), read_catalog())[1][0].startswith("overlap with hf:nobody/prompts@main")


def test_a_file_that_a_suite_cannot_read_is_a_fault(plain: dict[str, Any]) -> None:
    table = {
        "use": "tests.core.check.test_overlap:Unreadable",
        "name": "unread",
        "source": "file:nowhere.json",
    }
    config = load({**plain, "suite": [table]})
    asked = suites_asked(config, read_catalog())
    assert asked is not None
    (fault,) = asked.faults
    assert str(fault).startswith("suite.unread: hf:nobody")
    assert overlaps(config, read_catalog())[1][0].startswith("overlap with suite unread is not told")


def test_check_prints_it(plain: dict[str, Any], tmp_path: Path) -> None:
    from click.testing import CliRunner

    from tests.core.conftest import to_toml

    file = tmp_path / "mine.toml"
    file.write_text(to_toml(plain))
    told = CliRunner().invoke(main, ["check", str(file)])
    assert told.exit_code == 0, told.output
    assert "warning: overlap with suites" in told.output
