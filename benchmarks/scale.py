"""What many prompts cost besides the model: memory, outputs a second, the store, and the time to resume.

    python benchmarks/scale.py [--prompts 1000 100000] [--engine local] [--workers 2]

A generator that returns 8 canned responses of 8 tokens stands in for the model, `factual.nll` scores them.
Each size runs in a process of its own, whose peak resident memory the kernel reports; what the first size
takes is the base, and the others' growth is told by prompt. With the engine `ray` the workers are processes
of their own, and the memory is that of the leading process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_COLUMNS = "{:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8} {:>9}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--shard-size", type=int, default=100)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--workers", type=int, default=2, help="of the engine ray")
    parser.add_argument("--folder", help="where runs are made; by default a temporary folder")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--at", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(_run(asked.one, Path(asked.at), asked)))
        return
    heads = ("peak MiB", "B/prompt", "seconds", "CPU s", "outputs", "outputs/s", "files", "MiB", "resume s")
    print(_COLUMNS.format("prompts", *heads))
    base: tuple[int, float] | None = None
    for count in asked.prompts:
        with tempfile.TemporaryDirectory(dir=asked.folder) as name:
            # Made in a process of its own, so that its memory is not counted.
            make = "from pathlib import Path; from tests.tiny import *; make_tiny_model(Path({!r}) / 'model')"
            subprocess.run(
                [sys.executable, "-c", make.format(name)], check=True, cwd=ROOT, capture_output=True
            )
            made, again = (_in_a_process(count, name, asked) for _ in range(2))
            files = [path for path in (Path(name) / "runs").rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files) / 2**20
        base = base or (count, made["peak"])
        more = (made["peak"] - base[1]) * 2**20 / (count - base[0]) if count != base[0] else float("nan")
        shards = sum(made["shards"].values())
        row = (f"{made['peak']:.0f}", f"{more:.0f}", f"{made['seconds']:.0f}", f"{made['cpu']:.0f}", shards)
        kept = (f"{shards / made['seconds']:.1f}", len(files), f"{size:.0f}", f"{again['seconds']:.1f}")
        print(_COLUMNS.format(count, *row, *kept), flush=True)
        print("  " + "; ".join(f"{step} {told}" for step, told in made["steps"].items()), flush=True)


def _in_a_process(count: int, name: str, asked: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", str(count), "--at", name, "--engine", asked.engine]
    command += ["--workers", str(asked.workers), "--shard-size", str(asked.shard_size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def configured(count: int, folder: Path, shard_size: int = 100) -> dict[str, Any]:
    """A run of `count` prompts × 8 canned responses, its files under `folder`."""
    sys.path.insert(0, str(ROOT))
    from tests.canned import configuration

    plain = configuration(folder, folder / "model", count=count)
    plain["run"] |= {"shard_size": shard_size, "held_out": 0.2}
    plain["generator"] = {"use": "tests.canned:Terse", "responses": 8, "max_new_tokens": 8}
    plain["dimension"] = [{"use": "factual.nll"}]
    return plain


def _run(count: int, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    plain = configured(count, folder, asked.shard_size)
    if asked.engine == "ray":
        plain["engine"] = {"use": "ray", "workers": asked.workers}
    from udasa_core.api import load
    from udasa_core.pipeline import align
    from udasa_core.running.conduct import running

    began = time.monotonic()
    shards: Counter[str] = Counter()
    steps: dict[str, float] = {}
    last = [began]

    def listen(event: Any) -> None:
        if event.kind == "step" and event.what == "finished":
            name = event.name.split()[0]
            now = time.monotonic()
            shards[name] += event.detail["todo"]
            steps[name] = steps.get(name, 0.0) + now - last[0]
            last[0] = now

    with running(load(plain), listeners=[listen]) as job:
        align(job)
    seconds = time.monotonic() - began
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    told = {name: f"{value:.1f} s ({shards[name]})" for name, value in steps.items() if value >= 0.1}
    cpu = time.process_time()
    return {"peak": peak, "seconds": seconds, "cpu": cpu, "shards": shards, "steps": told}


if __name__ == "__main__":
    main()
