"""Peak memory of everything but the model, at growing numbers of prompts.

    python benchmarks/memory.py [--prompts 1000 10000 100000]

A generator that returns canned text stands in for the model; each size runs in a process of its own, whose
peak resident memory the kernel reports. Flat is what streaming promises.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--responses", type=int, default=4)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        _run(arguments.one, arguments.responses)
        return
    print(f"{'prompts':>9} {'responses':>10} {'peak MiB':>9} {'seconds':>8}")
    for count in arguments.prompts:
        command = [sys.executable, __file__, "--one", str(count), "--responses", str(arguments.responses)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        told = json.loads(done.stdout.splitlines()[-1])
        print(f"{count:>9} {count * arguments.responses:>10} {told['peak']:>9.0f} {told['seconds']:>8.1f}")


def _run(count: int, responses: int) -> None:
    sys.path.insert(0, str(ROOT))
    import udasa_core
    from tests.canned import configuration

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Made in a process of its own: making a model needs torch, and this one is to be without.
        make = (
            f"from pathlib import Path; import tests.tiny as t; t.make_tiny_model(Path({name!r}) / 'model')"
        )
        subprocess.run([sys.executable, "-c", make], check=True, cwd=ROOT, capture_output=True)
        plain = configuration(folder, folder / "model", count=count)
        plain["run"]["shard_size"] = 100
        plain["run"]["held_out"] = 0.2
        plain["generator"]["responses"] = responses
        began = time.monotonic()
        udasa_core.run(plain)
        seconds = time.monotonic() - began
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
    assert "torch" not in sys.modules
    print(json.dumps({"peak": peak, "seconds": seconds}))


if __name__ == "__main__":
    main()
