"""A plugin from another distribution: installed by pip, listed, selected, and refused where it should be."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.canned import configuration
from tests.core.conftest import to_toml
from udasa_core import Run
from udasa_core.errors import CatalogError
from udasa_core.plugins.catalog import Catalog, read_catalog

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "tests" / "thirdparty" / "udasa-plugin-sentiment"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin's distribution installed into it."""
    folder = tmp_path_factory.mktemp("thirdparty")
    copy = shutil.copytree(SOURCE, folder / "source")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*pip, "--target", str(folder / "site"), str(copy)], check=True, capture_output=True, text=True
    )
    return folder / "site"


def distribution(
    site: Path, name: str, entry_points: str, *, requires: str = "udasa[contract-2]", module: str = ""
) -> None:
    """Plant an installed distribution: its metadata, and a module of that name where there is text for it."""
    info = site / f"{name.replace('-', '_')}-2.0.dist-info"
    info.mkdir(parents=True)
    required = f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n{required}")
    (info / "entry_points.txt").write_text(entry_points)
    if module:
        (site / f"{name.replace('-', '_')}.py").write_text(module)


def environment(*folders: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "OMP_NUM_THREADS": "1"}


def run_python(code: str, cwd: Path, *folders: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment(*folders), cwd=cwd, capture_output=True, text=True, check=False
    )


def catalog_of(*folders: Path) -> Catalog:
    return read_catalog([*map(str, folders), *sys.path])


def test_it_is_listed_with_its_distribution(site: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("udasa")), "plugins"],
        env=environment(site),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if "udasa-plugin-sentiment" in line]
    assert len(rows) == 6
    assert all("1.0.0" in row for row in rows)
    for kind, name in (
        ("dimension", "sentiment.lexicon"),
        ("pairing", "sentiment.warm-over-cold"),
        ("stages", "sentiment.short-first"),
        ("suite", "sentiment.warmth"),
        ("experiment", "sentiment.spread"),
        ("observer", "journal"),
    ):
        assert any(kind in row and name in row for row in rows), name


