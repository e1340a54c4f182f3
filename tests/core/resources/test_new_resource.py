"""A new shared resource takes four files: its table, its protocol, its method, and a file of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.core.classifiers import make_classifier

ROOT = Path(__file__).parents[3]

# What is added to each file, before the line that is named.
ADDED = {
    "config/schema.py": (
        (
            "# The models that a configuration may name",
            "class RerankerTable(EncoderTable):\n"
            '    """[reranker]: the cross-encoder that ranks passages."""\n\n'
            '    source: str = Field(description="a cross-encoder with one label")\n'
            '    top: int = Field(default=8, ge=1, description="passages kept")\n\n\n',
        ),
        ('    "reader": ReaderTable,\n', '    "reranker": RerankerTable,\n'),
    ),
    "resources/protocols.py": (
        (
            "class Resources(Protocol):",
            "class Reranker(Protocol):\n"
            '    """Ranks passages."""\n\n'
            "    def rank(self, question: str, passages: Sequence[str]) -> list[int]:\n"
            '        """Return the passages\' numbers, best first."""\n\n\n',
        ),
        (
            "    @declared\n    def reader(self)",
            "    @declared\n    def reranker(self) -> Reranker:\n"
            '        """Return the reranker of [reranker]. Needs "reranker"."""\n\n',
        ),
    ),
    "resources/shared.py": (
        (
            "    def reader(self)",
            "    def reranker(self) -> Any:\n"
            '        """Return the reranker."""\n'
            "        from udasa_core.resources.classifier import TransformerClassifier\n"
            "        from udasa_core.resources.reranker import CrossEncoderReranker\n\n"
            '        ref = self._ref("reranker")\n'
            "        return CrossEncoderReranker(self._encoder(TransformerClassifier, ref))\n\n",
        ),
    ),
}
OWN = '''
"""A cross-encoder that ranks passages."""


class CrossEncoderReranker:
    """Ranks by the logit of the one label."""

    def __init__(self, classifier):
        self._classifier = classifier

    def rank(self, question, passages):
        """Return the passages' numbers, best first."""
        logits = self._classifier.logits([(question, passage) for passage in passages])[:, 0]
        return [int(number) for number in (-logits).argsort(kind="stable")]
'''
# A third party's dimension that needs it.
DIMENSION = """
from udasa_core import Column, Plugin, hookimpl

class Ranked(Plugin):
    needs = ("reranker",)

    @hookimpl
    def udasa_score(self, groups, seed):
        ranks = [
            self.resources.reranker().rank("?", [one.text for one in group.responses]) for group in groups
        ]
        return Column(self.name, tuple(tuple(rank / 10 for rank in row) for row in ranks))
"""
ASKED = """
import json, sys, tempfile
from pathlib import Path

copy, root, folder = sys.argv[1:]
# An editable installation would find the package where it was installed from.
sys.meta_path[:] = [one for one in sys.meta_path if "Redirect" not in getattr(one, "__name__", "")]
sys.path[:0] = [copy, f"{root}/plugins", root, f"{copy}/local"]

import udasa_core
from udasa_core.api import load, quickstart
from udasa_core.check.annotated import annotated
from udasa_core.config.toml_text import read_toml
from udasa_core.errors import ConfigError
from udasa_core.resources.protocols import RESOURCES

assert udasa_core.__file__.startswith(copy), udasa_core.__file__
from docs import generate

told = {"resources": list(RESOURCES), "documented": [one for one in generate.models() if "reranker" in one]}
told["annotated"] = [line for line in annotated(read_toml(quickstart())).splitlines() if "reranker" in line]
plain = {**read_toml(quickstart()), "dimension": [{"use": "ranked:Ranked", "name": "ranked"}]}
try:
    load(plain)
except ConfigError as error:
    told["missing"] = str(error)
told["config"] = load({**plain, "reranker": {"source": f"file:{folder}", "top": 3}}).models["reranker"].top
scored = udasa_core.score([("Why?", ["Because.", "No idea."])], ["ranked:Ranked"], reranker=f"file:{folder}")
told["scores"] = [list(row) for column in scored.values() for row in column.scores]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a copy of the core says once the four files are there."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "udasa_core", copy / "udasa_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name, additions in ADDED.items():
        path = copy / "udasa_core" / name
        text = path.read_text()
        for before, added in additions:
            assert text.count(before) == 1, f"{name}: {before}"
            text = text.replace(before, added + before)
        path.write_text(text)
    (copy / "udasa_core" / "resources" / "reranker.py").write_text(OWN)
    (copy / "local").mkdir()
    (copy / "local" / "ranked.py").write_text(DIMENSION)
    folder = make_classifier(copy / "model", "bert", positions=66, labels=("relevance",))
    done = subprocess.run(
        [sys.executable, "-c", ASKED, str(copy), str(ROOT), str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_plugin_may_need_it_and_gets_it(told: dict[str, Any]) -> None:
    assert "reranker" in told["resources"]
    assert sorted(told["scores"][0]) == [0.0, 0.1]


def test_its_table_is_read_documented_and_missed(told: dict[str, Any]) -> None:
    assert told["config"] == 3
    assert "### `[reranker]`" in told["documented"]
    assert "#[reranker]" in told["annotated"][0]
    assert "needs a reranker model" in told["missing"]
    assert 'add [reranker] with source = "…", a cross-encoder with one label' in told["missing"]
