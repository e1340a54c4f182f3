"""A page of many pairs: how long it takes to make, what it weighs, and how fast it is to read in Chromium.

    python benchmarks/report_page.py [--prompts 10000] [--times 1 10] [--folder runs/page-benchmark]

A generator that returns words drawn by Zipf's law stands in for the model: 8 responses of 40 tokens a prompt,
30 words each. `--times 10` reads the run's prompts ten times over, under other names: a page of 100,000
without a run of 100,000. The page is made in a process of its own, whose peak resident memory the kernel
reports. It needs the extra `report-test` and a Chromium.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import udasa_core  # noqa: E402
from tests.canned import Generator, configuration  # noqa: E402
from udasa_core import Group, ModelRef, Prompt, Response, Run, SamplingOptions, hookimpl  # noqa: E402
from udasa_core.page import pairs  # noqa: E402
from udasa_core.page.html import write_page  # noqa: E402
from udasa_core.page.run_page import run_page  # noqa: E402
from udasa_core.store.run_folder import StageSummary  # noqa: E402

TOKENS, WORDS = 40, 30
_random = Random(1)
VOCABULARY = ["".join(_random.choices("etaoinshrdlucmfwyp", k=_random.randint(2, 9))) for _ in range(8000)]
_SHARES = [1 / (rank + 3) for rank in range(len(VOCABULARY))]


def said(random: Random) -> str:
    return " ".join(random.choices(VOCABULARY, _SHARES, k=WORDS)).capitalize() + "."


class Wordy(Generator):
    """K responses a prompt of words by chance, 40 tokens each."""

    @hookimpl
    def udasa_generate(
        self, prompts: Sequence[Prompt], sampling: SamplingOptions, policy: ModelRef, seed: int
    ) -> list[Group]:
        return [self._group(prompt, sampling.responses, policy) for prompt in prompts]

    def _group(self, prompt: Prompt, count: int, policy: ModelRef) -> Group:
        random = Random(prompt.id + policy.key)
        made = [self._response(random) for _ in range(count)]
        return Group(prompt, tuple(range(20)), tuple(made), policy.key)

    def _response(self, random: Random) -> Response:
        ids = tuple(random.randrange(30_000) for _ in range(TOKENS))
        nlls = tuple(-random.random() * 3 for _ in range(TOKENS))
        reason = "length" if random.random() < 0.1 else "stop"
        return Response(said(random), ids, nlls, nlls, (0.5,) * TOKENS, reason)


def make_run(folder: Path, prompts: int) -> Path:
    """Make a run of so many training prompts, unless it is there; return its folder."""
    from tests.tiny import make_tiny_model

    made = folder / "runs" / "canned"
    if not (made / "manifest.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        random = Random(2)
        rows = (
            json.dumps({"id": f"p{number}", "prompt": said(random), "topic": f"topic {number % 9}"}) + "\n"
            for number in range(prompts + 8)
        )
        (folder / "prompts.jsonl").write_text("".join(rows))
        plain = configuration(
            folder, make_tiny_model(folder / "model"), pairing={"use": "extremes", "min_gap": 0.2}
        )
        plain["run"] |= {"held_out": 8 / (prompts + 8), "shard_size": 256}
        plain["generator"] = {"use": "benchmarks.report_page:Wordy", "responses": 8}
        plain["dimension"].append({"use": "tests.canned:Dimension", "name": "three", "salt": "three"})
        udasa_core.run(plain)
    return made


def repeat(times: int) -> type[Run]:
    """Have pages read a run's prompts so many times, under other names; return the class of such runs."""
    once = pairs._prompts

    def again(run: Run) -> Iterator[pairs._Prompt]:
        for number in range(times):
            for one in once(run):
                prompt = replace(one.group.prompt, id=f"{one.group.prompt.id}-{number}")
                renamed = tuple(replace(pair, prompt=prompt) for pair in one.pairs)
                yield replace(one, group=replace(one.group, prompt=prompt), pairs=renamed)

    class Repeated(Run):
        def stages(self) -> tuple[StageSummary, ...]:
            return tuple(replace(stage, size=stage.size * times) for stage in super().stages())

    pairs._prompts = again
    return Repeated


def write(run: str, path: str, times: str) -> dict[str, float]:
    """Write the page in this process; return seconds, of them the processor's, and peak memory."""
    made = repeat(int(times))
    begun, busy = time.perf_counter(), time.process_time()
    write_page(run_page(made(Path(run))), Path(path))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": time.perf_counter() - begun,
        "busy": time.process_time() - busy,
        "peak": peak,
        "size": Path(path).stat().st_size / 1e6,
    }


# Each in milliseconds, until what changed is drawn.
_DRAWN = "new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun))))"
_ACTS = {
    "filter by stage": "one.filters[0].value = 1; one.filters[0].dispatchEvent(new Event('change'))",
    "filter by flag": "one.filters.at(-1).value = 1; one.filters.at(-1).dispatchEvent(new Event('change'))",
    "sort by gap": "one.sort.value = 1; one.sort.dispatchEvent(new Event('change'))",
    "turn the order": "one.turn()",
    "show all": "one.form.reset(); await new Promise(done => setTimeout(done))",
    "search, texts opened": "one.query.value = 'topic 3'; await one.search()",
    "search again": "one.query.value = 'topic 4'; await one.search()",
}


def read(path: Path) -> dict[str, float]:
    """Open the page in Chromium; return milliseconds."""
    from playwright.sync_api import sync_playwright

    from tests.core.page.browser.chromium import chromium_path

    told: dict[str, float] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        for name, hash, sign in (
            ("first page", "", "main > section.current"),
            ("pairs", "#pairs", "#pairs .option"),
        ):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            begun = time.perf_counter()
            page.goto(path.as_uri() + hash, wait_until="commit")
            page.wait_for_selector(sign, timeout=120_000)
            told[name] = 1000 * (time.perf_counter() - begun)
        one = "await BROWSERS.find(one => one.kind === 'pairs').begun"
        for name, act in _ACTS.items():
            body = f"const one = {one}; const begun = performance.now(); {act}; return {_DRAWN}"
            told[name] = page.evaluate(f"(async () => {{ {body} }})()")
        browser.close()
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--folder", type=Path, default=Path("runs/page-benchmark"))
    parser.add_argument("--write", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        print(json.dumps(write(*options.write)))
        return
    folder = options.folder.resolve() / str(options.prompts)
    begun = time.perf_counter()
    run = make_run(folder, options.prompts)
    print(f"{options.prompts:,} prompts: the run is there after {time.perf_counter() - begun:.0f} s")
    for times in options.times:
        path = folder / f"page-{times}.html"
        command = [sys.executable, __file__, "--write", str(run), str(path), str(times)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        told = json.loads(done.stdout.splitlines()[-1])
        print(f"{times} × {options.prompts:,} prompts")
        print(f"  made in {told['seconds']:.1f} s, of the processor {told['busy']:.1f} s")
        print(f"  peak {told['peak']:.0f} MB, file {told['size']:.1f} MB")
        for name, taken in read(path).items():
            print(f"  {name}: {taken:.0f} ms")


if __name__ == "__main__":
    main()