def test_its_experiment_runs_and_reports_its_table(site: Path, tmp_path: Path, tiny_model_dir: Path) -> None:
    lexicon = {"use": "sentiment.lexicon", "name": "tone", "positive": ["paris"], "negative": ["rome"]}
    quiz = {"use": "tests.canned:Quiz", "responses": 4}
    plain = configuration(tmp_path, tiny_model_dir, count=8, dimension=[lexicon], generator=quiz)
    (tmp_path / "mine.toml").write_text(to_toml(plain))
    command = [str(Path(sys.executable).with_name("udasa")), "experiment", "sentiment.spread", "mine.toml"]
    done = subprocess.run(
        [*command, "--temperatures", "0.3,0.9", "--folder", "out"],
        env=environment(site, ROOT),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # A row a temperature; "Lyon" is in neither list, and what has no word of them has no tone.
    rows = re.findall(r"^ +(0\.[39]) +tone +(0\.\d{3})$", done.stdout, re.MULTILINE)
    assert [temperature for temperature, _ in rows] == ["0.3", "0.9"]
    assert (tmp_path / "out" / "sentiment.spread.txt").read_text().strip() in done.stdout
    assert "## Spread of sentiment" in (tmp_path / "out" / "sentiment.spread.md").read_text()
    # Its runs are runs; the figure is that of their scores.
    run = Run(tmp_path / "out" / "t0.9")
    assert run.status == "finished"
    told = [u for one in run.scores() for u in one.raw["tone"] if isinstance(u, float)]
    assert rows[1][1] == f"{sum(told) / len(told):.3f}"


def test_its_experiment_is_refused_with_what_is_wrong(site: Path, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("udasa")), "experiment", "sentiment.spread"]
    for arguments, told in (
        (["--temperatures", "hot"], "takes a number"),
        (["--temperature", "1"], "No such option"),
        (["nowhere.toml"], "there is no file nowhere.toml"),
    ):
        done = subprocess.run(
            [*command, *arguments],
            env=environment(site),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert told in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_selects_it(site: Path, tmp_path: Path) -> None:
    done = run_python(
        "from pathlib import Path\n"
        "from udasa_core.api import load, quickstart\n"
        "import tomllib\n"
        "from udasa_core.plugins.catalog import read_catalog\n"
        "from udasa_core.job.job import Job\n"
        "from udasa_core.testing import FAKE_BASE, sample_groups\n"
        "raw = tomllib.loads(quickstart().read_text())\n"
        "raw['dimension'] = [{'use': 'sentiment.lexicon', 'name': 'tone', 'positive': ['paris']}]\n"
        "raw['observer'] = [{'use': 'journal', 'path': 'journal.jsonl'}]\n"
        "job = Job(load(raw), read_catalog(), {'base': FAKE_BASE})\n"
        "(tone,) = job.stack.dimensions\n"
        "print(tone, tone.options.positive)\n"
        "print(tone.identity()['version'], tone.identity()['distribution'])\n"
        "from udasa_core import Event\n"
        "from udasa_core.job.observers import Observers\n"
        "from udasa_core.plugins.stack import build_plugins\n"
        "config = load(raw)\n"
        "told = Observers(build_plugins(config.observers, config.root, read_catalog(), job.resources))\n"
        "told.tell(Event('started', 'run', 'a run'))\n"
        "print(Path('journal.jsonl').read_text())\n",
        tmp_path,
        site,
    )
    assert done.returncode == 0, done.stderr
    assert "dimension 'tone' (sentiment.lexicon of udasa-plugin-sentiment 1.0.0) ('paris',)" in done.stdout
    assert "1.0.0 udasa-plugin-sentiment" in done.stdout
    assert '"name": "a run"' in done.stdout


def test_the_documented_tables_check_clean(site: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "write-a-plugin.md").read_text()
    (tables,) = [
        text for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[[dimension]]" in text
    ]
    code = (
        "import sys, tomllib\n"
        "from udasa_core.api import load, quickstart\n"
        "raw = {**tomllib.loads(quickstart().read_text()), **tomllib.loads(sys.argv[1])}\n"
        "print(*(table.name for table in load(raw).plugins()))\n"
    )
    command = [sys.executable, "-c", code, tables]
    done = subprocess.run(
        command, env=environment(site), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {
        "sentiment.lexicon",
        "sentiment.warm-over-cold",
        "sentiment.short-first",
        "sentiment.warmth",
        "console",
        "journal",
    } <= set(done.stdout.split())


@pytest.mark.slow
def test_its_plugins_make_a_run_together(site: Path, tmp_path: Path, tiny_model_dir: Path) -> None:
    tone = {"positive": ["paris"], "negative": ["rome"]}
    plain = configuration(
        tmp_path,
        tiny_model_dir,
        count=12,
        generator={"use": "tests.canned:Quiz", "responses": 6},
        pairing={"use": "sentiment.warm-over-cold", **tone},
        stages={"use": "sentiment.short-first", "tokens": len("It is Paris.")},
        suite=[{"use": "sentiment.warmth", "source": f"file:{tmp_path / 'prompts.jsonl'}", **tone}],
        observer=[{"use": "journal", "path": str(tmp_path / "journal.jsonl")}],
    )
    code = (
        "import json, sys, udasa_core\n"
        "plain = json.loads(sys.argv[1])\n"
        "udasa_core.run(udasa_core.limit_suites(plain, 2))\n"
    )
    command = [sys.executable, "-c", code, json.dumps(plain)]
    done = subprocess.run(
        command, env=environment(site, ROOT), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    run = Run(tmp_path / "runs" / "canned")
    pairs = list(run.pairs())
    assert {stage for stage, _ in pairs} == {"short"}
    assert {(pair.chosen.text, pair.rejected.text) for _, pair in pairs} == {("It is Paris.", "It is Rome.")}
    assert all(pair.gap is not None and pair.gap > 0 for _, pair in pairs)
    assert [stage.name for stage in run.stages()] == ["short", "long"]
    for model in ("base", "short"):
        rows = run.suite_rows("sentiment.warmth", model)
        # "Lyon" is in neither list.
        tones = {"It is Paris.": 1.0, "It is Lyon.": None, "It is Rome.": -1.0}
        assert [row["score"] for row in rows] == [tones[row["output"]] for row in rows]
        assert len(rows) == 2


def test_its_own_tests_pass_from_where_it_is_installed(site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        env=environment(site),
        cwd=site.parent / "source",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_it_the_configuration_is_refused_with_what_to_install() -> None:
    with pytest.raises(CatalogError, match="is found once that one is installed"):
        read_catalog().find("dimension", "sentiment.lexicon")


def test_two_distributions_that_offer_one_name_are_refused_with_both_spellings(
    site: Path, tmp_path: Path
) -> None:
    rival = "[udasa.dimension]\nSentiment_Lexicon = rival_sentiment:Lexicon\n"
    distribution(tmp_path, "rival-sentiment", rival, module="class Lexicon: ...\n")
    catalog = catalog_of(site, tmp_path)
    with pytest.raises(CatalogError) as told:
        catalog.find("dimension", "sentiment.lexicon")
    assert 'use = "rival-sentiment/Sentiment_Lexicon"' in str(told.value)
    assert 'use = "udasa-plugin-sentiment/sentiment.lexicon"' in str(told.value)
    for spelling, owner in (
        ("rival-sentiment/Sentiment_Lexicon", "rival-sentiment"),
        ("udasa-plugin-sentiment/sentiment.lexicon", "udasa-plugin-sentiment"),
        ("udasa_plugin_sentiment/sentiment-lexicon", "udasa-plugin-sentiment"),
    ):
        assert catalog.find("dimension", spelling).distribution == owner


@pytest.mark.parametrize(
    ("requires", "told"),
    [
        ("udasa[contract-9]", "contract-9; this udasa speaks contract-2"),
        ("udasa", "declares no contract"),
        ("", "declares no contract"),
    ],
)
def test_another_contract_is_refused_by_name(tmp_path: Path, requires: str, told: str) -> None:
    entry = "[udasa.dimension]\nold.one = old_plugin:One\n"
    distribution(tmp_path, "old-plugin", entry, requires=requires, module="class One: ...\n")
    with pytest.raises(CatalogError, match=told) as error:
        catalog_of(tmp_path).find("dimension", "old.one")
    assert "old-plugin 2.0" in str(error.value)


def test_a_wheel_of_contract_1_is_told_what_to_change(tmp_path: Path) -> None:
    copy = shutil.copytree(SOURCE, tmp_path / "source")
    project = copy / "pyproject.toml"
    project.write_text(project.read_text().replace("contract-2", "contract-1"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*pip, "--target", str(tmp_path / "site"), str(copy)], check=True, capture_output=True, text=True
    )
    code = (
        "from udasa_core.api import load, quickstart\n"
        "import tomllib\n"
        "raw = tomllib.loads(quickstart().read_text())\n"
        "raw['dimension'] = [{'use': 'sentiment.lexicon'}]\n"
        "load(raw)\n"
    )
    done = run_python(code, tmp_path, tmp_path / "site")
    assert done.returncode != 0
    for told in ("written for contract-1", "`Refusal` is `Unpaired`", "docs/upgrading.md", "contract-2"):
        assert told in done.stderr, told


def test_a_contract_among_several_extras_is_accepted(tmp_path: Path) -> None:
    entry = "[udasa.dimension]\nnew.one = new_plugin:One\n"
    requires = "udasa[contract-2,qlora]>=0.1"
    distribution(tmp_path, "new-plugin", entry, requires=requires, module="class One: ...\n")
    assert catalog_of(tmp_path).find("dimension", "new.one").fault == ""


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("[udasa.dimension]\nbad.one = bad_plugin.gone:One\n", "is not in the installed package"),
        ("[udasa.dimension]\nbad.one = nowhere_at_all:One\n", "is not installed"),
        ("[udasa.dimension]\nbad.one = bad plugin\n", "is not of the form module:Factory"),
        ("[udasa.dimensions]\nbad.one = bad_plugin:One\n", "is no kind of plugin"),
    ],
)
def test_a_broken_entry_point_is_a_static_fault(tmp_path: Path, entry: str, told: str) -> None:
    distribution(tmp_path, "bad-plugin", entry, module="raise SystemExit('imported')\n")
    (fault,) = [offer.fault for offer in catalog_of(tmp_path).offers if offer.distribution == "bad-plugin"]
    assert told in fault


def test_a_module_that_raises_is_blamed_and_takes_nothing_down(tmp_path: Path) -> None:
    entry = "[udasa.dimension]\nbad.one = bad_plugin:One\n"
    distribution(tmp_path, "bad-plugin", entry, module="raise RuntimeError('no licence')\n")
    done = run_python(
        "import tomllib\n"
        "from udasa_core.api import load, quickstart\n"
        "from udasa_core.errors import ConfigError\n"
        "raw = tomllib.loads(quickstart().read_text())\n"
        "load(raw)\n"
        "raw['dimension'].append({'use': 'bad.one'})\n"
        "try:\n"
        "    load(raw)\n"
        "except ConfigError as error:\n"
        "    print(error)\n",
        tmp_path,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "dimension.bad.one.use" in done.stdout
    assert "bad-plugin 2.0" in done.stdout
    assert "RuntimeError: no licence" in done.stdout


@pytest.mark.parametrize("text", ["import sys; sys.exit(0)", "import time; time.sleep(30)", "1 / 0"])
def test_a_foreign_command_is_listed_without_its_import(tmp_path: Path, text: str) -> None:
    entry = "[udasa.command]\nbad = bad_command:command\n[udasa.experiment]\nworse = bad_command:Worse\n"
    distribution(tmp_path, "bad-command", entry, module=text)
    udasa = str(Path(sys.executable).with_name("udasa"))
    for arguments, name in ((["--help"], "bad "), (["experiment", "--help"], "worse ")):
        done = subprocess.run(
            [udasa, *arguments],
            env=environment(tmp_path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=25,
        )
        assert done.returncode == 0, done.stderr
        (line,) = [line for line in done.stdout.splitlines() if line.strip().startswith(name)]
        assert "Offered by bad-command." in line


def test_a_foreign_command_that_leaves_while_it_is_imported_has_failed(tmp_path: Path) -> None:
    entry = "[udasa.command]\nbad = bad_command:command\n"
    distribution(tmp_path, "bad-command", entry, module="import sys; sys.exit(0)")
    udasa = str(Path(sys.executable).with_name("udasa"))
    done = subprocess.run(
        [udasa, "bad"], env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "bad cannot be imported: SystemExit" in done.stderr
