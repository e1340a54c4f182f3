"""Keys typed without their table, and values that nobody means."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from udasa_core.cli.main import main


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["--set", "responses=4"], "its whole name is generator.responses"),
        (["generator.responses=4"], "to override a key, --set 'generator.responses=4'"),
        (["--set", "trainer.learning_rate=2"], "trainer.learning_rate"),
        (["--set", "trainer.epochs=1e9"], "trainer.epochs"),
        (["--set", "generator.temperature=100"], "generator.temperature"),
        (["--set", "generator.max_new_tokens=100000"], "do not fit in the model's context of 8192"),
    ],
)
def test_is_told_before_anything_is_asked(
    typed: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["init", "mine.toml"]).exit_code == 0
    result = CliRunner().invoke(main, ["check", "mine.toml", *typed])
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())
