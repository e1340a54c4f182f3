"""What a server refuses is in the run's record: `show` tells it, and results do, whenever they are asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import udasa_core
from tests import canned
from tests.core.conftest import to_toml
from tests.misbehaving_server import Behaviour, Call, MisbehavingServer, says, status
from tests.plugins.openai.test_generator import honest
from udasa_core.cli.main import main
from udasa_eval.standalone.results import write_results

GENERATOR = "udasa_plugin_openai.generator:OpenAIGenerator"
JUDGE = "udasa_plugin_openai.judge:OpenAIJudge"


def strict(refused: str, then: Behaviour) -> Behaviour:
    def behave(call: Call, handler: Any) -> None:
        (status(400, f"unexpected field {refused}") if refused in call.body else then)(call, handler)

    return behave


def both(call: Call, handler: Any) -> None:
    """A policy's server that refuses min_p, and a judge's that refuses top_k."""
    is_judge = call.body["model"] == "j"
    (strict("top_k", says("Rating: [[7]]")) if is_judge else strict("min_p", honest()))(call, handler)


@pytest.fixture
def plain(server: MisbehavingServer, tmp_path: Path, tiny_model_dir: Path) -> dict[str, Any]:
    server.always(both)
    made = canned.configuration(
        tmp_path,
        tiny_model_dir,
        count=8,
        generator={"use": GENERATOR, "base_url": server.url, "model": "g", "max_new_tokens": 8},
        judge={"use": JUDGE, "base_url": server.url, "model": "j"},
        suite=[{"use": "tests.canned:Judged"}],
    )
    # No server serves what is trained, and nothing real is.
    return {**made, "run": {**made["run"], "held_out": 0.0}}


def remarks(run: udasa_core.Run) -> tuple[str, str]:
    generator, judge = run.remarks()
    assert generator.startswith(f"generator {GENERATOR!r}: the server refuses min_p = 0, so it is asked")
    assert judge.startswith(f"judge {JUDGE!r}: the server refuses top_k = 0, so it is asked without")
    return generator, judge


def test_what_a_server_refuses_is_in_the_runs_record(
    plain: dict[str, Any], server: MisbehavingServer, tmp_path: Path
) -> None:
    (tmp_path / "udasa.toml").write_text(to_toml(plain))
    run = udasa_core.run(tmp_path / "udasa.toml")
    told = remarks(run)
    # Another process asks nothing, and still knows.
    asked = len(server.calls)
    again = udasa_core.run(tmp_path / "udasa.toml")
    assert (again.made, len(server.calls)) == (0, asked)
    assert remarks(again) == told
    shown = CliRunner().invoke(main, ["show", str(run.folder)]).output
    assert "refuses min_p = 0" in " ".join(shown.split())
    as_json = CliRunner().invoke(main, ["show", str(run.folder), "--json"]).output
    assert json.loads(as_json)["remarks"] == list(told)
    write_results(run, tmp_path / "results")
    assert json.loads((tmp_path / "results" / "results.json").read_text())["remarks"] == list(told)


def test_another_run_that_takes_the_same_outputs_knows_it_too(plain: dict[str, Any]) -> None:
    told = remarks(udasa_core.run(plain))
    other = udasa_core.run({**plain, "run": {**plain["run"], "name": "other"}})
    assert other.made == 0
    assert remarks(other) == told


def test_a_server_that_takes_all_leaves_no_remark(plain: dict[str, Any], server: MisbehavingServer) -> None:
    def takes_all(call: Call, handler: Any) -> None:
        (says("Rating: [[7]]") if call.body["model"] == "j" else honest())(call, handler)

    server.always(takes_all)
    assert udasa_core.run(plain).remarks() == ()


@pytest.mark.parametrize(("scheme", "is_told"), [("http", True), ("https", False)])
def test_check_tells_of_a_key_that_goes_out_unencrypted(
    plain: dict[str, Any], tmp_path: Path, key: str, scheme: str, is_told: bool
) -> None:
    open_to_others = {"base_url": f"{scheme}://models.example.org/v1", "api_key_env": "TEST_KEY"}
    for kind in ("generator", "judge"):
        plain[kind] = {**plain[kind], **open_to_others}
    (tmp_path / "udasa.toml").write_text(to_toml(plain))
    done = CliRunner().invoke(main, ["check", str(tmp_path / "udasa.toml")])
    # Nobody is there, which is told, too.
    assert done.exit_code == 2, done.output
    for who in (f"generator {GENERATOR!r}", f"judge {JUDGE!r}"):
        assert (f"note: {who}: the key in TEST_KEY and every prompt go to http://" in done.output) is is_told
    assert key not in done.output
