"""The hub's cache, laid out by hand: a model in it is found without a network, and one that is not is told."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMIT = "1234567890abcdef1234567890abcdef12345678"
ASK = """
import json, sys
from pathlib import Path
from udasa_core.errors import SourceError
from udasa_core.models import resolve_model
for source in sys.argv[1:]:
    try:
        ref = resolve_model(source, root=Path("/"), dtype="float32", device="cpu")
        print(json.dumps([ref.folder, ref.revision]))
    except SourceError as error:
        print(json.dumps(["error", str(error)]))
"""


def test_models_resolve_offline(tmp_path: Path, tiny_model_dir: Path) -> None:
    cache = tmp_path / "hub"
    snapshot = cache / "models--org--tiny" / "snapshots" / COMMIT
    shutil.copytree(tiny_model_dir, snapshot)
    (cache / "models--org--tiny" / "refs").mkdir()
    (cache / "models--org--tiny" / "refs" / "main").write_text(COMMIT)
    pickled = cache / "models--org--pickled" / "snapshots" / COMMIT
    shutil.copytree(tiny_model_dir, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    (cache / "models--org--pickled" / "refs").mkdir()
    (cache / "models--org--pickled" / "refs" / "main").write_text(COMMIT)

    asked = ["hf:org/tiny", f"hf:org/tiny@{COMMIT}", "hf:org/tiny@v2", "hf:org/none", "hf:org/pickled"]
    environment = {
        **os.environ,
        "HF_HUB_CACHE": str(cache),
        "HF_HUB_OFFLINE": "1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    run = subprocess.run(
        [sys.executable, "-c", ASK, *asked], env=environment, capture_output=True, text=True, check=True
    )
    branch, commit, revision, none, refused = map(json.loads, run.stdout.splitlines())
    assert branch == commit
    assert branch[0] == str(snapshot)
    for answer, source in ((revision, "hf:org/tiny@v2"), (none, "hf:org/none")):
        assert answer[0] == "error"
        assert answer[1].startswith(source)
        assert f'source = "file:/folder/{source.split("/")[1].split("@")[0]}"' in answer[1]
    assert "can run code when loaded" in refused[1]
