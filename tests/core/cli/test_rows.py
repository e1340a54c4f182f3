"""`udasa show` of pairs and of what gave none, and `udasa runs`: what they print, in which order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import udasa_core
from udasa_core.cli.main import main

ConfigFile = Callable[..., Path]


def udasa(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def printed(result: Result) -> list[str]:
    """The ids of the pairs that were printed."""
    assert result.exit_code == 0, result.output
    return re.findall(r"^── .* · (\w+) · prompt ", result.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("by", "key"),
    [
        ("gap", lambda pair: pair.gap),
        ("U", lambda pair: -pair.chosen_U),
        ("length", lambda pair: -len(pair.chosen.token_ids) - len(pair.rejected.token_ids)),
    ],
)
def test_pairs_are_printed_in_an_order(canned_run: udasa_core.Run, by: str, key: Any) -> None:
    keys = {pair.id: key(pair) for _, pair in canned_run.pairs()}
    for options, is_reversed in (((), False), (("--reverse",), True)):
        ids = printed(udasa("show", canned_run.folder, "--pairs", 5, "--sort", by, *options))
        assert [keys[one] for one in ids] == sorted(keys.values(), reverse=is_reversed)[:5]


def test_a_pair_is_found_by_its_id_and_by_its_prompts(canned_run: udasa_core.Run) -> None:
    _, pair = list(canned_run.pairs())[3]
    for identity in (pair.id, pair.prompt.id):
        shown = udasa("show", canned_run.folder, "--id", identity)
        assert printed(shown) == [pair.id]
        assert pair.chosen.text in shown.output
    wrong = udasa("show", canned_run.folder, "--id", "nosuch")
    assert wrong.exit_code == 2
    assert "neither a pair nor a training prompt of the id 'nosuch'" in wrong.output


def test_what_gave_no_pair_is_listed_with_its_reason(config_file: ConfigFile, tmp_path: Path) -> None:
    path = config_file(pairing={"use": "extremes", "min_gap": 0.5})
    with (tmp_path / "prompts.jsonl").open("a") as file:
        file.write('{"question": "x"}\n')
    assert udasa("run", path, "--set", "prompts.max_set_aside=0.5").exit_code == 0
    run = udasa_core.find_run("canned", tmp_path / "runs")
    left = [one for one in run.unpaired() if one["step"] == "pair"]
    shown = udasa("show", run.folder, "--unpaired").output
    assert re.search(rf"^ +{len(left)}  prompts give no pair  gap below min_gap$", shown, re.MULTILINE)
    assert re.search(r"^ +1  rows give no prompt +has no 'prompt'", shown, re.MULTILINE)
    assert re.search(r'^line 25 · has no .*… · \{"question": "x"\}$', shown, re.MULTILINE)
    for one in left:
        line = f"prompt {one['prompt_id']} · gap below min_gap · {one['prompt']}"
        assert line in shown.splitlines()
        assert line in udasa("show", run.folder, "--id", one["prompt_id"]).output


@pytest.mark.parametrize(
    "options",
    [
        ("--sort", "gap"),
        ("--pairs", "1", "--reverse"),
        ("--unpaired", "--json"),
        ("--pairs", "1", "--id", "p1"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    canned_run: udasa_core.Run, options: tuple[str, ...]
) -> None:
    assert udasa("show", canned_run.folder, *options).exit_code == 2


def test_runs_are_listed_and_two_are_compared(config_file: ConfigFile, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    assert "None: `udasa run` makes one." in udasa("runs", "--folder", folder).output
    path = config_file(suite=[{"use": "tests.canned:Suite", "name": "graded"}])
    assert udasa("run", path).exit_code == 0
    again = ("--set", "run.name=other", "--set", "dimension.two.weight=0.5", "--set", "pairing.min_gap=0.3")
    assert udasa("run", path, *again).exit_code == 0
    (folder / "broken").mkdir()
    (folder / "broken" / "manifest.json").write_text("{}")
    text = udasa("runs", "--folder", folder).output
    runs = {name: udasa_core.Run(folder / name) for name in ("canned", "other")}
    for name, run in runs.items():
        pairs = sum(stage.size for stage in run.stages())
        prompts = run.manifest.plain["prompts"]["training"]
        assert re.search(rf"^ +{name} +finished +model +{prompts} +{pairs} +U, held out ", text, re.MULTILINE)
    assert re.search(r"^ +graded \w+ +[\d.−]+ → [\d.−]+$", text, re.MULTILINE)
    assert re.search(r"^ +broken +cannot be read", text, re.MULTILINE)
    plain = {one["run"]: one for one in json.loads(udasa("runs", "--folder", folder, "--json").output)}
    change = {one["name"]: one for one in runs["other"].changes()}["U"]
    assert plain["other"]["figures"][0] == {
        **{"name": "U, held out", "before": change["before"], "after": change["after"]}
    }
    both = udasa("runs", "canned", "other", "--folder", folder).output
    for key, ours, theirs in (
        ("run.name", "canned", "other"),
        (r"dimension\.two\.weight", r"2\.0", r"0\.5"),
        (r"pairing\.min_gap", r"\(not set\)", r"0\.3"),
        ("status", "finished", "finished"),
    ):
        assert re.search(rf"^ +{key} +{ours} +{theirs}$", both, re.MULTILINE), key
    assert "dimension.one.weight" not in both
    assert udasa("runs", "canned", "--folder", folder).exit_code == 2
