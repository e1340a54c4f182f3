"""Whether training prompts ask what a selected suite asks: a suite measures little of what was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from udasa_core.config.parse import RunConfig
from udasa_core.errors import UdasaError
from udasa_core.models.model_size import local_path
from udasa_core.models.resolve import resolve_encoder
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.returned.evaluation import check_questions
from udasa_core.plugins.stack import Stack
from udasa_core.progress import Progress, silent
from udasa_core.prompts.read import PromptSource, ReadPrompt, read_prompts
from udasa_core.report.table import Table
from udasa_core.resources.shared import SharedResources
from udasa_core.text.words import words

# Words in a row that two texts share by no chance: 13 in Brown et al. 2020, of whole documents. Questions are
# shorter.
_WORDS = 8
# all-MiniLM-L6-v2 puts paraphrases of one question above, two questions on one subject below.
_COSINE = 0.9
_HEADER = ("suite", "by", "questions", "for example", "and the prompt")


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many of a suite's questions a training prompt repeats, by one way of telling, and an example.

    by: "exact" (equal words), "8-gram" (eight words in a row, or all of a shorter question) or "embedding".
    Each question counts once, by the first way that tells.
    """

    suite: str
    by: str
    count: int
    questions: int
    question: str
    prompt: str


def overlaps(
    config: RunConfig, catalog: Catalog, progress: Progress = silent
) -> tuple[list[Overlap], list[str]]:
    """Return the overlaps of training prompts with each suite's questions, and what could not be told, and
    why.

    Nothing is fetched: prompts, suites and the embedder count where they are on this machine.
    """
    if not config.suites:
        return [], []
    table, untold = config.prompts, []
    path = None if table.source.startswith("hf:") else local_path(table.source, config.root)
    if path is None or path.is_dir():
        return [], [f"overlap with {table.source} is not told: the prompts are not on this machine as a file"]
    source = PromptSource.of_table(table)
    with progress("comparing prompts with suites", None):
        rows = (row for row in read_prompts(source, config.root) if isinstance(row, ReadPrompt))
        asked = [
            " ".join(message.content for message in row.prompt.messages if message.role == "user")
            for row in rows
        ]
        refs = {}
        embedder = config.models["embedder"]
        if local_path(embedder.source, config.root):
            dump = embedder.model_dump(exclude={"source"})
            refs["embedder"] = resolve_encoder(embedder.source, root=config.root, **dump)
        else:
            untold.append("overlap by embedding is not told: the embedder is not on this machine yet")
        resources = SharedResources(refs, config.root, lambda event: None, offline=True)
        stack = Stack(config, catalog, resources)
        found: list[Overlap] = []
        for plugin in stack.suites:
            if not stack.implements(plugin, "udasa_questions"):
                untold.append(f"overlap with suite {plugin.name} is not told: it does not name its questions")
                continue
            try:
                questions = check_questions(plugin, stack.call(plugin, "udasa_questions"))
            except UdasaError as error:
                # What is wrong with what it was given is a fault, told where suites are listed.
                untold.append(f"overlap with suite {plugin.name} is not told: {_first(error)}")
                continue
            found += _found(plugin.name, questions, asked, resources if refs else None)
    return found, untold


def _first(error: UdasaError) -> str:
    return str(error).partition("\n")[0]


def overlap_table(found: Sequence[Overlap]) -> Table:
    """Return the overlaps as a table."""
    cells = [
        (
            overlap.suite,
            overlap.by,
            f"{overlap.count} of {overlap.questions}",
            _excerpt(overlap.question),
            _excerpt(overlap.prompt),
        )
        for overlap in found
    ]
    notes = ["Training prompts ask what these suites measure: what a suite gains there shows little."]
    return Table("warning: overlap with suites", _HEADER, cells, notes)


def _found(
    suite: str, questions: Sequence[str], asked: Sequence[str], resources: SharedResources | None
) -> Iterator[Overlap]:
    left = list(range(len(questions)))
    for by, matches in (("exact", _exact), (f"{_WORDS}-gram", _by_words)):
        hits = matches([questions[at] for at in left], asked)
        yield from _told(suite, by, [(left[at], prompt) for at, prompt in hits], questions, asked)
        taken = {left[at] for at, _ in hits}
        left = [at for at in left if at not in taken]
    if resources is not None and left and asked:
        hits = _by_embedding(resources, [questions[at] for at in left], asked)
        yield from _told(suite, "embedding", [(left[at], p) for at, p in hits], questions, asked)


def _told(
    suite: str, by: str, hits: Sequence[tuple[int, int]], questions: Sequence[str], asked: Sequence[str]
) -> Iterator[Overlap]:
    if hits:
        at, prompt = hits[0]
        yield Overlap(suite, by, len(hits), len(questions), questions[at], asked[prompt])


def _exact(questions: Sequence[str], asked: Sequence[str]) -> list[tuple[int, int]]:
    known = {tuple(words(text)): at for at, text in reversed(list(enumerate(asked)))}
    keys = [tuple(words(question)) for question in questions]
    return [(at, known[key]) for at, key in enumerate(keys) if key and key in known]


def _by_words(questions: Sequence[str], asked: Sequence[str]) -> list[tuple[int, int]]:
    wanted: dict[tuple[str, ...], list[int]] = {}
    for at, question in enumerate(questions):
        for gram in _grams(words(question)):
            wanted.setdefault(gram, []).append(at)
    sizes = {len(gram) for gram in wanted}
    hits: dict[int, int] = {}
    for number, prompt in enumerate(asked):
        asked_words = words(prompt)
        for size in sizes:
            for start in range(len(asked_words) - size + 1):
                for at in wanted.get(tuple(asked_words[start : start + size]), ()):
                    hits.setdefault(at, number)
    return sorted(hits.items())


def _by_embedding(
    resources: SharedResources, questions: Sequence[str], asked: Sequence[str]
) -> list[tuple[int, int]]:
    embedder = resources.embedder()
    cosines = embedder.embed(questions) @ embedder.embed(asked).T
    nearest = cosines.argmax(axis=1)
    return [(at, int(best)) for at, best in enumerate(nearest) if cosines[at, best] >= _COSINE]


def _grams(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield each run of eight words; a shorter text whole, unless it is too short to tell anything."""
    if 4 <= len(words) < _WORDS:
        yield tuple(words)
    for start in range(len(words) - _WORDS + 1):
        yield tuple(words[start : start + _WORDS])


def _excerpt(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 32 else f"{plain[:31]}…"
