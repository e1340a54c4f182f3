"""`udasa check` says where a limit on what a server is asked lies below what the run asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.canned import configuration
from tests.core.conftest import to_toml
from udasa_core.api import load
from udasa_core.check.limits import limit_notes
from udasa_core.check.suite_list import suites_asked
from udasa_core.cli.main import main
from udasa_core.plugins.catalog import read_catalog

# 5 questions, 3 judgements each, of 4 models; 10 responses of 50 tokens in all.
QUIZ = {"use": "tests.eval.standalone.test_evaluation:Quiz", "name": "quiz", "limit": 5}
SERVER = {"use": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}


@pytest.fixture
def plain(tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    return configuration(tmp_path, tiny_model_dir, count=8, suite=[QUIZ])


def notes(plain: dict[str, Any]) -> list[str]:
    config, catalog = load(plain), read_catalog()
    return list(limit_notes(config, catalog, suites_asked(config, catalog)))


def test_a_judges_limits(plain: dict[str, Any]) -> None:
    assert notes({**plain, "judge": {**SERVER, "max_requests": 60}}) == []
    assert notes({**plain, "judge": SERVER}) == []
    assert notes({**plain, "judge": {**SERVER, "max_requests": 59}}) == [
        "judge 'openai': max_requests = 59 lies below the 60 judgements of this run: the command stops "
        "there, and goes on when it is typed again"
    ]
    assert notes({**plain, "judge": {**SERVER, "max_tokens": 10, "max_total_tokens": 600}}) == []
    (told,) = notes({**plain, "judge": {**SERVER, "max_tokens": 10, "max_total_tokens": 599}})
    assert "max_total_tokens = 599 lies below the 600 tokens that answers may have" in told


def test_a_generators_limits(plain: dict[str, Any]) -> None:
    """8 prompts, and the suite's 10 responses."""
    generator = {**plain["generator"], **SERVER}
    generator.pop("style", None)
    assert notes({**plain, "generator": {**generator, "max_requests": 18}}) == []
    (told,) = notes({**plain, "generator": {**generator, "max_requests": 17}})
    assert told.startswith("generator 'openai': max_requests = 17 lies below the 18 requests that")


def test_check_tells_of_it(tmp_path: Path, plain: dict[str, Any]) -> None:
    """Beside the fault that the server does not answer."""
    file = tmp_path / "run.toml"
    file.write_text(to_toml({**plain, "judge": {**SERVER, "max_requests": 7}}))
    told = " ".join(CliRunner().invoke(main, ["check", str(file)]).output.split())
    assert "note: judge 'openai': max_requests = 7 lies below the 60 judgements" in told
    assert "does not answer" in told
