"""A loss that TRL does not know: one file and an entry point, installed by pip, train through a run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.canned import configuration
from tests.plugins.test_preference_training import summed_logprobs
from udasa_core import Adapter, ModelRef, Pair, Run, adapter_digest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "tests" / "thirdparty" / "udasa-plugin-slic"
DELTA, SFT_WEIGHT = 5.0, 0.25


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the loss's distribution installed into it."""
    folder = tmp_path_factory.mktemp("loss")
    copy = shutil.copytree(SOURCE, folder / "source")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*pip, "--target", str(folder / "site"), str(copy)], check=True, capture_output=True, text=True
    )
    return folder / "site"


def run_python(code: str, site: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"},
        cwd=site.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def run(site: Path, tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A whole run, each stage being one step over all of its pairs."""
    trainer = {"use": "slic", "delta": DELTA, "sft_weight": SFT_WEIGHT, "reference": "base"}
    light = {"rank": 4, "alpha": 8.0, "batch": 32, "learning_rate": 1e-3, "keep_optimizer": True}
    folder = tmp_path_factory.mktemp("run")
    plain = configuration(folder, tiny_model_dir, trainer={**trainer, **light})
    told = run_python(
        "import json, sys, udasa_core\nprint(udasa_core.run(json.loads(sys.argv[1])).folder)",
        site,
        json.dumps(plain),
    )
    return Run(told.splitlines()[-1])


def expected_loss(policy: ModelRef, pairs: list[Pair]) -> float:
    """SLiC-HF's rank loss and our sft term by plain torch, one sequence at a time."""
    chosen, rejected = summed_logprobs(policy, pairs)
    tokens = sum(len(pair.chosen.token_ids) for pair in pairs)
    return float((DELTA - chosen + rejected).clamp(min=0).mean() - SFT_WEIGHT * chosen.sum() / tokens)


@pytest.mark.slow
def test_its_losses_in_a_whole_run_are_the_hand_computed_ones(run: Run, tiny_ref: ModelRef) -> None:
    pairs: dict[str, list[Pair]] = {}
    for name, pair in run.pairs():
        pairs.setdefault(name, []).append(pair)
    policy, shares = tiny_ref, []
    for stage in run.stages():
        own = pairs[stage.name]
        assert stage.trainer == "slic"
        assert stage.metrics["steps"] == 1
        assert stage.metrics["first_loss"] == pytest.approx(expected_loss(policy, own), rel=1e-4), stage.name
        assert stage.adapter is not None
        policy = tiny_ref.with_adapter(Adapter(adapter_digest(stage.adapter), str(stage.adapter)))
        chosen, rejected = summed_logprobs(policy, own)
        shares.append(float((chosen - rejected >= DELTA).double().mean()))
        assert stage.metrics["separated_after"] == pytest.approx(shares[-1])
    assert 0.0 < sum(shares) < len(shares), "the hinge is seen from both of its sides"


def test_a_run_hands_the_optimizer_from_stage_to_stage(run: Run) -> None:
    steps = []
    for stage in run.stages():
        assert stage.adapter is not None
        moments = load_file(stage.adapter.parent / "state" / "optimizer.safetensors")
        steps.append({float(moment) for name, moment in moments.items() if name.endswith(".step")})
    assert steps == [{1.0}, {2.0}, {3.0}]


def test_it_keeps_the_contract(site: Path, tiny_ref: ModelRef, tmp_path: Path) -> None:
    run_python(
        "import json, sys\n"
        "from pathlib import Path\n"
        "from udasa_core import ModelRef\n"
        "from udasa_core.testing import check_factory, check_trainer\n"
        "from udasa_plugin_slic import SLiC\n"
        "options = {'rank': 4, 'batch': 2, 'learning_rate': 1e-3, 'delta': 5.0}\n"
        "check_factory('trainer', SLiC, options)\n"
        "policy = ModelRef.from_json(json.loads(sys.argv[1]))\n"
        "check_trainer(SLiC, options, policy=policy, folder=Path(sys.argv[2]))\n",
        site,
        json.dumps(tiny_ref.to_json()),
        str(tmp_path),
    )


def test_it_counts_by_the_sources_of_the_base_too(site: Path) -> None:
    """Two runs by it share nothing once the package of the base trains otherwise."""
    told = run_python(
        "from udasa_core.plugins import identity\n"
        "from udasa_core.plugins.catalog import read_catalog\n"
        "from udasa_core.plugins.stack import load_factory\n"
        "offer = read_catalog().find('trainer', 'slic')\n"
        "factory = load_factory(offer)\n"
        "print(identity.source_digest(offer, factory))\n"
        "real = identity._digest\n"
        "identity._digest = lambda named: ' '.join(name for name, _ in named)\n"
        "print(identity.source_digest(offer, factory))\n",
        site,
    )
    digest, files = told.splitlines()[-2:]
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert {"udasa_plugin_slic", "udasa_plugin_preference.training"} <= set(files.split())
    assert "udasa_plugin_preference.ipo" not in files.split(), "another loss's file does not count"


def test_the_page_shows_the_whole_file() -> None:
    page = (ROOT / "docs" / "training.md").read_text()
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", page, re.DOTALL)
    for name in ("udasa_plugin_slic.py", "pyproject.toml"):
        assert (SOURCE / name).read_text() in blocks, name


def test_importing_it_imports_no_torch(site: Path) -> None:
    told = run_python("import sys, udasa_plugin_slic; print('torch' in sys.modules)", site)
    assert told.strip() == "False"
