"""Nobody reads a clean bill where something could not be asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.canned import configuration
from tests.core.conftest import to_toml
from udasa_core.check.unasked import verdict
from udasa_core.cli.main import main


def test_the_last_word_lists_what_was_not_asked() -> None:
    assert verdict("x.toml", []) == "x.toml has no fault; next: udasa run x.toml"
    told = verdict("x.toml", ["the hub is silent"])
    assert "has no fault" not in told
    assert told.splitlines()[1:] == ["  the hub is silent", "next: udasa run x.toml"]


def test_check_says_what_is_not_here_in_place_of_a_clean_bill(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    suite = [{"use": "harmlessness"}]
    plain = configuration(
        tmp_path, tiny_model_dir, suite=suite, judge={"use": "recorded", "source": "file:grades.jsonl"}
    )
    (tmp_path / "grades.jsonl").write_text("")
    plain["model"] = {"source": "hf:nobody/nothing@main"}
    plain["prompts"] = {"source": "hf:nobody/prompts@main"}
    path = tmp_path / "udasa.toml"
    path.write_text(to_toml(plain))
    checked = CliRunner().invoke(main, ["check", str(path)])
    assert checked.exit_code == 0, checked.output
    (*_, last) = checked.output.split("note: ")
    assert "has no fault" not in checked.output
    said = last[last.index("no fault was found, but a run may yet stop over what was not asked:") :]
    for told in (
        "the prompts of hf:nobody/prompts@main are not read",
        "what the policy hf:nobody/nothing@main is made of is not looked at",
        "what suite harmlessness asks is not looked at",
        "which prompts fit it, is not told",
    ):
        assert told in said
