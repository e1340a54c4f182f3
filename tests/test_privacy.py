"""Nothing that leaves the machine tells whose it is: a whole run in a home with a telling name, every byte of
what it exports searched for that name."""

from __future__ import annotations

import base64
import gzip
import json
import os
import platform
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import udasa_core
from tests import canned
from tests.canned import configuration
from tests.core.conftest import to_toml
from udasa_core import Table
from udasa_core.cli.main import main
from udasa_core.experiments import conduct
from udasa_eval.standalone.evaluation import evaluate_model
from udasa_eval.standalone.results import write_results

USER, HOST = "janeqpublic", "secretbox17"


class Judge(canned.Judge):
    """A judge that a server of one's own would serve."""

    class Options(canned.Strict):
        base_url: str
        model: str


JUDGE = {"use": "tests.test_privacy:Judge", "base_url": f"http://{HOST}:8000/v1", "model": "gpt-4o"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> Iterator[Path]:
    """A user's home on a machine, both with telling names; in it a model whose files tell them, too."""
    home = tmp_path_factory.mktemp("homes") / USER
    model = home / "models" / "tiny"
    shutil.copytree(tiny_model_dir, model)
    for name, key in (("config.json", "_name_or_path"), ("tokenizer_config.json", "name_or_path")):
        plain = json.loads((model / name).read_text())
        (model / name).write_text(json.dumps({**plain, key: str(home / "quietcorner" / "tiny")}))
    (model / "LICENSE").write_text("MIT License")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("HOME", str(home)), ("USER", USER), ("LOGNAME", USER), ("HOSTNAME", HOST)):
            patch.setenv(name, value)
        patch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
        patch.setattr(socket, "gethostname", lambda: HOST)
        patch.setattr(platform, "node", lambda: HOST)
        patch.chdir(home)
        yield home


@pytest.fixture(scope="module")
def run(home: Path) -> udasa_core.Run:
    trainer = {"use": "dpo", "rank": 2, "warmup": 0.0, "learning_rate": 1e-2}
    plain = configuration(home, home / "models" / "tiny", count=12, stages={"use": "single"}, trainer=trainer)
    (home / "udasa.toml").write_text(to_toml({**plain, "judge": JUDGE}))
    return udasa_core.run(home / "udasa.toml")


def telling(folder: Path) -> list[str]:
    """Return the files below a folder that tell the user, the host or a place, with what they tell."""
    found = []
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        content = file.read_bytes()
        if file.suffix == ".parquet":  # packed
            table = pq.read_table(file)
            content += repr((table.to_pylist(), table.schema.metadata, table.schema)).encode()
        if file.suffix == ".html":
            packed = re.findall(rb'id="block-[^"]*">([^<]*)<', content)
            content += b"".join(gzip.decompress(base64.b64decode(block)) for block in packed)
        for word in (USER, HOST, "/homes", "quietcorner"):
            if word.encode() in content or word in file.name:
                at = content.find(word.encode())
                found.append(f"{file.name}: {content[max(0, at - 60) : at + 60]!r}")
    return found


def test_the_search_finds_what_it_looks_for(run: udasa_core.Run) -> None:
    # The store is private, and its manifest tells places.
    assert telling(run.folder)


@pytest.mark.parametrize("form", ["merged", "beside", "alone"])
def test_no_exported_model_tells(run: udasa_core.Run, home: Path, form: str) -> None:
    out = home / "out" / form
    answer = CliRunner().invoke(main, ["export", str(run.folder), "--model", str(out), "--adapter", form])
    assert answer.exit_code == 0, answer.output
    assert (out / "README.md").read_text().count("file:tiny") == 1
    assert (out / "LICENSE").read_text() == "MIT License"
    assert telling(out) == []


def test_no_gguf_tells(run: udasa_core.Run, home: Path) -> None:
    converter = Path(__file__).parent / "gguf_converter.py"
    given = ["--gguf", str(home / "ggufs" / "tiny.gguf"), "--gguf-converter", str(converter)]
    answer = CliRunner().invoke(main, ["export", str(run.folder), *given])
    assert answer.exit_code == 0, answer.output
    assert b"base_model" in (home / "ggufs" / "tiny.gguf").read_bytes()
    assert telling(home / "ggufs") == []


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.parquet"])
def test_no_pairs_tell(run: udasa_core.Run, home: Path, name: str) -> None:
    file = home / "pairs" / name
    answer = CliRunner().invoke(main, ["export", str(run.folder), "--pairs", str(file)])
    assert answer.exit_code == 0, answer.output
    assert telling(file.parent) == []


def test_nor_does_what_a_trainer_leaves_in_the_store(run: udasa_core.Run) -> None:
    (stage,) = run.stages()
    assert stage.adapter is not None
    assert telling(stage.adapter.parent) == []


def test_nor_do_an_evaluations_results(run: udasa_core.Run, home: Path) -> None:
    toml = home / "eval.toml"
    toml.write_text(to_toml({"suite": [{"use": "tests.canned:Suite"}], "judge": JUDGE}))
    (stage,) = run.stages()
    found = evaluate_model(
        f"file:{home}/models/tiny", [], configuration=toml, adapter=stage.adapter, folder=home / "evals"
    )
    out = home / "results"
    write_results(found, out)
    assert {file.name for file in out.iterdir()} >= {"results.json", "results.md"}
    assert telling(out) == []


def test_nor_does_an_experiments_report(home: Path) -> None:
    rows = [(f"file:{home}/models/tiny", f"http://{HOST}:8000/v1", str(home / "runs" / "x"))]
    conduct._write((Table("Where", ("model", "judge", "run"), rows),), home / "reports", "told")
    assert telling(home / "reports") == []
    assert "tiny" in (home / "reports" / "told.md").read_text()


def test_what_is_shown_tells_places_to_the_user_alone(run: udasa_core.Run) -> None:
    # It is for whoever sits there: where things lie is what it is asked for.
    answer = CliRunner().invoke(main, ["show", str(run.folder)])
    assert os.path.relpath(run.folder) in answer.output or str(run.folder) in answer.output


def test_nor_does_a_runs_page(run: udasa_core.Run, home: Path) -> None:
    page = home / "pages" / "run.html"
    udasa_core.write_report([run], page, figures=home / "pages" / "figures")
    assert "file:tiny" in page.read_text()
    assert telling(page.parent) == []
    udasa_core.write_report([run, run], page)
    assert telling(page.parent) == []
